package progress_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/outbox/mortal"
	"c66bot/cloud66/cloud66sim"
)

func TestAProcessThatDiesAtAnyStepLosesNothingAndDoesAndTellsNothingTwice(t *testing.T) {
	const soon, later, late = 5 * time.Second, 3 * time.Minute, 20 * time.Minute
	redeploys := func(r *rig) { _ = r.redeploy("op") }
	lost := func(fault cloud66sim.Fault) func(r *rig) {
		fault.Method, fault.Times = "POST", 1
		return func(r *rig) { r.cloud.AddFault(fault); redeploys(r) }
	}
	bare := cloud66sim.Options{Answer: cloud66sim.AnswerBare}
	follows := func(r *rig) { _ = r.followMany(8, deploys) }
	tests := map[string]scene{
		"a redeploy, back soon":             {play: redeploys, down: soon, check: redeployedIn(deploys)},
		"a redeploy, back when all is over": {play: redeploys, down: late, check: redeployedIn(deploys)},
		"a redeploy whose answer is lost": {
			opts:  bare,
			play:  lost(cloud66sim.Fault{CutAfter: true}),
			down:  soon,
			check: redeployedIn(deploys),
		},
		"a redeploy that is lost": {
			opts:  bare,
			play:  lost(cloud66sim.Fault{CutBefore: true}),
			down:  soon,
			check: redeployedIn(deploys),
		},
		"a redeploy that is refused":                   {play: lost(cloud66sim.Fault{Status: 422}), down: soon, check: refused},
		"a cancel, back soon":                          {play: cancelled(time.Minute), down: soon, check: ended(true, false)},
		"a cancel, back when all is over":              {play: cancelled(time.Minute), down: late, check: ended(false, false)},
		"a cancel, back too late for it while it runs": {play: cancelled(time.Hour), down: later, check: ended(false, true)},
		"a follow, back soon":                          {play: followed, down: soon, check: failureTold},
		"a follow, back when all is over":              {play: followed, down: late, check: failureTold},
		"a follow in a channel that is archived":       {play: archived, down: soon, check: failureToldDirectly},
		"the return to many ends":                      {before: follows, play: func(*rig) {}, down: soon, check: allToldTogether},
		"the return to many ends in two channels, and a redeploy": {
			before: followedInTwo,
			play:   redeploysInOps,
			down:   soon,
			check:  allToldTogetherAndRedeployed,
			writes: true,
		},
		"the return of Cloud 66 after a cut in which many ended": {play: cut, down: soon, check: eachEndTold, writes: true},
		"the return to many ends in a channel that is archived now": {
			before: followedThenArchived,
			play:   func(*rig) {},
			down:   soon,
			check:  allToldDirectly,
			writes: true,
		},
		"a failure that two channels subscribe to": {
			before: subscribedInTwo,
			play:   failsElsewhere,
			down:   soon,
			check:  heardOnce,
			writes: true,
		},
		"the return to many that a channel subscribes to": {
			before: subscribedToMany,
			play:   waits,
			down:   soon,
			check:  manyHeardOnce,
			writes: true,
		},
		"a redeploy in a channel that subscribes to it": {
			before: subscribedInTwo,
			play:   redeploysAndWaits,
			down:   soon,
			check:  oneCardOfEach,
			writes: true,
		},
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) { t.Parallel(); everyDeath(t, s) })
	}
}

// redeployedIn checks that a redeploy was sent at most once and came to be told as what became of it, or was never taken.
func redeployedIn(channel string) func(r *rig, death string) {
	return func(r *rig, death string) {
		shown, sent := r.shown(channel), r.sent("POST")
		says := func(words string) bool { return len(shown) == 2 && strings.Contains(shown[1], words) }
		tooLate, unclear := says("not redeployed: I was restarted before I sent it"), says("probably not started")
		switch {
		case sent > 1:
			r.Errorf("%d POSTs", sent)
		case !r.taken("op"):
			if sent > 0 || len(shown) > 0 {
				r.Errorf("it was not taken, and there are %d POSTs and %q", sent, shown)
			}
		case r.newest().UserReference != "":
			r.shows(channel, live(r.newest().ID)...)
		case !tooLate && !unclear, tooLate && sent > 0:
			r.Errorf("it was not deployed, %d POSTs were sent, and the channel shows %q", sent, shown)
		case !unclear && strings.HasPrefix(death, "before") && strings.HasSuffix(death, "POST deployments"):
			r.Errorf("nobody can know that it was not sent, and the channel shows %q", shown)
		}
		if len(shown) > 1 && inThread(shown[0]) != shown[len(shown)-1] {
			r.Errorf("the card and the thread's last line differ: %q", shown)
		}
		r.nobodyToldDirectly()
	}
}

// inThread returns the line of a card's thread that says what the card's first line says.
func inThread(head string) string { return "  " + strings.Replace(head, " web@production", "", 1) }

// refused checks that a redeploy that Cloud 66 refuses is told as refused, or as unclear where the refusal was lost.
func refused(r *rig, _ string) {
	shown := r.shown(deploys)
	told := len(shown) == 2 && (strings.Contains(shown[1], "Cloud 66 refused it") || strings.Contains(shown[1], "probably not started"))
	if r.sent("POST") > 1 || r.taken("op") != told || (!told && len(shown) > 0) || r.newest().UserReference != "" {
		r.Errorf("%d POSTs, and the channel shows %q", r.sent("POST"), shown)
	}
	r.nobodyToldDirectly()
}

func cancelled(duration time.Duration) func(r *rig) {
	return func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: duration})
		r.cloud.Deploy(r.stack.UID, cloud66sim.Start{})
		time.Sleep(5 * time.Second)
		_ = r.cancel("op", lin, 1004)
	}
}

// ended checks that a cancel that was taken is carried out where the process is back in time. Else whoever asked is told directly that it
// is not confirmed, if the deployment still runs then; if it does not, the card tells how it ended. It is sent again only where it is not
// known whether the first one was taken.
func ended(inTime, runs bool) func(r *rig, death string) {
	return func(r *rig, death string) {
		want, state, shown, direct := "went live", r.newest().State, r.shown(deploys), r.direct()
		if state == cloud66sim.Cancelled {
			want = "was cancelled by @lin"
		}
		switch {
		case !r.taken("op"):
			if r.sent("DELETE")+len(shown)+len(direct) > 0 {
				r.Errorf("it was not taken, and there are %d DELETEs, %q and %q", r.sent("DELETE"), shown, direct)
			}
		case len(shown) < 3 || !strings.Contains(shown[0], want) || inThread(shown[0]) != shown[len(shown)-1] ||
			strings.Contains(strings.Join(shown[1:len(shown)-1], ""), want):
			r.Errorf("it was %s, and the channel shows %q", state, shown)
		case inTime && state != cloud66sim.Cancelled:
			r.Errorf("it was %s, though its cancel was promised", state)
		case len(direct) > 1,
			(len(direct) == 1) != (runs && state != cloud66sim.Cancelled),
			len(direct) == 1 && !strings.Contains(direct[0], "is not confirmed"):
			r.Errorf("it was %s, and told directly was %q", state, direct)
		}
		if n := r.sent("DELETE"); n > 2 || (n == 2 && (death == "" || !inTime)) {
			r.Errorf("%d DELETEs", n)
		}
	}
}

func followed(r *rig) {
	r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true})
	r.cloud.Deploy(r.stack.UID, cloud66sim.Start{})
	_ = r.follow("op", deploys, 1004)
}

// failureTold checks that a followed failure is told once, in the thread and in the channel.
func failureTold(r *rig, _ string) {
	failed := "❌ web@production #1004 failed after 20 s; #1003 is still live"
	want := []string{failed, "  🔄 #1004 started", "  " + failed, "(in the channel too) " + failed}
	if !r.taken("op") {
		want = nil
	}
	r.shows(deploys, want...)
	r.nobodyToldDirectly()
	if n := r.sent("POST") + r.sent("DELETE"); n != 0 {
		r.Errorf("a follow changed something %d times", n)
	}
}

// archived has the channel archived once the card of a follow stands.
func archived(r *rig) {
	followed(r)
	r.slack.Archive(deploys)
}

// failureToldDirectly checks that whoever followed a failure is told of it directly, and once. Where already the card was refused, it may
// be the answer to the command that said so.
func failureToldDirectly(r *rig, _ string) {
	direct, shown := r.direct(), r.shown(deploys)
	if len(direct) > 1 || (len(shown) > 0 && len(direct) == 0) || (len(direct) > 0 && !strings.Contains(direct[0], "#1004 failed")) {
		r.Errorf("the channel shows %q, and told directly was %q", shown, direct)
	}
	if len(shown) > 2 {
		r.Errorf("the channel that is archived shows %q", shown)
	}
}

// eachEndTold checks that each end of what was followed is told once, in its thread or in one list.
func eachEndTold(r *rig, _ string) {
	lists, listed, threads, cards := r.told(deploys)
	follows := r.follows()
	if lists > 1 || cards != len(follows) || len(listed)+len(threads) != len(follows) || (lists == 1 && len(listed) <= 5) {
		r.Errorf(
			"of %d follows there are %d lists with %v, threads with %v and %d cards with an end",
			len(follows),
			lists,
			listed,
			threads,
			cards,
		)
	}
	for _, f := range follows {
		if n := listed[f.Stack.Name] + threads[f.Stack.Name]; n != 1 {
			r.Errorf("the end of %s is told %d times", f.Stack.Name, n)
		}
	}
	r.nobodyToldDirectly()
}

func allToldTogether(r *rig, _ string) {
	r.toldOnce(deploys, 8, true)
	r.nobodyToldDirectly()
}

func followedInTwo(r *rig) {
	_ = r.followMany(7, deploys)
	_ = r.followMany(2, builds)
}

func redeploysInOps(r *rig) { _ = r.progress.Redeploy(r.ctx, begins("op", r.wish(ops))) }

func allToldTogetherAndRedeployed(r *rig, death string) {
	r.toldOnce(deploys, 7, true)
	r.toldOnce(builds, 2, false)
	redeployedIn(ops)(r, death)
}

// cut has Cloud 66 silent while much that is followed ends.
func cut(r *rig) {
	_ = r.followMany(6, deploys)
	time.Sleep(10 * time.Second)
	lift := r.cloud.AddFault(cloud66sim.Fault{Status: 502})
	time.Sleep(8 * time.Minute)
	lift()
}

func followedThenArchived(r *rig) {
	_ = r.followMany(8, deploys)
	r.slack.Archive(deploys)
}

// allToldDirectly checks that both who asked are told each end, once.
func allToldDirectly(r *rig, _ string) {
	direct := r.direct()
	slices.Sort(direct)
	if len(direct) != 2 || direct[0][:5] == direct[1][:5] {
		r.Errorf("told directly was %q", direct)
	}
	for _, m := range direct {
		if n := len(ends.FindAllString(strings.ReplaceAll(m, "; ", "\n"), -1)); n != 8 {
			r.Errorf("told directly were %d ends: %q", n, m)
		}
	}
}

func (r *rig) nobodyToldDirectly() {
	r.Helper()
	if direct := r.direct(); len(direct) > 0 {
		r.Errorf("told directly was %q", direct)
	}
}

func TestAKillRightBehindAnotherLosesNothingEither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, cloud66sim.Options{})
		r.start(newProcess())
		r.cloud.AddFault(cloud66sim.Fault{Method: "POST", CutAfter: true, Times: 1})
		if err := r.redeploy("op"); err != nil {
			t.Fatal(err)
		}
		for step := range 12 {
			r.end()
			r.start(mortal.New(step+1, step%2 == 0))
			r.until(fmt.Sprint("the process is dead or all is over ", step), func() bool {
				return r.process.Died() != "" || (r.progress.Open() == 0 && r.outbox.Queued() == 0)
			})
		}
		r.restart(time.Second)
		r.settle()
		r.shows(deploys, live(1004)...)
		r.sentOnce()
	})
}

func TestAKillAtEveryStepOfTheReturnOneAfterTheOtherTellsAllOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, cloud66sim.Options{})
		r.start(newProcess())
		if err := r.followMany(8, deploys); err != nil {
			t.Fatal(err)
		}
		r.end()
		time.Sleep(time.Hour)
		for step := range 40 {
			r.start(mortal.New(step/2+1, step%2 == 0).WithReads())
			r.until(fmt.Sprint("the process is dead or all is over ", step), func() bool {
				return r.process.Died() != "" || (r.progress.Open() == 0 && r.outbox.Queued() == 0)
			})
			r.end()
		}
		r.start(newProcess())
		r.settle()
		r.toldOnce(deploys, 8, true)
	})
}

// A scene of subscriptions lasts until the list of stacks was read a few times.
func waits(*rig) { time.Sleep(5 * time.Minute) }

func subscribedInTwo(r *rig) {
	r.subscribe(deploys, "web")
	r.subscribe(builds, "*@production", events("failed", "succeeded"))
	r.positioned(r.stack.UID)
	time.Sleep(time.Minute)
}

func failsElsewhere(r *rig) {
	time.Sleep(time.Minute)
	r.elsewhere(cloud66sim.Next{Fail: true})
	waits(r)
}

// heardOnce checks that each channel was told once of a failure: by a card that was there before, which says so in the channel too, or by
// one that came only then.
func heardOnce(r *rig, _ string) {
	waits(r)
	r.settle()
	const failed = "❌ web@production #1004 failed after 20 s; #1003 is still live"
	all := []string{failed, "  🔄 #1004 started", "  " + failed, "(in the channel too) " + failed}
	if shown := r.shown(deploys); !slices.Equal(shown, all) && !slices.Equal(shown, all[:1]) {
		r.Errorf("the channel shows %q", shown)
	}
	r.shows(builds, failed)
	r.nobodyToldDirectly()
}

func subscribedToMany(r *rig) {
	var uids []string
	for range 8 {
		uids = append(uids, r.cloud.AddStack(cloud66sim.Stack{Name: "shop", UsualDuration: time.Minute, History: 2}))
	}
	r.subscribe(deploys, "shop")
	for _, uid := range uids {
		r.positioned(uid)
		r.cloud.Deploy(uid, cloud66sim.Start{})
	}
}

func manyHeardOnce(r *rig, _ string) {
	waits(r)
	r.settle()
	together, alone := 0, 0
	for _, line := range r.shown(deploys) {
		switch {
		case strings.Contains(line, "ended while I could not look"):
			together++
		case strings.HasPrefix(line, "✅"):
			alone++
		default:
			r.Errorf("the channel shows %q", line)
		}
	}
	if together != 1 || alone != 0 {
		r.Errorf("%d messages of many, %d of one", together, alone)
	}
}

func redeploysAndWaits(r *rig) {
	_ = r.redeploy("op")
	waits(r)
}

// oneCardOfEach checks that both channels have a card of a redeploy that was made, and none has two.
func oneCardOfEach(r *rig, _ string) {
	waits(r)
	r.settle()
	if !r.taken("op") || r.newest().UserReference == "" {
		return
	}
	shown := slices.DeleteFunc(r.shown(deploys), func(line string) bool { return strings.HasPrefix(line, " ") })
	if want := live(1004)[:1]; !slices.Equal(shown, want) {
		r.Errorf("the channel that asked shows %q", shown)
	}
	r.shows(builds, live(1004)[0])
}
