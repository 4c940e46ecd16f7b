package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// lockMade makes a lock by a command, and returns it.
func (r *rig) lockMade(user, text string) storage.Lock {
	r.t.Helper()
	time.Sleep(time.Second)
	before := len(r.channels.said)
	reply := r.say(user, text)
	if len(r.channels.said) != before+1 {
		r.t.Fatalf("%s: %+v", text, reply)
	}
	return as[LockSaid](r.t, r.channels.said[before].Reply).Lock
}

func TestALockedStackIsRedeployedByNobodyWhereverItIsAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.put(allow(sam, "*", authz.View, authz.Redeploy), allow(kim, "web*", authz.View, authz.Lock))
		r.ruleIn(there, "allow "+sam+" view,redeploy,cancel *")
		l := r.lockMade(kim, "lock web@production the migration runs")
		for _, channel := range []string{here, there} {
			for _, line := range []string{"redeploy web@production --now", "redeploy web@production --ref main"} {
				time.Sleep(time.Second)
				refused := as[LockedReply](t, r.sayIn(channel, sam, line))
				text := refused.Document().Fallback().String()
				for _, want := range []string{"is locked", "<@" + kim + ">", "the migration runs", l.ID} {
					if !strings.Contains(text, want) {
						t.Errorf("it does not say %q: %s", want, text)
					}
				}
				if refused.Ask == nil || refused.Override != nil || refused.Unlock != nil {
					t.Errorf("it offers %+v", refused)
				}
				byLock := storage.Decider{Kind: storage.ByLock, ID: l.ID}
				if e := r.lastAudit(); e.Allowed || e.By != byLock || e.Action != "redeploy" || e.Stack.UID != "web1" {
					t.Errorf("recorded is %+v", e)
				}
			}
		}
		form := as[FormReply](t, r.form(sam, Invocation{Verb: Redeploy, Stack: "web@production"}))
		if !strings.Contains(form.Facts[0], "Locked by Kim") {
			t.Errorf("the form says %q", form.Facts)
		}
		if len(r.progress.done) != 0 {
			t.Fatalf("done is %q", r.progress.done)
		}
		silent(t, r.say(sam, "redeploy web@staging --now"))
		id := r.cloud.runs("web1", true)
		yes := yesIn(t, r.sayIn(there, sam, "cancel web@production"))
		r.clickIn(there, sam, yes)
		if got := r.progress.done; len(got) != 2 || got[1] != "cancel web1 6" {
			t.Errorf("done is %q, beside #%d", got, id)
		}
	})
}

func TestALockCoversWhatItsHolderMayLockAtThatMoment(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.put(allow(sam, "*", authz.View, authz.Redeploy))
		rule := r.rule("allow " + kim + " view,lock web@*")
		r.lockMade(kim, "lock * freeze")
		as[LockedReply](t, r.say(sam, "redeploy web@production --now"))
		silent(t, r.say(sam, "redeploy api@production --now")) // not kim's to lock
		r.say(lin, "allow "+kim+" lock api")
		as[LockedReply](t, r.say(sam, "redeploy api@production --now"))
		r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{UID: "web3", Name: "web", Environment: "later", LastActivity: time.Now()})
		time.Sleep(time.Minute)
		as[LockedReply](t, r.say(sam, "redeploy web@later --now"))
		r.say(lin, "revoke "+rule)
		silent(t, r.say(sam, "redeploy web@production --now"))
	})
}

func TestALockIsOverWhenItsTimeIs(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.lockMade(lin, "lock '*@production' --for 1h30m release")
		time.Sleep(90*time.Minute - time.Second)
		as[LockedReply](t, r.say(lin, "redeploy web@production --now"))
		time.Sleep(time.Second)
		silent(t, r.say(lin, "redeploy web@production --now"))
		r.slack.people[lin] = authz.Person{ID: lin, Name: "Lin", Zone: "Europe/Berlin"}
		l := r.lockMade(lin, "lock web@staging --every 'fri 16:00-mon 08:00' weekend")
		if l.Zone != "Europe/Berlin" || l.Every != "fri 16:00-mon 08:00" { // the bubble begins on Saturday, 1 January 2000
			t.Errorf("it is %+v", l)
		}
		as[LockedReply](t, r.say(lin, "redeploy web@staging --now"))
		time.Sleep(time.Until(time.Date(2000, 1, 3, 7, 0, 0, 0, time.UTC)))
		silent(t, r.say(lin, "redeploy web@staging --now"))
	})
}

func TestALockWhoseEndWasToldDoesNotComeBackWithAClockThatIsPutBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		l := r.lockMade(lin, "lock web --for 2h migration")
		l.At = l.At.Add(time.Hour) // the clock was put back an hour after it was made
		r.stores(func(tx storage.Tx) error { return storage.Locks.Put(tx, l.ID, l) })
		as[LockedReply](t, r.say(lin, "redeploy web@production --now"))
		l.Over = true // and its end was told, when the clock was ahead
		r.stores(func(tx storage.Tx) error { return storage.Locks.Put(tx, l.ID, l) })
		silent(t, r.say(lin, "redeploy web@production --now"))
		if text := r.say(lin, "locks").Document().Fallback().String(); strings.Contains(text, l.ID) {
			t.Errorf("the list is %s", text)
		}
	})
}

func TestAnAdminOverridesALockWithAReasonAndNobodyElse(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.put(allow(sam, "*", authz.View, authz.Redeploy))
		l := r.lockMade(lin, "lock * freeze")
		refused := as[LockedReply](t, r.say(lin, "redeploy web@production --ref main"))
		if refused.Unlock == nil || refused.Ask != nil || refused.Override == nil {
			t.Fatalf("it offers %+v", refused)
		}
		over := throughSlack(t, *refused.Override)
		if !over.AsksReason() || over.OpensForm() || over.Changes() {
			t.Errorf("the button is %+v", over)
		}
		problemThat(t, r.click(lin, over), "takes a reason") // no window was opened
		time.Sleep(time.Second)
		over.Options[Reason], over.Fill, over.Form = "hotfix of the outage", false, true
		silent(t, r.Do(t.Context(), request(over, lin, here)))
		if w := r.progress.follow.Wish; w == nil || w.Ref != "main" || w.Reason != "hotfix of the outage" {
			t.Errorf("the wish is %+v", w)
		}
		if e := r.lastAudit(); !e.Allowed || !strings.Contains(e.Reason, "override lock "+l.ID) {
			t.Errorf("recorded is %+v", e)
		}
		time.Sleep(time.Second)
		if refused := as[LockedReply](t, r.say(sam, "redeploy web@production --override --reason please")); !refused.MayNot {
			t.Errorf("it is %+v", refused)
		}
		if e := r.lastAudit(); e.Allowed {
			t.Errorf("recorded is %+v", e)
		}
		if len(r.progress.done) != 1 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}

func TestARollbackAndAPromotionOverrideALockByTheirOptionOrTheButton(t *testing.T) {
	for line, want := range map[string]storage.Wish{
		"rollback web@production --to 3": {Ref: commit(3), Origin: 3, NewestBefore: 5},
		"promote web@staging production": {Ref: commit(23), Origin: 23, From: "web@staging", NewestBefore: 5},
	} {
		for _, typed := range []bool{false, true} {
			inBubble(t, func(t *testing.T, r *rig) {
				r.staged()
				r.put(allow(sam, "*", authz.View, authz.Redeploy), allow(kim, "*", authz.Lock))
				l := r.lockMade(kim, "lock web@production migration")
				r.channels.said = nil
				overridden := func(reply Reply) Invocation {
					t.Helper()
					if text := reply.Document().Fallback().String(); !strings.Contains(text, "“migration” (lock "+l.ID+"). This overrides it.") {
						t.Errorf("the question says %s", text)
					}
					return agree(t, reply)
				}
				var over Invocation
				if typed {
					over = overridden(r.say(lin, line+" --override --reason outage"))
				} else {
					q := r.say(lin, line)
					if text := q.Document().Fallback().String(); !strings.Contains(text, "“migration” (lock "+l.ID+"). This will be refused.") {
						t.Errorf("the question says %s", text)
					}
					over = throughSlack(t, *as[LockedReply](t, r.click(lin, agree(t, q))).Override)
					if !over.AsksReason() || over.Changes() {
						t.Errorf("the button is %+v", over)
					}
					verb, _, _ := strings.Cut(line, " --")
					problemThat(t, r.click(lin, over), "takes a reason", verb) // no window was opened
					over.Options[Reason], over.Fill, over.Form = "outage", false, true
				}
				r.nothingDone()
				time.Sleep(time.Second)
				r.Do(t.Context(), request(over, lin, here))
				want.Reason, want.Overrides = "outage", []storage.Overridden{{Lock: l.ID, Holder: kim, Channel: here}}
				if diff := cmp.Diff(&want, r.progress.follow.Wish); diff != "" {
					t.Error(diff)
				}
				if e := r.lastAudit(); !e.Allowed || e.By != (storage.Decider{Kind: storage.ByLock, ID: l.ID}) {
					t.Errorf("recorded is %+v", e)
				}
				if refused := as[LockedReply](t, r.click(sam, agree(t, r.say(sam, line+" --override --reason please")))); !refused.MayNot {
					t.Errorf("sam is told %+v", refused)
				}
				if len(r.progress.done) != 1 {
					t.Errorf("done is %q", r.progress.done)
				}
			})
		}
	}
}

func TestNothingDeploysWhileTheLocksCannotBeRead(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.stores(func(tx storage.Tx) error {
			return errors.Join(tx.Put("locks", "bad", []byte("00000000 {}")), storage.Counters.Put(tx, "locks", 7))
		})
		problemThat(t, r.say(lin, "redeploy web@production --now"), "Nothing was done.")
		r.nothingDone()
	})
}

// moving makes a lock between the ruling and the transaction.
type moving struct {
	Progress

	between func()
}

func (m *moving) Redeploy(ctx context.Context, start Start) error {
	m.between()
	return m.Progress.Redeploy(ctx, start)
}

func TestALockThatIsMadeAMomentBeforeHolds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		made := 0
		r.Progress = guarded{&moving{r.progress, func() {
			if made++; made == 1 {
				r.lockMade(lin, "lock * stop")
			}
		}}, r.Handler}
		as[LockedReply](t, r.say(lin, "redeploy web@production --now"))
		if len(r.progress.done) != 0 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}

func TestWhoMayLockAllThatALockCoversUnlocksItAndItsHolderIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.put(allow(sam, "*", authz.View, authz.Redeploy), allow(kim, "web@*", authz.View, authz.Lock), allow(sam, "web@staging", authz.Lock))
		all := r.lockMade(lin, "lock * freeze")
		web := r.lockMade(kim, "lock 'web*' migration")
		refusalOf(t, r.say(kim, "unlock *"), authz.Lock)
		refusalOf(t, r.say(sam, "unlock "+web.ID), authz.Lock) // of both webs he may lock one
		of(t, KindProblem, r.say(kim, "unlock web@production"))
		r.channels.said = nil
		silent(t, r.say(lin, "unlock WEB*"))
		var told []string
		for _, a := range r.channels.said {
			told = append(told, a.User+a.Channel+" "+a.Reply.Document().Fallback().String())
		}
		want := []string{
			here + " 🔓 <@U0KIM> locked `web*`: “migration”", here + " 🔓 <@U0LIN> unlocked `web*`", kim + " 🔓 <@U0KIM> locked `web*`",
		}
		if !slices.EqualFunc(told, want, strings.HasPrefix) {
			t.Errorf("told is %q", told)
		}
		of(t, KindProblem, r.click(lin, Invocation{Verb: Unlock, Options: Options{Rule: web.ID}})) // it is gone
		of(t, "unlocked", r.clickIn(direct, lin, Invocation{Verb: Unlock, Options: Options{Rule: all.ID}}))
		if rows := r.say(sam, "locks").Document().Fallback().String(); !strings.Contains(rows, "Nothing is locked") {
			t.Errorf("locked is %s", rows)
		}
	})
}

func TestTheHolderOfALockIsAskedToUnlockItOnceAnHour(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.put(allow(sam, "*", authz.View, authz.Redeploy), allow(kim, "web@*", authz.View, authz.Lock))
		l := r.lockMade(kim, "lock 'web*' migration")
		ask := *as[LockedReply](t, r.say(sam, "redeploy web@production --now")).Ask
		r.channels.said = nil
		noticeThat(t, r.click(sam, ask), "I have asked")
		if said := r.channels.said; len(said) != 1 || said[0].User != kim || as[UnlockAsked](t, said[0].Reply).Stack.UID != "web1" {
			t.Fatalf("said is %+v", said)
		}
		time.Sleep(59 * time.Minute)
		ask.Nonce += "2"
		noticeThat(t, r.click(sam, ask), "was asked within the last hour")
		r.channels.said = nil
		of(t, "unlocked", r.clickIn(direct, kim, Invocation{Verb: Unlock, Options: Options{Rule: l.ID}})) // by the button, in a direct message
		var users []string
		for _, a := range r.channels.said {
			users = append(users, a.User+a.Channel)
		}
		if strings.Join(users, " ") != strings.Join([]string{here, here, kim, sam}, " ") {
			t.Errorf("told are %q", users)
		}
		silent(t, r.say(sam, "redeploy web@production --now"))
		ask.Nonce += "3"
		noticeThat(t, r.click(sam, ask), "not there any more")
	})
}

func TestWhoLostTheRightWhileTheRedeployWaitedForItsTurnDoesNotDeploy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.put(allow(sam, "*", authz.View, authz.Redeploy), allow(kim, "*", authz.View, authz.Redeploy, authz.Admin))
		waits := func(user, text string) func() Reply {
			inv, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			do, refused := r.Prepare(t.Context(), request(inv, user, here))
			if refused != nil {
				t.Fatalf("%s: %+v", text, refused)
			}
			reply, step := do(t.Context())
			if step == nil {
				t.Fatalf("%s: %+v", text, reply)
			}
			return func() Reply { reply, _ := step.Do(t.Context()); return reply }
		}
		r.lockMade(lin, "lock web@production freeze")
		first, second := waits(sam, "redeploy api@production --now"), waits(kim, "redeploy web@production --override --reason hotfix")
		r.say(lin, "deny <@"+sam+"> redeploy *")
		r.say(lin, "deny <@"+kim+"> admin *")
		refusalOf(t, first(), authz.Redeploy)
		if e := r.lastAudit(); e.Allowed || e.User != sam || e.Stack.UID != "api1" {
			t.Errorf("recorded is %+v", e)
		}
		if held := as[LockedReply](t, second()); held.Override != nil {
			t.Errorf("who is no admin any more gets %+v", held)
		}
		if len(r.progress.done) != 0 {
			t.Errorf("done is %q", r.progress.done)
		}
	})
}

func TestNobodyIsSaidToBeAskedWhoseAccountIsNotInUse(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.put(allow(sam, "*", authz.View, authz.Redeploy), allow(kim, "web@*", authz.View, authz.Lock))
		r.lockMade(kim, "lock 'web*' migration")
		ask := *as[LockedReply](t, r.say(sam, "redeploy web@production --now")).Ask
		r.channels.said, r.slack.people[kim] = nil, authz.Person{ID: kim, Name: "Kim", Deactivated: true}
		problemThat(t, r.click(sam, ask), "is deactivated")
		r.slack.err = errors.New("slack is away")
		noticeThat(t, r.click(sam, ask), "I have asked")
		if said := r.channels.said; len(said) != 1 || said[0].User != kim {
			t.Errorf("said is %+v", said)
		}
	})
}

func TestLocksAreShownAsFarAsOneMaySeeTheirStacks(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.put(allow(sam, "api", authz.View), allow(kim, "*", authz.View, authz.Lock))
		r.lockMade(lin, "lock web@production the secret launch")
		r.lockMade(kim, "lock 'api*' --for 2h the other")
		r.lockMade(kim, "lock '*' --every 'mon 10:00-mon 11:00' --tz Europe/Berlin each monday")
		rows := rowsIn(t, "locks", r.say(kim, "locks"))
		if len(rows) != 3 || !strings.Contains(rows[2], "🔓") || !strings.Contains(rows[2], "next") || !strings.Contains(rows[0], "no end") {
			t.Errorf("kim sees %q", rows)
		}
		if rows := rowsIn(t, "locks", r.say(sam, "locks")); len(rows) != 2 || strings.Contains(rows[0]+rows[1], "launch") {
			t.Errorf("sam sees %q", rows)
		}
		time.Sleep(2 * time.Hour)
		if rows := rowsIn(t, "locks", r.say(sam, "locks")); len(rows) != 1 {
			t.Errorf("after its time sam sees %q", rows)
		}
	})
}

func TestABadLockIsExplainedAndLocksNothing(t *testing.T) {
	for line, want := range map[string]string{
		"lock web":                "Why?",
		"lock web ' '":            "Why?",
		"lock":                    "Which stacks?",
		"lock web --for soon why": "“soon” is no time",
		"lock web --for 0h why":   "is no time",
		"lock web --for 500d why": "at most a year",
		"lock web --every 'fri 25:00-mon 08:00' why":        "25:00 is no time of the day",
		"lock web --every 'fri 16:00-fri 16:00' why":        "never opens",
		"lock web --every 'fri 16:00-mon 8:00' --for 2h x":  "not both",
		"lock web --tz Europe/Berlin why":                   "--every, which is missing",
		"lock web --every 'fri 16:00-mon 8:00' --tz Mars x": "no time zone “Mars”",
		"redeploy web --override":                           "--override takes a reason",
	} {
		if _, err := Parse(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", line, err, want)
		}
	}
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.put(allow(kim, "web@staging", authz.View, authz.Lock))
		problemThat(t, r.say(lin, "lock web@prod migration"), "Nothing was locked")
		problemThat(t, r.say(lin, "lock '*' --every 'fri 16:00-mon 08:00' weekend"), "does not tell me your time zone")
		p := problemThat(t, r.say(kim, "lock web@production migration"), "Nothing was locked")
		if strings.Contains(p.Document().Fallback().String(), "api") {
			t.Errorf("it tells of a hidden stack: %+v", p)
		}
		r.nothingDone()
	})
}

func TestShowTellsOfALockAndItsEndIsToldOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		if reply := r.sayIn(direct, lin, "lock 'web@*' migration"); reply != nil {
			t.Fatalf("the lock is answered %+v", reply)
		}
		shown := func() string { return r.say(lin, "show web@production").Document().Fallback().String() }
		if text := shown(); !strings.Contains(text, "Locked by <@"+lin+">, until it is unlocked: “migration” (lock ") {
			t.Errorf("show does not tell of the lock: %s", text)
		}
		r.channels.said = nil
		silent(t, r.sayIn(direct, lin, "unlock 'web@*'"))
		if said := r.channels.said; len(said) != 2 || said[1].Channel != direct || said[1].Reply.Document().Kind != "unlocked" {
			t.Errorf("said is %+v, want the lock's message and its end", said)
		}
		if text := shown(); strings.Contains(text, "Locked") {
			t.Errorf("show tells of a lock that is over: %s", text)
		}
	})
}
