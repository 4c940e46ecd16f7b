package commands

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/cloud66"
)

// Parse parses a slash command.
func Parse(text string) (Invocation, error) { return ParseHere(text, Here{}) }

func TestATypedCommandIsReadAs(t *testing.T) {
	web := Invocation{Verb: List, Stack: "web"}
	because := func(reason string) Invocation {
		return Invocation{Verb: Redeploy, Stack: "web", Options: Options{Reason: reason}}
	}
	tests := map[string]struct {
		text string
		want Invocation
	}{
		"nothing is help":                       {"", Invocation{Verb: Help}},
		"white space is help":                   {" \t\n\u00a0 ", Invocation{Verb: Help}},
		"help with a topic":                     {"help Redeploy", Invocation{Verb: Help, Options: Options{Topic: "redeploy"}}},
		"a stack":                               {"list web", web},
		"case of the verb does not matter":      {"LIST web", web},
		"space around words does not matter":    {"  list \t web\u00a0", web},
		"the case of a stack is kept":           {"list Web@Prod", Invocation{Verb: List, Stack: "Web@Prod"}},
		"a page":                                {"list web --page 3", Invocation{Verb: List, Stack: "web", Options: Options{Page: "3"}}},
		"options before the stack":              {"list --page=3 web", Invocation{Verb: List, Stack: "web", Options: Options{Page: "3"}}},
		"options in upper case":                 {"list web --PAGE 3", Invocation{Verb: List, Stack: "web", Options: Options{Page: "3"}}},
		"double quotes keep words together":     {`list "awesome app@prod"`, Invocation{Verb: List, Stack: "awesome app@prod"}},
		"single quotes do too":                  {`list 'awesome app@prod'`, Invocation{Verb: List, Stack: "awesome app@prod"}},
		"quotes inside a word":                  {`list awesome" app"@prod`, Invocation{Verb: List, Stack: "awesome app@prod"}},
		"quotes behind an equals sign":          {`redeploy web --reason='two words'`, because("two words")},
		"an option that is quoted as a whole":   {`redeploy web "--reason=two words"`, because("two words")},
		"a backslash keeps a space":             {`list awesome\ app`, Invocation{Verb: List, Stack: "awesome app"}},
		"a backslash keeps a quote":             {`redeploy web --reason "say \"go\""`, because(`say "go"`)},
		"a backslash is kept in single quotes":  {`redeploy web --reason 'a\b'`, because(`a\b`)},
		"a backslash is kept where not special": {`redeploy web --reason "C:\temp \$5"`, because(`C:\temp $5`)},
		"a backslash at the end is one":         {`list web\`, Invocation{Verb: List, Stack: `web\`}},
		"the shell's way to quote a quote":      {`redeploy web --reason 'it'\''s on'`, because("it's on")},
		"quotes side by side":                   {`redeploy web --reason 'one '"two"`, because("one two")},
		"an apostrophe in a word":               {`list bob's`, Invocation{Verb: List, Stack: "bob's"}},
		"an apostrophe at the end of a word": {
			`redeploy users' --now`,
			Invocation{Verb: Redeploy, Stack: "users'", Options: Options{Now: "true"}},
		},
		"an apostrophe in double quotes": {`redeploy web --reason "don't wait"`, because("don't wait")},
		"an apostrophe behind an accent": {"list cafe\u0301's", Invocation{Verb: List, Stack: "café's"}},
		"curly quotes":                   {"redeploy web --reason “two words”", because("two words")},
		"German quotes":                  {"redeploy web --reason „two words“", because("two words")},
		"single curly quotes":            {"redeploy web --reason ‘two words’", because("two words")},
		"a curly apostrophe":             {"redeploy web --reason “don’t wait”", because("don't wait")},
		"a long dash for an option": {
			"redeploy web —now",
			Invocation{Verb: Redeploy, Stack: "web", Options: Options{Now: "true"}},
		},
		"a shorter long dash": {
			"redeploy web –ref=main",
			Invocation{Verb: Redeploy, Stack: "web", Options: Options{Ref: "main"}},
		},
		"a long dash inside a word":             {"list web—production", Invocation{Verb: List, Stack: "web—production"}},
		"German single quotes":                  {"redeploy web --reason ‚two words‘", because("two words")},
		"a long dash in quotes is the person's": {`redeploy web --reason "—now or never"`, because("—now or never")},
		"a long dash before a space is too":     {`redeploy web --reason "a — b"`, because("a — b")},
		"an ampersand":                          {"redeploy web --reason R&amp;D", because("R&D")},
		"an entity that was typed":              {"redeploy web --reason &amp;lt;", because("&lt;")},
		"a link":                                {"redeploy web --reason <https://a.test/x?y=1&amp;z=2>", because("https://a.test/x?y=1&z=2")},
		"a link with a label":                   {"list <http://web.prod|web.prod>", Invocation{Verb: List, Stack: "web.prod"}},
		"a link with an empty label":            {"list <http://web.prod|>", Invocation{Verb: List, Stack: "http://web.prod"}},
		"a mail link with a label":              {"list <mailto:web@prod.io|web@prod.io>", Invocation{Verb: List, Stack: "web@prod.io"}},
		"a mail link alone":                     {"list <mailto:web@prod.io>", Invocation{Verb: List, Stack: "web@prod.io"}},
		"a telephone link": {
			"show web <tel:10421042|10421042>",
			Invocation{Verb: Show, Stack: "web", Deployment: 10421042},
		},
		"a mail link inside quotes": {
			`list "awesome <mailto:app@prod.io|app@prod.io>"`,
			Invocation{Verb: List, Stack: "awesome app@prod.io"},
		},
		"angle brackets that were typed": {"redeploy web --reason &lt;https://a.test&gt;", because("<https://a.test>")},
		"the latest":                     {"show web latest", Invocation{Verb: Show, Stack: "web", Options: Options{Which: "latest"}}},
		"live, in any case":              {"show web LIVE", Invocation{Verb: Show, Stack: "web", Options: Options{Which: "live"}}},
		"an id":                          {"show web 1042", Invocation{Verb: Show, Stack: "web", Deployment: 1042}},
		"an id as people write it":       {"cancel web #1042", Invocation{Verb: Cancel, Stack: "web", Deployment: 1042}},
		"the largest id": {
			"follow web 9223372036854775807",
			Invocation{Verb: Follow, Stack: "web", Deployment: 9223372036854775807},
		},
		"a branch with slashes": {
			"redeploy web --ref feature/x-1_2.3",
			Invocation{Verb: Redeploy, Stack: "web", Options: Options{Ref: "feature/x-1_2.3"}},
		},
		"services with and without tags": {
			"redeploy api --services api:1.4.2,worker",
			Invocation{Verb: Redeploy, Stack: "api", Options: Options{Services: "api:1.4.2,worker"}},
		},
		"services with spaces behind the commas": {
			`redeploy api --services "api:1, worker"`,
			Invocation{Verb: Redeploy, Stack: "api", Options: Options{Services: "api:1,worker"}},
		},
		"every option": {
			"redeploy web --ref a --services b --profile c --reason d --now",
			Invocation{Verb: Redeploy, Stack: "web", Options: Options{Ref: "a", Services: "b", Profile: "c", Reason: "d", Now: "true"}},
		},
		"a reason in several lines becomes one":    {"redeploy web --reason 'one\n two\x07'", because("one two")},
		"a value that begins with a single hyphen": {"redeploy web --reason -1", because("-1")},
		"a value with an equals sign":              {"redeploy web --reason=a=b", because("a=b")},
		"no stack, where the form asks for it":     {"redeploy", Invocation{Verb: Redeploy}},
		"no stack, with what the form is to hold": {
			"redeploy --ref main", Invocation{Verb: Redeploy, Options: Options{Ref: "main"}, Fill: true},
		},
		"a value that looks like an option": {"redeploy web --reason=--now", because("--now")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", test.text, diff)
			}
		})
	}
}

func TestWhatIsNotUnderstoodIsNamedWithTheNearestAndAnExample(t *testing.T) {
	tests := map[string]struct {
		text, what, near, example string
	}{
		"a command that is nearly one":   {"redploy web", "I don't know the command “redploy”.", "redeploy", "redeploy mystack@production"},
		"a command with swapped letters": {"lits web", "I don't know the command “lits”.", "list", "list mystack@production"},
		"a command of another kind":      {"make coffee", "I don't know the command “make”.", "", "help"},
		"a command of a later version":   {"transmogrify web", "I don't know the command “transmogrify”.", "", "help"},
		"a verb of buttons":              {"dismiss", "I don't know the command “dismiss”.", "", "help"},
		"a topic that is no command": {
			"help redploy",
			"I don't know the command “redploy”.",
			"redeploy",
			"redeploy mystack@production",
		},
		"help on too much": {"help list show", "I don't understand “show” after help.", "", "help"},
		"an option with a slip": {
			"redeploy web --reff main",
			"I don't know the option “--reff” of redeploy.",
			"--ref",
			"--ref main",
		},
		"an option by another name": {
			"redeploy web --brnch main",
			"I don't know the option “--brnch” of redeploy.",
			"--ref",
			"--ref main",
		},
		"an option of a later version": {
			"redeploy web --canary",
			"I don't know the option “--canary” of redeploy.",
			"",
			"redeploy mystack@production",
		},
		"an option of another command":         {"show web --page 2", "I don't know the option “--page” of show.", "", "show mystack@production"},
		"an option with one hyphen":            {"redeploy web -ref main", "I don't know the option “-ref” of redeploy.", "--ref", "--ref main"},
		"two hyphens alone":                    {"list web -- x", "I don't know the option “--” of list.", "", "list mystack@production"},
		"an option's value missing at the end": {"redeploy web --ref", "--ref needs a value: --ref REF.", "", "--ref main"},
		"an option's value missing between": {
			"redeploy web --services --now",
			"--services needs a value: --services a:tag,b.",
			"",
			"--services api:1.4.2,worker",
		},
		"an option's value empty":        {`redeploy web --profile ""`, "--profile needs a value: --profile NAME.", "", "--profile canary"},
		"nothing behind the equals sign": {"redeploy web --reason=", "--reason needs a value: --reason TEXT.", "", "--reason"},
		"a value where none is taken":    {"redeploy web --now=yes", "--now takes no value.", "", "--now"},
		"no stack":                       {"list", "Which stack? Write its name after list.", "", "list mystack@production"},
		"no stack but an option":         {"list --page 2", "Which stack?", "", "list mystack@production"},
		"an empty stack":                 {`list ""`, "Which stack?", "", "list mystack@production"},
		"a stack of white space":         {`list " "`, "Which stack?", "", "list mystack@production"},
		"a name with spaces without quotes": {
			"list awesome app",
			"I don't understand “app” after list. A name with spaces goes in quotes.",
			"",
			"list mystack@production",
		},
		"a stack with control characters": {
			"list we\x01b",
			"The name of the stack holds control characters or line breaks.",
			"",
			"list mystack@production",
		},
		"a stack of 201 characters": {
			"list " + strings.Repeat("x", 201),
			"The name of the stack has 201 characters; at most 200 are allowed.",
			"",
			"list mystack@production",
		},
		"an open quote": {`list "awesome app`, "A quote is opened and never closed.", "", "list mystack@production"},
		"an id that is no number": {
			"cancel web abc",
			"“abc” is no deployment: give its number, as in 1042.",
			"",
			"cancel mystack@production 1042",
		},
		"an id that is a word of show": {
			"cancel web live",
			"“live” is no deployment: give its number, as in 1042.",
			"",
			"cancel mystack@production 1042",
		},
		"an id for show that is no number": {
			"show web abc",
			"“abc” is no deployment: give its number, as in 1042, or latest, live or head.",
			"",
			"show mystack@production 1042",
		},
		"the id zero":              {"show web 0", "“0” is no deployment", "", "1042"},
		"a negative id":            {"show web -5", "“-5” is no deployment", "", "1042"},
		"an id with a fraction":    {"show web 1.5", "“1.5” is no deployment", "", "1042"},
		"an id above 64 bits":      {"show web 9223372036854775808", "“9223372036854775808” is no deployment", "", "1042"},
		"a hash sign alone":        {"show web #", "“#” is no deployment", "", "1042"},
		"the page zero":            {"list web --page 0", "“0” is no page: pages count from 1.", "", "--page 2"},
		"a negative page":          {"list web --page -1", "“-1” is no page", "", "--page 2"},
		"a page that is no number": {"list web --page two", "“two” is no page", "", "--page 2"},
		"a page above all reason":  {"list web --page 99999999999999999999", "is no page", "", "--page 2"},
		"a long word is cut": {
			strings.Repeat("x", 100),
			"I don't know the command “" + strings.Repeat("x", 60) + "…”.",
			"",
			"help",
		},
		"a text of 8,000 characters": {
			"redeploy web --reason " + strings.Repeat("é", 8000-22),
			"That command has 8000 characters; I read at most 3000. Nothing was done.",
			"",
			"help",
		},
		"a reason of 501 characters": {
			"redeploy web --reason " + strings.Repeat("é", 501),
			"The reason has 501 characters; 500 fit on a card.",
			"",
			"--reason",
		},
		"a profile of 101 characters": {
			"redeploy web --profile " + strings.Repeat("x", 101),
			"The profile has 101 characters; at most 100 are allowed.",
			"",
			"--profile",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inv, err := Parse(test.text)
			var usage *UsageError
			if !errors.As(err, &usage) {
				t.Fatalf("Parse(%.80q) gave %+v, %v", test.text, inv, err)
			}
			if !strings.Contains(usage.What, test.what) {
				t.Errorf("it says %q, not %q", usage.What, test.what)
			}
			if usage.Near != test.near {
				t.Errorf("the nearest is %q, not %q", usage.Near, test.near)
			}
			if !strings.Contains(usage.Example, test.example) {
				t.Errorf("the example is %q, without %q", usage.Example, test.example)
			}
			if _, err := Parse(asSent(usage.Example)); err != nil {
				t.Errorf("the example %q does not work: %v", usage.Example, err)
			}
		})
	}
}

func TestARefThatGitWouldNotTakeIsRefused(t *testing.T) {
	for _, ref := range []string{
		"a b", "a\tb", "a\x00b", "a\x7fb", "a..b", "a~1", "HEAD^", "a:b", "a?", "a*", "a[b", `a\b`, "/a", "a/", "a//b", "a.", "-a", ".a", "a/.b",
		"a.lock", "a.lock/b", "@", "a@{1}", strings.Repeat("x", 256), "a\u0085b",
	} {
		inv, err := Parse("redeploy web --ref='" + ref + "'")
		if _, ok := errors.AsType[*UsageError](err); !ok {
			t.Errorf("--ref %q gave %+v, %v", ref, inv, err)
		}
	}
	for _, ref := range []string{"main", "v1.2.3", "feature/a@b", "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "größe", "a-b_c+d#e",
		strings.Repeat("x", 255)} {
		if inv, err := Parse("redeploy web --ref=" + ref); err != nil || inv.Options[Ref] != ref {
			t.Errorf("--ref %q gave %+v, %v", ref, inv, err)
		}
	}
}

func TestServicesThatSayNothingDefiniteAreRefused(t *testing.T) {
	for _, services := range []string{"a,,b", ",a", "a,", ":1", "a:", "a::1", "a:1:2", "a b", "a: 1", "a:1,a:2", "a,a:1", "a\x01",
		strings.Repeat("x", 1001)} {
		inv, err := Parse(`redeploy web --services "` + services + `"`)
		if _, ok := errors.AsType[*UsageError](err); !ok {
			t.Errorf("--services %q gave %+v, %v", services, inv, err)
		}
	}
}

func TestAValueIsCleanedWhicheverWayItComes(t *testing.T) {
	for typed, want := range map[string]string{
		"main": "main", "`main`": "main", "```main```": "main", "*main*": "main", "“main”": "main", "‘main’": "main", "«main»": "main",
		"*`main`*": "main", "`*main*`": "main", "“`main`”": "main", "`“main”`": "main", "_*`main`*_": "main", "~main~": "main", "„main“": "main",
		"ma\u200bin": "main", "\ufeffmain\u2060": "main", "ma\u00adin": "main", "\u202amain\u202c": "main", "`feature/a_b`": "feature/a_b",
		"snake_case": "snake_case", "`_x`": "_x", "ｍａｉｎ": "main", "`user/@lin/fix`": "user/@lin/fix",
	} {
		for _, line := range []string{"redeploy web --ref " + typed, "redeploy web --ref=" + typed, `redeploy web --ref "` + typed + `"`} {
			if inv, err := Parse(line); err != nil || inv.Options[Ref] != want {
				t.Errorf("%s: %q, %v", line, inv.Options[Ref], err)
			}
		}
		inv := Invocation{Verb: Redeploy}
		if err := inv.Set(Ref, typed); err != nil || inv.Options[Ref] != want {
			t.Errorf("%s in a form: %q, %v", typed, inv.Options[Ref], err)
		}
	}
	if inv, err := Parse(`redeploy web --ref "_main_"`); err != nil || inv.Options[Ref] != "_main_" {
		t.Errorf("quotes do not keep a ref that is legal: %q, %v", inv.Options[Ref], err)
	}
}

func TestCodeMarksComeOffEveryWord(t *testing.T) {
	for text, want := range map[string]Invocation{
		"subscribe \"`web@production`\"": {Verb: Subscribe, Options: Options{Glob: "web@production"}},
		"subscribe ```*@production```":   {Verb: Subscribe, Options: Options{Glob: "*@production"}},
		"show web \"`#1042`\"":           {Verb: Show, Stack: "web", Deployment: 1042},
		"revoke \"*`k3f9`*\"":            {Verb: Revoke, Options: Options{Rule: "k3f9"}},
		"list web --by \"“lin”\"":        {Verb: List, Stack: "web", Options: Options{By: "lin"}},
		"list web --outcome “*failed*”":  {Verb: List, Stack: "web", Options: Options{Outcome: "failed"}},
		"subscribe web --events \"`failed,slow`\" --via *`web`*": {
			Verb: Subscribe, Options: Options{Glob: "web", Events: "failed,slow", Via: "web"},
		},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestAMentionInAValueIsRefusedAndNotGuessed(t *testing.T) {
	for typed, name := range map[string]string{
		"user/<@U0LIN>/fix": "@U0LIN", "user/<@U0LIN|lin>/fix": "@lin", "<@W0LIN>": "@W0LIN", "fix-<#C0WEB|web>": "#web", "<#C0WEB|>": "#C0WEB",
		"<#C0WEB>": "#C0WEB", "a/<!subteam^S0DEV>": "!subteam^S0DEV", "a/<!subteam^S0DEV|@devs>": "@devs", "<!here>": "@here",
		"a/<!channel|channel>": "@channel",
	} {
		for _, option := range []string{"ref", "services", "profile"} {
			want := "Slack made a mention of “" + name + "”; put the " + option + " in backticks."
			_, err := Parse("redeploy web --" + option + " " + typed)
			if usage, ok := errors.AsType[*UsageError](err); !ok || usage.What != want {
				t.Errorf("--%s %s: %v", option, typed, err)
			}
		}
		inv := Invocation{Verb: Redeploy}
		if err := inv.Set(Ref, typed); err == nil || inv.Options[Ref] != "" {
			t.Errorf("%s in a form: %q, %v", typed, inv.Options[Ref], err)
		}
	}
	if inv, err := Parse("redeploy web --ref `user/&lt;lin&gt;`"); err != nil || inv.Options[Ref] != "user/<lin>" {
		t.Errorf("%q, %v", inv.Options[Ref], err)
	}
}

func TestServicesAreReadWithTagsAndDigests(t *testing.T) {
	for typed, want := range map[string][]cloud66.ServiceImage{
		"web":                         {{Name: "web"}},
		"web:1.4, `api`":              {{Name: "web", Tag: "1.4"}, {Name: "api"}},
		"web@sha256:9f86d0":           {{Name: "web", Digest: "sha256:9f86d0"}},
		"web:1.4@sha256:9f86d0,api":   {{Name: "web", Tag: "1.4", Digest: "sha256:9f86d0"}, {Name: "api"}},
		"web@sha512:AB,api@sha256:9f": {{Name: "web", Digest: "sha512:AB"}, {Name: "api", Digest: "sha256:9f"}},
		"web:feature/x":               {{Name: "web", Tag: "feature/x"}},
		"web:user@x":                  {{Name: "web", Tag: "user@x"}},
		"*web*:`v1`,_x_":              nil,
		"*web*:`v1`":                  {{Name: "web", Tag: "v1"}},
		"web@sha256":                  nil,
		"web@sha256:":                 nil,
		"@sha256:9f":                  nil,
		"web@9f86d0":                  nil,
		"web@sha256:9f,web":           nil,
	} {
		inv := Invocation{Verb: Redeploy}
		err := inv.Set(Services, typed)
		got, _ := ParseServices(inv.Options[Services])
		if diff := cmp.Diff(want, got); diff != "" || (err != nil) != (want == nil) {
			t.Errorf("%s: %v (-want +got):\n%s", typed, err, diff)
		}
	}
}

// asSent is an example as Slack sends it, once it has resolved the names in it.
func asSent(example string) string {
	return strings.NewReplacer("@lin", "<@U0LIN|lin>", "@deployers", "<!subteam^S0DEP|@deployers>").Replace(example)
}

func TestEveryExampleOfTheHelpWorksAndIsOfItsOwnCommand(t *testing.T) {
	for _, spec := range Specs {
		for _, example := range spec.Examples {
			if inv, err := Parse(asSent(example)); err != nil || inv.Verb != spec.Verb {
				t.Errorf("%q gave %+v, %v", example, inv, err)
			}
		}
		for _, option := range spec.Options {
			if !spec.Button && !strings.Contains(strings.Join(spec.Examples, "\n"), "--"+option.Name) {
				t.Errorf("no example of %s shows --%s", spec.Verb, option.Name)
			}
		}
	}
}

func TestANameInAnExampleIsReadBackAsThatName(t *testing.T) {
	for _, name := range []string{
		"web@production", "awesome app", "bob's", "'bob'", `say "hi"`, `back\slash`, `end\`, "bob’s app", "—dash", "größe", "a\u00a0b",
		"$HOME `x`", "web@a@b",
	} {
		inv, err := Parse("list " + shellWord(name))
		if err != nil || authz.Fold(inv.Stack) != authz.Fold(name) {
			t.Errorf("%q is written %s and read as %q, %v", name, shellWord(name), inv.Stack, err)
		}
	}
	if got := shellWord("größe@production"); got != "größe@production" {
		t.Errorf("quotes where none are needed: %s", got)
	}
}

func TestWhatWasAskedForIsNamedInAFewWords(t *testing.T) {
	for text, want := range map[string]string{
		"redeploy web@production --ref main": "redeploy web@production", "cancel web 7": "cancel web",
		"allow <@U0SAM|sam> view,cancel 'web *'": "allow U0SAM view,cancel web *",
		"revoke K3F9":                            "revoke k3f9", "status": "status",
	} {
		if inv, err := Parse(text); err != nil || inv.Words() != want {
			t.Errorf("%s is %q, %v", text, inv.Words(), err)
		}
	}
}

func TestAFormSetsWhatTheOptionsSet(t *testing.T) {
	inv := Invocation{Verb: Redeploy}
	for option, value := range map[Opt]string{Ref: "main", Services: "", Profile: "canary", Reason: " two  words "} {
		if err := inv.Set(option, value); err != nil {
			t.Errorf("option %d: %v", option, err)
		}
	}
	if want := (Invocation{Verb: Redeploy, Options: Options{Ref: "main", Profile: "canary", Reason: "two words"}}); inv != want {
		t.Errorf("it is %+v", inv)
	}
	for option, value := range map[Opt]string{Ref: "a b", Outcome: "failed", Which: "live"} {
		if again := inv; again.Set(option, value) == nil || again != inv {
			t.Errorf("option %d as %s is taken: %+v", option, value, again)
		}
	}
	if again := inv.Again(); !again.OpensForm() ||
		throughSlack(t, Invocation{Verb: Redeploy, UID: "web1", Options: Options{Ref: again.Options[Ref]}, Fill: true}).Options[Ref] != "main" {
		t.Errorf("it does not open the form again: %+v", again)
	}
}
