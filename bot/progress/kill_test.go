package progress_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/outbox/mortal"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

// everyDeath plays a scene with a process that dies before its first effect on the outside, then with one that dies between the first and
// the second one, and so on until one lives to the end. After each death the scene goes on with another process, some time later.
func everyDeath(t *testing.T, opts cloud66sim.Options, down time.Duration, play func(r *rig), check func(r *rig)) {
	t.Helper()
	opts.Speed = 3 // a minute takes 20 s
	step := 0
	for lived := false; !lived; {
		step++
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, opts)
			r.start(mortal.New(step, false))
			played := make(chan struct{})
			go func() { defer close(played); play(r) }()
			r.until("the process is dead or all is over", func() bool {
				return r.process.Died() != "" || (closed(played) && r.progress.Open() == 0 && r.outbox.Queued() == 0)
			})
			death := r.process.Died()
			lived = death == ""
			r.end()
			<-played
			time.Sleep(down)
			r.start(newProcess())
			r.settle()
			check(r)
			if t.Failed() {
				t.Fatalf("it died %s", death)
			}
		})
	}
	if step < 20 {
		t.Errorf("it died only %d times", step-1)
	}
}

// taken reports whether an operation was recorded.
func (r *rig) taken(operation string) bool {
	r.Helper()
	err := r.records.View(r.ctx, func(tx storage.Tx) error {
		_, err := storage.Operations.Get(tx, operation)
		return err
	})
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		r.Fatal(err)
	}
	return err == nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestAProcessThatDiesAtAnyStepOfARedeploySendsItOnceOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]time.Duration{"and is back soon": 10 * time.Second, "and is back when all is over": 20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			refused, unclear := 0, 0
			everyDeath(t, cloud66sim.Options{}, down, func(r *rig) {
				_ = r.redeploy("op") // the dead have nobody to tell
			}, func(r *rig) {
				shown := r.shown(deploys)
				switch sent := r.sent("POST"); {
				case sent == 1:
					r.shows(deploys, live(1004)...)
				case sent > 1:
					r.Errorf("%d POSTs", sent)
				case len(shown) == 0 && !r.taken("op"):
				case len(shown) == 2 && strings.Contains(shown[1], "not redeployed: I was restarted before I sent it"):
					refused++
				case len(shown) == 2 && strings.Contains(shown[1], "did not tell what became of the redeploy: I looked"):
					unclear++
				default:
					r.Errorf("nothing was sent, and the channel shows %q", shown)
				}
				if len(shown) > 1 && shown[0] != strings.TrimSpace(shown[len(shown)-1]) {
					r.Errorf("the card and the thread's last line differ: %q", shown)
				}
			})
			// It is unclear only between the record of the POST and the POST.
			if unclear != 1 || (refused > 0) != (down > time.Minute) {
				t.Errorf("%d times it was too late, %d times it is unclear", refused, unclear)
			}
		})
	}
}

func TestAProcessThatDiesWhileItLooksForALostWishTellsTheTruth(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]cloud66sim.Fault{"accepted": {CutAfter: true}, "not accepted": {CutBefore: true}} {
		t.Run(name, func(t *testing.T) {
			everyDeath(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, 5*time.Second, func(r *rig) {
				fault.Method, fault.Times = "POST", 1
				r.cloud.AddFault(fault)
				_ = r.redeploy("op") // the dead have nobody to tell
			}, func(r *rig) {
				shown := r.shown(deploys)
				deployed := r.newest().UserReference != ""
				if deployed && !slices.Equal(shown, live(1004)) {
					r.Errorf("it was deployed, and the channel shows %q", shown)
				}
				if !deployed && r.taken("op") && (len(shown) != 2 || !strings.Contains(shown[1], "probably not started")) {
					r.Errorf("it was not deployed, and the channel shows %q", shown)
				}
				if n := r.sent("POST"); n > 1 {
					r.Errorf("%d POSTs", n)
				}
			})
		})
	}
}

func TestAProcessThatDiesAtAnyStepOfACancelHasItCarriedOut(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]time.Duration{"and is back soon": 5 * time.Second, "and is back when all is over": 20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			everyDeath(t, cloud66sim.Options{}, down, func(r *rig) {
				r.cloud.Deploy(r.stack.UID, cloud66sim.Start{})
				time.Sleep(5 * time.Second)
				_ = r.cancel("op", lin, 1004) // the dead have nobody to tell
			}, func(r *rig) {
				want, state := "is live", r.newest().State
				if state == cloud66sim.Cancelled {
					want = "was cancelled by @lin"
				}
				shown := r.shown(deploys)
				switch {
				case len(shown) == 0 && r.sent("DELETE") == 0 && !r.taken("op"):
				case len(shown) != 3 || !strings.Contains(shown[0], want) || shown[0] != strings.TrimSpace(shown[2]):
					r.Errorf("it was %s, and the channel shows %q", state, shown)
				case down < time.Minute && state != cloud66sim.Cancelled:
					r.Errorf("it was %s, though its cancel was promised", state)
				}
			})
		})
	}
}

func TestAProcessThatDiesAtAnyStepOfAFollowTellsTheEndOnce(t *testing.T) {
	t.Parallel()
	everyDeath(t, cloud66sim.Options{}, 10*time.Second, func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true})
		r.cloud.Deploy(r.stack.UID, cloud66sim.Start{})
		_ = r.follow("op", deploys, 1004) // the dead have nobody to tell
	}, func(r *rig) {
		failed := "🔴 web · production: #1004 failed after 20 s; #1003 is still live"
		want := []string{failed, "  🔵 web · production: #1004 started", "  " + failed, "(in the channel too) " + failed}
		if !r.taken("op") {
			want = nil
		}
		r.shows(deploys, want...)
	})
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
