package watch

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var fleets = flag.Int("fleets", 1, "how many sizes of the watched stacks are simulated, the smallest first")

// figures are what a watch over some stacks has cost, and how late it was.
type figures struct {
	late          []time.Duration // sorted; of starts and ends
	worst         int             // requests in the worst hour
	pages, looks  int             // in all
	deployments   int
	interval      time.Duration
	missed, twice int
}

func (f figures) quantile(q float64) time.Duration {
	return f.late[min(int(q*float64(len(f.late))), len(f.late)-1)].Round(100 * time.Millisecond)
}

// sweptFor watches stacks for two hours, of which some are always being deployed.
func sweptFor(t *testing.T, stacks, running, perHour int) (f figures) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, stacks, perHour)
		began := time.Now()
		a.run()
		defer func() { a.stop() }()
		time.Sleep(5 * time.Minute)
		tr := newTraffic(a, 7)
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Hour)
		defer stop()
		tr.run(ctx, stacks, running)
		time.Sleep(22 * time.Minute) // until the last has ended and that was seen
		synctest.Wait()
		f.pages, f.looks = a.requests(began)
		f.interval = a.w.State().Interval
		var l load
		for _, r := range a.sim.Requests() {
			l.requests = append(l.requests, r.Time)
		}
		f.worst = l.worstHour()
		f.measure(a.reader, tr)
	})
	return f
}

func (f *figures) measure(r *reader, tr *traffic) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.twice = len(r.twice)
	for _, d := range tr.deployments() {
		f.deployments++
		started, ok := r.started[d.ID]
		ended, too := r.ended[d.ID]
		if !ok || !too {
			f.missed++
			continue
		}
		f.late = append(f.late, started.Sub(d.StartedAt), ended.Sub(d.FinishedAt))
	}
	slices.Sort(f.late)
}

// The figures of the design: how late a start or an end is seen, and what that costs, while deployments of 4 to 16 minutes are started at
// random for two hours.
func TestSweepFindsEachStartAndEndWithinTheBudget(t *testing.T) {
	const perHour = 3000
	t.Logf(
		"%6s %8s | %7s %7s %7s | %9s %6s %6s | %s",
		"stacks",
		"running",
		"p50",
		"p95",
		"max",
		"worst h",
		"pages",
		"looks",
		"requests an hour to look at each stack as often",
	)
	for i, c := range []struct {
		stacks, running int
		late            time.Duration // 95 of 100
		most            int
	}{
		{30, 3, 10 * time.Second, 1500},
		{300, 20, 30 * time.Second, 3000},
		{1000, 50, 75 * time.Second, 3000},
		{3000, 50, 240 * time.Second, 3000},
	} {
		if i == *fleets {
			break
		}
		t.Run(fmt.Sprintf("%d stacks", c.stacks), func(t *testing.T) {
			t.Parallel()
			f := sweptFor(t, c.stacks, c.running, perHour)
			p95 := f.quantile(0.95)
			t.Logf("%6d %8d | %7s %7s %7s | %9d %6d %6d | %.0f", c.stacks, c.running, f.quantile(0.5), p95, f.quantile(1), f.worst, f.pages, f.looks,
				float64(c.stacks)*0.95*time.Hour.Seconds()/p95.Seconds())
			if f.missed > 0 || f.twice > 0 || f.deployments < c.running*8 {
				t.Errorf("of %d deployments %d were lost and %d told twice", f.deployments, f.missed, f.twice)
			}
			if most := min(c.most, perHour*4/5); p95 > c.late || f.worst > most {
				t.Errorf("p95 is %s, want %s; %d requests in an hour, want %d", p95, c.late, f.worst, most)
			}
			if f.interval > c.late {
				t.Errorf("the watcher tells an interval of %s", f.interval)
			}
		})
	}
}
