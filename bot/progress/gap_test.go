package progress_test

import (
	"net/http"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// slowNet has each answer of Cloud 66 take a while, as it does outside of tests.
func (r *rig) slowNet() {
	r.net.answers(func(*http.Request) (*http.Response, error) { time.Sleep(200 * time.Millisecond); return nil, nil })
}

func TestWhatEndedWhileTheBotWasDownIsToldAlsoWhereItIsMoreThanAPage(t *testing.T) {
	for name, c := range map[string]struct{ before, card bool }{
		"on a stack that was never read":                     {},
		"on one that was":                                    {before: true},
		"on one with a card, which is looked at immediately": {before: true, card: true},
	} {
		t.Run(name, func(t *testing.T) {
			unhurried(t, cloud66sim.Options{}, func(r *rig) {
				r.slowNet()
				r.subscribe(deploys, "web")
				r.positioned(r.stack.UID)
				time.Sleep(5 * time.Minute)
				want := 40
				if c.before {
					r.elsewhere(cloud66sim.Next{})
					r.over()
					want++
				}
				if c.card {
					r.elsewhere(cloud66sim.Next{Duration: 10 * time.Minute})
					r.until("it is told", func() bool { return r.progress.Open() == 1 })
					want++
				}
				r.end()
				for range 40 {
					r.cloud.Deploy(r.stack.UID, cloud66sim.Start{})
				}
				time.Sleep(2 * time.Hour)
				r.start(newProcess())
				time.Sleep(10 * time.Minute)
				r.settle()
				n := 0
				for _, f := range r.follows() {
					if f.Channel == deploys {
						n++
					}
				}
				if n != want {
					r.Errorf("the channel heard of %d deployments, want %d", n, want)
				}
			})
		})
	}
}
