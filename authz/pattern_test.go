package authz_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"c66bot/authz"
	"c66bot/storage"
)

// stack makes a stack of name@environment, split at the last @.
func stack(text string) storage.StackRef {
	at := strings.LastIndexByte(text, '@')
	return storage.StackRef{UID: "0f0f0f0f", Name: text[:at], Environment: text[at+1:]}
}

func TestAPatternFits(t *testing.T) {
	for pattern, test := range map[string]struct{ fits, fitsNot []string }{
		"*":   {[]string{"web@production", "Ä ö@x", "@"}, nil},
		"*@*": {[]string{"web@production"}, nil},
		"web": {[]string{"web@production", "WEB@staging", " web @x", "we\u00ad\u200cb@x"},
			[]string{"web2@production", "we@production"}},
		"Web":                    {[]string{"web@production"}, nil},
		"web@production":         {[]string{"web@Production"}, []string{"web@production2", "web@prod"}},
		"web@prod":               {nil, []string{"web@production"}}, // no prefix
		"web@prod*":              {[]string{"web@production", "web@prod"}, []string{"web@staging"}},
		"web*@production":        {[]string{"web@production", "webshop@production"}, []string{"web@staging", "aweb@production"}},
		"*web*":                  {[]string{"web@x", "my web shop@x"}, []string{"wb@x"}},
		"w?b":                    {[]string{"web@x", "wöb@x", "w😀b@x"}, []string{"wb@x", "weeb@x"}},
		"w[aeo]b":                {[]string{"wab@x", "WEB@x"}, []string{"wib@x", "wb@x"}},
		"w[A-C]b":                {[]string{"wab@x", "wBb@x"}, []string{"wdb@x"}},
		"w[!a-c]b":               {[]string{"wdb@x"}, []string{"wab@x", "wBb@x", "wb@x"}},
		"w[^a]b":                 {[]string{"wbb@x"}, []string{"wab@x"}},
		"w[a-]b":                 {[]string{"w-b@x", "wab@x"}, []string{"wbb@x"}},
		`w[\]\-]b`:               {[]string{"w]b@x", "w-b@x"}, []string{`w\b@x`}},
		`a\*b`:                   {[]string{"a*b@x"}, []string{"axb@x"}},
		`a\?`:                    {[]string{"a?@x"}, []string{"ab@x"}},
		`\[a]`:                   {[]string{"[a]@x"}, []string{"a@x"}},
		`a\\b`:                   {[]string{`a\b@x`}, nil},
		`a\@b`:                   {[]string{"a@b@x"}, []string{"a@b"}},
		"a@b@c":                  {[]string{"a@b@c"}, []string{"a@b"}},
		`a@b\@c`:                 {nil, []string{"a@b@c"}}, // the name a, the environment b@c
		"a[@]b":                  {[]string{"a@b@x"}, nil},
		" web @ staging ":        {[]string{"web@staging"}, nil},
		"“web”":                  {[]string{`"web"@x`, "“web„@x"}, nil},
		"it's":                   {[]string{"it’s@x", "IT‘S@x"}, nil},
		"awesome\u00a0app":       {[]string{"awesome app@x", "Awesome\u00a0App@x"}, nil},
		"awesome app@*":          {[]string{"awesome\u202fapp@x"}, nil},
		"🚀*":                     {[]string{"🚀 launch@x", ":rocket: launch@x"}, []string{"launch@x", "rocket@x"}},
		":rocket:-app@prod*":     {[]string{"🚀-app@production", ":rocket:-app@prod"}, []string{":tada:-app@prod"}},
		"👍🏼":                     {[]string{":+1::skin-tone-3:@x", ":thumbsup::skin-tone-3:@x"}, []string{"👍@x", ":+1::skin-tone-2:@x"}},
		"❤":                      {[]string{"❤️@x", ":heart:@x"}, nil},
		"cafe\u0301":             {[]string{"café@x", "CAFE\u0301@x"}, []string{"cafe@x"}},
		"caf?":                   {[]string{"cafe\u0301@x"}, nil}, // one letter, however it is written
		"ｗｅｂ＊＠ｐｒｏｄ":              {[]string{"web@prod", "webshop@prod", "ｗｅｂ@prod"}, []string{"web@staging"}},
		"my‑web–app":             {[]string{"my-web-app@x", "my—web−app@x"}, []string{"mywebapp@x"}},
		"«web»":                  {[]string{"«web»@x"}, []string{"web@x"}},
		"äÖ":                     {[]string{"ÄÖ@x"}, nil},
		"**a**b**":               {[]string{"ab@x", "xaxbx@x"}, []string{"ba@x"}},
		"*??":                    {[]string{"é€@x", "a/b@x"}, []string{"€@x"}},
		"a*/?c":                  {[]string{"a/b/bc@x"}, []string{"a/bbc@x"}},
		"a*a":                    {[]string{"aa@x", "aba@x"}, []string{"a@x", "ab@x"}},
		"*ab":                    {[]string{"abab@x", "aab@x"}, []string{"aba@x"}},
		"a*bc*c":                 {[]string{"abcbc@x", "abcc@x"}, []string{"abc@x"}},
		"*[ab]?c*":               {[]string{"xaacx@x", "bxc@x"}, []string{"xc@x"}},
		"0F0f0f0f":               {[]string{"web@x", "anything@y"}, nil}, // the UID
		"0f0f0f0?":               {nil, []string{"web@x"}},
		"0f0f0f0f@x":             {[]string{"0f0f0f0f@x"}, []string{"web@x"}},
		`\0f0f0f0f`:              {nil, []string{"web@x"}},
		"web@":                   {[]string{"web@", "WEB @"}, []string{"web@x", "webs@"}},
		"*@ ":                    {[]string{"web@"}, []string{"web@x"}},
		"w?b@":                   {[]string{"web@"}, []string{"web@x"}},
		"*@[ps]*":                {[]string{"web@production", "web@Staging"}, []string{"web@test"}},
		"web@!production":        {nil, []string{"web@staging"}},
		"web@[!p]*":              {[]string{"web@staging"}, []string{"web@production"}},
		"ﬀ":                      {[]string{"ﬀ@x", "ff@x"}, []string{"f@x"}},
		"straße":                 {[]string{"STRASSE@x", "straẞe@x", "Straße@x"}, []string{"strase@x"}},
		"σοφος":                  {[]string{"ΣΟΦΟΣ@x", "ΣΟΦΟς@x"}, nil},
		"stra?e":                 {[]string{"straße@x"}, []string{"strasse@x"}}, // one letter stays one
		strings.Repeat("?", 200): {[]string{strings.Repeat("é", 200) + "@x"}, nil},
	} {
		p, err := authz.ParsePattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		for _, text := range test.fits {
			if !p.Match(stack(text)) {
				t.Errorf("%s does not fit %s", pattern, text)
			}
		}
		for _, text := range test.fitsNot {
			if p.Match(stack(text)) {
				t.Errorf("%s fits %s", pattern, text)
			}
		}
		if p.String() != strings.TrimSpace(pattern) {
			t.Errorf("%s became %s", pattern, p)
		}
	}
}

func TestARuleOfOneStackFitsNoOtherOfThatName(t *testing.T) {
	for uid, fits := range map[string]bool{"aa11": true, "AA11": true, "aa12": false, "": false, "web": false} {
		p, err := authz.PatternOf(storage.Rule{Stacks: "web@production", UID: "aa11"})
		if s := (storage.StackRef{UID: uid, Name: "web", Environment: "production"}); err != nil || p.Match(s) != fits || p.Everything() {
			t.Errorf("%q: %v, %v", uid, p.Match(s), err)
		}
		catalogue := authz.NewCatalogue([]storage.StackRef{{UID: uid, Name: "aa11"}})
		if catalogue.Any(p) != fits {
			t.Errorf("%q is found as one of many: %v", uid, !fits)
		}
	}
}

func TestANameWithSpecialCharactersIsWritten(t *testing.T) {
	for typed, test := range map[string]struct{ name, want string }{
		"web[1]":      {"web[1]@production", `web\[1]`},
		"WEB[1]@prod": {"web[1]@prod", `WEB\[1]@prod`},
		"w?b@x":       {"w?b@x", `w\?b@x`}, "w*": {"w*@x", `w\*`}, "a@b": {"a@b@x", `a\@b`},
		"a@b@x": {"a@b@x", ""}, "web": {"web@x", ""}, "web@x": {"web@x", ""}, "w*@x": {"web@x", ""}, `w\*`: {"w*@x", ""},
	} {
		p, err := authz.ParsePattern(typed)
		if err != nil {
			t.Fatal(typed, err)
		}
		got := p.Means(stack(test.name))
		again, err := authz.ParsePattern(got)
		if got != test.want || got != "" && (err != nil || !again.Literal() || !again.Match(stack(test.name))) {
			t.Errorf("%s of %s: %q, %v", typed, test.name, got, err)
		}
	}
}

func TestWhatHasNoEnvironmentIsLeftOutByAPatternOfOne(t *testing.T) {
	for pattern, want := range map[string]bool{
		"*@production": true, "web@production": true, "w*@[ps]*": true, "web@": false, "*@": false,
		"web": false, "*": false, "*@*": false, "shop@x": false,
	} {
		p, err := authz.ParsePattern(pattern)
		if err != nil || p.LeavesOut(stack("web@")) != want || p.LeavesOut(stack("web@staging")) {
			t.Errorf("%s: %v, %v", pattern, !want, err)
		}
	}
}

func TestEverythingIsWhatNoStackCanBeOutsideOf(t *testing.T) {
	for pattern, want := range map[string]bool{
		"*": true, "**": true, "*@*": true, "* @ **": true, "*@production": false, "?*": false, "web@*": false, `\*`: false, "[*]": false,
	} {
		if p, err := authz.ParsePattern(pattern); err != nil || p.Everything() != want {
			t.Errorf("%s: %v, %v", pattern, p.Everything(), err)
		}
	}
}

func TestAMalformedPatternIsExplained(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                       "no stacks are named",
		" \t":                    "no stacks are named",
		"w[eb":                   `“w[eb” does not name stacks: a set is opened by [ and never closed: write \[`,
		"w[":                     "never closed",
		"w[!":                    "never closed",
		`w[a\`:                   "never closed",
		"w[a-":                   "never closed",
		"w[]b":                   "without characters",
		"w[!]b":                  "without characters",
		"w[z-a]":                 "the range z-a runs backwards",
		`web\`:                   `a \ stands at its end`,
		"@production":            "no name before the @: write *@production",
		" @production":           "no name before the @",
		"@":                      "no name before the @",
		"we\x00b":                "“we�b” does not name stacks: it has characters in it that nobody can see",
		"we\nb":                  "nobody can see",
		"we\xffb":                "nobody can see",
		strings.Repeat("ä", 201): "longer than 200 characters",
	} {
		_, err := authz.ParsePattern(pattern)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", pattern, err)
		}
		if err != nil && len([]rune(err.Error())) > 250 {
			t.Errorf("%q: the message is long", pattern)
		}
	}
}

func TestFoldMakesAlikeWhatLooksAlike(t *testing.T) {
	for text, want := range map[string]string{
		"Web\t": "web", "“It’s”": `"it's"`, "a\u00a0b": "a b", "\u00a0web\u202f": "web", "ÄÖ": "äö", "": "", "🚀": "🚀",
	} {
		if got := authz.Fold(text); got != want {
			t.Errorf("%q folds to %q", text, got)
		}
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r > 0x3400 && r < 0xF900 || r > 0xFFFF && r < 0x1D400 || r > 0x1FBFF && r < 0xE0000 || r > 0xE0FFF {
			r += 30 // They are many of a kind.
		}
		once := authz.Fold("x" + string(r) + "x")
		if twice := authz.Fold(once); twice != once {
			t.Fatalf("%q folds to %q, and that to %q", r, once, twice)
		}
	}
}

func TestANameOfFullWidthNeverBecomesAWildcard(t *testing.T) {
	for _, name := range []string{"＊", "w？b", "［a］b", "＼＊", "a＠b"} {
		s := storage.StackRef{UID: "0f0f0f0f", Name: name, Environment: "＊"}
		p, err := authz.ParsePattern(authz.Exactly(s))
		if err != nil || !p.Match(s) || p.Match(stack("wxb@x")) || p.Match(stack("ab@x")) {
			t.Errorf("%s is exactly %s: %v", name, authz.Exactly(s), err)
		}
	}
}

func TestNoPatternTakesLong(t *testing.T) {
	text := strings.Repeat("a", 20_000)
	s := storage.StackRef{Name: text, Environment: text}
	begin := time.Now()
	for _, part := range []string{strings.Repeat("*a", 47) + "*b", strings.Repeat("*[a-b]", 15) + "b", strings.Repeat("*?", 47) + "b",
		strings.Repeat("a*", 47) + "b"} {
		p, err := authz.ParsePattern(part + "@" + part)
		if err != nil {
			t.Fatal(err)
		}
		if p.Match(s) {
			t.Errorf("%s fits", p)
		}
		if p.Match(storage.StackRef{Name: text + "b" + "c", Environment: text}) {
			t.Errorf("%s fits", p)
		}
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// asRegexp is another way of saying what a pattern's part says: for parts without escapes and without @.
func asRegexp(part string) string {
	var b strings.Builder
	for i := 0; i < len(part); i++ {
		switch part[i] {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		case '[':
			end := i + strings.IndexByte(part[i:], ']')
			b.WriteString("[" + strings.Replace(part[i+1:end], "!", "^", 1) + "]")
			i = end
		default:
			b.WriteString(regexp.QuoteMeta(part[i : i+1]))
		}
	}
	return "(?s)^" + b.String() + "$"
}

func TestAPatternFitsAsARegexpDoes(t *testing.T) {
	parts := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(
			rapid.SliceOfN(rapid.SampledFrom([]string{"*", "?", "a", "b", "ab", "c", "[ab]", "[!a]", "[a-c]"}), 1, 8).Draw(t, "items"),
			"",
		)
	})
	names := rapid.StringMatching(`[abcd]{0,9}`)
	rapid.Check(t, func(t *rapid.T) {
		name, environment := parts.Draw(t, "name part"), parts.Draw(t, "environment part")
		s := storage.StackRef{Name: names.Draw(t, "name"), Environment: names.Draw(t, "environment")}
		p, err := authz.ParsePattern(name + "@" + environment)
		if err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(asRegexp(name)).MatchString(s.Name) && regexp.MustCompile(asRegexp(environment)).MatchString(s.Environment)
		if got := p.Match(s); got != want {
			t.Errorf("%s on %s: %v", p, s, got)
		}
	})
}

// FuzzExactly holds that a stack's exact pattern fits it and no other.
func FuzzExactly(f *testing.F) {
	for _, name := range []string{"web", `a"b'c`, "a@b", "*", `\`, "[x]", "🚀", "it’s", " x ", "", "a\x00b", strings.Repeat("*", 120), "[!a]",
		"\xff", "İ"} {
		f.Add(name, "production", "web", "staging")
		f.Add("web", name, name, "x")
		f.Add(name, name, "web", name)
	}
	f.Fuzz(func(t *testing.T, name, environment, otherName, otherEnvironment string) {
		s := storage.StackRef{UID: "0123456789abcdef", Name: name, Environment: environment}
		other := storage.StackRef{UID: "fedcba9876543210", Name: otherName, Environment: otherEnvironment}
		if authz.Fold(otherName) == s.UID {
			t.Skip("a stack that is called as another's UID")
		}
		text := authz.Exactly(s)
		p, err := authz.ParsePattern(text)
		if err != nil {
			t.Fatalf("%q for %q: %v", text, s, err)
		}
		if !p.Match(s) {
			t.Errorf("%q does not fit %q", text, s)
		}
		same := authz.Fold(name) == authz.Fold(otherName) && authz.Fold(environment) == authz.Fold(otherEnvironment)
		if p.Match(other) && !same {
			t.Errorf("%q, for %q, fits %q", text, s, other)
		}
		if again, err := authz.ParsePattern(p.String()); err != nil || again.Match(other) != p.Match(other) {
			t.Errorf("%q does not survive being read again: %v", p, err)
		}
	})
}

func TestWhatCannotBeWrittenAsAPatternIsMeantByItsUID(t *testing.T) {
	for name, s := range map[string]storage.StackRef{
		"without a name": {UID: "abc123", Environment: "x"}, "too long": {UID: "abc123", Name: strings.Repeat("x", 300), Environment: "x"},
	} {
		if got := authz.Exactly(s); got != "abc123" {
			t.Errorf("%s: %q", name, got)
		}
		s.UID = ""
		if _, err := authz.ParsePattern(authz.Exactly(s)); err == nil {
			t.Errorf("%s and without a UID: it can be named", name)
		}
	}
	if got := authz.Exactly(web); got != "web@production" {
		t.Error(got)
	}
	if got := authz.Exactly(storage.StackRef{UID: "abc123", Name: "w*b"}); got != `w\*b@` {
		t.Error(got)
	}
}
