package watch

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"c66bot/cloud66"
)

func TestLooksComeSoonNearAChangeAndSeldomBetween(t *testing.T) {
	const usual = 5 * time.Minute
	for _, c := range []struct {
		name    string
		elapsed time.Duration
		usual   time.Duration
		change  func(*cloud66.Deployment)
		want    time.Duration
	}{
		{"just started", 0, usual, nil, shortest},
		{"in the long middle", 30 * time.Second, usual, nil, longest},
		{"nearer to the usual end", 3 * time.Minute, usual, nil, 20 * time.Second},
		{"at the usual end", usual, usual, nil, shortest},
		{"a little late", 6 * time.Minute, usual, nil, shortest},
		{"late", 8 * time.Minute, usual, nil, 22500 * time.Millisecond},
		{"hours late", 3 * time.Hour, usual, nil, longest},
		{"without a usual time, early", time.Minute, 0, nil, 7500 * time.Millisecond},
		{"without a usual time, late", time.Hour, 0, nil, longest},
		{"queued", 0, usual, func(d *cloud66.Deployment) { d.IsDeploying = false }, shortest},
		{"started by a clock ahead of ours", -time.Minute, usual, nil, shortest},
	} {
		now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
		d := cloud66.Deployment{ID: 1, IsDeploying: true, StartedAt: now.Add(-c.elapsed)}
		if c.change != nil {
			c.change(&d)
		}
		if got := interval(d, c.usual, now, shortest, longest); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAnIntervalIsNeverOutsideItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
		seconds := func(name string, lo, hi int) time.Duration {
			return time.Duration(rapid.IntRange(lo, hi).Draw(t, name)) * time.Second
		}
		d := cloud66.Deployment{ID: 1, IsDeploying: rapid.Bool().Draw(t, "deploying"), StartedAt: now.Add(-seconds("elapsed", -3600, 100_000))}
		if got := interval(d, seconds("usual", 0, 100_000), now, shortest, longest); got < shortest || got > longest {
			t.Fatalf("%s", got)
		}
	})
}

// A deployment of five minutes costs at most 30 requests where looking every five seconds would cost 60, and its end is seen within one
// shortest interval.
func TestAFiveMinuteDeploymentCostsAtMostThirtyLooks(t *testing.T) {
	cloud, seen := newFake(), &looks{}
	watching(t, cloud, seen.add, func(w *watcher) {
		start := time.Now()
		cloud.stacks["web"] = deploying(start, 5*time.Minute)
		w.Add("web", 2, false)
		for over := false; !over; {
			time.Sleep(time.Second)
			over = slices.ContainsFunc(seen.all(), func(l Look) bool { d, _ := l.Find(2); return d.Ended() })
			if time.Since(start) > 10*time.Minute {
				t.Error("the end is not seen")
				return
			}
		}
		w.Remove("web", 2, false)
		at := cloud.of("web")
		if len(at) > 30 {
			t.Errorf("%d looks", len(at))
		}
		if late := at[len(at)-1].Sub(start.Add(5 * time.Minute)); late > shortest {
			t.Errorf("the end is seen %s late", late)
		}
		all := gaps(at)
		if all[0] != shortest || slices.Max(all) != longest || all[len(all)-1] != shortest {
			t.Errorf("gaps between looks: %v", all)
		}
		t.Logf("%d looks, with these gaps: %v", len(at), all)
	})
}
