package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/cloud66"
)

func TestWhoMayNothingIsRefusedWithoutARequestToCloud66(t *testing.T) {
	for text, right := range map[string]authz.Action{
		"list web": authz.View, "show web live": authz.View, "follow web": authz.View, "redeploy web --now": authz.Redeploy,
		"redeploy wbe": authz.Redeploy,
		"cancel web 1": authz.Cancel, `list "no such stack"`: authz.View, "stacks": authz.View, "access": authz.View,
		"access why cancel web": authz.View,
		"allow <@U0SAM> all *":  authz.Admin, "deny <@U0LIN> all *": authz.Admin, "revoke k3f9": authz.Admin,
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cloud.has("web1", 3)
			refusal := refusalOf(t, r.say(sam, text), right)
			if diff := cmp.Diff(Admins{Users: []string{lin}, Groups: []string{ops}}, refusal.Admins); diff != "" {
				t.Errorf("%s: who could help (-want +got):\n%s", text, diff)
			}
			if refusal.Stack != nil || len(refusal.Near) > 0 || len(refusal.Holders) > 0 {
				t.Errorf("%s is refused with %+v", text, refusal)
			}
			if r.stacks.asked() > 0 || len(r.cloud.calls) > 0 {
				t.Errorf("%s: Cloud 66 was asked %d times for stacks and for %q", text, r.stacks.asked(), r.cloud.calls)
			}
			if len(r.rulesOf(here)) > 0 {
				t.Error("there is a rule")
			}
			r.nothingDone()
		})
	}
}

func TestAButtonIsJudgedByWhoClicksIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		r.cloud.runs("web1", true)
		yes := yesIn(t, r.say(lin, "cancel web@production"))
		for _, inv := range []Invocation{
			yes, {Verb: Refresh, UID: "web1", Deployment: 3, Follow: "card"}, {Verb: Cancel, UID: "web1", Deployment: 3, Yes: true},
			{Verb: Redeploy, UID: "web1", Options: Options{Now: "true"}, AskedAt: time.Now().Unix()},
			{Verb: List, UID: "web1", Options: Options{Page: "2"}},
		} {
			as[RefusalReply](t, r.click(sam, inv))
			as[RefusalReply](t, r.clickIn(there, sam, inv))
		}
		r.nothingDone()
		noticeIn(t, r.click(sam, Invocation{Verb: Dismiss}))
	})
}

func TestWhatNoCommandDoesTellsNoStack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		refusalOf(t, r.Do(t.Context(), request(Invocation{Verb: "delete", Stack: "web"}, sam, here)), "")
		if r.stacks.asked() > 0 {
			t.Error("stacks were read for a command that there is not")
		}
		r.nothingDone()
	})
}

// forWhoHas gives the commands that can be typed by who has these rights, and no other.
func forWhoHas(rights ...authz.Action) (verbs []Verb) {
	for _, spec := range Specs {
		if !spec.Button && (spec.Right == "" || slices.Contains(rights, spec.Right)) {
			verbs = append(verbs, spec.Verb)
		}
	}
	return verbs
}

func TestAMemberOfAnAdminsGroupIsAnAdmin(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.slack.members[ops] = []string{sam}
		as[ListReply](t, r.say(sam, "list web@production"))
		if help := as[HelpReply](t, r.say(sam, "help")); help.MayNot || len(help.Specs) != len(forWhoHas(authz.Actions...)) {
			t.Error("help does not offer everything")
		}
	})
}

func TestWhereAGroupCannotBeReadNobodyIsCalledNoAdmin(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.slack.noGroups = errors.New("usergroups.users.list: ratelimited")
		for _, text := range []string{"redeploy web --now", "list web", "help", "stacks", "access", "allow everyone view *"} {
			p := problemThat(t, r.say(sam, text), "I cannot tell whether you may", "Nothing was done.", "Try again in a minute")
			if p.Ref == "" || !strings.Contains(r.log.String(), "ref="+p.Ref) || !strings.Contains(r.log.String(), "ratelimited") {
				t.Errorf("the log does not say why under %q:\n%s", p.Ref, r.log)
			}
			if e := r.lastAudit(); text != "help" && (e.Allowed || !strings.Contains(e.Reason, "ratelimited")) {
				t.Errorf("%s is recorded as %+v", text, e)
			}
		}
		if r.stacks.asked() > 0 {
			t.Error("stacks were read")
		}
		r.nothingDone()
		as[ListReply](t, r.say(lin, "list web@production")) // who is named needs no group
	})
}

func TestARuleGivesItsRightInItsChannelAlone(t *testing.T) {
	for _, who := range []string{"<@U0SAM>", "<!subteam^S0DEVS|@devs>", "everyone"} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.slack.members[devs] = []string{sam}
			r.cloud.has("web2", 3)
			r.rule("allow " + who + " view web@staging")
			as[ListReply](t, r.say(sam, "list web@staging"))
			as[ListReply](t, r.say(sam, "list web")) // the other one is, to them, not there
			refusalOf(t, r.say(sam, "redeploy web --now"), authz.Redeploy)
			refusalOf(t, r.sayIn(there, sam, "list web@staging"), authz.View)
			refusalOf(t, r.sayIn(direct, sam, "list web@staging"), authz.View)
			if diff := cmp.Diff([]string{"range web2 0+10", "range web2 0+10"}, r.cloud.calls); diff != "" {
				t.Errorf("%s (-want +got):\n%s", who, diff)
			}
		})
	}
}

func TestStrangersAndBotsAreNobodyUnlessARuleNamesThem(t *testing.T) {
	for _, who := range []string{robot, guest, gone} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.slack.members[devs] = []string{who}
			r.rule("allow everyone all *")
			r.rule("allow <!subteam^S0DEVS> all *")
			if refusal := refusalOf(t, r.say(who, "list web"), authz.View); refusal.Ask != nil {
				t.Errorf("%s may ask: %+v", who, refusal.Ask)
			}
			if who != gone {
				r.rule("allow <@" + who + "> view web@staging")
				as[ListReply](t, r.say(who, "list web"))
			}
		})
	}
}

func TestInADirectMessageOnlyTheConfiguredAdminsAct(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.rule("allow <@U0SAM> all *")
		as[ListReply](t, r.sayIn(direct, lin, "list web@production"))
		refusal := refusalOf(t, r.sayIn(direct, sam, "list web@production"), authz.View)
		if !refusal.Direct || refusal.Ask != nil {
			t.Errorf("the refusal offers what does not help: %+v", refusal)
		}
	})
}

func TestHelpShowsWhatThisPersonMayDo(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		all := as[HelpReply](t, r.say(lin, "help"))
		if len(all.Specs) != len(forWhoHas(authz.Actions...)) || all.MayNot || all.Topic != nil {
			t.Errorf("an admin's help: %+v", all)
		}
		if topic := as[HelpReply](t, r.say(lin, "help cancel")).Topic; topic == nil || topic.Verb != Cancel {
			t.Errorf("help on cancel: %+v", topic)
		}
		if ask := refusalOf(t, r.say(sam, "help cancel"), authz.Cancel).Ask; ask == nil || ask.Then != "" {
			t.Errorf("the help on what they may not asks for %+v", ask)
		}
		for _, text := range []string{"", "help"} {
			none := as[HelpReply](t, r.say(sam, text))
			if verbs := verbsOf(none); !none.MayNot || none.Topic != nil || !slices.Equal(verbs, forWhoHas()) || none.Ask == nil ||
				none.Ask.Options[Actions] != "view" {
				t.Errorf("the help of who may nothing: %q, %+v", verbs, none)
			}
		}
		r.rule("allow everyone view,cancel web")
		refusalOf(t, r.say(sam, "help redeploy"), authz.Redeploy)
		some := as[HelpReply](t, r.say(sam, "help"))
		if diff := cmp.Diff(forWhoHas(authz.View, authz.Cancel), verbsOf(some)); diff != "" || some.MayNot || some.Topic != nil {
			t.Errorf("the help of who may look and cancel, %+v (-want +got):\n%s", some.Topic, diff)
		}
		r.rule("allow <@U0KIM> admin *")
		if diff := cmp.Diff(forWhoHas(authz.View, authz.Cancel, authz.Admin), verbsOf(as[HelpReply](t, r.say(kim, "help")))); diff != "" {
			t.Errorf("the help of who may make rules (-want +got):\n%s", diff)
		}
	})
}

func verbsOf(help HelpReply) []Verb {
	var verbs []Verb
	for _, s := range help.Specs {
		verbs = append(verbs, s.Verb)
	}
	return verbs
}

func TestAnUnknownStackIsAnsweredWithTheNearest(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		problemThat(
			t,
			r.say(lin, `redeploy "awesome ap" --now`),
			"I know no stack “awesome ap”.",
			"Did you mean “awesome app@production”?",
		)
		near := problemThat(t, r.say(lin, "show webb"), "Did you mean one of these: “web@production”, “web@staging”?")
		if near.Example != "" || len(near.Choices) != 2 {
			t.Errorf("the example %q and %d buttons, want the buttons alone", near.Example, len(near.Choices))
		}
		if p := problemThat(t, r.say(lin, "list nothing-like-it"), "I know no stack", "dashboard"); p.Example != "" {
			t.Errorf("an example of a stack that is not meant: %q", p.Example)
		}
		problemThat(t, r.click(lin, Invocation{Verb: List, UID: "gone"}), "not there any more", "Nothing was done.")
		r.nothingDone()
	})
}

func TestOfStacksOfOneNameThatOfTheNearestEnvironmentComesFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		problemThat(t, r.say(lin, "show web@stagign"), "Did you mean one of these: “web@staging”, “web@production”?")
		problemThat(t, r.say(lin, "show web@prodiction"), "Did you mean one of these: “web@production”, “web@staging”, “api@production”?")
	})
}

func TestASentencesEndIsNoPartOfAStacksName(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "web@staging", authz.View))
		for _, end := range []string{".", "...", "…", "?", ",", "!"} {
			for _, name := range []string{"web@staging", "WEB@stag", "*web@staging*"} {
				if text := r.say(sam, "list "+name+end).Document().Fallback().String(); !strings.HasPrefix(text, "web@staging") {
					t.Errorf("%s%s is answered %q", name, end, text)
				}
			}
		}
		for _, none := range []string{"web@production.", "?", "...", "web.staging"} {
			refusalOf(t, r.say(sam, "list "+none), authz.View)
		}
	})
}

func TestAnAmbiguousNameIsAskedAboutWithButtonsThatCarryOn(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web2", 3)
		choice := choiceIn(t, r.say(lin, "redeploy web --ref main --reason why"))
		if diff := cmp.Diff("“web” matches 2 stacks. Which one?", choice.What); diff != "" {
			t.Error(diff)
		}
		if len(choice.Options) != 2 || choice.Options[0].Label != "web@production" || choice.Options[1].Label != "web@staging" {
			t.Fatalf("options %+v", choice.Options)
		}
		if reply := r.click(lin, choice.Options[1].Invocation); reply != nil {
			t.Errorf("the choice was answered %+v", reply)
		}
		if diff := cmp.Diff([]string{"redeploy web2"}, r.progress.done); diff != "" || r.progress.follow.Wish.Ref != "main" ||
			r.progress.follow.Wish.Reason != "why" {
			t.Errorf("%s%+v", diff, r.progress.follow)
		}
		for _, option := range choice.Options { // a second click, or one on the other stack
			if n := noticeIn(t, r.click(lin, option.Invocation)); !strings.Contains(n.Text, "not done twice") {
				t.Errorf("it says %q", n.Text)
			}
		}
		if len(r.progress.done) != 1 {
			t.Errorf("one wish was done as %q", r.progress.done)
		}
	})
}

func TestAChoiceOfLongAgoDeploysNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		choice := choiceIn(t, r.say(lin, "redeploy web --now"))
		read := choiceIn(t, r.say(lin, "list web"))
		time.Sleep(30 * 24 * time.Hour)
		problemThat(t, r.click(lin, choice.Options[0].Invocation), "That is more than 15 min old.", "Nothing was done.")
		r.nothingDone()
		as[ListReply](t, r.click(lin, read.Options[0].Invocation)) // what only reads does so for ever
		if reply := r.click(lin, Invocation{Verb: Redeploy, UID: "web1", Options: Options{Now: "true"}}); as[ProblemReply](
			t,
			reply,
		).State != "Nothing was done." {
			t.Error("a button without a date was taken for a new one")
		}
		r.nothingDone()
	})
}

func TestAChoiceOffersAtMostTwentyAndSaysSo(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for i := range 30 {
			r.stacks.stacks = append(r.stacks.stacks, stack(fmt.Sprint("u", i), "many", fmt.Sprint("env", i), ""))
		}
		choice := choiceIn(t, r.say(lin, "list many"))
		if len(choice.Options) != 20 || !strings.Contains(choice.What, "matches 30 stacks; here are the first 20") {
			t.Errorf("%d options under %q", len(choice.Options), choice.What)
		}
	})
}

func TestOneLineInTheLogTellsOfEachCommand(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.say(sam, "list web@production")
		for _, part := range []string{"level=INFO", `asked="list web@production"`, "user=U0SAM", "channel=C0", "stack=web@production",
			`result="refused: ⛔ You may not look at stacks here.`, "took_ms=0 ", "operation=command:"} {
			if !strings.Contains(r.log.String(), part) {
				t.Errorf("the log lacks %s: %s", part, r.log)
			}
		}
	})
}

func TestCloud66sErrorInAReadIsToldWithAReferenceThatTheLogHas(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		r.cloud.err = &cloud66.Error{
			Kind:    cloud66.ErrServer,
			Method:  "GET",
			Path:    "/stacks/web1/deployments",
			Status:  502,
			Message: "Bad Gateway",
		}
		for _, text := range []string{"list web@production", "show web@production", "redeploy web@production --now", "cancel web@production",
			"follow web@production 3"} {
			p := problemThat(t, r.say(lin, text), "HTTP 502", "Bad Gateway", "Nothing was done.", "Try again in a minute")
			if p.Ref == "" || !strings.Contains(r.log.String(), "ref="+p.Ref) {
				t.Errorf("%s: the reference %q is not in the log", text, p.Ref)
			}
		}
		r.nothingDone()
	})
}

func TestTheExampleOfAPromotionIsOneThatTheUserMayMake(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.listed()
		r.rule("allow <@U0SAM> redeploy web@staging")
		r.rule("allow <@U0KIM> redeploy web")
		for user, want := range map[string]string{
			lin: "promote web@staging production", sam: "promote <stack> <environment>", kim: "promote web@staging production",
		} {
			if got := as[HelpReply](t, r.say(user, "help promote")).Topic.Examples[0]; got != want {
				t.Errorf("%s is shown %q, want %q", user, got, want)
			}
		}
	})
}
