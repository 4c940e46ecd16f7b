package commands

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

func TestWhatIsRefusedForWantOfKnowledgeIsInTheAudit(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.slack.noGroups = errors.New("usergroups.list: ratelimited")
		problemThat(t, r.say(sam, "redeploy web --now"), "I cannot tell whether you may")
		problemThat(t, r.form(sam, Invocation{Verb: Redeploy, Stack: "web"}), "I cannot tell whether you may")
		for _, e := range r.audit() {
			if e.Allowed || !strings.Contains(e.Reason, "ratelimited") {
				t.Errorf("recorded: %+v", e)
			}
		}
		if n := len(r.audit()); n != 2 {
			t.Errorf("%d entries", n)
		}
	})
}

func TestAGrantThatARuleDeniesAllTheSameIsSaidToBeInVain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(deny(authz.Everyone, "*", authz.View, authz.Redeploy))
		refusal := refusalOf(t, r.say(sam, "redeploy web@production --now"), authz.Redeploy)
		r.click(sam, *refusal.Ask)
		asked, _ := r.request()
		notice := noticeIn(t, r.click(lin, asked.grant(asked.Wishes[0])))
		if !strings.Contains(notice.Text, "denies it all the same, on “web@production”") {
			t.Errorf("lin is told %q", notice.Text)
		}
		refusalOf(t, r.say(sam, "redeploy web@production --now"), authz.Redeploy)
	})
}

func TestASilenceOfSlacksIsNotBlamedOnCloud66OrOnTheRecords(t *testing.T) {
	for name, err := range map[string]error{
		"a time-out": &url.Error{Op: "Post", URL: "http://slack", Err: context.DeadlineExceeded},
		"a limit":    errors.New("users.info: ratelimited"),
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.slack.err = err
			p := problemThat(t, r.say(lin, "allow <@U0SAM> view web"), "Slack did not answer", "Nothing was done.")
			if strings.Contains(p.What+p.Do, "Cloud 66") {
				t.Errorf("%s: %+v", name, p)
			}
		})
	}
}

func TestACardThatOneMayNotSeeIsRefusedThoughItsDeploymentIsNotKnownYet(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "web@staging", authz.View))
		r.stores(func(tx storage.Tx) error {
			return storage.Follows.Put(
				tx,
				"f1",
				storage.Follow{ID: "f1", Stack: storage.StackRef{UID: "api1", Name: "api", Environment: "production"}, Phase: storage.PhaseSending},
			)
		})
		refusalOf(t, r.click(sam, Invocation{Verb: Refresh, UID: "api1", Follow: "f1"}), authz.View)
		if n := len(r.audit()); n != 1 {
			t.Errorf("%d entries", n)
		}
	})
}

func TestAskingIsInTheAudit(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ask := r.refusedRedeploy()
		before := len(r.audit())
		time.Sleep(time.Second)
		r.click(sam, ask)
		if e := r.lastAudit(); len(r.audit()) != before+1 || !e.Allowed || !strings.HasPrefix(e.Asked, "ask redeploy") {
			t.Errorf("recorded: %+v", e)
		}
	})
}

func TestAGrantWhereTheBotIsNoMemberAnyMoreIsNone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		grant := Invocation{Verb: Grant, Options: Options{Who: sam, Actions: "redeploy", Glob: "web"}, Nonce: "n", AskedAt: time.Now().Unix()}
		problemThat(t, r.clickIn(secret, lin, grant), "not a member of this channel")
		if n := len(r.rulesOf(secret)); n != 0 {
			t.Errorf("%d rules were made", n)
		}
	})
}

func TestSearchesOfASlowListReadItOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.stacks.set(func(l *library) { l.takes = 3 * time.Second })
		search := func() int {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			found, err := r.Suggest(ctx, lin, here, "web")
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			return len(found)
		}
		if n := search(); n != 0 {
			t.Errorf("%d stacks were found before the list was read", n)
		}
		time.Sleep(2 * time.Second)
		for range 5 {
			if n := search(); n != 2 {
				t.Errorf("%d stacks were found", n)
			}
		}
		time.Sleep(2 * time.Minute)
		if n := search(); n != 2 { // in the list as it was, which is read anew meanwhile
			t.Errorf("%d stacks were found", n)
		}
		time.Sleep(time.Second)
		if n := r.stacks.asked(); n != 2 {
			t.Errorf("the list was read %d times", n)
		}
	})
}

func TestAPlanThatLostItsGroupsTakesNothingFromWhomARuleNames(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "*", authz.View), allow("S0DEVS", "*", authz.View, authz.Redeploy))
		r.slack.noGroups = authz.ErrNoGroups
		as[StacksReply](t, r.say(sam, "stacks"))
		r.put(deny("S0DEVS", "*", authz.View))
		problemThat(t, r.say(sam, "stacks"), "plan has no user groups any more", "take that rule back")
	})
}
