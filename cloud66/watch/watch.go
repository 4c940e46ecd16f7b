// Package watch looks at deployments, within the API budget: the one loop that does so for all who want to know.
//
// What is watched is a stack: one page of its deployments shows every deployment of it that has not ended, what is live, and how long
// deployments usually take, for one request. However many cards follow a stack's deployments, it is looked at once an interval.
package watch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"c66bot/cloud66"
)

const (
	page        = 30
	workers     = 8                // looks under way at once
	throttled   = time.Minute      // the pause after a throttled look, where the answer names none
	horizon     = 20 * time.Minute // what is left of the budget is spread over this
	minDuration = 10 * time.Millisecond
)

// Cloud is what the watcher needs of the Cloud 66 API.
type Cloud interface {
	DeploymentRange(ctx context.Context, uid string, offset, limit int) (cloud66.DeploymentRange, error)
	Deployment(ctx context.Context, uid string, id int64) (cloud66.Deployment, error)
	Budget() cloud66.BudgetState
}

// Look is what was seen of a stack at one time.
type Look struct {
	Stack  string // UID
	At     time.Time
	Newest []cloud66.Deployment // newest first
	Others []cloud66.Deployment // watched ones that are not among the newest
	Err    error                // nothing was seen
	Errs   map[int64]error      // why watched ones that are not among the newest were not seen
	Silent time.Time            // since when looks have failed in a row, zero where this one did not
}

// Find gives a deployment of the look.
func (l Look) Find(id int64) (cloud66.Deployment, bool) {
	for _, list := range [][]cloud66.Deployment{l.Newest, l.Others} {
		for _, d := range list {
			if d.ID == id {
				return d, true
			}
		}
	}
	return cloud66.Deployment{}, false
}

// ErrOf says why a deployment was not seen, nil where it was, or where it is not there.
func (l Look) ErrOf(id int64) error {
	if l.Err != nil {
		return l.Err
	}
	return l.Errs[id]
}

// Config is what a Watcher works with.
type Config struct {
	Cloud    Cloud
	Min, Max time.Duration // the shortest and the longest time between two looks at a stack, while the budget allows
	Seen     func(ctx context.Context, look Look)
	Log      *slog.Logger
}

// Watcher looks at what was added until it is removed.
type Watcher struct {
	Config
	wake chan struct{}

	mu     sync.Mutex
	stacks map[string]*stack
	free   time.Time // no look before this: the pace that the budget allows, or a pause
}

// stack is one stack that is watched. Its fields belong to the watcher's lock.
type stack struct {
	uid      string
	ids      map[int64]int // watched deployments by how many watch each; 0 stands for one that is still looked for
	due      time.Time
	last     time.Time
	asked    bool // a person waits for the next look, which goes before those of the others
	failures int
	silent   time.Time // since when looks have failed in a row
	looking  bool
}

// New makes a Watcher; Run makes it look.
func New(cfg Config) *Watcher {
	return &Watcher{Config: cfg, wake: make(chan struct{}, 1), stacks: map[string]*stack{}}
}

// Add watches a deployment of a stack. The id 0 stands for one that is not known yet: the stack is looked at as often as allowed.
func (w *Watcher) Add(uid string, id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stacks[uid]
	if s == nil {
		s = &stack{uid: uid, ids: map[int64]int{}}
		w.stacks[uid] = s
	}
	s.ids[id]++
	w.soon(s)
}

// Remove ends one Add.
func (w *Watcher) Remove(uid string, id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stacks[uid]
	if s == nil {
		return
	}
	if s.ids[id]--; s.ids[id] <= 0 {
		delete(s.ids, id)
	}
	w.plannedAnew()
}

// Now has a stack looked at as soon as the shortest interval allows, because somebody asks for it or has changed something.
func (w *Watcher) Now(uid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.stacks[uid]; s != nil && len(s.ids) > 0 {
		w.soon(s)
	}
}

// Watched gives the number of stacks that are watched.
func (w *Watcher) Watched() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.stacks {
		if len(s.ids) > 0 {
			n++
		}
	}
	return n
}

// soon makes a stack due once the shortest interval has passed since its last look.
func (w *Watcher) soon(s *stack) {
	s.due, s.asked = s.last.Add(w.Min), true
	w.plannedAnew()
}

// plannedAnew has Run look at what is due now.
func (w *Watcher) plannedAnew() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run looks until the context ends, and returns when the last look has.
func (w *Watcher) Run(ctx context.Context) {
	var looks sync.WaitGroup
	defer looks.Wait()
	free := make(chan struct{}, workers)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-timer.C:
		}
		for {
			s, wait := w.next()
			if s == nil {
				timer.Reset(wait)
				break
			}
			select {
			case free <- struct{}{}:
			case <-ctx.Done():
				return
			}
			looks.Go(func() {
				defer func() { <-free }()
				w.look(ctx, s)
			})
		}
	}
}

// next gives the stack whose turn it is and marks it as looked at, or how long there is nothing to do.
func (w *Watcher) next() (*stack, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	var first *stack
	for uid, s := range w.stacks {
		if !s.looking && len(s.ids) == 0 {
			// What is added again at once must not be looked at before its time.
			if now.Sub(s.last) >= w.Min {
				delete(w.stacks, uid)
			}
			continue
		}
		if !s.looking && (first == nil || s.before(first, now)) {
			first = s
		}
	}
	if first == nil {
		return nil, time.Hour
	}
	if wait := max(first.due.Sub(now), w.free.Sub(now)); wait > 0 {
		return nil, max(wait, minDuration)
	}
	first.looking, first.asked = true, false
	w.free = now.Add(w.pace())
	return first, 0
}

// before reports whether a stack is looked at before another: what is due and asked for first, then what is most overdue.
func (s *stack) before(other *stack, now time.Time) bool {
	mine, others := s.asked && !s.due.After(now), other.asked && !other.due.After(now)
	if mine != others {
		return mine
	}
	return s.due.Before(other.due)
}

// pace gives the time between two looks at which the rest of the budget lasts. The rest is spread over the next 20 minutes: a short rush is
// served at once, and a long one settles below the budget, since what was used an hour ago comes back.
func (w *Watcher) pace() time.Duration {
	return min(horizon/time.Duration(max(1, w.Cloud.Budget().BackgroundRest)), throttled)
}

// look makes one look and plans the next.
func (w *Watcher) look(ctx context.Context, s *stack) {
	look := w.see(ctx, s.uid, w.ids(s))
	if ctx.Err() != nil {
		return
	}
	look.Silent = w.silence(s, look)
	w.Seen(ctx, look)
	w.plan(s, look)
}

// silence notes whether a look failed, and gives since when looks have.
func (w *Watcher) silence(s *stack, look Look) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case look.Err == nil && len(look.Errs) == 0:
		s.silent = time.Time{}
	case s.silent.IsZero():
		s.silent = look.At
	}
	return s.silent
}

func (w *Watcher) ids(s *stack) []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]int64, 0, len(s.ids))
	for id := range s.ids {
		if id != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// see reads the newest deployments, and those that are watched and not among them.
func (w *Watcher) see(ctx context.Context, uid string, ids []int64) Look {
	ctx = cloud66.Background(ctx)
	look := Look{Stack: uid, At: time.Now()}
	newest, err := w.Cloud.DeploymentRange(ctx, uid, 0, page)
	if err != nil {
		look.Err = err
		return look
	}
	look.Newest = newest.Deployments
	for _, id := range ids {
		if _, ok := look.Find(id); ok {
			continue
		}
		d, err := w.Cloud.Deployment(ctx, uid, id)
		switch {
		case err == nil:
			look.Others = append(look.Others, d)
		case !errors.Is(err, cloud66.ErrNotFound):
			look.Errs = addError(look.Errs, id, err)
		}
	}
	return look
}

func addError(errs map[int64]error, id int64, err error) map[int64]error {
	if errs == nil {
		errs = map[int64]error{}
	}
	errs[id] = err
	return errs
}

// plan says when the stack is looked at next.
func (w *Watcher) plan(s *stack, look Look) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	s.looking, s.last = false, now
	switch {
	case look.Err != nil:
		s.due = now.Add(w.afterFailure(s, look.Err, now))
	default:
		s.failures = 0
		s.due = now.Add(w.wanted(s, look))
	}
	if s.asked { // since this look began
		s.due = now.Add(w.Min)
	}
	w.plannedAnew()
}

// afterFailure looks less often at what cannot be seen, and pauses everything where the budget is used up.
func (w *Watcher) afterFailure(s *stack, err error, now time.Time) time.Duration {
	s.failures++
	w.Log.Debug("look failed", "stack", s.uid, "failures", s.failures, "error", err)
	if errors.Is(err, cloud66.ErrThrottled) || errors.Is(err, cloud66.ErrBudget) {
		pause := throttled
		var api *cloud66.Error
		if errors.As(err, &api) && api.RetryAfter > 0 {
			pause = min(pause, max(api.RetryAfter, time.Second))
		}
		w.free = now.Add(pause)
		return w.Min
	}
	return min(w.Min<<min(s.failures, 10), w.Max)
}

// wanted gives the shortest interval that one of the watched deployments wants.
func (w *Watcher) wanted(s *stack, look Look) time.Duration {
	usual := cloud66.UsualDuration(look.Newest)
	wanted := w.Max
	for id := range s.ids {
		d, ok := look.Find(id)
		switch {
		case look.ErrOf(id) != nil:
			continue // what cannot be read is not worth hurrying for
		case !ok:
			return w.Min
		}
		wanted = min(wanted, Interval(d, usual, look.At, w.Min, w.Max))
	}
	return wanted
}

// Interval says how long after a look the next one at a deployment is worth its request: soon after the start and around the usual end,
// seldom in the long middle, and seldom again when it is long overdue. A usual time of 0 is an unknown one.
func Interval(d cloud66.Deployment, usual time.Duration, now time.Time, shortest, longest time.Duration) time.Duration {
	elapsed := now.Sub(d.StartedAt)
	var wanted time.Duration
	switch {
	case d.Queued() || d.Ended() || d.StartedAt.IsZero() || elapsed < 2*shortest:
		wanted = shortest
	case usual <= 0:
		wanted = elapsed / 8
	case elapsed < usual*8/10:
		wanted = (usual*8/10 - elapsed) / 3
	case elapsed < usual*13/10:
		wanted = shortest
	default:
		wanted = (elapsed - usual) / 8
	}
	return min(max(wanted, shortest), longest)
}
