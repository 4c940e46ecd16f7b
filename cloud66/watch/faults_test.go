package watch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// trouble is what happens to an account at random: each takes its time.
var trouble = []struct {
	name string
	make func(ctx context.Context, a *account, r *rand.Rand)
}{
	{"a page fails", func(ctx context.Context, a *account, r *rand.Rand) {
		number := strconv.Itoa(1 + r.IntN(4))
		defer a.sim.AddFault(cloud66sim.Fault{
			Status: 500, Match: func(q *http.Request) bool {
				return q.URL.Path == "/api/3/stacks" && q.URL.Query().Get("page") == number
			},
		})()
		pause(ctx, time.Duration(r.IntN(15))*time.Minute)
	}},
	{"a stack fails", func(ctx context.Context, a *account, r *rand.Rand) {
		defer a.sim.AddFault(cloud66sim.Fault{Status: 502, PathPart: uidOf(10+r.IntN(90)) + "/"})()
		pause(ctx, time.Duration(r.IntN(30))*time.Minute)
	}},
	{"requests are throttled", func(ctx context.Context, a *account, _ *rand.Rand) {
		defer a.sim.AddFault(cloud66sim.Fault{Status: 503, Body: `{"error":"throttled"}`, ContentType: "application/json"})()
		pause(ctx, 10*time.Minute)
	}},
	{"no connection is made", func(ctx context.Context, a *account, _ *rand.Rand) {
		defer a.sim.AddFault(cloud66sim.Fault{CutBefore: true})()
		pause(ctx, time.Hour)
	}},
	{"answers are cut", func(ctx context.Context, a *account, r *rand.Rand) {
		defer a.sim.AddFault(cloud66sim.Fault{Truncate: true, Match: func(*http.Request) bool { return time.Now().Second()%2 == 0 }})()
		pause(ctx, time.Duration(r.IntN(20))*time.Minute)
	}},
	{"stacks vanish and come", func(ctx context.Context, a *account, r *rand.Rand) {
		for range 20 {
			if i := r.IntN(10); !a.sim.RemoveStack(uidOf(i)) { // those that nobody deploys, and which stand before the others
				a.add(i)
			}
			pause(ctx, time.Duration(r.IntN(10))*time.Second)
		}
	}},
	{"stacks are renamed", func(ctx context.Context, a *account, r *rand.Rand) {
		for range 20 {
			a.sim.UpdateStack(uidOf(r.IntN(100)), func(s *cloud66sim.Stack) { s.Name += "x" })
			pause(ctx, time.Duration(r.IntN(60))*time.Second)
		}
	}},
	{"the bot restarts", func(ctx context.Context, a *account, r *rand.Rand) {
		a.stop()
		a.stop = func() {}
		pause(ctx, time.Duration(r.IntN(30))*time.Minute)
		a.run()
	}},
}

// Whatever fails for a while: every start and every end is seen once it can be, and none is told twice.
func TestNoStartOrEndIsLostOverFaults(t *testing.T) {
	for seed := range uint64(max(*fleets-1, 1)) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { overFaults(t, seed) })
		})
	}
}

func overFaults(t *testing.T, seed uint64) {
	t.Helper()
	a := newAccount(t, 100, 3000)
	a.run()
	defer func() { a.stop() }()
	time.Sleep(2 * time.Minute)
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Hour)
	defer stop()
	tr := newTraffic(a, seed)
	tr.first = 10
	over := make(chan struct{})
	go func() { defer close(over); tr.run(ctx, 90, 8) }()
	r := rand.New(rand.NewPCG(seed, 2))
	var story string
	for ctx.Err() == nil {
		event := trouble[r.IntN(len(trouble))]
		story += fmt.Sprintf("%s %s; ", time.Now().Format("15:04"), event.name)
		event.make(ctx, a, r)
		pause(ctx, time.Duration(r.IntN(20))*time.Minute)
	}
	<-over
	time.Sleep(30 * time.Minute)
	synctest.Wait()
	var f figures
	f.measure(a.reader, tr)
	if f.missed > 0 || f.twice > 0 || f.deployments < 60 {
		t.Errorf("of %d deployments %d were lost and %d told twice, over: %s", f.deployments, f.missed, f.twice, story)
	}
	for _, uid := range a.reader.allGone() {
		if uid >= uidOf(10) {
			t.Errorf("%s is dropped, though it is there; over: %s", uid, story)
		}
	}
	for _, s := range a.w.State().Unreadable {
		t.Errorf("a stack is unreadable since %s, though nothing fails", s)
	}
}
