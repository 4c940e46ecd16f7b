package progress_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/commands"
)

// Wishes that a kill cut off and one that is asked for right after the start go to Cloud 66 one after the other, and each finds its
// deployment, though no answer names it and no action tells it.
func TestWhatIsCarriedOnAndWhatIsAskedAnewForOneStackGoOneAfterTheOther(t *testing.T) {
	const takes = 5 * time.Second
	for carried := 1; carried <= 3; carried++ {
		t.Run(fmt.Sprintf("%d carried on", carried), func(t *testing.T) {
			inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
				r.cloud.AddFault(cloud66sim.Fault{Method: "POST", After: true, Delay: takes})
				r.cloud.AddFault(cloud66sim.Fault{PathPart: "/actions", Status: 403})
				r.slack.SlowCall("chat.postMessage", time.Minute, 1) // so that no card stands yet
				var asking sync.WaitGroup
				for i := range carried {
					asking.Go(func() { _ = r.redeploy(fmt.Sprint("op", i)) })
				}
				time.Sleep(time.Second)
				r.end()
				asking.Wait()
				if n := r.sent("POST"); n != 0 {
					r.Fatalf("%d POSTs were sent before the kill", n)
				}
				r.start(newProcess())
				done := r.turn(commands.Redeploy)
				if err := r.redeploy("anew"); err != nil {
					r.Error(err)
				}
				done()
				r.settle()
				var last time.Time
				for _, q := range r.cloud.Requests() {
					if q.Method != "POST" {
						continue
					}
					if q.Time.Sub(last) < takes {
						r.Errorf("one was sent %s after another", q.Time.Sub(last))
					}
					last = q.Time
				}
				all := strings.Join(r.shown(deploys), "\n")
				for i := range carried + 1 {
					if says := fmt.Sprintf("\n✅ web@production #%d went live", 1004+i); strings.Count("\n"+all, says) != 1 {
						r.Errorf("#%d is not told once:\n%s", 1004+i, all)
					}
				}
				if n := r.sent("POST"); n != carried+1 {
					r.Errorf("%d POSTs", n)
				}
			})
		})
	}
}

// A wish that a kill cut off while Cloud 66 had it under way, and one that is asked for right after the start, are not side by side either.
func TestAWishThatMayBeUnderWayGoesBeforeOneThatIsAskedAnew(t *testing.T) {
	for name, tt := range map[string]struct {
		takes time.Duration // 0 for never
		waits time.Duration
	}{
		"for seconds":       {4 * time.Second, 4 * time.Second},
		"for half a minute": {25 * time.Second, 25 * time.Second},
		"and never arrived": {0, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
				r.cloud.AddFault(cloud66sim.Fault{Method: "POST", Delay: time.Minute, CutBefore: true, Times: 1})
				r.cloud.AddFault(cloud66sim.Fault{PathPart: "/actions", Status: 403})
				var asking sync.WaitGroup
				asking.Go(func() { _ = r.redeploy("op") })
				r.until("it is sent", func() bool { return r.sent("POST") == 1 })
				sent := time.Now()
				r.end()
				asking.Wait()
				if tt.takes > 0 {
					asking.Go(func() {
						time.Sleep(tt.takes)
						r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "api"})
					})
				}
				r.start(newProcess())
				done := r.turn(commands.Redeploy)
				asking.Wait()
				if waited := time.Since(sent); waited < tt.waits || waited > tt.waits+15*time.Second {
					r.Errorf("the next one waited %s", waited)
				}
				if tt.takes > 0 {
					if err := r.redeploy("anew"); err != nil {
						r.Error(err)
					}
				}
				done()
				r.settle()
				if tt.takes > 0 {
					r.shows(deploys, append(live(1004), slices.Insert(live(1005), 1, "  🕓 #1005 is queued behind #1004")...)...)
				}
			})
		})
	}
}

// A cancel that a kill cut off and the same one asked for again are one after the other too, and a redeploy waits for neither.
func TestACancelThatIsCarriedOnGoesBeforeOneThatIsAskedAnew(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: time.Hour})
		r.cloud.Deploy(r.stack.UID, cloud66sim.Start{})
		hold := r.cloud.AddFault(cloud66sim.Fault{Method: "DELETE", Delay: time.Minute, CutBefore: true})
		var asking sync.WaitGroup
		asking.Go(func() { _ = r.cancel("op", lin, 1004) })
		time.Sleep(10 * time.Second)
		r.end()
		asking.Wait()
		hold()
		r.cloud.AddFault(cloud66sim.Fault{Method: "DELETE", Delay: 5 * time.Second, Times: 1})
		r.start(newProcess())
		began := time.Now()
		redeploy := r.turn(commands.Redeploy)
		redeploy()
		if waited := time.Since(began); waited > time.Second {
			r.Errorf("a redeploy waited %s for a cancel", waited)
		}
		done := r.turn(commands.Cancel)
		done()
		if waited := time.Since(began); waited < 5*time.Second {
			r.Errorf("the second cancel waited %s", waited)
		}
		r.until("it is cancelled", func() bool { return r.newest().State == cloud66sim.Cancelled })
		r.settle()
	})
}
