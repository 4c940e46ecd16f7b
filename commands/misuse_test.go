package commands

import (
	"errors"
	"strings"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

func TestAnOverrideOpensTheLocksThatHeldWhenItWasOffered(t *testing.T) {
	for name, later := range map[string]func(r *rig){
		"a lock that was made since":     func(r *rig) { r.lockMade(kim, "lock * stop everything") },
		"a window that has opened since": func(r *rig) { time.Sleep(10 * time.Minute) },
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.lively()
			r.put(allow(kim, "*", authz.Lock))
			r.lockMade(kim, "lock web@production migration")
			r.lockMade(kim, "lock '*' --every 'sat 00:05-08:00' --tz UTC night") // it is Saturday 00:00
			over := throughSlack(t, *as[LockedReply](t, r.say(lin, "redeploy web@production --ref main")).Override)
			later(r)
			over.Options[Reason], over.Fill, over.Form = "hotfix", false, true
			left := as[LockedReply](t, r.Do(t.Context(), request(over, lin, here)))
			if len(left.Locks) != 1 || left.Locks[0].Stacks != "*" || len(r.progress.done) != 0 {
				t.Errorf("%s: it is held by %+v, done is %q", name, left.Locks, r.progress.done)
			}
			time.Sleep(time.Second)
			again := *left.Override
			again.Options[Reason], again.Fill, again.Form = "hotfix", false, true
			silent(t, r.Do(t.Context(), request(again, lin, here)))
		})
	}
}

func TestWhatWaitsForApprovalEndsWithTheRightOfWhoAskedForIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web")
		a := r.asksApproval(sam, "redeploy web@production --ref main")
		id := r.rule("deny " + sam + " redeploy *")
		problemThat(t, r.answer(kim, Approve, a), "may not redeploy it any more")
		if e := r.lastAudit(); e.Allowed || e.Action != "approve" || e.User != kim {
			t.Errorf("recorded is %+v", e)
		}
		r.say(lin, "revoke "+id)
		silent(t, r.answer(kim, Approve, a))
		if len(r.progress.done) != 1 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
	inBubble(t, func(t *testing.T, r *rig) { // an override, by who is no admin any more
		r.guarded("protect web")
		admin := r.rule("allow " + sam + " admin *")
		r.lockMade(lin, "lock * freeze")
		r.channels.said = nil
		a := r.asksApproval(sam, "redeploy web@production --override --reason hotfix")
		r.say(lin, "revoke "+admin)
		if held := as[LockedReply](t, r.answer(kim, Approve, a)); held.Override != nil || len(r.progress.done) != 0 {
			t.Errorf("it is %+v, done is %q", held, r.progress.done)
		}
		if held := as[LockedReply](t, r.answer(lin, Approve, a)); held.Override != nil { // an approval overrides nothing
			t.Errorf("an admin is offered %+v", held.Override)
		}
	})
}

func TestApprovalWaitsWhileAnotherRedeployOfTheStackBegins(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web")
		a := r.asksApproval(sam, "redeploy web@production --ref main")
		begins := storage.Follow{
			ID: "f1", Stack: a.Follow.Stack, Channel: here, Asker: kim, AskedAt: time.Now(), Phase: storage.PhaseFinding, State: storage.Asked,
			Wish: &storage.Wish{Ref: "other"},
		}
		r.stores(func(tx storage.Tx) error { return storage.PutFollow(tx, begins) })
		problemThat(t, r.answer(kim, Approve, a), "Another redeploy")
		if len(r.progress.done) != 0 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}

func TestEachPartOfAWishWasLiveWhereItHasToBeFirst(t *testing.T) {
	const hash = "4f2c1d9000000000000000000000000000000001"
	inBubble(t, func(t *testing.T, r *rig) {
		r.stores(func(tx storage.Tx) error {
			return errors.Join(
				storage.History.Put(tx, "web2/1", storage.Deployed{Stack: "web2", Number: 1, Outcome: "success", Services: "web:1.4"}),
				storage.History.Put(tx, "web2/2", storage.Deployed{Stack: "web2", Number: 2, Outcome: "success", Commit: hash}))
		})
		for _, test := range []struct {
			wish storage.Wish
			may  bool
		}{
			{storage.Wish{Ref: hash}, true},
			{storage.Wish{Services: "web:1.4"}, true},
			{storage.Wish{Ref: "evil", Services: "web:1.4"}, false},
			{storage.Wish{Ref: hash, Services: "web:6.6"}, false},
			{storage.Wish{Ref: hash, Services: "web"}, false},
			{storage.Wish{}, false},
		} {
			if was, err := r.wasLive(t.Context(), "web", "staging", test.wish); was != test.may || err != nil {
				t.Errorf("%+v: %v, %v", test.wish, was, err)
			}
		}
	})
}

func TestAProtectionThatIsReplacedIsSaidWhereItWasMade(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web --approvals 3")
		silent(t, r.sayIn(there, lin, "protect WEB --approvals 1"))
		said := r.channels.said
		if len(said) != 2 || said[1].Channel != here {
			t.Fatalf("said is %+v", said)
		}
		want := "took the protection of `web` back: what changes it waits for 3"
		if text := said[1].Reply.Document().Fallback().String(); !strings.Contains(text, want) {
			t.Errorf("there it is said %s", text)
		}
	})
}

func TestWhoMakesRulesIsToldOfNoProtectionOfAHiddenStack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web@staging")
		r.say(lin, "protect api@production")
		r.ruleIn(there, "allow "+kim+" admin *")
		r.ruleIn(there, "allow "+kim+" view api")
		text := problemThat(t, r.sayIn(there, kim, "unprotect x"), "No protection is on").Document().Fallback().String()
		if strings.Contains(text, "staging") || !strings.Contains(text, "api@production") {
			t.Errorf("it is %s", text)
		}
	})
}

func TestALockHoldsThoughItsChannelIsNotShownToTheBotAnyMore(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.ruleIn(there, "allow everyone view,lock web")
		r.ruleIn(there, "allow "+sam+" view,lock api")
		time.Sleep(time.Second)
		r.sayIn(there, kim, "lock web@production migration")
		r.sayIn(there, sam, "lock api@production migration")
		r.slack.noRoom = authz.ErrNoChannel
		for _, stack := range []string{"web", "api"} {
			as[LockedReply](t, r.say(lin, "redeploy "+stack+"@production --now"))
		}
		silent(t, r.say(lin, "redeploy web@staging --now"))
	})
}

func TestWhatGoesOnAfterAGrantIsShownAndOverridesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "*", authz.View))
		time.Sleep(time.Second)
		r.click(sam, *refusalOf(t, r.say(sam, "redeploy web@production --ref evil --override --reason please"), authz.Redeploy).Ask)
		asked, _ := r.request()
		silent(t, r.click(lin, asked.grant(asked.Wishes[0])))
		d := r.channels.said[len(r.channels.said)-1].Reply.Document()
		if text := d.Fallback().String(); !strings.Contains(text, "redeploy web@production --ref evil --reason please") {
			t.Errorf("it says %s", text)
		}
		if then := button(t, d.Blocks[len(d.Blocks)-1].Buttons[0]); then.Options[Override] != "" || then.Options[Ref] != "evil" {
			t.Errorf("what goes on is %+v", then)
		}
	})
}
