package commands

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

func TestARuleIsMadeAndTheChannelIsTold(t *testing.T) {
	for text, want := range map[string]struct {
		storage.Rule
		says string
	}{
		"allow <@U0SAM|sam> view,redeploy web@staging": {
			storage.Rule{Who: sam, Actions: []string{"view", "redeploy"}, Stacks: "web@staging"},
			"<@U0LIN> made a rule for this channel: allow <@U0SAM> view, redeploy on `web@staging`",
		},
		"allow <!subteam^S0DEVS|@devs> all 'web*'": {
			storage.Rule{Who: devs, Actions: []string{"view", "redeploy", "cancel", "subscribe", "lock", "approve"}, Stacks: "web*"},
			"allow @devs view, redeploy, cancel, subscribe, lock, approve on `web*`",
		},
		"deny everyone redeploy *@production": {
			storage.Rule{Who: "everyone", Deny: true, Actions: []string{"redeploy"}, Stacks: "*@production"},
			"deny everyone redeploy on `*@production`",
		},
		"allow <@U0SAM> admin *": {storage.Rule{Who: sam, Actions: []string{"admin"}, Stacks: "*"}, "allow <@U0SAM> admin on `*`"},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			silent(t, r.say(lin, text))
			if len(r.channels.said) != 1 {
				t.Fatalf("%s: the channel is told %+v", text, r.channels.said)
			}
			told := r.channels.said[0]
			if !strings.HasPrefix(told.Key, "rule/") || told.Parent != "" {
				t.Errorf("%s: the message is %q under %q", text, told.Key, told.Parent)
			}
			want.ID, want.Channel, want.By, want.At = ruleIn(t, told.Reply), here, lin, time.Now()
			if says := told.Reply.Document().Fallback().String(); !strings.Contains(says, want.says) {
				t.Errorf("%s: the channel is told %q", text, says)
			}
			rules, err := r.Authz.Rules(t.Context(), here)
			if diff := cmp.Diff([]storage.Rule{want.Rule}, rules); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
			}
		})
	}
}

func TestARuleCountsFromTheMomentItIsMadeUntilItIsRevoked(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web2", 3)
		as[RefusalReply](t, r.say(sam, "list web")) // so that the channel's rules are remembered
		allowed := r.rule("allow everyone view web@staging")
		as[ListReply](t, r.say(sam, "list web"))
		denied := r.rule("deny <@U0SAM> view *")
		as[RefusalReply](t, r.say(sam, "list web"))
		as[ListReply](t, r.say(kim, "list web"))
		r.rule("revoke " + denied)
		as[ListReply](t, r.say(sam, "list web"))
		r.rule("revoke " + strings.ToUpper(allowed))
		as[RefusalReply](t, r.say(sam, "list web"))
		const want = "<@U0LIN> took back a rule of this channel: allow everyone view on `web@staging`"
		told := r.channels.said[3].Reply
		if says := told.Document().Fallback().String(); ruleIn(t, told) != allowed || !strings.Contains(says, want) {
			t.Errorf("the channel is told %q", says)
		}
	})
}

func TestTheRightToMakeRulesIsAskedAboutOnceWhenEveryoneGetsIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, actions := range []string{"admin", "view,admin", "all,admin"} {
			yes := yesIn(t, r.say(lin, "allow everyone "+actions+" *"))
			if n := len(r.rulesOf(here)); n != 0 {
				t.Fatalf("%d rules without an answer", n)
			}
			refusalOf(t, r.click(sam, yes), authz.Admin)
			silent(t, r.click(lin, yes))
			want, _ := authz.ParseActions(actions)
			if diff := cmp.Diff([]string{"allow everyone " + joinActions(want, ",") + " *"}, r.rulesOf(here)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			r.rule("revoke " + ruleIn(t, r.channels.said[len(r.channels.said)-1].Reply))
			late := yesIn(t, r.say(lin, "allow everyone "+actions+" *"))
			time.Sleep(questionAge + time.Second)
			problemThat(t, r.click(lin, late), "more than 15 min old", "Nothing was done.")
		}
		for _, unasked := range []string{"allow everyone all *", "allow <!subteam^S0DEVS|@devs> admin *", "deny everyone admin *"} {
			silent(t, r.say(lin, unasked))
		}
	})
}

func TestTheSameRuleTwiceIsOne(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		id := r.rule("allow <@U0SAM> view,redeploy web")
		for _, text := range []string{"allow <@U0SAM> view,redeploy web", "allow U0SAM redeploy,view WEB"} {
			noticeThat(t, r.say(lin, text), "That rule stands already: it is "+id+".", "Nothing was changed.")
		}
		r.rule("deny <@U0SAM> view,redeploy web")
		r.rule("allow <@U0SAM> view web")
		if n := len(r.rulesOf(here)); n != 3 || len(r.channels.said) != 3 {
			t.Errorf("%d rules, %d messages", n, len(r.channels.said))
		}
	})
}

func TestTheSameOperationDeliveredTwiceMakesOneRule(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		make1, make2 := request(
			Invocation{Verb: Allow, Options: Options{Who: sam, Actions: "view", Glob: "*"}},
			lin,
			here,
		), request(
			Invocation{Verb: Allow, Options: Options{Who: kim, Actions: "view", Glob: "*"}},
			lin,
			here,
		)
		make2.Operation = make1.Operation
		silent(t, r.Do(t.Context(), make1))
		for _, again := range []Request{make1, make2} {
			noticeThat(t, r.Do(t.Context(), again), "not done twice")
		}
		if diff := cmp.Diff([]string{"allow U0SAM view *"}, r.rulesOf(here)); diff != "" || len(r.channels.said) != 1 {
			t.Errorf("%d messages (-want +got):\n%s", len(r.channels.said), diff)
		}
	})
}

func TestARuleIsRevokedInItsOwnChannelAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		id := r.ruleIn(there, "allow <!subteam^S0DEVS|@devs> view web")
		problemThat(t, r.say(lin, "revoke "+id), "This channel has no rule “"+id+"”.", "Nothing was done.", "access")
		problemThat(t, r.say(lin, "revoke k3f9"), "This channel has no rule “k3f9”.", "Nothing was done.")
		if n := len(r.channels.said); n != 1 {
			t.Errorf("%d messages", n)
		}
		silent(t, r.sayIn(there, lin, "revoke "+id))
		told := r.channels.said[1]
		says := told.Reply.Document().Fallback().String()
		if !strings.Contains(says, "took back a rule of this channel: allow @devs view") || !strings.HasPrefix(told.Key, "revoked/") {
			t.Errorf("the channel is told %q under %q", says, told.Key)
		}
		problemThat(t, r.sayIn(there, lin, "revoke "+id), "no rule")
		if len(r.rulesOf(there)) > 0 {
			t.Error("the rule stands")
		}
	})
}

func TestARuleOfAGroupThatSlackDoesNotTellIsRevokedAllTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		id := r.rule("allow <!subteam^S0DEVS|@devs> view web")
		r.slack.noGroups = authz.ErrNoGroups
		silent(t, r.say(lin, "revoke "+id))
		if len(r.rulesOf(here)) > 0 {
			t.Error("the rule stands")
		}
	})
}

func TestTheRuleAboveTheMostIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const most = 10_000
		r.stores(func(tx storage.Tx) error {
			for i := range most {
				id := fmt.Sprintf("r%d", i)
				rule := storage.Rule{ID: id, Channel: here, Who: sam, Actions: []string{"view"}, Stacks: id, By: lin, At: time.Now()}
				if err := storage.Rules.Put(tx, storage.ChannelKey(here, id), rule); err != nil {
					return err
				}
			}
			return nil
		})
		r.Authz.Changed()
		problemThat(t, r.say(lin, "allow everyone view web"), "as many rules as there can be", "Nothing was done.", "Take some back")
		r.nothingDone()
		r.rule("revoke r7")
		r.rule("allow everyone view web")
		r.ruleIn(there, "allow everyone view api")
	})
}

func TestARuleThatCouldHelpNobodyIsNotMade(t *testing.T) {
	for name, test := range map[string]struct {
		who, what string
		change    func(s *slack)
	}{
		"somebody whose account is deactivated": {"<@U0GONE|gus>", "The account of Gus is deactivated.", nil},
		"somebody whom Slack does not know":     {"<@U0NEVER>", "Slack knows no such person.", nil},
		"a group that Slack does not know":      {"<!subteam^S0NEVER|@x>", "Slack knows no such group.", nil},
		"a group that is disabled":              {"<!subteam^S0OLD|@old>", "The group @old is disabled, so that nobody is in it.", nil},
		"a group where the plan has none": {"<!subteam^S0DEVS|@devs>", "Slack plan has no user " +
			"groups.", func(s *slack) { s.noGroups = fmt.Errorf("usergroups.list: %w", authz.ErrNoGroups) }},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			if test.change != nil {
				test.change(r.slack)
			}
			for _, verb := range []string{"allow ", "deny "} {
				problemThat(t, r.say(lin, verb+test.who+" view web"), test.what, "Nothing was done.")
			}
			if len(r.rulesOf(here)) > 0 {
				t.Errorf("%s: a rule was made", name)
			}
			r.nothingDone()
		})
	}
}

func TestWhereSlackDoesNotSayWhoSomebodyIsNoRuleIsMade(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.slack.err, r.slack.noGroups = errors.New("users.info: ratelimited"), errors.New("usergroups.list: ratelimited")
		for _, who := range []string{"<@U0SAM>", "<!subteam^S0DEVS>"} {
			if p := problemThat(t, r.say(lin, "allow "+who+" view web"), "Nothing was done."); p.Ref == "" {
				t.Errorf("%s: %+v", who, p)
			}
		}
		silent(t, r.say(lin, "allow everyone view web")) // whom nobody needs to look up
	})
}

func TestAHintTellsWhatMightSurprise(t *testing.T) {
	for text, says := range map[string]string{
		"allow <@U0GUEST> view web":               "Gia is of another organisation: the rule counts, since it names this very person.",
		"allow <@U0BOT> view web":                 "robot is a bot: the rule counts, since it names this very bot.",
		"deny <@U0LIN> redeploy web":              "The bot's own admins may do everything all the same",
		"deny <!subteam^S0OPS|@ops> redeploy web": "The bot's own admins may do everything all the same",
		"allow everyone view shop@production":     "The rule stands, but no stack that you see matches “shop@production” yet.",
		"allow everyone view wbe@production":      "no stack that you see matches “wbe@production” yet. Near it: “web@production”, ",
		"allow <@U0GUEST> view 'awesome ap'": "Gia is of another organisation: the rule counts, since it names this very person. The " +
			"rule stands, but no stack that you see matches “awesome ap” yet. Near it: “awesome app@production”.",
		"deny everyone all 'completely-different'": "no stack that you see matches “completely-different” yet.",
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			noticeThat(t, r.say(lin, text), says)
			if len(r.rulesOf(here)) != 1 || len(r.channels.said) != 1 {
				t.Errorf("%s: %q, %d messages", text, r.rulesOf(here), len(r.channels.said))
			}
		})
	}
	for _, text := range []string{"allow everyone view *", "allow <@U0LIN> redeploy web", "allow <@U0SAM> admin *",
		"deny <@U0SAM> view 'we?@*'", "allow everyone view web1"} {
		inBubble(t, func(t *testing.T, r *rig) { silent(t, r.say(lin, text)) })
	}
}

func TestAHintIsAboutWhatTheOneWhoMakesTheRuleSees(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "*", authz.Admin), allow(sam, "web@staging", authz.View))
		noticeThat(t, r.say(sam, "allow everyone view api"), "no stack that you see matches “api” yet.")
		noticeThat(t, r.say(sam, "allow everyone view apii"), "no stack that you see matches “apii” yet.")
		if said := noticeIn(t, r.say(sam, "allow everyone view wbe")).Text; !strings.HasSuffix(said, "Near it: “web@staging”.") {
			t.Errorf("it says %q", said)
		}
	})
}

func TestWhereCloud66DoesNotAnswerARuleIsMadeAllTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.stacks.err = &cloud66.Error{Kind: cloud66.ErrUnreachable, Method: "GET"}
		silent(t, r.say(lin, "allow everyone view web"))
		noticeThat(t, r.say(lin, "allow <@U0GUEST> view web"), "Gia is of another organisation")
		if len(r.rulesOf(here)) != 2 || !strings.Contains(r.log.String(), "could not be looked up") {
			t.Errorf("%q, %s", r.rulesOf(here), r.log)
		}
	})
}

func TestRulesBelongToAChannelThatTheBotIsAMemberOf(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, text := range []string{"allow everyone view web", "deny everyone view web", "revoke k3f9"} {
			problemThat(t, r.sayIn(direct, lin, text), "Rules belong to a channel", "Nothing was done.", "in the channel that it is for")
			if refusal := refusalOf(t, r.sayIn(direct, sam, text), authz.Admin); !refusal.Direct {
				t.Errorf("%s: %+v", text, refusal)
			}
			problemThat(t, r.sayIn(secret, lin, text), "I am not a member of this channel", "/invite", "Nothing was done")
		}
		if len(r.rulesOf(secret))+len(r.rulesOf(direct)) > 0 {
			t.Error("a rule was made")
		}
		r.nothingDone()
	})
}

func TestAChangeThatTheDatabaseLosesIsNoChange(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		id := r.rule("allow everyone view web")
		r.channels.lost = true
		for _, text := range []string{"allow everyone cancel web", "revoke " + id} {
			problemThat(t, r.say(lin, text), "its own records or program failed", "Nothing was done.")
		}
		if diff := cmp.Diff([]string{"allow everyone view web"}, r.rulesOf(here)); diff != "" || len(r.channels.said) != 1 {
			t.Errorf("%d messages (-want +got):\n%s", len(r.channels.said), diff)
		}
	})
}

func TestTheRightToMakeRulesIsNotTheRightToDeploy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.rule("allow <@U0SAM> admin *")
		silent(t, r.say(sam, "allow <@U0KIM> view *"))
		refusalOf(t, r.say(sam, "redeploy web --now"), authz.Redeploy)
		refusalOf(t, r.say(sam, "list web"), authz.View)
		refusalOf(t, r.sayIn(there, sam, "allow <@U0KIM> view *"), authz.Admin)
		refusal := refusalOf(t, r.say(kim, "allow <@U0KIM> all *"), authz.Admin)
		if refusal.Ask != nil {
			t.Errorf("the right to make rules is asked for by a button: %+v", refusal)
		}
		for line, what := range map[string]string{
			"deny everyone all *": "make rules", "audit": "read the audit", "protect web": "protect stacks",
			"unprotect web": "take protections back",
		} {
			said := refusalOf(t, r.say(kim, line), authz.Admin).Document().Fallback().String()
			if !strings.Contains(said, "You may not "+what+" here.") {
				t.Errorf("%s is refused by %q, which does not say that one may not %s", line, said, what)
			}
		}
		r.rule("deny <@U0SAM> admin *")
		refusalOf(t, r.say(sam, "allow <@U0KIM> cancel *"), authz.Admin)
	})
}

func TestWhereAChannelHasNoRulesTheRequestShowsAnAdminTheLineThatMakesOne(t *testing.T) {
	for text, line := range map[string]string{
		"redeploy web@prod --now": "allow U0SAM redeploy web@prod*", "list web": "allow U0SAM view web", "stacks": "allow U0SAM view *",
		"show “awesome app@p”": `allow U0SAM view "awesome ` +
			`app@p*"`, "access why cancel web": "allow U0SAM view web", "redeploy '*' --now": `allow U0SAM redeploy "\\*"`,
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			refusal := as[RefusalReply](t, r.say(sam, text))
			if said := refusal.Document().Fallback().String(); strings.Contains(said, "allow U0SAM") {
				t.Errorf("%s: who cannot use the line is shown it: %s", text, said)
			}
			r.click(sam, *refusal.Ask)
			asked, _ := r.request()
			if said := asked.Document().Fallback().String(); !strings.Contains(said, "no rules yet") || asked.rule(asked.Wishes[0]) != line ||
				!strings.Contains(said, "`/c66 "+line+"`") {
				t.Errorf("%s is asked for with %q: %s", text, asked.rule(asked.Wishes[0]), said)
			}
			id := r.rule("allow <@U0KIM> view api")
			r.click(kim, *as[RefusalReply](t, r.say(kim, "list web")).Ask)
			asked, _ = r.request()
			if said := asked.Document().Fallback().String(); strings.Contains(said, "allow U0KIM") {
				t.Errorf("the channel has the rule %s, and is told %s", id, said)
			}
		})
	}
	inBubble(t, func(t *testing.T, r *rig) {
		if refusal := as[RefusalReply](t, r.say(sam, "list @")); refusal.Ask != nil {
			t.Errorf("what is no name is offered as one: %+v", refusal)
		}
	})
}
