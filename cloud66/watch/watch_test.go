package watch

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66"
)

func TestAStackIsLookedAtOnceAnIntervalHoweverManyWatchIt(t *testing.T) {
	cloud := newFake()
	watching(t, cloud, none, func(w *watcher) {
		cloud.stacks["web"] = deploying(time.Now(), 5*time.Minute)
		for range 1000 {
			w.Add("web", 2, false)
		}
		time.Sleep(4 * shortest)
		if n := w.watched(); n != 1 {
			t.Errorf("%d stacks are watched", n)
		}
		at := cloud.of("web")
		for _, gap := range gaps(at) {
			if gap < shortest {
				t.Errorf("%s between two looks", gap)
			}
		}
		if len(at) < 2 || len(at) > 5 {
			t.Errorf("%d looks in %s", len(at), 4*shortest)
		}
	})
}

func TestNowBringsALookForwardButNotBelowTheShortestInterval(t *testing.T) {
	cloud := newFake()
	watching(t, cloud, none, func(w *watcher) {
		cloud.stacks["web"] = deploying(time.Now().Add(-30*time.Second), 5*time.Minute)
		w.Add("web", 2, false)
		synctest.Wait()
		time.Sleep(2 * shortest)
		before := len(cloud.of("web"))
		if before != 1 {
			t.Errorf("%d looks in the long middle", before)
		}
		w.Now("web")
		synctest.Wait()
		if got := len(cloud.of("web")); got != before+1 {
			t.Errorf("%d looks after Now, want %d", got, before+1)
		}
		for range 600 {
			w.Now("web")
			time.Sleep(100 * time.Millisecond)
		}
		if shorter := slices.Min(gaps(cloud.of("web"))); shorter < shortest {
			t.Errorf("%s between two looks", shorter)
		}
		if n := len(cloud.of("web")); n < 10 {
			t.Errorf("%d looks in a minute of Now", n)
		}
		w.Now("another")
	})
}

func TestWhatIsNotWatchedAnyMoreIsForgotten(t *testing.T) {
	cloud := newFake()
	watching(t, cloud, none, func(w *watcher) {
		cloud.stacks["web"] = deploying(time.Now(), 5*time.Minute)
		w.Add("web", 2, false)
		w.Add("web", 3, false)
		time.Sleep(time.Minute)
		w.Remove("web", 2, false)
		before := len(cloud.of("web"))
		time.Sleep(time.Minute)
		if len(cloud.of("web")) == before {
			t.Error("one of two is removed, and nobody looks any more")
		}
		synctest.Wait() // a look that is due just now has begun
		w.Remove("web", 3, false)
		before = len(cloud.of("web"))
		time.Sleep(2 * time.Hour) // one look finds that nothing is followed
		if n := len(cloud.of("web")); n > before+2 {
			t.Errorf("%d requests for what is not watched", n-before)
		}
		w.Watcher.mu.Lock()
		defer w.Watcher.mu.Unlock()
		if len(w.stacks) != 0 {
			t.Errorf("%d stacks are kept", len(w.stacks))
		}
	})
}

func TestAnAddOrANowDuringALookIsServed(t *testing.T) {
	for name, ask := range map[string]func(w *watcher){
		"an Add": func(w *watcher) { w.Add("web", 1, false) }, "a Now": func(w *watcher) { w.Now("web") },
	} {
		t.Run(name, func(t *testing.T) {
			cloud, seen := newFake(), &looks{}
			cloud.takes = time.Second
			watching(t, cloud, seen.add, func(w *watcher) {
				cloud.stacks["web"] = deploying(time.Now().Add(-30*time.Second), 5*time.Minute)
				w.Add("web", 2, false)
				time.Sleep(500 * time.Millisecond)
				ask(w)
				asked := time.Now()
				time.Sleep(2*time.Second + shortest)
				if !slices.ContainsFunc(seen.all(), func(l Look) bool { return l.At.After(asked) }) {
					t.Error("no look began after it, within the shortest interval")
				}
			})
		})
	}
}

func TestALookShowsTheWatchedTheOldAndTheMissing(t *testing.T) {
	cloud, seen := newFake(), &looks{}
	watching(t, cloud, seen.add, func(w *watcher) {
		cloud.stacks["web"] = deploying(time.Now(), 5*time.Minute)
		for _, id := range []int64{0, 2, 3, 9001} {
			w.Add("web", id, false)
		}
		synctest.Wait()
		l := seen.all()[0]
		_, listed := l.Find(2)
		_, old := l.Find(9001)
		_, gone := l.Find(3)
		if l.Err != nil || !listed || !old || gone || l.ErrOf(3) != nil {
			t.Errorf("seen: %+v", l)
		}
		if n := len(cloud.of("web")); n != 3 {
			t.Errorf("%d requests, want one for the list and one for each that it does not show", n)
		}
	})
}

func TestADeploymentThatIsNotKnownYetIsLookedForAsOftenAsAllowed(t *testing.T) {
	cloud := newFake()
	watching(t, cloud, none, func(w *watcher) {
		cloud.stacks["web"] = deploying(time.Now().Add(-30*time.Second), 5*time.Minute)
		w.Add("web", 0, false)
		time.Sleep(time.Minute)
		for _, gap := range gaps(cloud.of("web")) {
			if gap != shortest {
				t.Errorf("%s between two looks", gap)
			}
		}
		if n := len(cloud.of("web")); n < 12 {
			t.Errorf("%d looks in a minute", n)
		}
	})
}

func TestFailuresMakeLooksRarerUpToTheLongestIntervalAndASuccessEndsThat(t *testing.T) {
	cloud, seen := newFake(), &looks{}
	watching(t, cloud, seen.add, func(w *watcher) {
		cloud.stacks["web"] = deploying(time.Now(), 0)
		cloud.fail(&cloud66.Error{Kind: cloud66.ErrServer})
		w.Add("web", 2, false)
		time.Sleep(10 * time.Minute)
		all := gaps(cloud.of("web"))
		if want := []time.Duration{2 * shortest, 4 * shortest, 8 * shortest, longest, longest}; !slices.Equal(all[:5], want) ||
			slices.Max(all) != longest {
			t.Errorf("gaps between looks: %v", all)
		}
		if !errors.Is(seen.all()[0].Err, cloud66.ErrServer) {
			t.Error("the look does not tell the failure")
		}
		cloud.fail(nil)
		time.Sleep(longest + 2*shortest)
		if all := gaps(cloud.of("web")); all[len(all)-1] != shortest {
			t.Errorf("after a success: %v", all[len(all)-3:])
		}
		time.Sleep(time.Second) // between two looks
		cloud.fail(&cloud66.Error{Kind: cloud66.ErrServer})
		failing := time.Now()
		time.Sleep(shortest + 2*shortest + time.Second)
		if n := cloud.since(failing); n != 2 {
			t.Errorf("%d looks at a failure after a success, want one and, a little later, another", n)
		}
	})
}

func TestRunReturnsOnlyAfterTheLastLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newFake()
		var telling, told atomic.Bool
		f := &follows{}
		w := &watcher{New(Config{Cloud: cloud, Min: shortest, Max: longest, Seen: f.taking(func(context.Context, Look) {
			telling.Store(true)
			time.Sleep(3 * time.Second)
			told.Store(true)
		})}), f}
		cloud.stacks["web"] = deploying(time.Now(), 5*time.Minute)
		w.Add("web", 2, false)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		time.Sleep(time.Second)
		stop()
		<-ended
		if !telling.Load() || !told.Load() {
			t.Error("Run returned while a look was being told")
		}
	})
}

func TestALookThatIsCutByTheEndIsNotTold(t *testing.T) {
	cloud, seen := newFake(), &looks{}
	cloud.takes = time.Minute
	watching(t, cloud, seen.add, func(w *watcher) {
		w.Add("web", 2, false)
		time.Sleep(time.Second)
	})
	if n := len(seen.all()); n != 0 {
		t.Errorf("%d looks were told, the end of the program as a failure of Cloud 66", n)
	}
}
