package commands

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// why gives what sam is answered about a right.
func (r *rig) why(text string) string {
	r.t.Helper()
	return of(r.t, "why", r.say(sam, text)).Blocks[0].Lines[0].String()
}

// ruleRow matches the stacks in the line of a rule.
var ruleRow = regexp.MustCompile("^\\S+ `\\w+` .* on `([^`]*)` · by ")

// globs gives the stacks of the rules that are shown.
func globs(t *testing.T, reply Reply) []string {
	t.Helper()
	all := []string{}
	for _, row := range rowsIn(t, "access", reply) {
		if found := ruleRow.FindStringSubmatch(row); found != nil {
			all = append(all, found[1])
		}
	}
	return all
}

func TestAccessShowsTheRulesOfThisChannelInPages(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		empty := of(t, "access", r.say(lin, "access")).Fallback().String()
		if !strings.HasPrefix(empty, "There is no rule") || !strings.Contains(empty, "<@U0LIN>") {
			t.Errorf("a channel without rules: %q", empty)
		}
		for i := range 35 {
			r.rule(fmt.Sprintf("allow everyone view 'web%d*,*'", i))
			time.Sleep(time.Second)
		}
		r.ruleIn(there, "allow everyone view api")
		for number, want := range map[int]page{0: {1, 0, 15, 35}, 1: {1, 0, 15, 35}, 2: {2, 15, 30, 35}, 3: {3, 30, 35, 35}, 4: {3, 30, 35, 35},
			100_000: {3, 30, 35, 35}} {
			got := r.click(lin, Invocation{Verb: Access}.OnPage(number))
			title, shown := got.Document().Fallback().String(), globs(t, got)
			if !strings.Contains(title, "rules "+want.String()) || len(shown) != want.to-want.from {
				t.Errorf("page %d: %d rules, %s", number, len(shown), title)
			}
			if first := fmt.Sprintf("web%d*,*", want.from); shown[0] != first {
				t.Errorf("page %d begins with %s, not with the oldest left, %s", number, shown[0], first)
			}
		}
	})
}

func TestNobodyLearnsOfAStackFromARule(t *testing.T) {
	rules := []storage.Rule{
		deny(
			authz.Everyone,
			"secret@production",
			authz.Redeploy,
		), allow(kim, "api", authz.View), allow(devs, "a*", authz.View), allow(devs, "*", authz.Lock),
		allow(
			authz.Everyone,
			"web@staging",
			authz.View,
		), allow(devs, "*@production", authz.Redeploy), deny(kim, "gone", authz.Redeploy), allow(devs, "web2", authz.Redeploy),
		allow(devs, "w?b*@*", authz.Cancel),
	}
	shown := []string{"*", "web@staging", "web2", "w?b*@*"}
	for name, test := range map[string]struct {
		more []storage.Rule
		want []string
	}{
		"who sees one stack": {nil, shown},
		"who sees everything": {[]storage.Rule{allow(sam, "*", authz.View)},
			[]string{"secret@production", "api", "a*", "*", "web@staging", "*@production", "gone", "web2", "w?b*@*", "*"}},
		"who sees all but one": {[]storage.Rule{allow(sam, "*", authz.View), deny(sam, "api", authz.View)},
			[]string{"a*", "*", "web@staging", "*@production", "web2", "w?b*@*", "*"}},
		"who makes the rules": {[]storage.Rule{allow(sam, "*", authz.Admin)},
			[]string{"secret@production", "api", "a*", "*", "web@staging", "*@production", "gone", "web2", "w?b*@*", "*"}},
		"who sees one more by another right": {[]storage.Rule{allow(sam, "api", authz.Redeploy)},
			[]string{"api", "a*", "*", "web@staging", "*@production", "web2", "w?b*@*", "api"}},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.put(append(slices.Clip(rules), test.more...)...)
			got := globs(t, r.say(sam, "access"))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{UID: "s1", Name: "secret", Environment: "production"})
			time.Sleep(2 * time.Minute)
			if again := globs(t, r.say(sam, "access")); name != "who sees all but one" && len(again) != len(got) {
				t.Errorf("%s: a stack that they do not see shows itself: %q", name, again)
			}
		})
	}
}

func TestWhyNamesTheRuleThatDecides(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.slack.members[ops] = []string{gone}
		r.put(
			allow(authz.Everyone, "*", authz.View),
			allow(sam, "web*", authz.Redeploy),
			deny(devs, "web@production", authz.Redeploy),
			allow(sam, "*", authz.Admin),
		)
		for text, want := range map[string]struct {
			user, rule, reason string
			allowed            bool
		}{
			"redeploy web@prod":            {sam, "r1", "rule r1 allows it", true},
			"view web@prod":                {sam, "r1", "rule r1 allows it", true}, // which includes it
			"view api":                     {sam, "r0", "rule r0 allows it", true},
			"cancel web@prod":              {sam, "", "no rule allows it", false},
			"admin web@prod":               {sam, "r3", "rule r3 allows it", true},
			"redeploy web1 <@U0SAM>":       {sam, "r1", "rule r1 allows it", true},
			"redeploy web@prod <@U0KIM>":   {kim, "", "no rule allows it", false},
			"admin web@prod <@U0KIM>":      {kim, "", "no rule allows it", false},
			"redeploy web@prod <@U0LIN>":   {lin, "", "an admin by the configuration", true},
			"redeploy web@prod <@U0GUEST>": {guest, "", "from another organisation, and no rule that names this very user allows it", false},
			"view web@prod <@U0BOT>":       {robot, "", "a bot, and no rule that names this very user allows it", false},
		} {
			got, may, reason := r.why("access why "+text), "may not", want.reason
			if want.allowed {
				may = "may"
			}
			if want.rule != "" {
				reason = "rule `" + want.rule + "`"
			}
			right, _, _ := strings.Cut(text, " ")
			what := rights[authz.Action(right)][1] + " *web@production*"
			if strings.HasSuffix(text, "api") {
				what = strings.Replace(what, "web", "api", 1)
			}
			if right == "admin" {
				what = "make rules"
			}
			says := fmt.Sprintf("<@%s> %s %s here: %s", want.user, may, what, reason)
			if !strings.Contains(got, says) {
				t.Errorf("why %s: %s lacks %s", text, got, says)
			}
		}
		r.slack.members[devs] = []string{sam, kim}
		for _, user := range []string{"", " <@U0KIM>"} {
			if got := r.why("access why redeploy web@prod" + user); !strings.Contains(
				got,
				"may not redeploy *web@production* here: rule `r2`, deny",
			) {
				t.Errorf("a deny%s: %s", user, got)
			}
		}
		r.slack.members[ops] = []string{kim}
		if got := r.why("access why redeploy web@prod <@U0KIM>"); !strings.Contains(
			got,
			"may redeploy *web@production* here: in the admins' group S0OPS",
		) {
			t.Errorf("a member of the admins' group: %s", got)
		}
		if len(r.audit()) > 0 {
			t.Errorf("that it was asked is recorded: %+v", r.audit())
		}
	})
}

func TestWhyOfNobodyOrOfSeveralStacksAsksBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		problemThat(t, r.say(lin, "access why view web@prod <@U0NEVER>"), "Slack knows no such person.")
		problemThat(t, r.say(lin, "access why view web@prod <@U0GONE>"), "The account of Gus is deactivated.")
		problemThat(t, r.say(lin, "access why view wbe"), "I know no stack “wbe”.")
		choice := choiceIn(t, r.say(lin, "access why redeploy web <@U0SAM>"))
		got := of(t, "why", r.click(lin, choice.Options[1].Invocation)).Fallback().String()
		if !strings.Contains(got, "<@U0SAM> may not redeploy web@staging here") {
			t.Errorf("the choice gives %s", got)
		}
		r.slack.err = fmt.Errorf("users.info: ratelimited")
		if got := of(t, "why", r.say(lin, "access why view web@prod")).Fallback().String(); !strings.Contains(
			got,
			"may look at",
		) { // of whom Slack need not be asked
			t.Errorf("an admin's own: %+v", got)
		}
	})
}

func TestStatusNamesWhatCannotBeReadToThoseWhoMaySeeIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		web := r.stacks.stacks[0]
		as[StacksReply](t, r.say(lin, "stacks")) // so that the list is known
		r.status.LeftOut = map[cloud66.LeftOut]int{
			{UID: web.UID, What: "a deployment without an id"}:                            3,
			{UID: "gone", What: "a deployment without an id"}:                             1,
			{What: "a stack without a uid"}:                                               2,
			{Name: web.Name, Environment: web.Environment, What: "a stack without a uid"}: 1,
			{Name: "hidden", Environment: web.Environment, What: "a stack without a uid"}: 1,
		}
		r.put(allow(sam, web.Name, authz.View))
		const left = "Left out of what Cloud 66 lists, since I cannot read it: "
		for user, want := range map[string]string{
			kim: left + "2 × a stack without a uid\n",
			sam: left + "2 × a stack without a uid, 3 × a deployment without an id (*web@production*), " +
				"a stack without a uid (*web@production*)\n",
		} {
			var lines []string
			for _, line := range of(t, "status", r.say(user, "status")).Blocks[1].Lines {
				lines = append(lines, line.String())
			}
			if got := strings.Join(lines, "\n") + "\n"; !strings.Contains(got, want) {
				t.Errorf("%s sees\n%s", user, got)
			}
		}
	})
}

func TestStatusCountsOnlyWhatOneMaySee(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		left := 7
		r.status = BotStatus{
			Version: "1.2.3",
			Since:   time.Now().Add(-time.Hour),
			Others:  2,
			Budget:  cloud66.BudgetState{PerHour: 3000, Rest: 12, ServerRest: &left},
		}
		r.stores(func(tx storage.Tx) error {
			for i, s := range r.stacks.stacks {
				for n, phase := range []storage.Phase{storage.PhaseFollowing, storage.PhaseEnded, storage.PhaseSending} {
					f := storage.Follow{ID: fmt.Sprintf("f%d%d", i, n), Stack: RefOf(s), Phase: phase}
					if err := storage.PutFollow(tx, f); err != nil {
						return err
					}
				}
			}
			return nil
		})
		r.put(allow(sam, "web", authz.View))
		for user, want := range map[string][]string{lin: {"f32", "f30", "f22", "f20", "f12", "f10", "f02", "f00"},
			sam: {"f12", "f10", "f02", "f00"}, kim: nil} {
			got := as[StatusReply](t, r.say(user, "status"))
			var ids []string
			for _, f := range got.Follows {
				ids = append(ids, f.ID)
			}
			if diff := cmp.Diff(want, ids); diff != "" || got.Unknown {
				t.Errorf("%s (-want +got):\n%s", user, diff)
			}
			if diff := cmp.Diff(r.status, got.BotStatus); diff != "" || !got.At.Equal(time.Now()) {
				t.Errorf("%s (-want +got):\n%s", user, diff)
			}
		}
		r.slack.noGroups = fmt.Errorf("usergroups.list: ratelimited")
		got := as[StatusReply](t, r.say(sam, "status"))
		if !got.Unknown || len(got.Follows) > 0 || got.Version != "1.2.3" {
			t.Errorf("where Slack does not say who somebody is: %+v", got)
		}
		if r.stacks.asked() > 0 || len(r.cloud.calls) > 0 || len(r.audit()) > 0 {
			t.Error("Cloud 66 was asked, or it was recorded")
		}
	})
}
