package watch

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/secret"
)

// load is what following many stacks at once has cost.
type load struct {
	requests   []time.Time
	notSeen    int           // stacks that nobody looked at
	longestGap time.Duration // between two looks at one stack
	most       int           // requests under way at once
	goroutines int           // beyond those before
	throttled  int           // requests that Cloud 66 refused
}

// worstHour gives the most requests in any hour.
func (l load) worstHour() int {
	worst, first := 0, 0
	for i, at := range l.requests {
		for at.Sub(l.requests[first]) >= time.Hour {
			first++
		}
		worst = max(worst, i-first+1)
	}
	return worst
}

func (l load) lastHour() int {
	n, last := 0, l.requests[len(l.requests)-1]
	for _, at := range l.requests {
		if last.Sub(at) < time.Hour {
			n++
		}
	}
	return n
}

// followed follows stacks, on each of which a long deployment runs, for some time, with the true client over a simulated Cloud 66. Each
// look takes 200 ms.
func followed(t *testing.T, stacks, perHour int, during time.Duration) load {
	t.Helper()
	var result load
	synctest.Test(t, func(t *testing.T) {
		sim := cloud66sim.New(cloud66sim.Options{RateLimit: 1_000_000})
		sim.AddFault(cloud66sim.Fault{Delay: 200 * time.Millisecond})
		client, err := cloud66.New(cloud66.Config{
			BaseURL: "http://cloud66.test/api/3", Token: secret.New(cloud66sim.DemoToken), RequestsPerHour: perHour, Transport: sim.RoundTripper(),
			UserAgent: "test",
		})
		if err != nil {
			t.Fatal(err)
		}
		goroutines := runtime.NumGoroutine()
		var under, most, peak atomic.Int64
		count := &counting{Client: client, under: &under, most: &most}
		last := map[string]time.Time{}
		looked := make(chan Look)
		f := &follows{}
		w := &watcher{New(
			Config{Cloud: count, Min: shortest, Max: longest, Log: slog.New(slog.DiscardHandler), Seen: f.taking(func(_ context.Context, l Look) {
				peak.Store(max(peak.Load(), int64(runtime.NumGoroutine())))
				looked <- l
			})},
		), f}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(looked); close(ended) }()
		noted := make(chan struct{})
		go func() {
			defer close(noted)
			for l := range looked {
				if l.Err != nil {
					continue
				}
				if before, ok := last[l.Stack]; ok {
					result.longestGap = max(result.longestGap, l.At.Sub(before))
				}
				last[l.Stack] = l.At
			}
		}()
		for i := range stacks {
			uid := sim.AddStack(cloud66sim.Stack{UID: fmt.Sprintf("stack%04d", i), Name: "web", UsualDuration: 6 * time.Hour})
			w.Add(uid, sim.Deploy(uid, cloud66sim.Start{}), false)
		}
		time.Sleep(during)
		stop()
		<-ended
		<-noted
		result.most, result.goroutines, result.notSeen = int(most.Load()), int(peak.Load())-goroutines, stacks-len(last)
		for _, r := range sim.Requests() {
			result.requests = append(result.requests, r.Time)
			if r.Status != 200 {
				result.throttled++
			}
		}
	})
	return result
}

// counting notes how many looks are under way at once.
type counting struct {
	*cloud66.Client
	under, most *atomic.Int64
}

// DeploymentRange counts itself.
func (c *counting) DeploymentRange(ctx context.Context, uid string, offset, limit int) (cloud66.DeploymentRange, error) {
	n := c.under.Add(1)
	defer c.under.Add(-1)
	for most := c.most.Load(); n > most; most = c.most.Load() {
		if c.most.CompareAndSwap(most, n) {
			break
		}
	}
	return c.Client.DeploymentRange(ctx, uid, offset, limit)
}

// The proportion of stacks to requests is that of a thousand stacks to the usual budget.
func TestManyStacksAreFollowedWithinTheBudget(t *testing.T) {
	const stacks, perHour = 100, 300
	l := followed(t, stacks, perHour, 2*time.Hour)
	t.Logf(
		"%d stacks: %d requests in 2 h, %d in the worst hour, %d in the last; at most %s between two looks; %d requests at once, %d goroutines",
		stacks,
		len(l.requests),
		l.worstHour(),
		l.lastHour(),
		l.longestGap.Round(time.Second),
		l.most,
		l.goroutines,
	)
	if worst := l.worstHour(); worst > perHour*4/5 {
		t.Errorf("%d requests in an hour, so that no fifth of %d is left for people", worst, perHour)
	}
	if l.lastHour() < perHour*2/5 {
		t.Errorf("%d requests in the last hour leave most of the budget unused", l.lastHour())
	}
	if l.notSeen > 0 {
		t.Errorf("%d stacks were never seen", l.notSeen)
	}
	if l.longestGap > time.Hour {
		t.Errorf("a stack was not seen for %s", l.longestGap)
	}
	if l.most > workers {
		t.Errorf("%d looks at once", l.most)
	}
	if l.goroutines > workers+5 {
		t.Errorf("%d goroutines", l.goroutines)
	}
	if l.throttled > 0 {
		t.Errorf("%d requests were refused", l.throttled)
	}
}

func TestWatchingLeavesTheReserveToPeople(t *testing.T) {
	const perHour = 60
	l := followed(t, 20, perHour, 2*time.Hour)
	if worst := l.worstHour(); worst > perHour*4/5 {
		t.Errorf("%d requests in an hour, so that no fifth of %d is left for people", worst, perHour)
	}
}

func TestFewStacksAreLookedAtUpToTheLongestIntervalThatIsWanted(t *testing.T) {
	l := followed(t, 5, 3000, time.Hour)
	t.Logf("5 stacks: %d requests an hour, at most %s between two looks", l.worstHour(), l.longestGap)
	if l.longestGap > longest+time.Second {
		t.Errorf("%s between two looks, although the budget allows more", l.longestGap)
	}
}

func TestIntervalsAreStretchedWhereTheBudgetIsShort(t *testing.T) {
	cloud := newFake()
	cloud.rest = 100 // which are 300 looks an hour, where 720 are wanted
	watching(t, cloud, none, func(w *watcher) {
		cloud.stacks["web"] = deploying(time.Now().Add(-time.Minute), 0)
		w.Add("web", 0, false)
		time.Sleep(time.Hour)
		if n := len(cloud.of("web")); n < 280 || n > 305 {
			t.Errorf("%d looks in an hour", n)
		}
	})
}

func TestAtMostEightLooksAreUnderWayAtOnce(t *testing.T) {
	cloud := newFake()
	cloud.takes = 30 * time.Second
	watching(t, cloud, none, func(w *watcher) {
		goroutines := runtime.NumGoroutine()
		for i := range 1000 {
			w.Add(fmt.Sprint("stack", i), 0, false)
		}
		time.Sleep(time.Second)
		if n := runtime.NumGoroutine() - goroutines; n > 8 {
			t.Errorf("%d goroutines more for 1,000 stacks", n)
		}
		time.Sleep(time.Hour)
		cloud.mu.Lock()
		defer cloud.mu.Unlock()
		if cloud.most != 8 {
			t.Errorf("%d looks at once", cloud.most)
		}
	})
}

func TestThrottledTheWatcherItselfLooksOnceAMinute(t *testing.T) {
	cloud := newFake()
	cloud.takes = time.Second // in which no other look begins
	cloud.fail(&cloud66.Error{Kind: cloud66.ErrThrottled, RetryAfter: time.Hour})
	watching(t, cloud, none, func(w *watcher) {
		for i := range 50 {
			w.Add(fmt.Sprint("stack", i), 0, false)
		}
		time.Sleep(time.Minute)
		from := time.Now()
		time.Sleep(10*time.Minute - time.Second)
		if n := cloud.since(from); n < 9 || n > 11 {
			t.Errorf("%d looks in ten minutes", n)
		}
	})
}

func TestThrottledAllLooksPauseAndResumeWithinAMinuteOrSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stacks = 50
		sim := cloud66sim.New(cloud66sim.Options{RateLimit: 1_000_000})
		client, err := cloud66.New(cloud66.Config{
			BaseURL: "http://cloud66.test/api/3", Token: secret.New(cloud66sim.DemoToken), RequestsPerHour: 1_000_000, Transport: sim.RoundTripper(),
			UserAgent: "test",
		})
		if err != nil {
			t.Fatal(err)
		}
		f := &follows{}
		w := &watcher{New(Config{Cloud: client, Min: shortest, Max: longest, Seen: f.taking(none), Log: slog.New(slog.DiscardHandler)}), f}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		for range stacks {
			uid := sim.AddStack(cloud66sim.Stack{})
			w.Add(uid, sim.Deploy(uid, cloud66sim.Start{}), false)
		}
		time.Sleep(time.Minute)
		lift := sim.AddFault(cloud66sim.Fault{Status: 503, Body: `{"error":"throttled"}`, ContentType: "application/json"})
		time.Sleep(time.Minute)
		before := sim.Count()
		time.Sleep(30 * time.Minute)
		if n := sim.Count() - before; n < 25 || n > 31 {
			t.Errorf("%d requests in half an hour of being throttled, want one a minute", n)
		}
		lift()
		before = sim.Count()
		time.Sleep(75 * time.Second)
		if n := sim.Count() - before; n < stacks {
			t.Errorf("%d requests for %d stacks in the 75 s after the throttling ended", n, stacks)
		}
		stop()
		<-ended
	})
}
