package commands

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARuleIsReadAs(t *testing.T) {
	rule := func(who, actions, glob string) Invocation {
		return Invocation{Verb: Allow, Options: Options{Who: who, Actions: actions, Glob: glob}}
	}
	for name, test := range map[string]struct {
		text string
		want Invocation
	}{
		"a user":                             {"allow <@U0LIN> view web", rule(lin, "view", "web")},
		"a user with their name":             {"allow <@U0LIN|lin> view web", rule(lin, "view", "web")},
		"a name with a space":                {"allow <@U0LIN|Lin Lee> view web", rule(lin, "view", "web")},
		"a name with quotes and apostrophes": {"allow <@U0LIN|Lin \"the ops\" O'Hara’s „x“> view web", rule(lin, "view", "web")},
		"a name with an emoji and a star":    {"allow <@U0LIN|🚀 *lin*> view web", rule(lin, "view", "web")},
		"a name with a backslash":            {`allow <@U0LIN|l\in> view web`, rule(lin, "view", "web")},
		"a user of a grid":                   {"allow <@W012A3CDE> view web", rule("W012A3CDE", "view", "web")},
		"a user by the bare id":              {"allow U0LIN view web", rule(lin, "view", "web")},
		"a user whose id has no digit":       {"allow <@UABCDEFGH> view web", rule("UABCDEFGH", "view", "web")},
		"a bare id without a digit":          {"allow UABCDEFGH view web", rule("UABCDEFGH", "view", "web")},
		"a group":                            {"allow <!subteam^S0DEVS> view web", rule(devs, "view", "web")},
		"a group with its handle":            {"allow <!subteam^S0DEVS|@devs> view web", rule(devs, "view", "web")},
		"a group with a space in its handle": {"allow <!subteam^S0DEVS|@the devs> view web", rule(devs, "view", "web")},
		"a group by the bare id":             {"allow S0DEVS view web", rule(devs, "view", "web")},
		"everyone as a word":                 {"allow Everyone view web", rule("everyone", "view", "web")},
		"everyone as a bare name":            {"allow @everyone view web", rule("everyone", "view", "web")},
		"everyone as Slack writes it":        {"allow <!everyone> view web", rule("everyone", "view", "web")},
		"everyone with a label":              {"allow <!everyone|everyone> view web", rule("everyone", "view", "web")},
		"several rights, in their order":     {"allow U0LIN cancel,view,cancel web", rule(lin, "view,cancel", "web")},
		"rights in other case":               {"allow U0LIN View,REDEPLOY web", rule(lin, "view,redeploy", "web")},
		"rights with spaces, in quotes":      {`allow U0LIN "view, cancel" web`, rule(lin, "view,cancel", "web")},
		"all is everything but admin":        {"allow U0LIN all web", rule(lin, "view,redeploy,cancel,subscribe,lock,approve", "web")},
		"admin on everything":                {"allow U0LIN admin *", rule(lin, "admin", "*")},
		"admin on everything at length": {"allow U0LIN all,admin *@*",
			rule(lin, "view,redeploy,cancel,subscribe,lock,approve,admin", "*@*")},
		"a glob":                             {"allow U0LIN view web*@prod?ction", rule(lin, "view", "web*@prod?ction")},
		"a glob in quotes":                   {"allow U0LIN view 'web *@[a-p]*'", rule(lin, "view", "web *@[a-p]*")},
		"a glob in curly quotes":             {"allow U0LIN view “awesome app@production”", rule(lin, "view", "awesome app@production")},
		"a glob with an escaped star":        {`allow U0LIN view 'a\*b'`, rule(lin, "view", `a\*b`)},
		"a glob with an @ in the name":       {"allow U0LIN view a@b@production", rule(lin, "view", "a@b@production")},
		"a glob with an emoji":               {"allow U0LIN view 🚀*", rule(lin, "view", "🚀*")},
		"a glob that looked like a link":     {"allow U0LIN view <http://web.prod|web.prod>", rule(lin, "view", "web.prod")},
		"a glob that looked like an address": {"allow U0LIN view <mailto:web@prod.io|web@prod.io>", rule(lin, "view", "web@prod.io")},
		"a glob whose environment is a name": {"allow U0LIN view web<@U0PROD|prod>", rule(lin, "view", "web@prod")},
		"a glob that looked like a group":    {"allow U0LIN view web<!subteam^S0STAGE|@staging>", rule(lin, "view", "web@staging")},
		"a glob that looked like a channel":  {"allow U0LIN view <#C0WEB|web>", rule(lin, "view", "#web")},
		"a command in upper case":            {"ALLOW U0LIN view web", rule(lin, "view", "web")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", test.text, diff)
			}
			denied, err := Parse("deny" + test.text[len("allow"):])
			test.want.Verb = Deny
			if diff := cmp.Diff(test.want, denied); diff != "" || err != nil {
				t.Errorf("deny: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestOtherNewCommandsAreReadAs(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want Invocation
	}{
		"a rule taken back":         {"revoke k3f9", Invocation{Verb: Revoke, Options: Options{Rule: "k3f9"}}},
		"a rule's id in upper case": {"revoke K3F9", Invocation{Verb: Revoke, Options: Options{Rule: "k3f9"}}},
		"stacks to hear of":         {"subscribe 'Web*@prod'", Invocation{Verb: Subscribe, Options: Options{Glob: "Web*@prod"}}},
		"everything to hear of, narrowed": {"subscribe * --events slow,FAILED --by '@kim b' --via hook,web --type revert,build --mention " +
			"<@U0LIN|lin>", Invocation{Verb: Subscribe,
			Options: Options{Glob: "*", Events: "failed,slow", By: "kim b", Via: "web,hook", Types: "build,revert", Mention: "U0LIN"}}},
		"a group to mention": {"subscribe web —mention <!subteam^S0DEVS|@devs> --events " +
			"start,success,rollback,start",
			Invocation{Verb: Subscribe, Options: Options{Glob: "web", Events: "started,succeeded,reverted", Mention: "S0DEVS"}}},
		"several to mention": {"subscribe web --mention Author,<@U0LIN|lin> --mention <!subteam^S0DEVS|@devs> --mention author",
			Invocation{Verb: Subscribe, Options: Options{Glob: "web", Mention: "author,U0LIN,S0DEVS"}}},
		"an id to mention": {"subscribe web --mention S0DEVS",
			Invocation{Verb: Subscribe, Options: Options{Glob: "web", Mention: "S0DEVS"}}},
		"stacks to hear no more of": {"unsubscribe 'web*'", Invocation{Verb: Unsubscribe, Options: Options{Glob: "web*"}}},
		"a subscription by its id":  {"unsubscribe K3F9", Invocation{Verb: Unsubscribe, Options: Options{Glob: "K3F9"}}},
		"the subscriptions":         {"Subscriptions", Invocation{Verb: Subscriptions}},
		"the rules":                 {"access", Invocation{Verb: Access}},
		"why": {"access why redeploy " +
			"web@prod", Invocation{Verb: Access, Options: Options{Actions: "redeploy"}, Stack: "web@prod"}},
		"why, in other case": {"Access WHY Redeploy Web",
			Invocation{Verb: Access, Options: Options{Actions: "redeploy"}, Stack: "Web"}},
		"why for somebody": {"access why cancel web " +
			"<@U0LIN|lin>", Invocation{Verb: Access, Options: Options{Actions: "cancel", Asker: lin}, Stack: "web"}},
		"why for a bare id": {"access why cancel web U0LIN",
			Invocation{Verb: Access, Options: Options{Actions: "cancel", Asker: lin}, Stack: "web"}},
		"why admin": {"access why admin web",
			Invocation{Verb: Access, Options: Options{Actions: "admin"}, Stack: "web"}},
		"why of a name with spaces": {`access why view "awesome app"`,
			Invocation{Verb: Access, Options: Options{Actions: "view"}, Stack: "awesome app"}},
		"the stacks":                       {"stacks", Invocation{Verb: Stacks}},
		"the stacks with a text":           {"stacks Web", Invocation{Verb: Stacks, Options: Options{Text: "Web"}}},
		"the stacks of a glob":             {"stacks '*@production'", Invocation{Verb: Stacks, Options: Options{Text: "*@production"}}},
		"the stacks with two words":        {"stacks “awesome app”", Invocation{Verb: Stacks, Options: Options{Text: "awesome app"}}},
		"the stacks of what looked like a": {"stacks web<@U0PROD|prod>", Invocation{Verb: Stacks, Options: Options{Text: "web@prod"}}},
		"the status":                       {"status", Invocation{Verb: Status}},
		"an outcome": {"list web --outcome failed",
			Invocation{Verb: List, Stack: "web", Options: Options{Outcome: "failed"}}},
		"an outcome in other case": {"list web --outcome=FAILED",
			Invocation{Verb: List, Stack: "web", Options: Options{Outcome: "failed"}}},
		"an outcome as Cloud 66 calls it": {"list web --outcome success",
			Invocation{Verb: List, Stack: "web", Options: Options{Outcome: "succeeded"}}},
		"an outcome as Americans spell it": {"list web --outcome canceled",
			Invocation{Verb: List, Stack: "web", Options: Options{Outcome: "cancelled"}}},
		"what has not ended": {"list web --outcome queued",
			Invocation{Verb: List, Stack: "web", Options: Options{Outcome: "running"}}},
		"by a mention":           {"list web --by <@U0LIN|lin>", Invocation{Verb: List, Stack: "web", Options: Options{By: lin}}},
		"by a bare id":           {"list web --by U0LIN", Invocation{Verb: List, Stack: "web", Options: Options{By: lin}}},
		"by a name":              {"list web --by lin", Invocation{Verb: List, Stack: "web", Options: Options{By: "lin"}}},
		"by a bare @name":        {"list web --by @lin", Invocation{Verb: List, Stack: "web", Options: Options{By: "lin"}}},
		"by a name with a space": {"list web --by “Lin Lee”", Invocation{Verb: List, Stack: "web", Options: Options{By: "Lin Lee"}}},
		"by an address": {"list web --by <mailto:lin@a.test|lin@a.test>",
			Invocation{Verb: List, Stack: "web", Options: Options{By: "lin@a.test"}}},
		"all that narrows a list": {"list —outcome failed web –by lin " +
			"--page 2", Invocation{Verb: List, Stack: "web", Options: Options{Outcome: "failed", By: "lin", Page: "2"}}},
		"a stack whose environment is a name": {"list web<@U0PROD|production>", Invocation{Verb: List, Stack: "web@production"}},
		"a reason with a mention in it": {"redeploy web --reason “for <@U0LIN|lin> in " +
			"<#C0OPS|ops>”", Invocation{Verb: Redeploy, Stack: "web", Options: Options{Reason: "for @lin in #ops"}}},
	} {
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

func TestARuleThatIsNotUnderstoodIsRefusedWithTheWordAndAnExample(t *testing.T) {
	for name, test := range map[string]struct{ text, what, example string }{
		"a name that Slack did not resolve": {"allow @bob view web", "“@bob” is a name that Slack did not resolve, so I cannot know who it is: " +
			"choose the name from the list", "allow @lin"},
		"a name with a space not resolved": {"allow “@bob b” view web", "“@bob b” is a name that Slack did not resolve", "allow @lin"},
		"a word in capitals":               {"allow WEB view web", "“WEB” is nobody", "allow @lin"},
		"a plain word for somebody":        {"allow bob view web", "“bob” is nobody: write @name, @group or everyone.", "allow @lin"},
		"whoever is here":                  {"allow <!here> view web", "not for whoever is here now: write everyone.", "allow @lin"},
		"the channel":                      {"allow <!channel|channel> view web", "write everyone.", "allow @lin"},
		"a channel":                        {"allow <#C0OPS|ops> view web", "“#ops” is nobody", "allow @lin"},
		"a channel without a name":         {"allow <#C0OPS> view web", "“#C0OPS” is nobody", "allow @lin"},
		"two people in one word":           {"allow <@U0LIN><@U0SAM> view web", "is nobody", "allow @lin"},
		"a forged id":                      {"allow <@U0LIN/C1> view web", "is nobody", "allow @lin"},
		"a group with an id of a user":     {"allow <!subteam^U0LIN> view web", "is nobody", "allow @lin"},
		"an unknown right": {"allow U0LIN rdeploy web", "There is no right “rdeploy” (did you mean “redeploy”?): the rights " +
			"are view, redeploy,", "allow @lin"},
		"a right in a list that is none": {"allow U0LIN view,look web", "There is no right “look”", "allow @lin"},
		"a right missing in a list":      {"allow U0LIN view,,cancel web", "A right is missing in “view,,cancel”", "allow @lin"},
		"admin on one stack":             {"allow U0LIN admin web", "it can be given on * only.", "admin *"},
		"admin among others on a glob":   {"allow U0LIN view,admin *@production", "it can be given on * only.", "admin *"},
		"admin denied on one stack":      {"deny U0LIN admin web", "it can be given on * only.", "deny"},
		"no stacks": {"allow U0LIN view", "allow takes three words: who, what they may do, " +
			"and on which stacks.", "allow @lin"},
		"nothing":                          {"deny", "deny takes three words", "deny everyone"},
		"empty stacks":                     {`allow U0LIN view ""`, "No stacks are named", "allow @lin"},
		"a set that is never closed":       {"allow U0LIN view web[a", "a set is opened by [ and never closed", "allow @lin"},
		"no name":                          {"allow U0LIN view @production", "there is no name before the @", "allow @lin"},
		"control characters in the stacks": {"allow U0LIN view we\x01b", "characters in it that nobody can see", "allow @lin"},
		"a glob of 201 characters":         {"allow U0LIN view " + strings.Repeat("x", 201), "longer than 200 characters", "allow @lin"},
		"a word too many": {"allow U0LIN view awesome app", "I don't understand “app” after allow. What holds spaces goes " +
			"in quotes.", "allow @lin"},
		"an option of another command": {"allow U0LIN view web --for 2h", "I don't know the option “--for” of allow.", "allow @lin"},
		"no rule":                      {"revoke", "Which rule? Write its id after revoke; access shows them.", "revoke k3f9"},
		"a rule's id that is none":     {"revoke web@production", "“web@production” is no rule's id", "revoke k3f9"},
		"two rules":                    {"revoke a b", "I don't understand “b” after revoke.", "revoke k3f9"},
		"a subscription to nothing": {"subscribe", "Which stacks? Write a name, a pattern or * after " +
			"subscribe.", "subscribe mystack@production"},
		"a malformed pattern":      {"subscribe web[a", "a set is opened by [ and never closed", "subscribe mystack@production"},
		"a pattern without a name": {"subscribe @production", "there is no name before the @", "subscribe mystack@production"},
		"stacks in two words":      {"subscribe web api", "I don't understand “api” after subscribe.", "subscribe mystack@production"},
		"an unknown event": {"subscribe web --events faild", "“faild” is no event. Did you mean failed? There are started, " +
			"succeeded, failed, cancelled, reverted, slow, unhealthy.", "--events failed"},
		"an event that is nothing": {"subscribe web --events failed,purple", "“purple” is no event. There are " +
			"started", "--events failed"},
		"an event missing in a list": {"subscribe web --events failed,,slow", "“” is no event.", "--events failed"},
		"an unknown way": {"subscribe web --via webb", "“webb” is no way to start a deployment. Did you mean web? There are " +
			"web, api, hook.", "--via web"},
		"an unknown type": {"subscribe web --type biuld", "“biuld” is no kind of deployment. Did you mean build? There are " +
			"build, redeploy, scale, first_build, revert.", "--type build"},
		"a mention that is not resolved": {"subscribe web --mention @bob", "“@bob” is a name that Slack did not " +
			"resolve", "--mention @deployers"},
		"a mention of a word": {"subscribe web --mention bob", "“bob” cannot be mentioned by a failure: it takes @name, @group " +
			"or author", "--mention @deployers"},
		"a mention of everyone": {"subscribe web --mention everyone", "“everyone” cannot be mentioned by a " +
			"failure", "--mention @deployers"},
		"a mention of the channel": {"subscribe web --mention <!channel>", "“@channel” cannot be mentioned by a " +
			"failure", "--mention @deployers"},
		"a mention of whoever is here": {"subscribe web --mention <!here|@here>", "“@here” cannot be mentioned by a " +
			"failure", "--mention @deployers"},
		"a mention of nobody": {"subscribe web --mention ,", "--mention needs a @name, a @group or the word author.", "--mention @deployers"},
		"too many to mention": {
			"subscribe web --mention S01,S02,S03,S04,S05,S06,S07,S08,S09,S010,S011", "A failure mentions at most 10 people and groups",
			"--mention @deployers",
		},
		"a trigger by a name of Slack's": {"subscribe web --by <@U0LIN|lin>", "Nobody is known to Cloud 66 by a name of Slack's", "--by lin"},
		"a mention by another name": {"subscribe web --ping <@U0LIN>", "I don't know the option “--ping” of " +
			"subscribe.", "--mention @deployers"},
		"unsubscribe from nothing": {"unsubscribe", "Which stacks? Write a name, a pattern or * after " +
			"unsubscribe.", "unsubscribe mystack@production"},
		"subscriptions of something":  {"subscriptions web", "I don't understand “web” after subscriptions.", "subscriptions"},
		"access of something":         {"access web", "I don't understand “web” after access; only why can stand there.", "access why"},
		"access of somebody":          {"access <@U0LIN|lin>", "I don't understand “@lin” after access", "access why"},
		"why without a stack":         {"access why redeploy", "access why takes a right, such as redeploy, and a stack.", "access why"},
		"why of two rights":           {"access why view,cancel web", "access why takes one right at a time.", "access why"},
		"why of an unknown right":     {"access why redploy web", "did you mean “redeploy”?", "access why"},
		"why for a name not resolved": {"access why view web @bob", "“@bob” is a name that Slack did not resolve", "@lin"},
		"why for a group": {"access why view web <!subteam^S0DEVS|@devs>", "“@devs” is a name that Slack did not " +
			"resolve", "@lin"},
		"why for everyone": {"access why view web everyone", "“everyone” is a name that Slack did not resolve", "@lin"},
		"an unknown outcome": {"list web --outcome faild", "“faild” is no outcome. Did you mean failed? There are running, " +
			"succeeded, failed, cancelled, reverted.", "--outcome failed"},
		"an outcome that is nothing":     {"list web --outcome purple", "“purple” is no outcome. There are running", "--outcome failed"},
		"an option by another name":      {"list web --user lin", "I don't know the option “--user” of list.", "--by lin"},
		"by nobody":                      {"list web --by @", "--by needs a name.", "--by lin"},
		"by somebody with control signs": {"list web --by 'a\x01b'", "The name holds control characters", "--by lin"},
		"a text for stacks too long":     {"stacks " + strings.Repeat("x", 201), "The text has 201 characters", "stacks"},
		"two words for stacks": {"stacks awesome app", "I don't understand “app” after stacks. What holds spaces goes in " +
			"quotes.", "stacks"},
		"a word behind status":         {"status now", "I don't understand “now” after status.", "status"},
		"a command that is nearly one": {"alow U0LIN view web", "I don't know the command “alow”.", "allow @lin"},
		"a verb of buttons":            {"grant U0LIN view web", "I don't know the command “grant”.", "allow"},
		"another verb of buttons":      {"ask view web", "I don't know the command “ask”.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inv, err := Parse(test.text)
			usage, ok := errors.AsType[*UsageError](err)
			if !ok {
				t.Fatalf("Parse(%q) gave %+v, %v", test.text, inv, err)
			}
			if !strings.Contains(usage.What, test.what) {
				t.Errorf("it says %q, not %q", usage.What, test.what)
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

func TestInACardsThreadTheStackMayBeLeftOut(t *testing.T) {
	card := Here{UID: "web1", Deployment: 1042}
	of := func(inv Invocation) Invocation { inv.UID = "web1"; return inv }
	for name, test := range map[string]struct {
		text string
		want Invocation
	}{
		"cancel means the card's deployment": {"cancel", of(Invocation{Verb: Cancel, Deployment: 1042})},
		"cancel another one of its stack":    {"cancel 1043", of(Invocation{Verb: Cancel, Deployment: 1043})},
		"show means the card's deployment":   {"show", of(Invocation{Verb: Show, Deployment: 1042})},
		"show what is live":                  {"show live", of(Invocation{Verb: Show, Options: Options{Which: "live"}})},
		"show another one of its stack":      {"Show #1041", of(Invocation{Verb: Show, Deployment: 1041})},
		"follow":                             {"follow", of(Invocation{Verb: Follow, Deployment: 1042})},
		"list lists its stack":               {"list", of(Invocation{Verb: List})},
		"list, narrowed":                     {"list --outcome failed", of(Invocation{Verb: List, Options: Options{Outcome: "failed"}})},
		"redeploy is of its stack":           {"redeploy", of(Invocation{Verb: Redeploy})},
		"redeploy with options": {"redeploy --ref x —now",
			of(Invocation{Verb: Redeploy, Options: Options{Ref: "x", Now: "true"}})},
		"another stack named all the same":       {"redeploy api --ref x", Invocation{Verb: Redeploy, Stack: "api", Options: Options{Ref: "x"}}},
		"another stack to list":                  {"list api", Invocation{Verb: List, Stack: "api"}},
		"another stack to show":                  {"show api", Invocation{Verb: Show, Stack: "api"}},
		"another stack and what to show":         {"show api live", Invocation{Verb: Show, Stack: "api", Options: Options{Which: "live"}}},
		"a stack for cancel that show would not": {"cancel live", Invocation{Verb: Cancel, Stack: "live"}},
		"what concerns no stack":                 {"help", Invocation{Verb: Help}},
		"nothing is help":                        {"", Invocation{Verb: Help}},
		"the stacks":                             {"stacks", Invocation{Verb: Stacks}},
		"the rules":                              {"access", Invocation{Verb: Access}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseHere(test.text, card)
			if err != nil {
				t.Fatal(err)
			}
			if (got.AskedAt != 0) != (got.UID != "") {
				t.Error("it is as old as a button of long ago")
			}
			got.AskedAt = 0
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got, err := ParseHere("show", Here{UID: "web1"}); err != nil || got.UID != "web1" || got.Deployment != 0 {
		t.Errorf("under a card without a deployment: %+v, %v", got, err)
	}
	for _, text := range []string{"cancel", "show live", "redeploy --ref x", "list"} {
		if inv, err := ParseHere(text, Here{}); err == nil && inv.UID != "" {
			t.Errorf("%s under no card is %+v", text, inv)
		}
	}
	for _, text := range []string{"redeploy --ref 'a b'", "list --outcome purple", "access why redeploy", "cancel api now"} {
		if inv, err := ParseHere(text, card); err == nil {
			t.Errorf("%s is taken as %+v", text, inv)
		}
	}
}

func TestWhatWasAskedForInACardsThreadIsDone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.cloud.runs("web1", true)
		mention := func(text string) Reply {
			inv, err := ParseHere(text, Here{UID: "web1", Deployment: 6})
			if err != nil {
				t.Fatal(err)
			}
			return r.Do(t.Context(), request(inv, lin, here))
		}
		if yes := yesIn(t, mention("cancel")); yes.Deployment != 6 {
			t.Errorf("it asks about %+v", yes)
		}
		if got := as[DetailReply](t, mention("show 4")).Entry.Deployment.ID; got != 4 {
			t.Errorf("it shows #%d", got)
		}
		as[ListReply](t, mention("list"))
		of(t, "open", mention("redeploy"))
		silent(t, mention("redeploy --ref x --wait"))
		if diff := cmp.Diff([]string{"redeploy web1"}, r.progress.done); diff != "" || r.progress.follow.Wish.Ref != "x" {
			t.Errorf("%s%+v", diff, r.progress.follow)
		}
	})
}

func TestNamesThatSlackLeftOutAreAdded(t *testing.T) {
	asked := 0
	user := func(id string) string {
		asked++
		return map[string]string{"U0SAM": "Sam O'Neil <|>", "U0LIN": "lin"}[id]
	}
	group := func(id string) string { return map[string]string{"S0DEVS": "devs"}[id] }
	for text, want := range map[string]string{
		`--reason "<@U0SAM> and <@U0SAM|> said so"`: "@Sam O'Neil and @Sam O'Neil said so",
		"--reason <@U0SAM>":                         "@Sam O'Neil",
		"--reason <@U0LIN|lin.chen>":                "@lin.chen",
		"--reason <!subteam^S0DEVS>":                "@devs",
		"--reason <!subteam^S0DEVS|@dev-team>":      "@dev-team",
		"--reason <@U0GONE>":                        "@someone",
		"--reason <!subteam^S0GONE>":                "@someone",
		"--reason &lt;@U0SAM&gt;":                   "<@U0SAM>",
		"--reason <!here>":                          "@here",
	} {
		inv, err := Parse("redeploy web " + Label(text, user, group))
		if err != nil || inv.Options[Reason] != want {
			t.Errorf("%s gives the reason %q, %v", text, inv.Options[Reason], err)
		}
	}
	if inv, err := Parse(Label("allow <@U0SAM> view web", user, group)); err != nil || inv.Options[Who] != "U0SAM" {
		t.Errorf("the one whom a rule is for is %q, %v", inv.Options[Who], err)
	}
	asked = 0
	many := ""
	for i := range 100 {
		many += fmt.Sprintf("<@U0%d> <@U0%d> ", i, i)
	}
	if got := Spoken(Label(many, user, group)); asked != maxLabelled || strings.Contains(got, "U0") {
		t.Errorf("%d names are looked up: %s", asked, got)
	}
	if got := Spoken("redeploy web --reason <@U0SAM>"); got != "redeploy web --reason @someone" {
		t.Errorf("without a look it is %q", got)
	}
}
