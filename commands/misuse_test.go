package commands

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/bot/card/kit"
	"c66bot/cloud66"
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
		r.cloud.services = []cloud66.Service{{Name: "web", ImageTag: "1.3"}}
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
			if was, err := r.wasLive(t.Context(), storage.StackRef{UID: "web1", Name: "web"}, "staging", test.wish); was != test.may || err != nil {
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

func TestAQuestionAboutABusyStackShowsTheLocksThatItsYesOverrides(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.cloud.runs("web1", true)
		r.put(allow(kim, "*", authz.Lock))
		r.lockMade(kim, "lock web@production migration")
		time.Sleep(time.Second)
		over := *as[LockedReply](t, r.say(lin, "redeploy web@production --wait")).Override
		time.Sleep(10 * time.Second)
		r.lockMade(kim, "lock * 'stop everything'")
		time.Sleep(10 * time.Second)
		over.Options[Wait], over.Options[Reason], over.Fill, over.Form = "", "hotfix", false, true
		asked := r.Do(t.Context(), request(over, lin, here))
		text := of(t, "question", asked).Fallback().String()
		for _, want := range []string{"#6 is deploying", "migration", "stop everything", "This overrides it."} {
			if !strings.Contains(text, want) {
				t.Errorf("it does not say %q: %s", want, text)
			}
		}
		l := r.lockMade(kim, "lock 'w*' wait")
		if left := as[LockedReply](t, r.click(lin, yesIn(t, asked))); len(left.Locks) != 1 || left.Locks[0].ID != l.ID {
			t.Errorf("it is held by %+v", left.Locks)
		}
	})
}

func TestWhoseAccountHasEndedNeitherAsksNorApproves(t *testing.T) {
	leaves := func(r *rig, user string) {
		person := r.slack.people[user]
		person.Deactivated = true
		r.slack.people[user] = person
	}
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web --approvals 2")
		a := r.asksApproval(sam, "redeploy web@production --ref main")
		silent(t, r.answer(kim, Approve, a))
		leaves(r, kim)
		silent(t, r.answer(lin, Approve, a))
		if len(r.progress.done) != 0 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web")
		a := r.asksApproval(sam, "redeploy web@production --ref main")
		leaves(r, sam)
		problemThat(t, r.answer(kim, Approve, a), "may not redeploy it any more")
		delete(r.slack.people, sam)
		problemThat(t, r.answer(kim, Approve, a), "may not redeploy it any more")
		if len(r.progress.done) != 0 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}

func TestApprovalIsAskedForAgainWhereTheGroupOfApproversWasChanged(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.slack.members[devs] = []string{sam, lin}
		r.guarded("protect web --by <!subteam^" + devs + "|@devs>")
		a := r.asksApproval(sam, "redeploy web@production --ref main")
		time.Sleep(time.Minute)
		group := r.slack.handles[devs]
		group.Changed = time.Now()
		r.slack.members[devs], r.slack.handles[devs] = []string{sam, lin, kim}, group
		problemThat(t, r.answer(kim, Approve, a), "who is in the group of approvers was changed")
		if e := r.lastAudit(); e.Allowed || e.Action != "approve" || !strings.Contains(e.Reason, "asked for again") {
			t.Errorf("recorded is %+v", e)
		}
		const said = "Who is in the group of approvers was changed 1 Jan 2000 00:01 UTC."
		if text := r.channels.said[len(r.channels.said)-1].Reply.Document().Fallback().String(); !strings.Contains(text, said) {
			t.Errorf("its card shows %s", text)
		}
		if len(r.progress.done) != 0 {
			t.Fatalf("done is %q", r.progress.done)
		}
		silent(t, r.answer(kim, Approve, a))
		if text := r.channels.amended[0].Reply.Document().Fallback().String(); !strings.Contains(text, said) {
			t.Errorf("in the end its card shows %s", text)
		}
	})
}

func TestTheCardOfARequestShowsWhatTheProtectionsAskForNow(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web")
		a := r.asksApproval(sam, "redeploy web@production --ref main")
		r.say(lin, "protect web --approvals 3")
		silent(t, r.answer(kim, Approve, a))
		text := r.channels.said[len(r.channels.said)-1].Reply.Document().Fallback().String()
		for _, want := range []string{"`main` as it is when this is approved: whoever can push there decides", "3 approvals"} {
			if !strings.Contains(text, want) {
				t.Errorf("it does not show %q: %s", want, text)
			}
		}
	})
}

func TestOnePersonDoesNotKeepOthersFromAskingForApproval(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web")
		for i := range maxWaitingTheir {
			r.asksApproval(sam, fmt.Sprintf("redeploy web@production --reason %d", i))
		}
		problemThat(t, r.say(sam, "redeploy web@production --reason more"), "20 requests of yours wait")
		r.asksApproval(lin, "redeploy web@production --reason outage")
		time.Sleep(time.Hour)
		r.asksApproval(sam, "redeploy web@production --reason more")
	})
}

func TestWhatADockerStackRunsIsRecordedBeforeWhatWasApproved(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect api")
		r.cloud.deployments["api1"][0].IsLive = true
		r.cloud.services = []cloud66.Service{{Name: "web", ImageTag: "v1"}}
		silent(t, r.answer(kim, Approve, r.asksApproval(sam, "redeploy api@production --services web:v2")))
		if got := r.kept("api1", 5).Services; got != "web:v1" {
			t.Errorf("recorded is %q", got)
		}
	})
}

func TestWhatMayBeMovedWasNotLiveWhereItHasToBeFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{UID: "api2", Name: "api", Environment: "staging", Framework: "docker"})
		r.cloud.has("api2", 3)
		r.cloud.deployments["api2"][0].IsLive = true
		r.cloud.services = []cloud66.Service{
			{Name: "web", GitRef: "main", ImageTag: "built"}, {Name: "job", ImageTag: "latest"}, {Name: "db", ImageTag: "17"},
		}
		const hash = "4f2c1d9000000000000000000000000000000001"
		r.stores(func(tx storage.Tx) error {
			live := storage.Deployed{Stack: "api2", Number: 3, Outcome: "success", Services: "db:17,job:latest,web:main"}
			before := storage.Deployed{Stack: "api2", Number: 2, Outcome: "success", Services: "job:latest@sha256:9f,web:" + hash}
			return errors.Join(storage.History.Put(tx, "api2/3", live), storage.History.Put(tx, "api2/2", before))
		})
		r.cloud.deployments["api2"][1].Outcome.Kind = cloud66.OutcomeSuccess
		r.say(lin, "protect api --approvals 0 --after staging")
		for _, services := range []string{"web:main", "job:latest", "db:17,web:main", "db:18"} {
			text := of(t, KindRefusal, r.say(lin, "redeploy api@production --services "+services)).Fallback().String()
			if !strings.Contains(text, "no branch, and not latest") || !strings.Contains(text, "/c66 promote api@staging production") {
				t.Errorf("%s: %s", services, text)
			}
		}
		text := of(t, KindRefusal, r.click(lin, agree(t, r.say(lin, "promote api@staging production")))).Fallback().String()
		if strings.Contains(text, "This does it") {
			t.Errorf("it is sent round: %s", text)
		}
		if len(r.progress.done) != 0 {
			t.Fatalf("done is %q", r.progress.done)
		}
		for _, services := range []string{"db:17", "job:latest@sha256:9f", "web:" + hash} {
			silent(t, r.say(lin, "redeploy api@production --services "+services))
		}
	})
}

func TestAStackOfTheSameNameInAnotherAccountDoesNotComeFirst(t *testing.T) {
	const hash = "4f2c1d9000000000000000000000000000000001"
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		for i := range r.stacks.stacks {
			r.stacks.stacks[i].AccountName = "acme"
		}
		r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{UID: "web9", Name: "web", Environment: "staging", AccountName: "playground"})
		r.cloud.has("web9", 1)
		r.cloud.deployments["web9"][0].GitHash, r.cloud.deployments["web9"][0].IsLive = hash, true
		r.say(lin, "protect web@production --approvals 0 --after staging")
		of(t, KindRefusal, r.say(lin, "redeploy web@production --ref "+hash))
		r.stacks.stacks[1].Name = "other" // the one of the same account
		time.Sleep(2 * time.Minute)
		silent(t, r.say(lin, "redeploy web@production --ref "+hash))
	})
}

func TestAStackDoesNotComeBeforeItself(t *testing.T) {
	for _, line := range []string{"web@production --approvals 0 --after Production", "'*@staging' --after staging"} {
		if _, err := Parse("protect " + line); err == nil || !strings.Contains(err.Error(), "themselves") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestNoTextOfARequestHidesWhatItIsJudgedBy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect '*'")
		r.rule("allow " + sam + " admin *")
		r.lockMade(lin, "lock * freeze")
		reason := " --reason '" + strings.Repeat("<", maxReason) + "'"
		r.asksApproval(sam, "redeploy web@production --override --ref "+strings.Repeat("&", 254)+reason)
		drawn := kit.Draw(r.channels.said[len(r.channels.said)-1].Reply.Document()).JSON()
		for _, want := range []string{"Live now: #5", "1 approval of others", "verrides the lock", strings.Repeat(`\u0026amp;`, 254)} {
			if !strings.Contains(string(drawn), want) {
				t.Errorf("its card does not show %q", want)
			}
		}
		padded := "redeploy api@production --override --services good:1,bad:" + strings.Repeat("&", 900) + reason
		problemThat(t, r.say(sam, padded), "too long to be shown in whole")
		r.nothingBegan()
	})
}

// nothingBegan fails the test if a deployment began.
func (r *rig) nothingBegan() {
	r.t.Helper()
	if len(r.progress.done) != 0 {
		r.t.Errorf("done is %q", r.progress.done)
	}
}

func TestApprovalIsAskedForAgainWhereTheStackWasRenamed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect '*'")
		a := r.asksApproval(sam, "redeploy web@production --ref main")
		approve := button(t, ApprovalReply{a}.Document().Blocks[1].Buttons[0])
		r.stacks.stacks[0].Name = "shop"
		time.Sleep(2 * time.Minute)
		problemThat(t, r.click(kim, approve), "the stack is called shop@production now")
		r.nothingBegan()
		approve = button(t, r.channels.said[len(r.channels.said)-1].Reply.Document().Blocks[1].Buttons[0])
		silent(t, r.click(kim, approve))
		if got := r.progress.follow.Stack.String(); got != "shop@production" {
			t.Errorf("begun is a redeploy of %q", got)
		}
	})
}

func TestWhoDoesNotCountIsNotNamedAmongWhoApproved(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web --approvals 2")
		r.rule("allow " + guest + " approve *")
		a := r.asksApproval(sam, "redeploy web@production --ref main")
		silent(t, r.answer(kim, Approve, a))
		silent(t, r.say(lin, "deny "+kim+" approve *"))
		silent(t, r.answer(guest, Approve, a))
		silent(t, r.answer(lin, Approve, a))
		if got := r.approval(a.ID).Given; len(got) != 2 || got[0].User != guest || got[1].User != lin {
			t.Errorf("approved by %+v", got)
		}
	})
}

func TestLocksThatAreNotNamedAreCounted(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.versioned("web1", 3)
		for range maxLocksNamed + 2 {
			r.lockMade(lin, "lock web "+strings.Repeat("<", maxReason))
		}
		refused := as[LockedReply](t, r.say(lin, "redeploy web@production --now"))
		question := r.say(lin, "rollback web@production --override --reason '"+strings.Repeat("<", maxReason/2)+"'")
		for _, reply := range []Reply{refused, question} {
			drawn := kit.Draw(reply.Document()).JSON()
			if want := "nd by 2 more locks"; !strings.Contains(string(drawn), want) {
				t.Errorf("it does not say %q: %s", want, drawn)
			}
		}
	})
}

func TestTheAuditHasWhatBecameOfARequestForApproval(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web --approvals 2")
		r.rule("allow " + guest + " approve *")
		wants := func(want ...string) {
			t.Helper()
			var got []string
			r.stores(func(tx storage.Tx) error {
				got = nil
				return storage.EachAudit(tx, time.Time{}, func(e storage.AuditEntry) error {
					_, words := auditResult(e)
					if got = append(got, e.User+" "+e.Action+" "+words); e.Stack.UID == "" {
						got = got[:len(got)-1]
					}
					return nil
				})
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		first := r.asksApproval(sam, "redeploy web@production --ref main")
		asked := sam + " redeploy "
		wants(asked + "waits for approval")
		silent(t, r.answer(kim, Approve, first))
		silent(t, r.rejects(guest, first))
		wants(asked+"rejected", kim+" approve done", guest+" approve done")
		second := r.asksApproval(sam, "redeploy web@production --ref main")
		silent(t, r.answer(sam, Withdraw, second))
		third := r.asksApproval(sam, "redeploy web@production --ref main")
		silent(t, r.answer(kim, Approve, third))
		silent(t, r.answer(lin, Approve, third))
		wants(asked+"rejected", kim+" approve done", guest+" approve done", asked+"withdrawn", asked+"done", asked+"approved",
			kim+" approve done", lin+" approve not known yet") // its deployment has not ended
	})
}

func TestWhatARequestShowedBeforeIsNotApproved(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web")
		approve := button(t, ApprovalReply{r.asksApproval(sam, "redeploy web@production --now")}.Document().Blocks[1].Buttons[0])
		r.cloud.runs("web1", true)
		r.cloud.ends("web1", cloud66.OutcomeFailed)
		problemThat(t, r.click(kim, approve), "It is not what was asked for any more")
		problemThat(t, r.click(lin, approve), "has changed since this was shown")
		r.nothingBegan()
		now := r.channels.said[len(r.channels.said)-1].Reply.Document().Blocks[1].Buttons[0]
		silent(t, r.click(lin, button(t, now)))
		if len(r.progress.done) != 1 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}

func TestWhatIsApprovedInAChannelOfANewIDIsShownThere(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web")
		a := r.asksApproval(sam, "redeploy web@production --now")
		r.stores(func(tx storage.Tx) error { return storage.MoveChannel(tx, here, "C9", time.Now()) })
		r.Authz.Changed()
		approve := button(t, ApprovalReply{a}.Document().Blocks[1].Buttons[0])
		silent(t, r.clickIn("C9", lin, approve))
		if got := r.progress.follow.Channel; got != "C9" {
			t.Errorf("its card is for %q", got)
		}
	})
}

func TestOnePersonDoesNotKeepOthersFromLocking(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(kim, "*", authz.Lock))
		for range maxLocksTheir {
			r.lockMade(kim, "lock web why")
		}
		problemThat(t, r.say(kim, "lock web why"), "You hold 100 locks already")
		r.lockMade(lin, "lock * freeze")
	})
}

func TestAGroupOfApproversThatIsNotThereKeepsNoConfiguredAdminFromApproving(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web --by <!subteam^" + devs + "|@devs>")
		delete(r.slack.handles, devs)
		a := r.asksApproval(sam, "redeploy web@production --now")
		problemThat(t, r.answer(kim, Approve, a), "a member of the group")
		r.nothingBegan()
		silent(t, r.answer(lin, Approve, a))
		if len(r.progress.done) != 1 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}
