package watch

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66"
)

func TestRemovingAndAddingAgainDoesNotGoBelowTheShortestInterval(t *testing.T) {
	cloud := newFake()
	cloud.takes = time.Second
	watching(t, cloud, none, func(w *watcher) {
		cloud.stacks["web"] = deploying(time.Now(), 5*time.Minute)
		for range 40 {
			w.Add("web", 2, false)
			time.Sleep(300 * time.Millisecond)
			w.Remove("web", 2, false)
		}
		if shorter := slices.Min(gaps(cloud.of("web"))); shorter < shortest {
			t.Errorf("%s between two looks", shorter)
		}
		time.Sleep(2 * shortest) // one more look finds that
		if w.watched() != 0 {
			t.Error("a stack is still watched")
		}
	})
}

func TestOneDeploymentThatCannotBeReadHidesNoOther(t *testing.T) {
	cloud, seen := newFake(), &looks{}
	watching(t, cloud, seen.add, func(w *watcher) {
		cloud.stacks["web"] = deploying(time.Now(), 5*time.Minute)
		cloud.broken = map[int64]error{7: cloud66.ErrServer}
		w.Add("web", 7, false) // first: a look may come between the two
		w.Add("web", 2, false)
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, l := range seen.all() {
			if _, ok := l.Find(2); !ok || l.Err != nil || l.ErrOf(2) != nil || l.ErrOf(7) == nil {
				t.Fatalf("seen: %+v", l)
			}
		}
		first, last := seen.all()[0], seen.all()[len(seen.all())-1]
		if first.Silent != first.At || last.Silent != first.At {
			t.Errorf("silent since %s and %s, want %s", first.Silent, last.Silent, first.At)
		}
	})
}

func TestALookThatWasNotTakenIsMadeAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, 10, 3000)
		var refused atomic.Int64
		a.change = func(cfg *Config) {
			seen := cfg.Seen
			cfg.Seen = func(ctx context.Context, l Look) (Aim, error) {
				a, err := seen(ctx, l)
				a.Again = l.Stack == uidOf(3) && refused.Add(-1) >= 0
				return a, err
			}
		}
		a.run()
		defer func() { a.stop() }()
		time.Sleep(2 * time.Minute)
		a.deploy(3, 5*time.Minute)
		time.Sleep(5*time.Minute - time.Second)
		refused.Store(2)
		ended := time.Now()
		time.Sleep(time.Minute)
		if n := len(a.looksAt(3, ended)); n != 3 {
			t.Errorf("%d looks, want one and two more", n)
		}
	})
}

// What must wait does not slow down those who wait for each step of a deployment, nor hurry them.
func TestALookThatMustBeMadeAgainKeepsTheShortestInterval(t *testing.T) {
	cloud := newFake()
	synctest.Test(t, func(t *testing.T) {
		cloud.stacks["web"] = deploying(time.Now().Add(-4*time.Minute), 4*time.Minute+30*time.Second)
		seen := func(context.Context, Look) (Aim, error) {
			return Aim{Followed: map[int64]bool{2: true}, Again: true}, nil
		}
		w := New(Config{Cloud: cloud, Min: shortest, Max: longest, Seen: seen, Log: slog.New(slog.DiscardHandler)})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		w.Due("web", time.Now())
		time.Sleep(2 * time.Minute)
		stop()
		<-ended
	})
	all := gaps(cloud.of("web"))
	if len(all) < 20 || slices.Min(all) < shortest || slices.Max(all) > shortest+time.Second {
		t.Errorf("the looks were apart %s", all)
	}
}
