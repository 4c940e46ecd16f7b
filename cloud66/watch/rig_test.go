package watch

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"c66bot/cloud66"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // The heap is small, and simulated time lets it be collected without end.
	goleak.VerifyTestMain(m)
}

const (
	shortest = 5 * time.Second
	longest  = time.Minute
)

// fake is a fake Cloud 66 client. The test sets the deployments of each stack; requests records the times of all requests.
type fake struct {
	mu       sync.Mutex
	stacks   map[string]func(now time.Time) []cloud66.Deployment
	requests map[string][]time.Time
	takes    time.Duration   // duration of a request
	err      error           // the error of every request, if set
	broken   map[int64]error // errors of requests for single deployments
	rest     int             // requests left in the budget
	under    int             // requests in flight
	most     int             // the maximum of under
}

func newFake() *fake {
	return &fake{stacks: map[string]func(time.Time) []cloud66.Deployment{}, requests: map[string][]time.Time{}, rest: 1_000_000}
}

// DeploymentRange returns all deployments of a stack.
func (c *fake) DeploymentRange(ctx context.Context, uid string, _, _ int) (cloud66.DeploymentRange, error) {
	c.mu.Lock()
	c.requests[uid] = append(c.requests[uid], time.Now())
	c.under++
	c.most = max(c.most, c.under)
	list, takes, err := c.stacks[uid], c.takes, c.err
	c.mu.Unlock()
	defer func() { c.mu.Lock(); c.under--; c.mu.Unlock() }()
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return cloud66.DeploymentRange{}, ctx.Err()
		}
	}
	if err != nil || list == nil {
		return cloud66.DeploymentRange{}, err
	}
	return cloud66.DeploymentRange{Deployments: list(time.Now())}, nil
}

// Deployment returns a running deployment for an id from 9,000 on, and ErrNotFound for any other.
func (c *fake) Deployment(_ context.Context, uid string, id int64) (cloud66.Deployment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[uid] = append(c.requests[uid], time.Now())
	if err := c.broken[id]; err != nil {
		return cloud66.Deployment{}, &cloud66.Error{Kind: err}
	}
	if id < 9000 {
		return cloud66.Deployment{}, &cloud66.Error{Kind: cloud66.ErrNotFound}
	}
	return cloud66.Deployment{ID: id, IsDeploying: true, StartedAt: time.Now()}, nil
}

// Budget returns the budget that the test sets.
func (c *fake) Budget() cloud66.BudgetState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cloud66.BudgetState{BackgroundRest: c.rest}
}

func (c *fake) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *fake) of(uid string) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Time(nil), c.requests[uid]...)
}

// since returns the number of requests from a time on.
func (c *fake) since(from time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, r := range c.requests {
		for _, at := range r {
			if !at.Before(from) {
				n++
			}
		}
	}
	return n
}

// deploying returns a stack on which deployment 2 runs from start on, for as long as deployment 1 did.
func deploying(start time.Time, takes time.Duration) func(time.Time) []cloud66.Deployment {
	success := cloud66.Value[cloud66.Outcome]{Kind: cloud66.OutcomeSuccess}
	return func(now time.Time) []cloud66.Deployment {
		d := cloud66.Deployment{ID: 2, StartedAt: start, IsDeploying: true}
		if end := start.Add(takes); !now.Before(end) {
			d.IsDeploying, d.FinishedAt, d.Outcome = false, end, success
		}
		before := cloud66.Deployment{ID: 1, StartedAt: start.Add(-time.Hour), FinishedAt: start.Add(takes - time.Hour), Outcome: success}
		return []cloud66.Deployment{d, before}
	}
}

// looks collects the Looks of a watcher.
type looks struct {
	mu   sync.Mutex
	seen []Look
}

func (l *looks) add(_ context.Context, look Look) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, look)
}

func (l *looks) all() []Look {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Look(nil), l.seen...)
}

// follows are the open deployments of stacks, with how many watch each, and how many of them wait for each step.
type follows struct {
	mu sync.Mutex
	of map[string]map[int64][2]int
}

func (f *follows) add(uid string, id int64, patient bool, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil {
		f.of = map[string]map[int64][2]int{}
	}
	if f.of[uid] == nil {
		f.of[uid] = map[int64][2]int{}
	}
	count := f.of[uid][id]
	count[0] += n
	if !patient {
		count[1] += n
	}
	if f.of[uid][id] = count; count[0] <= 0 {
		delete(f.of[uid], id)
	}
}

// followed is that part of the aim of a stack.
func (f *follows) followed(uid string) map[int64]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[int64]bool{}
	for id, count := range f.of[uid] {
		all[id] = count[1] > 0
	}
	return all
}

// watcher is a Watcher beside the follows that its aims tell of.
type watcher struct {
	*Watcher
	*follows
}

// Add follows a deployment, patiently or not.
func (w *watcher) Add(uid string, id int64, patient bool) {
	w.add(uid, id, patient, 1)
	w.Due(uid, time.Now())
}

// Remove undoes an Add.
func (w *watcher) Remove(uid string, id int64, patient bool) { w.add(uid, id, patient, -1) }

// Now has a stack looked at.
func (w *watcher) Now(uid string) { w.Due(uid, time.Now()) }

// watching runs a test in a synctest bubble with a running watcher.
func watching(t *testing.T, cloud Cloud, seen func(context.Context, Look), test func(w *watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &follows{}
		w := &watcher{New(Config{Cloud: cloud, Min: shortest, Max: longest, Seen: f.taking(seen), Log: slog.New(slog.DiscardHandler)}), f}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		test(w)
		stop()
		<-ended
	})
}

// gaps returns the durations between consecutive times.
func gaps(at []time.Time) []time.Duration {
	var all []time.Duration
	for i := 1; i < len(at); i++ {
		all = append(all, at[i].Sub(at[i-1]))
	}
	return all
}

func none(context.Context, Look) {}

// watched returns the number of stacks with deployments to look at.
func (w *Watcher) watched() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.stacks {
		if len(s.aim.Followed) > 0 {
			n++
		}
	}
	return n
}

// taking converts a function that takes every Look that covers the aim to a Config.Seen.
func (f *follows) taking(seen func(context.Context, Look)) func(context.Context, Look) (Aim, error) {
	return func(ctx context.Context, l Look) (Aim, error) {
		if l.Covers(Aim{Followed: f.followed(l.Stack)}) {
			seen(ctx, l)
		}
		return Aim{Followed: f.followed(l.Stack)}, nil
	}
}
