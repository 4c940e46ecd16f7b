package markup

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"c66bot/bot/slacksim"
	"c66bot/commands/typography"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func TestWhatDoesNotFitIsCutAtACharacterWithASign(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		most           int
	}{
		{"what fits stays", "abc", "abc", 3},
		{"a sign stands for the rest", "abcd", "ab…", 3},
		{"no blank before the sign", "ab cd", "ab…", 4},
		{"characters of several bytes count as one", "äöüß", "äö…", 3},
		{"there is room for the sign alone", "abc", "…", 1},
	} {
		if got := Shorten(c.in, c.most); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
		if got := Line(c.in).Cut(c.most).String(); got != c.want {
			t.Errorf("%s, in plain text: %q", c.name, got)
		}
	}
}

func TestMarkupIsNotCutInTwo(t *testing.T) {
	for _, c := range []struct {
		name string
		in   Text
		want string
		most int
	}{
		{"an entity is not cut in two", Format("ab&amp;cd"), "ab…", 6},
		{"a whole entity stays", Format("ab&amp;cd"), "ab&amp;…", 8},
		{"a link is not cut in two", Format("ab <https://x.example|y> z"), "ab …", 20},
		{"a mention is not cut in two", Format("ab %s z", User("U12345")), "ab …", 8},
		{"a date is not cut in two", Format("at %s", When(noon)), "at …", 40},
		{"code is shut", Format("ab %s", Code("cdefgh")), "ab `cd`…", 8},
		{"an entity in code is not cut in two", Format("%s", Code("a&b")), "`a`…", 6},
		{"code of which nothing fits is left out", Format("ab %s", Code("cdefgh")), "ab …", 6},
		{"bold that is cut is bold no more", Format("*%s* · x", "abcdef"), "abc…", 5},
		{"bold that is whole stays", Format("*%s* · x", "abcdef"), "*abcdef* …", 10},
		{"a mark is not cut from what keeps it from being one", Format("%s", "a *b"), "a …", 4},
		{"there is room for the sign alone", Format("abc"), "…", 1},
	} {
		got := c.in.Cut(c.most).String()
		if got != c.want || utf8.RuneCountInString(got) > c.most {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOnlyIDsAreMentioned(t *testing.T) {
	for id, pings := range map[string]bool{"U0LIN": true, "u0lin": false, "U": false, "U1|x": false, "U1> <!channel": false, "!here": false,
		"": false, "U 1": false, "U1\n": false} {
		if got := len(read(User(id).String()).pings)+len(read(Group(id).String()).pings) == 2; got != pings {
			t.Errorf("%q: mentioned is %v", id, got)
		}
	}
}

func TestALinkHasNoLinkInIt(t *testing.T) {
	to := WebAddress("https://x.example/?a=1&b=2")
	if got := Link(to, Code("abc")).String(); got != "<https://x.example/?a=1&amp;b=2|`abc`>" {
		t.Errorf("a link is written %q", got)
	}
	for name, label := range map[string]Text{"a mention": User("U1"), "a link": Link(to, Format("x")), "nothing": {}} {
		if got := Link(to, label); got != label {
			t.Errorf("a label of %s makes %q", name, got)
		}
	}
}

func TestAnEmojiIsShownAsItsPictureByWhateverName(t *testing.T) {
	for in, want := range map[string]string{":tada:": "🎉", "x :+1::skin-tone-2: y": "x 👍🏻 y", "web🚀": "web🚀",
		":rocket:*x*": "🚀\u2060*\u2060x\u2060*\u2060"} {
		if got := Format("%s", in).String(); got != want {
			t.Errorf("%q is written %q", in, got)
		}
	}
	if code, line := Code(":tada: :acme:").String(), Line(":tada: :acme:").String(); code != "`🎉 :acme:`" || line != "🎉 :acme:" {
		t.Errorf("as code it is %q, as a line %q", code, line)
	}
}

func TestWhatIsNoEmojiHereIsSpeltOut(t *testing.T) {
	for _, in := range []string{":acme:", ":acme:acme2:acme:", "x :acme-1: y", ":_a_:"} {
		s := read(Format("%s", in).String())
		if len(s.emoji)+len(s.formatted) > 0 || s.plain != in {
			t.Errorf("%q is read as %+v", in, s)
		}
	}
	for _, in := range []string{"api:1.4.2", "10:30 h", "a: b:", "https://x.example:80/"} {
		if got := Format("%s", in).String(); got != in {
			t.Errorf("%q is written %q, though it is no emoji", in, got)
		}
	}
}

func TestTheFallbackTextHasWordsForDatesAndLinks(t *testing.T) {
	head := Format("*%s* of %s", "web", Link(WebAddress("https://x.example"), Code("a *b* c")))
	got := Brief(head, When(noon), User("U1"), Format("two\nlines")).String()
	if want := "web of `a *b* c`\n4 Mar 2026 12:00 UTC · <@U1> · two lines"; got != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
	some := Brief(Format("Of *%s*, *%s*; *%s*. *%s*?", "web@production", "*x*", "y*z", "a")).String()
	if want := "Of web@production, \u2060*\u2060x\u2060*\u2060; y*z. a?"; some != want {
		t.Errorf("of several names it is\n%q\nwant\n%q", some, want)
	}
	if got := Brief(Text{}).String(); got != Nothing {
		t.Errorf("of nothing it is %q", got)
	}
	if got := Brief(Format("a")).With(Format("b")).String(); got != "a\nb" {
		t.Errorf("with more it is %q", got)
	}
}

// earned are the pings and links that texts from outside may make: of an id its mention, of an address of the web its link.
func earned(texts ...string) (pings, links []string) {
	for _, s := range texts {
		if len(s) > 1 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" {
			pings = append(pings, s)
		}
		if strings.HasPrefix(strings.ToLower(s), "http://") || strings.HasPrefix(strings.ToLower(s), "https://") {
			links = append(links, s)
		}
	}
	return pings, links
}

func within(part, all []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(all, s) })
}

// shown is a text from outside as a reader is to get it.
func shown(s string) string {
	return strings.NewReplacer("`", "ˋ", "\u2060", "").Replace(Shorten(OneLine(typography.Pictures(s)), maxOutside))
}

func FuzzTextFromOutsideIsShownAsText(f *testing.F) {
	for _, seed := range []string{
		"<!channel> <!here> @everyone", "<@U1|x> <!subteam^S1> <#C1>", "U0LIN", "https://evil.example/a?b=1&c=2", "<http://evil|web>",
		"web <http://evil| and <!date^1^x|y> |>",
		"*a* *b* _c_ _d_ ~e~ " +
			"*_~f~_*", "x*_y", "**00**", "0**0**00", "a__b__c", "&amp; &lt;!channel&gt;", ">>> quote", "`rm -rf` ```block``` a`b", ":tada: :a:b:",
		"web\u202etset\u202c\u2066x\u2069\u200f", "a\n\n> b\r\u2028c\u0000d\t", "web\xff\xfe", "", "  ", strings.Repeat("n", 1200),
		strings.Repeat("&<>`*_", 200), "👩‍👩‍👧‍👦 é\u0301",
	} {
		f.Add(seed, "main", uint16(40))
		f.Add("web", seed, uint16(7))
	}
	f.Fuzz(func(t *testing.T, a, b string, most uint16) {
		alone(t, a)
		mixed(t, a, b, int(most)%400+1)
	})
}

// alone holds that one text from outside shows as it is, and does nothing else.
func alone(t *testing.T, in string) {
	t.Helper()
	for name, m := range map[string]Text{"format": Format("%s", in), "code": Code(in), "a line": Format("x\n%s", in)} {
		s := read(m.String())
		if len(s.pings)+len(s.links)+len(s.dates)+len(s.formatted)+len(s.emoji)+len(s.odd) > 0 {
			t.Errorf("%s of %q is written %q and read as %+v", name, in, m, s)
		}
		if got := strings.TrimPrefix(s.plain, "x\n"); got != shown(in) {
			t.Errorf("%s of %q shows %q, want %q", name, in, got, shown(in))
		}
		sim := slacksim.Message{
			Blocks: []map[string]any{{"type": "section", "text": map[string]any{"type": "mrkdwn", "verbatim": true, "text": m.String()}}},
		}
		if len(sim.Pings())+len(sim.Links()) > 0 {
			t.Errorf("%s of %q pings %v and links to %v", name, in, sim.Pings(), sim.Links())
		}
	}
	if got := Line(in).String(); got != OneLine(typography.Pictures(in)) || strings.ContainsFunc(got, forbidden) || !utf8.ValidString(got) {
		t.Errorf("plain text of %q is %q", in, got)
	}
}

// mixed holds that texts beside each other, cut or not, make no more of one another than each has earned.
func mixed(t *testing.T, a, b string, most int) {
	t.Helper()
	full := Format(
		"%s · %s, %s %s: %s; %s",
		User(a),
		Code(b),
		Link(WebAddress(a), Code(b)),
		Link(WebAddress(b), Format("%s", a)),
		When(noon),
		Format("“%s” %s %d", b, Group(b), 7),
	)
	if OneLine(a) != "" {
		full = Format("*%s* %s", a, full)
	}
	pings, links := earned(a, b)
	for name, text := range map[string]string{
		"whole": full.String(), "cut": full.Cut(most).String(), "cut twice": Format("%s %s", full.Cut(most), full.Cut(most)).String(),
		"fallback": Brief(full, full).String(), "cut fallback": Brief(full.Cut(most), full).With(full).String(),
	} {
		s := read(text)
		if !within(s.pings, pings) || !within(s.links, links) || len(s.emoji)+len(s.odd) > 0 || !within(s.formatted, []string{shown(a)}) {
			t.Errorf("%s of %q and %q is written %q and read as %+v", name, a, b, text, s)
		}
		if strings.HasSuffix(name, "fallback") &&
			(len(s.links)+len(s.dates)+len(s.formatted) > 0 || utf8.RuneCountInString(text) > maxFallback || strings.Count(text, "\n") > 1) {
			t.Errorf("%s of %q and %q is %q", name, a, b, text)
		}
	}
	whole, cut := read(full.String()), read(full.Cut(most).String())
	if n := utf8.RuneCountInString(full.Cut(most).String()); n > most {
		t.Errorf("cut to %d characters it has %d", most, n)
	}
	bare := strings.NewReplacer("*", "", "\u2060", "")
	if part := strings.TrimSuffix(cut.plain, "…"); !strings.HasPrefix(bare.Replace(whole.plain), bare.Replace(part)) {
		t.Errorf("%q and %q: cut to %d it shows %q of %q", a, b, most, part, whole.plain)
	}
	for _, text := range []string{shown(a), shown(b)} {
		if !strings.Contains(bare.Replace(whole.plain), bare.Replace(text)) {
			t.Errorf("%q and %q show as %q, which lacks %q", a, b, whole.plain, text)
		}
	}
}
