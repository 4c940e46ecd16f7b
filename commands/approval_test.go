package commands

import (
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// guarded protects stacks; sam may redeploy them, and kim may approve that.
func (r *rig) guarded(protect string) {
	r.t.Helper()
	r.lively()
	r.cloud.deployments["web1"][0].IsLive = true
	r.put(allow(sam, "*", authz.View, authz.Redeploy, authz.Approve), allow(kim, "*", authz.View, authz.Approve))
	r.say(lin, protect)
	r.channels.said = nil
}

// asksApproval has somebody ask for a change that waits, and returns the request as its card shows it.
func (r *rig) asksApproval(user, line string) storage.Approval {
	r.t.Helper()
	time.Sleep(time.Second)
	before := len(r.channels.said)
	silent(r.t, r.say(user, line))
	if len(r.channels.said) != before+1 {
		r.t.Fatalf("%s: said is %+v", line, r.channels.said[before:])
	}
	return as[ApprovalReply](r.t, r.channels.said[before].Reply).Approval
}

// answer clicks a button of a request, as it shows things by now.
func (r *rig) answer(user string, verb Verb, a storage.Approval) Reply {
	r.t.Helper()
	time.Sleep(time.Second)
	inv := Invocation{Verb: verb, UID: a.Follow.Stack.UID, Options: Options{Rule: a.ID}, Shown: a.Follow.Stack.String()}
	if verb == Approve {
		inv.Sight = approvalSight(r.approval(a.ID))
	}
	return r.click(user, inv)
}

// rejects submits the window of a request's Reject.
func (r *rig) rejects(user string, a storage.Approval) Reply {
	r.t.Helper()
	time.Sleep(time.Second)
	inv := Invocation{Verb: Reject, UID: a.Follow.Stack.UID, Options: Options{Rule: a.ID, Reason: "not today"}, Form: true}
	return r.Do(r.t.Context(), request(inv, user, here))
}

func (r *rig) approval(id string) storage.Approval {
	r.t.Helper()
	a, found, err := storage.Approvals.Look(r.t.Context(), r.db, id)
	if err != nil || !found {
		r.t.Fatalf("no request %s: %v", id, err)
	}
	return a
}

func TestWhatIsApprovedByAnotherBeginsOnceExactlyAsItWasAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect '*@production'")
		a := r.asksApproval(sam, "redeploy web@production --ref main --profile canary --reason 'fix the login'")
		if len(r.progress.done) != 0 {
			t.Fatalf("done is %q", r.progress.done)
		}
		problemThat(t, r.answer(sam, Approve, a), "Nobody approves their own request")
		if e := r.lastAudit(); e.Allowed || e.Action != "approve" || e.User != sam {
			t.Errorf("recorded is %+v", e)
		}
		refusalOf(t, r.answer(guest, Approve, a), authz.Approve)
		silent(t, r.answer(kim, Approve, a))
		of(t, kindNotice, r.answer(lin, Approve, a))
		if got := r.progress.done; len(got) != 1 || got[0] != "redeploy web1" {
			t.Errorf("done is %q", got)
		}
		f := r.progress.follow
		if f.Asker != sam || f.Channel != here || f.Wish.Ref != "main" || f.Wish.Profile != "canary" || f.Wish.Reason != "fix the login" ||
			f.Wish.NewestBefore != 5 {
			t.Errorf("begun is %+v %+v", f, f.Wish)
		}
		if got := r.approval(a.ID); got.State != storage.Approved || got.Given[0].User != kim {
			t.Errorf("the request is %+v", got)
		}
		shown := r.channels.amended[0].Reply.Document().Fallback().String()
		if !strings.Contains(shown, "was approved by <@"+kim+">") {
			t.Errorf("its card shows %s", shown)
		}
		var by []storage.Decider
		for _, e := range r.audit() {
			if e.Allowed && e.Stack.UID == "web1" {
				by = append(by, e.By)
			}
		}
		if len(by) != 2 || by[0].Kind != storage.ByProtection || by[1] != (storage.Decider{Kind: storage.ByApproval, ID: a.ID}) {
			t.Errorf("recorded is %+v", by)
		}
	})
}

func TestAnAdminDoesNotApproveTheirOwnEither(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web")
		a := r.asksApproval(lin, "redeploy web@production --now")
		problemThat(t, r.answer(lin, Approve, a), "not even an admin")
		silent(t, r.say(lin, "redeploy api@production --now")) // not protected
		if got := r.progress.done; len(got) != 1 || got[0] != "redeploy api1" {
			t.Errorf("done is %q", got)
		}
	})
}

func TestAsManyApproveAsTheProtectionSaysAndOfItsGroup(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.slack.members[devs] = []string{kim, sam}
		r.guarded("protect web --approvals 2 --by <!subteam^" + devs + "|@devs>")
		r.rule("allow " + guest + " approve *")
		r.channels.said = nil
		a := r.asksApproval(sam, "redeploy web@production --now")
		problemThat(t, r.answer(guest, Approve, a), "a member of the group")
		silent(t, r.answer(kim, Approve, a))
		noticeThat(t, r.answer(kim, Approve, a), "You approved this already")
		if len(r.progress.done) != 0 {
			t.Fatalf("done is %q", r.progress.done)
		}
		silent(t, r.answer(lin, Approve, a)) // an admin of the configuration counts
		if len(r.progress.done) != 1 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
	inBubble(t, func(t *testing.T, r *rig) { // an admin by a rule counts as anybody else, and rejecting is for those who count
		r.slack.members[devs] = []string{kim}
		r.guarded("protect web --by <!subteam^" + devs + "|@devs>")
		r.rule("allow " + guest + " admin *")
		r.rule("allow " + guest + " approve *")
		a := r.asksApproval(sam, "redeploy web@production --now")
		problemThat(t, r.answer(guest, Approve, a), "a member of the group")
		for user, says := range map[string]string{guest: "a member of the group", sam: "your own request"} {
			problemThat(t, r.rejects(user, a), says)
			if e := r.lastAudit(); e.Allowed || e.User != user {
				t.Errorf("recorded is %+v", e)
			}
		}
		if got := r.approval(a.ID); got.State != storage.Waiting {
			t.Fatalf("the request is %+v", got)
		}
		silent(t, r.rejects(kim, a))
		a = r.asksApproval(sam, "redeploy web@production --now")
		silent(t, r.rejects(lin, a)) // an admin of the configuration
		if got := r.approval(a.ID); got.State != storage.Rejected || got.By != lin || len(r.progress.done) != 0 {
			t.Errorf("the request is %+v, done is %q", got, r.progress.done)
		}
	})
	inBubble(t, func(t *testing.T, r *rig) { // the right of the first one ends before the second one comes
		r.guarded("protect web --approvals 2")
		r.rule("allow " + guest + " approve *")
		a := r.asksApproval(sam, "redeploy web@production --now")
		silent(t, r.answer(kim, Approve, a))
		r.say(lin, "deny "+kim+" approve *")
		silent(t, r.answer(guest, Approve, a))
		if len(r.progress.done) != 0 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}

func TestApprovalIsAskedForAgainWhereTheWorldHasMoved(t *testing.T) {
	for name, move := range map[string]func(r *rig){
		"another deployment came": func(r *rig) { r.cloud.runs("web1", true); r.cloud.ends("web1", cloud66.OutcomeFailed) },
		"another one is live": func(r *rig) {
			r.cloud.deployments["web1"][0].IsLive, r.cloud.deployments["web1"][2].IsLive = false, true
		},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.guarded("protect web")
			a := r.asksApproval(sam, "redeploy web@production --now")
			move(r)
			problemThat(t, r.answer(kim, Approve, a), "It is not what was asked for any more")
			if len(r.progress.done) != 0 {
				t.Fatalf("%s: done is %q", name, r.progress.done)
			}
			if again := r.approval(a.ID); again.Changed == "" || len(again.Given) != 0 || again.State != storage.Waiting {
				t.Errorf("%s: the request is %+v", name, again)
			}
			old := Invocation{Verb: Approve, UID: "web1", Options: Options{Rule: a.ID}, Sight: approvalSight(a)}
			problemThat(t, r.click(kim, old), "The request has changed since this was shown to you")
			silent(t, r.answer(kim, Approve, a))
			if len(r.progress.done) != 1 || r.progress.follow.Wish.NewestBefore != newestID(r.cloud.deployments["web1"]) {
				t.Errorf("%s: done is %q", name, r.progress.done)
			}
		})
	}
	inBubble(t, func(t *testing.T, r *rig) { // a lock was made since
		r.guarded("protect web")
		a := r.asksApproval(sam, "redeploy web@production --now")
		l := r.lockMade(lin, "lock * freeze")
		as[LockedReply](t, r.answer(kim, Approve, a))
		r.say(lin, "unlock "+l.ID)
		silent(t, r.answer(kim, Approve, a))
		if len(r.progress.done) != 1 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}

func TestAnApproveButtonIsOfOneRequestAndOfWhatItShowed(t *testing.T) {
	noon := time.Date(2026, 7, 14, 12, 0, 0, 0, time.UTC)
	shown := storage.Approval{
		ID: "k3f9", At: noon, Live: 1_200_001, GroupChanged: noon,
		Follow: storage.Follow{Stack: storage.StackRef{UID: "web1", Name: "web"}, Wish: &storage.Wish{Ref: "main", NewestBefore: 1_200_002}},
	}
	for name, change := range map[string]func(a *storage.Approval){
		"a later request that has its id": func(a *storage.Approval) { a.At = noon.Add(time.Hour) },
		"what is live":                    func(a *storage.Approval) { a.Live = 1_200_002 },
		"the newest":                      func(a *storage.Approval) { a.Follow.Wish = &storage.Wish{Ref: "main", NewestBefore: 1_200_003} },
		"what is wanted":                  func(a *storage.Approval) { a.Follow.Wish = &storage.Wish{Ref: "dev", NewestBefore: 1_200_002} },
		"the group":                       func(a *storage.Approval) { a.GroupChanged = noon.Add(time.Hour) },
		"the locks":                       func(a *storage.Approval) { a.Overrides = []string{"x2d4"} },
	} {
		other := shown
		if change(&other); approvalSight(other) == approvalSight(shown) {
			t.Errorf("%s: a button of before fits", name)
		}
	}
}

func TestARequestThatIsOverIsNotApproved(t *testing.T) {
	for name, end := range map[string]func(r *rig, a storage.Approval) Reply{
		"rejected": func(r *rig, a storage.Approval) Reply {
			return r.rejects(kim, a)
		},
		"withdrawn": func(r *rig, a storage.Approval) Reply {
			problemThat(r.t, r.answer(lin, Withdraw, a), "Only who asked")
			return r.answer(sam, Withdraw, a)
		},
		"expired": func(*rig, storage.Approval) Reply { time.Sleep(time.Hour); return nil },
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.guarded("protect web")
			a := r.asksApproval(sam, "redeploy web@production --now")
			noticeThat(t, r.say(sam, "redeploy web@production --now"), "waits for approval")
			silent(t, end(r, a))
			if reply := r.answer(kim, Approve, a); reply == nil || len(r.progress.done) != 0 {
				t.Errorf("%s: %+v, done is %q", name, reply, r.progress.done)
			}
			r.asksApproval(sam, "redeploy web@production --now")
		})
	}
}

func TestWhatIsAboutAStackThatVanishedMeanwhileIsToldSoAndDeploysNothing(t *testing.T) {
	for name, begin := range map[string]func(r *rig) func() Reply{
		"an approval": func(r *rig) func() Reply {
			a := r.asksApproval(sam, "redeploy web@production --now")
			return func() Reply { return r.answer(kim, Approve, a) }
		},
		"the reason of a rejection": func(r *rig) func() Reply {
			a := r.asksApproval(sam, "redeploy web@production --now")
			return func() Reply { return r.rejects(kim, a) }
		},
		"the reason of an override": func(r *rig) func() Reply {
			r.lockMade(lin, "lock web migration")
			over := *as[LockedReply](r.t, r.say(lin, "redeploy web@production --ref main")).Override
			over.Options[Reason], over.Fill, over.Form = "outage", false, true
			return func() Reply { return r.Do(r.t.Context(), request(over, lin, here)) }
		},
		"a form": func(r *rig) func() Reply {
			fill := as[FormReply](r.t, r.form(sam, Invocation{Verb: Redeploy, Stack: "web@production"})).Fill
			sent := Invocation{Verb: Redeploy, UID: "web1", Shown: "web@production", Yes: true, Form: true}
			sent.Newest, sent.AskedAt = fill.Newest, fill.AskedAt
			return func() Reply { return r.Do(r.t.Context(), request(sent, sam, here)) }
		},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.guarded("protect web")
			send := begin(r)
			r.stacks.stacks = slices.DeleteFunc(r.stacks.stacks, func(s cloud66.Stack) bool { return s.UID == "web1" })
			r.cloud.err = &cloud66.Error{Kind: cloud66.ErrNotFound, Status: 404}
			r.channels.said = nil
			time.Sleep(time.Minute)
			reply := send()
			if reply == nil || !strings.Contains(reply.Document().Fallback().String(), "was deleted") || len(r.channels.said) != 0 {
				t.Errorf("%s: the answer is %+v, said is %+v", name, reply, r.channels.said)
			}
			r.nothingDone()
		})
	}
}

func TestOnlyWhatWasLiveOnTheStackThatComesFirstMayGo(t *testing.T) {
	const hash, other = "4f2c1d9000000000000000000000000000000001", "4f2c1d9000000000000000000000000000000002"
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.cloud.deployments["web2"][0].GitHash, r.cloud.deployments["web2"][0].IsLive = hash, true
		r.put(allow(sam, "*", authz.View, authz.Redeploy))
		problemThat(t, r.say(lin, "protect web --approvals 0 --after stagin"), "No stack has the environment", "staging")
		r.say(lin, "protect web --approvals 0 --after staging")
		for _, line := range []string{"--now", "--ref main", "--ref " + other, "--ref " + hash[:12]} {
			text := of(t, KindRefusal, r.say(sam, "redeploy web@production "+line)).Fallback().String()
			if !strings.Contains(text, "/c66 promote web@staging production") {
				t.Errorf("%s: %s", line, text)
			}
		}
		if len(r.progress.done) != 0 {
			t.Fatalf("done is %q", r.progress.done)
		}
		silent(t, r.say(sam, "redeploy web@staging --ref main")) // it comes first
		silent(t, r.say(sam, "redeploy web@production --ref "+hash))
		if len(r.progress.done) != 2 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}

func TestWhyNamesTheLockAndTheProtectionThatHoldARedeploy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web@production --approvals 2")
		l := r.lockMade(lin, "lock 'web*' migration")
		text := of(t, "why", r.say(sam, "access why redeploy web@production")).Fallback().String()
		for _, want := range []string{"may redeploy", "lock `" + l.ID + "`", "migration", "2 approvals", "unprotect"} {
			if !strings.Contains(text, want) {
				t.Errorf("it does not say %q: %s", want, text)
			}
		}
		r.lockMade(lin, "lock web --every 'fri 16:00-mon 08:00' --tz Europe/Berlin weekend") // the bubble begins on a Saturday
		text = of(t, "why", r.say(sam, "access why redeploy web@production")).Fallback().String()
		for _, want := range []string{"every week fri 16:00-mon 08:", "(Europe/Berlin) until 3 Jan 2000 07:00 UTC holds it: “weekend”"} {
			if !strings.Contains(text, want) {
				t.Errorf("it does not say %q: %s", want, text)
			}
		}
		if text := of(t, "why", r.say(sam, "access why view web@production")).Fallback().String(); strings.Contains(text, "lock") {
			t.Errorf("a look is held: %s", text)
		}
		form := as[FormReply](t, r.form(sam, Invocation{Verb: Redeploy, Stack: "web@production"}))
		if all := strings.Join(form.Facts, "\n"); !strings.Contains(all, "waits for 2 approvals") {
			t.Errorf("the form says %s", all)
		}
	})
}

func TestAProtectionIsTakenBackInAnEmergencyWhichIsSaid(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web")
		r.asksApproval(sam, "redeploy web@production --now")
		refusalOf(t, r.say(sam, "unprotect web"), authz.Admin)
		problemThat(t, r.sayIn(there, lin, "unprotect api"), "No protection is on")
		r.channels.said = nil
		silent(t, r.sayIn(there, lin, "unprotect web"))
		if said := r.channels.said; len(said) != 2 || said[1].Channel != here {
			t.Errorf("said is %+v", said)
		}
		silent(t, r.say(sam, "redeploy web@production --now"))
		if len(r.progress.done) != 1 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}
