package commands

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
)

// unread gives the answer to a line that cannot be read.
func (r *rig) unread(user, text string) Reply {
	r.t.Helper()
	inv, err := Parse(text)
	usage, ok := err.(*UsageError) //nolint:errorlint // the parser's own
	if !ok {
		r.t.Fatalf("%q is read as %+v", text, inv)
	}
	return r.Unread(r.t.Context(), request(Invocation{}, user, here), text, Here{}, usage)
}

// listed has the list of stacks be read.
func (r *rig) listed() {
	r.t.Helper()
	r.say(lin, "stacks")
}

func TestALineThatCannotBeReadComesBackRepairedAndRuns(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.listed()
		for text, want := range map[string]string{
			// What the value of an option is.
			"redeploy web@prod --ref main --reason fix the login":     `redeploy web@prod --ref main --reason "fix the login"`,
			"redeploy web@prod --reason fix the login --ref main":     `redeploy web@prod --ref main --reason "fix the login"`,
			"redeploy web@prod --reason=fix the login":                `redeploy web@prod --reason "fix the login"`,
			"redeploy --reason fix the login web@prod":                `redeploy web@prod --reason "fix the login"`,
			"redeploy web@prod --reason don't break it":               `redeploy web@prod --reason "don't break it"`,
			"redeploy web@prod --because fix the login":               `redeploy web@prod --reason "fix the login"`,
			"redeploy api --services api:1.4.2, worker":               "redeploy api --services api:1.4.2,worker",
			"list web@prod --by sam smith":                            `list web@prod --by "sam smith"`,
			"subscribe web@production --events failed, slow --by kim": "subscribe web@production --events failed,slow --by kim",
			// Which stack it is.
			"list web prod":                      "list web@prod",
			"list web @production":               "list web@production",
			"list web @ production":              "list web@production",
			"list web@ production":               "list web@production",
			"list awesome app":                   `list "awesome app"`,
			"list awesome app prod":              `list "awesome app@prod"`,
			"list shop qa":                       "list shop@qa",
			"show web staging latest":            "show web@staging latest",
			"cancel web prod":                    "cancel web@prod",
			"deploy web to production":           "redeploy web@production",
			"redeploy web in staging please":     "redeploy web@staging",
			"list the deployments of web":        "list web",
			"stacks awesome app":                 `stacks "awesome app"`,
			"web@production":                     "show web@production",
			"show 1042 web":                      "show web 1042",
			"redeploy v1.2 api":                  "redeploy api --ref v1.2",
			"redeploy v1.2 web":                  "redeploy web --ref v1.2",
			"redeploy web@prod v1.2":             "redeploy web@prod --ref v1.2",
			"redeploy web@prod feature/login":    "redeploy web@prod --ref feature/login",
			"redeploy web@prod canary":           "redeploy web@prod --profile canary",
			"redeploy api api:1.4.2,worker":      "redeploy api --services api:1.4.2,worker",
			"redeploy web@prod fix the login":    `redeploy web@prod --reason "fix the login"`,
			`redeploy web@prod main "try it"`:    `redeploy web@prod --ref main --reason "try it"`,
			`redeploy web@prod "try it"`:         `redeploy web@prod --reason "try it"`,
			"subscribe web@production failures":  "subscribe web@production --events failed",
			"access why U0SAM redeploy web@prod": "access why redeploy web@prod U0SAM",
			"rollback web@prod 1041":             "rollback web@prod --to 1041",
			"subscribe web@production U0SAM":     "subscribe web@production --mention U0SAM",
			"version":                            "status",
			"who":                                "access",
			"list web@prod failed":               "list web@prod --outcome failed",
			"list web@prod lin":                  "list web@prod --by lin",
			"list web@prod ẞa":                   "list web@prod --by ẞa",
			"list web@prod 2":                    "list web@prod --page 2",
			"subscribe web@production failed":    "subscribe web@production --events failed",
			// Which command it is.
			"redploy web":          "redeploy web",
			"deploy web":           "redeploy web",
			"Restart web@prod":     "redeploy web@prod",
			"logs web":             "list web",
			"status web":           "show web",
			"web redeploy":         "redeploy web",
			"please redeploy web":  "redeploy web",
			"stop web@prod 3":      "cancel web@prod 3",
			"help deploy":          "help redeploy",
			"help redploy":         "help redeploy",
			"redeploy --help":      "help redeploy",
			"list web --help":      "help list",
			"grant U0SAM view web": "allow U0SAM view web",
			// What is asked.
			"what is live on web":            "show web",
			"what is live on web production": "show web@production",
			"is web@staging well?":           "show web@staging",
			"Why did awesome app fail?":      `show "awesome app"`,
			"who deployed web?":              "show web",
			"what's live?":                   "stacks",
			"which stacks are ill":           "stacks",
			"who may redeploy web@prod":      "access",
			"can I deploy web?":              "access",
			// What an option is called.
			"redeploy web@prod --brnch main":       "redeploy web@prod --ref main",
			"redeploy web@prod --branch=main":      "redeploy web@prod --ref main",
			"redeploy web@prod -ref main":          "redeploy web@prod --ref main",
			"redeploy web@prod ref main":           "redeploy web@prod --ref main",
			"redeploy web@prod ref=main":           "redeploy web@prod --ref main",
			"redeploy web@prod --ref:main":         "redeploy web@prod --ref main",
			"redeploy web@prod branch main":        "redeploy web@prod --ref main",
			"redeploy web@prod now":                "redeploy web@prod --now",
			"redeploy web@prod --now=yes":          "redeploy web@prod --now",
			"redeploy web@prod --now yes":          "redeploy web@prod --now",
			"list web@prod --user lin":             "list web@prod --by lin",
			"list --pgae 2 web@prod":               "list web@prod --page 2",
			"redeploy web@prod --ref x --ref x":    "redeploy web@prod --ref x",
			"redeploy web@prod -- --ref main":      "redeploy web@prod --ref main",
			"redeploy web@prod --reff main reason": "redeploy web@prod --ref main",
			// What a value is.
			"list web@prod --page two":                       "list web@prod --page 2",
			"list web@prod --outcome fialed":                 "list web@prod --outcome failed",
			"list web@prod --outcome=sucess":                 "list web@prod --outcome succeeded", //nolint:misspell // the slip is what it mends
			"show web@prod lastest":                          "show web@prod latest",
			"show web@prod current":                          "show web@prod live",
			"cancel web@prod #1042.":                         "cancel web@prod 1042",
			"allow U0SAM deploy web":                         "allow U0SAM redeploy web",
			"allow U0SAM veiw,deploy web":                    "allow U0SAM view,redeploy web",
			"allow U0SAM view, redeploy web":                 "allow U0SAM view,redeploy web",
			"allow redeploy U0SAM web":                       "allow U0SAM redeploy web",
			"allow U0SAM to redeploy on web":                 "allow U0SAM redeploy web",
			"subscribe web@production --events failure,slwo": "subscribe web@production --events failed,slow",
			// How long a lock holds.
			"lock web migration for 2h":              "lock web migration --for 2h",
			"lock web@prod for 2h a migration":       `lock web@prod "a migration" --for 2h`,
			"lock web@prod a migration 90min":        `lock web@prod "a migration" --for 90min`,
			"lock web@prod migration for 2 days":     "lock web@prod migration --for 2d",
			"lock web@prod 1 week of migrations":     `lock web@prod "of migrations" --for 1w`,
			"lock web@prod --for 2 hours migration":  "lock web@prod migration --for 2h",
			"freeze web@prod migration for 1D":       "lock web@prod migration --for 1d",
			"lock web@prod it is for 3h a migration": `lock web@prod "it is a migration" --for 3h`,
			// Where a quote is open.
			`list "awesome app`:                                `list "awesome app"`,
			`redeploy web@prod --reason "fix it`:               `redeploy web@prod --reason "fix it"`,
			`redeploy web@prod --reason "fix it --ref main`:    `redeploy web@prod --ref main --reason "fix it"`,
			`redeploy web@prod --ref main" --now`:              "redeploy web@prod --ref main --now",
			`redeploy web@prod --reason “fix it --now`:         `redeploy web@prod --reason "fix it" --now`,
			"redeploy web@prod --ref main --raeson fix the it": `redeploy web@prod --ref main --reason "fix the it"`,
		} {
			got, ok := r.unread(lin, text).(UsageReply)
			if !ok || got.Line != want {
				t.Errorf("%s\n\tgives %q (%s)\n\twant  %q", text, got.Line, got.What, want)
				continue
			}
			if text == "allow U0SAM to redeploy on web" && got.What != "I read that without “to”, “on”." {
				t.Errorf("%s is answered %q", text, got.What)
			}
			if text == "redeploy web@prod --reff main reason" {
				if got.Run != nil {
					t.Errorf("%s leaves something out, and runs", text)
				}
				continue
			}
			if got.Run == nil {
				t.Errorf("%s: there is no button", text)
				continue
			}
			inv := throughSlack(t, *got.Run)
			if typed, err := Parse(want); err != nil || inv.Typed() != typed.Typed() || inv.Nonce == "" || inv.AskedAt == 0 {
				t.Errorf("%s: the button does %q, %v", text, inv.Typed(), err)
			}
		}
	})
}

func TestWhatIsLeftOutOrMissingIsALineToCopy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.listed()
		for text, want := range map[string]string{
			"redeploy web@prod --ref a --ref b":      "redeploy web@prod --ref b",
			"show web@prod --page 2":                 "show web@prod",
			"redeploy web@prod --now --colour red":   "redeploy web@prod --now",
			"status now":                             "status",
			"redeploy web@prod --ref":                "redeploy web@prod --ref REF",
			"redeploy web@prod --ref 'a b' --now":    "redeploy web@prod --ref REF --now",
			"list web@prod --page=zero":              "list web@prod --page N",
			"redeploy web@prod --services= --now":    "redeploy web@prod --services a:tag,b --now",
			"allow <@U0SAM|sam> view":                "allow @sam view <stacks>",
			"allow":                                  "allow WHO ACTIONS <stacks>",
			"revoke":                                 "revoke RULE",
			"redeploy web@prod -b main -r x":         "redeploy web@prod",
			"subscribe web@production #deploys":      "subscribe web@production",
			"undo":                                   "rollback <stack>",
			"lock web fri --window fri":              `lock web fri --every "fri 16:00-mon 08:00"`,
			"lock web 2h":                            "lock web --for 2h REASON",
			"lock web for 2 days":                    "lock web --for 2d REASON",
			"redeploy web@prod --ref main --yes":     "redeploy web@prod --ref main",
			"access why U0SAM 7 web":                 "access why ACTION 7 [@user]",
			"subscribe --events failed":              "subscribe --events failed <stacks>",
			"redeploy web@prod --ref main --profile": "redeploy web@prod --ref main --profile NAME",
		} {
			got, ok := r.unread(lin, text).(UsageReply)
			if !ok || got.Line+got.Shape != want || got.Run != nil {
				t.Errorf("%s\n\tgives %q %q, %v\n\twant  %q", text, got.Line, got.Shape, got.Run, want)
			}
		}
	})
}

func TestARepairedChangeIsJudgedWhenItIsClickedAndGrowsOld(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.listed()
		run := *as[UsageReply](t, r.unread(sam, "redeploy web@prod --reason fix the login")).Run
		refusalOf(t, r.click(sam, run), authz.Redeploy)
		silent(t, r.click(lin, run))
		if want := "fix the login"; r.progress.follow.Wish.Reason != want {
			t.Errorf("the reason is %q", r.progress.follow.Wish.Reason)
		}
		late := *as[UsageReply](t, r.unread(lin, "redeploy web@prod --ref main --reason fix the login")).Run
		late.AskedAt -= int64((questionAge + 1e9).Seconds())
		problemThat(t, r.click(lin, late), "more than 15 min old")
	})
}

func TestAnExampleIsAboutAStackThatOneSees(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.listed()
		r.put(allow(sam, "web@staging", authz.View))
		for user, want := range map[string]string{lin: "api@production", sam: "web@staging", kim: ""} {
			got := as[UsageReply](t, r.unread(user, "list nothing-there"+strings.Repeat(" so many words", 20)))
			if said := got.Document().Fallback().String(); strings.Contains(said, "mystack") || !strings.Contains(said, want) || got.Line != "" {
				t.Errorf("%s is told %s", user, said)
			}
		}
	})
}

func TestWhereNoStackIsNamedTheFewThatOneSeesAreButtons(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.listed()
		r.put(allow(sam, "web", authz.View))
		asked := choiceIn(t, r.unread(sam, "show"))
		if asked.What != "Which stack?" || len(asked.Options) != 2 || asked.Options[0].Label != "web@production" ||
			asked.Options[0].Invocation.UID != "web1" || asked.Options[0].Invocation.Verb != Show {
			t.Errorf("%+v", asked)
		}
		got := choiceIn(t, r.unread(lin, "list --outcome failed"))
		if len(got.Options) != 4 || got.Options[0].Invocation.Options[Outcome] != "failed" {
			t.Errorf("%+v", got)
		}
		if shape := as[UsageReply](t, r.unread(kim, "list --outcome failed")).Shape; shape != "list --outcome failed <stack>" {
			t.Errorf("who sees none is told %q", shape)
		}
		for i := range 3 * maxWhich {
			r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{
				UID: fmt.Sprint("m", i), Name: fmt.Sprint("many", i), Environment: "x", LastActivity: time.Now().Add(time.Duration(i) * time.Minute),
			})
		}
		time.Sleep(directoryAge + time.Second)
		r.listed()
		many := choiceIn(t, r.unread(lin, "list --outcome failed"))
		if !strings.HasPrefix(many.What, "Which stack? Here are the 10 with the latest activity, of 34.") || len(many.Options) != maxWhich ||
			many.Options[0].Label != "many29@x" || many.Options[9].Label != "many20@x" {
			t.Errorf("asked is %+v", many)
		}
		if still := choiceIn(t, r.unread(sam, "show")); len(still.Options) != 2 || still.What != "Which stack?" {
			t.Errorf("who sees two is asked %+v", still)
		}
	})
}

func TestATimeThatIsPartOfAReasonIsLeftThere(t *testing.T) {
	for text, want := range map[string]string{
		`lock web "migration for 2h"`:         "migration for 2h",
		"lock web the 2h migration runs":      "the 2h migration runs",
		"lock web --for 1h redo the 2h":       "redo the 2h",
		"lock web ticket 2h4k is open":        "ticket 2h4k is open",
		"lock web 3 hours' work is in vain":   "3 hours' work is in vain",
		"lock web version 2 day by day":       "version 2 day by day",
		"redeploy web --reason '2h are over'": "2h are over",
	} {
		inv, err := Parse(text)
		if err != nil || inv.Options[Reason] != want {
			t.Errorf("%s is read as %q, %v", text, inv.Options[Reason], err)
		}
		if again, err := Parse(inv.Typed()); err != nil || again.Options[Reason] != want {
			t.Errorf("%s is read as %q, %v", inv.Typed(), again.Options[Reason], err)
		}
	}
}

func TestAQuestionInTheThreadOfACardIsAboutItsStack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.listed()
		const text = "why did it fail?"
		card := Here{UID: "web1", Deployment: 5}
		_, err := ParseHere(text, card)
		usage, _ := errors.AsType[*UsageError](err)
		got := as[UsageReply](t, r.Unread(t.Context(), request(Invocation{}, lin, here), text, card, usage))
		if got.Run == nil || got.Run.Verb != Show || got.Run.UID != "web1" || got.Run.Deployment != 5 {
			t.Errorf("%+v", got)
		}
	})
}
