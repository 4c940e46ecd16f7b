package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse holds that no text panics, that every error is one for people, and that whatever is understood fits through a button.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "help redeploy", "list \"awesome app@staging\" --page 2", "redeploy web —ref=main --reason " +
			"‘don’t’", `show 'a'\''b' #1042`, "redeploy api --services a:1,b",
		"list <mailto:a@b|a@b> " +
			"&amp;lt;", "--", "\xff\xfe", "redeploy web --reason \"" + strings.Repeat("<", 500) + "\"", "redeploy w --ref \x00", `\`, `"`,
		"list — –x",
		"redeploy w --reason \u2028\u202e", "show w 99999999999999999999", "allow <@U0LIN|lin> view,cancel " +
			"'web*@production'", "deny <!subteam^S1|@a b> all *",
		"allow everyone admin web", "revoke K3F9", "access why redeploy web " +
			"<@U0LIN>", "access why admin,view w", "stacks '[a-z]*'", "list w --by <@U1> --outcome success",
		"list w --by @lin --page 3", "redeploy w --ref x<@U0LIN|lin> --profile <@U1>", "<@U1> w", "help <@U1>", "list w --<@U1>",
		"show w <@U1|a>", "list w --page <@U1>",
		"redeploy w --services <@U1>", "redeploy w --reason", "list w <@U1> <@U2>", "list <@U1", "allow <@U1> <@U2> <@U3>", "revoke <@U1>",
		"list w --outcome <@U1>", "allow <!here> all *", `allow U0LIN view \*@a`, "deny @lin view [", "access why view <#C1|x>", "status x",
		"subscribe 'web*@prod' --events failed,slow --by kim --via web,hook --type build --mention " +
			"<!subteam^S0DEVS|@devs>", "subscribe * --mention <@U0LIN|lin>", "subscribe <@U1> --by <@U1>",
		"unsubscribe k3f9", "subscribe web --events failed, --mention @x", "subscriptions 2", "subscribe [ --via x",
		"subscribe w --mention <!channel>",
		"*redeploy web --reason «a “b”» —now*", "```sh\nlist _shop_\n```", "&gt; `list` *~w~* −−page ２",
		"list :rocket::skin-tone-2: ＊ e\u0301\u200d", "• subscribe *web* --by ‚x’y‘",
		"redeploy w --reason <@U0LIN> --ref *a*b*", "list '“list w”' ´", "stacks \\*_a_", "redeploy :x:_ --profile _y :x: --reason ‑-z",
		"list «--page»", "help --now=yes redploy", "redeploy --reason=a b <@U1> web @prod -x", "allow <@U1|a> veiw, deploy web",
		"web redeploy to <@U1>", "redploy \"web", "list web prod", "redeploy w --reason fix the login",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		inv, err := Parse(text)
		if told := fmt.Sprintf("%+v %v", inv, err); strings.ContainsRune(told, nameOpens) || strings.ContainsRune(told, nameShuts) {
			t.Fatalf("Parse(%q) lets out how a name is marked: %q", text, told)
		}
		if err != nil {
			usage, ok := errors.AsType[*UsageError](err)
			if !ok || usage.What == "" || usage.Example == "" {
				t.Fatalf("Parse(%q) failed with %#v", text, err)
			}
			if _, err := Parse(asSent(usage.Example)); err != nil {
				t.Fatalf("the example %q does not work: %v", usage.Example, err)
			}
			knows := func(stack string) bool { return stack == "web" }
			meant, ok := mending{Here{}, knows, nil}.mend(text)
			if told := meant.says + meant.Typed(); strings.ContainsRune(told, nameOpens) || strings.ContainsRune(told, nameShuts) {
				t.Fatalf("%q is repaired as %q, which lets out how a name is marked", text, told)
			}
			if again, err := Parse(typedEscapes.Replace(meant.Typed())); ok && slackIDs(meant.Invocation) &&
				(err != nil || again != meant.Invocation) {
				t.Fatalf("%q is repaired as %q, which is %+v, %v, not %+v", text, meant.Typed(), again, err, meant.Invocation)
			}
			return
		}
		if !slackIDs(inv) {
			return
		}
		if again, err := Parse(typedEscapes.Replace(inv.line(inv.Stack))); err != nil || again != inv {
			t.Fatalf("Parse(%q) gave %+v, recorded as %q, which is %+v, %v", text, inv, inv.line(inv.Stack), again, err)
		}
		value, err := inv.Value()
		if err != nil {
			return // too long for a button, as its test says
		}
		back, err := FromValue(value)
		if err != nil {
			t.Fatalf("Parse(%q) gave %+v, which a button cannot carry: %v", text, inv, err)
		}
		if diff := cmp.Diff(inv, back); diff != "" {
			t.Fatalf("through a button (-sent +got):\n%s", diff)
		}
	})
}

// typedEscapes is what Slack makes of a text that somebody types.
var typedEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackIDs reports whether all that looks like an id in an invocation can be one of Slack's.
func slackIDs(inv Invocation) bool {
	return slackID(inv.Options[Who]) && slackID(inv.Options[By]) && slackID(inv.Options[Mention])
}

// slackID reports whether what looks like the id of a user or a group can be one of Slack's.
func slackID(word string) bool {
	return !userID.MatchString(word) && !groupID.MatchString(word) || idLike(word)
}

// FuzzFromValue holds that nothing gets through a button that would break a limit of what can be typed.
func FuzzFromValue(f *testing.F) {
	for _, seed := range []string{
		"", "null", "{}", "[]", `{"v":"redeploy","u":"abc","n":true}`, `{"v":"list","s":"web","g":2}`, `{"v":"cancel","u":"x","d":1,"a":true}`,
		`{"v":"show","u":"x","d":-1}`, `{"v":"refresh","f":"id"}`, `{"v":"redeploy","u":"x","r":"a b"}`, `{"v":"show","u":"x","d":1e400}`,
		`{"v":"grant","h":"U0SAM","b":"redeploy","c":"web","k":"n","m":1}`, `{"v":"ask","b":"view","c":"*"}`, `{"v":"allow","h":"S0DEVS",` +
			`"b":"view,admin","c":"*"}`,
		`{"v":"list","u":"a","o":"failed","j":"U0LIN","q":"30,300","g":2}`, `{"v":"access","b":"view","u":"a",` +
			`"h":"U0SAM"}`, `{"v":"revoke","e":"k3f9"}`,
		`{"v":"subscribe","c":"web*","ev":"failed,slow","j":"kim","vi":"web","ty":"build",` +
			`"at":"S0DEVS"}`, `{"v":"unsubscribe","e":"k3f9"}`, `{"v":"subscriptions","g":2}`,
		`{"v":"stacks","x":"*@production","g":2}`, `{"v":"redeploy","u":"a","r":"main","_":true}`, "{\"v\":\"list\",\"s\":\"\xff\"}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		inv, err := FromValue(value)
		if err != nil {
			if inv != (Invocation{}) {
				t.Fatalf("refused and given all the same: %+v", inv)
			}
			return
		}
		if inv.Deployment < 0 || inv.Number(Page) < 0 || inv.Number(Page) > maxPage {
			t.Fatalf("numbers out of range: %+v", inv)
		}
		if inv.Verb == Grant &&
			(UserOf(inv.Options[Who]) != inv.Options[Who] || strings.Contains(inv.Options[Actions], "admin") || inv.Options[Glob] == "") {
			t.Fatalf("a grant that no request asks for: %+v", inv)
		}
		for _, text := range []string{
			inv.Stack, inv.UID, inv.Options[Ref], inv.Options[Services], inv.Options[Profile], inv.Options[Reason], inv.Nonce, inv.Follow,
			inv.Options[Topic], inv.Options[Text], inv.Options[By], inv.Options[Trail], inv.Options[Who], inv.Options[Actions],
			inv.Options[Glob], inv.Options[Rule], inv.Options[Outcome], inv.Options[Events], inv.Options[Via], inv.Options[Types],
			inv.Options[Mention],
		} {
			if strings.ContainsFunc(text, unicode.IsControl) || utf8.RuneCountInString(text) > maxServices {
				t.Fatalf("text that cannot be typed: %q", text)
			}
		}
		again, err := json.Marshal(inv)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := FromValue(string(again)); err != nil || back != inv {
			t.Fatalf("%+v came back as %+v, %v", inv, back, err)
		}
	})
}

func TestAHostileButtonIsRefused(t *testing.T) {
	long := strings.Repeat("x", 201)
	for name, value := range map[string]string{
		"nothing":                                    "",
		"no JSON":                                    "redeploy web",
		"null":                                       "null",
		"a list":                                     `["redeploy"]`,
		"no verb":                                    `{"u":"abc"}`,
		"an unknown verb":                            `{"v":"delete","u":"abc"}`,
		"a verb in another case":                     `{"v":"List","u":"abc"}`,
		"no stack":                                   `{"v":"list"}`,
		"an empty stack":                             `{"v":"list","s":" "}`,
		"an over-long UID":                           `{"v":"list","u":"` + long + `"}`,
		"a UID with control characters":              `{"v":"list","u":"a\u0000b"}`,
		"an over-long stack":                         `{"v":"list","s":"` + long + `"}`,
		"a stack with a line break":                  `{"v":"list","s":"a\nb"}`,
		"a number for text":                          `{"v":"list","u":5}`,
		"a negative id":                              `{"v":"show","u":"a","d":-1}`,
		"an id above 64 bits":                        `{"v":"show","u":"a","d":9223372036854775808}`,
		"an id with a fraction":                      `{"v":"show","u":"a","d":1.5}`,
		"a negative page":                            `{"v":"list","u":"a","g":-1}`,
		"a page above all reason":                    `{"v":"list","u":"a","g":100001}`,
		"a negative newest deployment":               `{"v":"redeploy","u":"a","a":true,"l":-1}`,
		"an unknown which":                           `{"v":"show","u":"a","w":"oldest"}`,
		"an unknown topic":                           `{"v":"help","t":"delete"}`,
		"a ref with spaces":                          `{"v":"redeploy","u":"a","r":"a b"}`,
		"a ref with control characters":              `{"v":"redeploy","u":"a","r":"a\u0007"}`,
		"an over-long ref":                           `{"v":"redeploy","u":"a","r":"` + strings.Repeat("x", 256) + `"}`,
		"services that are none":                     `{"v":"redeploy","u":"a","i":"a::1"}`,
		"over-long services":                         `{"v":"redeploy","u":"a","i":"` + strings.Repeat("x", 1001) + `"}`,
		"an over-long profile":                       `{"v":"redeploy","u":"a","p":"` + strings.Repeat("x", 101) + `"}`,
		"a profile with control characters":          `{"v":"redeploy","u":"a","p":"a\u001b"}`,
		"an over-long reason":                        `{"v":"redeploy","u":"a","y":"` + strings.Repeat("x", 501) + `"}`,
		"a reason with line breaks":                  `{"v":"redeploy","u":"a","y":"a\nb"}`,
		"an over-long key":                           `{"v":"redeploy","u":"a","k":"` + long + `"}`,
		"a card with control characters":             `{"v":"refresh","f":"a\u0000"}`,
		"a yes to cancel that does not say what":     `{"v":"cancel","u":"a","a":true}`,
		"a form that was not sent as one":            `{"v":"redeploy","u":"a","a":true,"z":true}`,
		"an outcome that is none":                    `{"v":"list","u":"a","o":"purple"}`,
		"an outcome by another name":                 `{"v":"list","u":"a","o":"success"}`,
		"somebody with control characters":           `{"v":"list","u":"a","j":"a\u0000"}`,
		"somebody with an over-long name":            `{"v":"list","u":"a","j":"` + long + `"}`,
		"somebody as it is typed":                    `{"v":"list","u":"a","j":"@lin"}`,
		"a trail that is none":                       `{"v":"list","u":"a","q":"1,x"}`,
		"a trail with a negative offset":             `{"v":"list","u":"a","q":"-1"}`,
		"a trail with a huge offset":                 `{"v":"list","u":"a","q":"12345678"}`,
		"an over-long trail":                         `{"v":"list","u":"a","q":"1` + strings.Repeat(",1", 250) + `"}`,
		"a text with control characters":             `{"v":"stacks","x":"a\u0000"}`,
		"an over-long text":                          `{"v":"stacks","x":"` + long + `"}`,
		"a rule for nobody":                          `{"v":"allow","b":"view","c":"*"}`,
		"a rule for a name":                          `{"v":"allow","h":"bob","b":"view","c":"*"}`,
		"a rule for a mention":                       `{"v":"allow","h":"<@U0LIN>","b":"view","c":"*"}`,
		"a rule for everyone in other case":          `{"v":"allow","h":"Everyone","b":"view","c":"*"}`,
		"a rule without a right":                     `{"v":"allow","h":"U0LIN","c":"*"}`,
		"a rule with a right that is none":           `{"v":"allow","h":"U0LIN","b":"look","c":"*"}`,
		"a rule with rights out of order":            `{"v":"allow","h":"U0LIN","b":"cancel,view","c":"*"}`,
		"a rule with all rights in short":            `{"v":"deny","h":"U0LIN","b":"all","c":"*"}`,
		"a rule without stacks":                      `{"v":"deny","h":"U0LIN","b":"view"}`,
		"a rule with a glob that is none":            `{"v":"deny","h":"U0LIN","b":"view","c":"web[a"}`,
		"a rule with an over-long glob":              `{"v":"deny","h":"U0LIN","b":"view","c":"` + long + `"}`,
		"a rule with control characters":             `{"v":"deny","h":"U0LIN","b":"view","c":"a\u0000"}`,
		"a rule of admin on some stacks":             `{"v":"allow","h":"U0LIN","b":"admin","c":"web"}`,
		"a rule taken back without an id":            `{"v":"revoke"}`,
		"a rule's id with a slash":                   `{"v":"revoke","e":"../x"}`,
		"a rule's id in upper case":                  `{"v":"revoke","e":"K3F9"}`,
		"an over-long id of a rule":                  `{"v":"revoke","e":"k3f9k3f9k3f9k"}`,
		"a grant to nobody":                          `{"v":"grant","b":"view","c":"*"}`,
		"a grant to everyone":                        `{"v":"grant","h":"everyone","b":"view","c":"*"}`,
		"a grant to a group":                         `{"v":"grant","h":"S0DEVS","b":"view","c":"*"}`,
		"a grant of nothing":                         `{"v":"grant","h":"U0SAM","c":"*"}`,
		"a grant of two rights":                      `{"v":"grant","h":"U0SAM","b":"view,cancel","c":"*"}`,
		"a grant of the right to make rules":         `{"v":"grant","h":"U0SAM","b":"admin","c":"*"}`,
		"a grant on no stacks":                       `{"v":"grant","h":"U0SAM","b":"view"}`,
		"a grant on a glob that is none":             `{"v":"grant","h":"U0SAM","b":"view","c":"@"}`,
		"a request for nothing":                      `{"v":"ask","c":"*"}`,
		"a request for two rights":                   `{"v":"ask","b":"view,cancel","c":"*"}`,
		"a request for the right to make rules":      `{"v":"ask","b":"admin","c":"*"}`,
		"a request on no stacks":                     `{"v":"ask","b":"view"}`,
		"a subscription to no stacks":                `{"v":"subscribe","ev":"failed"}`,
		"a subscription with an unknown event":       `{"v":"subscribe","c":"web","ev":"purple"}`,
		"a subscription with events in disorder":     `{"v":"subscribe","c":"web","ev":"slow,failed"}`,
		"a subscription with an event by a nickname": `{"v":"subscribe","c":"web","ev":"success"}`,
		"a subscription with an unknown way":         `{"v":"subscribe","c":"web","vi":"x"}`,
		"a subscription with an unknown type":        `{"v":"subscribe","c":"web","ty":"x"}`,
		"a subscription that mentions everyone":      `{"v":"subscribe","c":"web","at":"everyone"}`,
		"a subscription that mentions a mention":     `{"v":"subscribe","c":"web","at":"<@U0LIN>"}`,
		"a subscription by somebody of Slack":        `{"v":"subscribe","c":"web","j":"U0LIN"}`,
		"a subscription taken back without which":    `{"v":"unsubscribe"}`,
		"why of two rights":                          `{"v":"access","b":"view,cancel","u":"a"}`,
		"why of no stack":                            `{"v":"access","b":"view"}`,
		"why of a blank stack":                       `{"v":"access","b":"view","s":" "}`,
		"why for a group":                            `{"v":"access","b":"view","u":"a","us":"S0DEVS"}`,
		"why for everyone":                           `{"v":"access","b":"view","u":"a","us":"everyone"}`,
	} {
		if inv, err := FromValue(value); err == nil {
			t.Errorf("%s: %.100s was taken as %+v", name, value, inv)
		}
	}
}

func TestAButtonOfOursIsTaken(t *testing.T) {
	for _, value := range []string{
		`{"v":"redeploy","u":"a","d":3}`, `{"v":"redeploy","u":"a","r":"main","_":true}`, `{"v":"list","u":"a","o":"failed","j":"U0LIN",` +
			`"q":"30,300","g":2}`,
		`{"v":"stacks","x":"*@production","g":2}`, `{"v":"access","g":2}`, `{"v":"access","b":"view","u":"a",` +
			`"h":"U0SAM"}`, `{"v":"allow","h":"everyone","b":"view","c":"*"}`,
		`{"v":"deny","h":"S0DEVS","b":"view,admin",` +
			`"c":"*@*"}`, `{"v":"revoke","e":"k3f9"}`, `{"v":"ask","b":"view","c":"web\\*@prod","k":"n","m":1}`,
		`{"v":"grant","h":"U0SAM","b":"redeploy","c":"web","k":"n","m":1}`, `{"v":"grant","h":"UABCDEFGH","b":"redeploy",` +
			`"c":"web"}`, `{"v":"status"}`, `{"v":"dismiss","k":"n"}`,
		`{"v":"refresh","f":"id","u":"a","d":3}`, `{"v":"subscribe","c":"web*","ev":"failed,slow","j":"kim","vi":"web","ty":"build",` +
			`"at":"S0DEVS"}`,
		`{"v":"unsubscribe","e":"k3f9"}`, `{"v":"unsubscribe","c":"web*"}`, `{"v":"subscriptions","g":2}`,
	} {
		if _, err := FromValue(value); err != nil {
			t.Errorf("%s is refused", value)
		}
	}
}

func TestARedeployWithTheOptionsOfOtherCommandsOpensTheForm(t *testing.T) {
	for value, form := range map[string]bool{
		`{"v":"redeploy","u":"a","t":"help","g":2,"x":"web"}`: true, `{"v":"redeploy","u":"a"}`: true,
		`{"v":"redeploy","u":"a","n":true}`: false, `{"v":"redeploy","u":"a","p":"canary"}`: false,
	} {
		if inv, err := FromValue(value); err != nil || inv.OpensForm() != form || inv.Changes() == form {
			t.Errorf("%s: %+v, %v", value, inv, err)
		}
	}
}

func TestAButtonsValueThatSlackWouldNotTakeIsNotMade(t *testing.T) {
	fits := Invocation{Verb: Redeploy, Stack: "web", Options: Options{Reason: strings.Repeat("x", 500), Services: strings.Repeat("y", 1000)}}
	if value, err := fits.Value(); err != nil || len(value) > 2000 {
		t.Errorf("%d bytes, %v", len(value), err)
	}
	long := Invocation{Verb: Redeploy, Stack: "web", Options: Options{Reason: strings.Repeat("é", 500), Services: strings.Repeat("y", 1000)}}
	if value, err := long.Value(); err == nil {
		t.Errorf("a value of %d bytes was made", len(value))
	}
}
