// Package watch polls Cloud 66 for deployments within the API budget.
//
// The unit is the stack. One request for the newest page of its deployments shows every deployment that has not ended, the live one, and
// the usual duration. A stack is polled once per interval, however many cards follow its deployments; the number of channels costs no
// requests.
//
// Subscribed stacks are found by a sweep over the list of stacks, 30 per request. Each entry has a mark of its visible state; only a stack
// whose mark has changed is polled itself. So the cost depends on the number of pages and on the activity, not on the number of stacks.
// Unchanged stacks are polled too, rarely, because it is not documented that the list shows every change.
//
// There is one queue: of stacks, each with the time and the reason of its next look, and of the next page of the list. What is due is
// computed from facts (the list entry, the last look, the Aim), so that no event has to keep it right. One limiter spreads the background
// budget over looks and pages.
//
// The package stores nothing durable and asks nobody. It hands over each Look and each page of the list, and is told in return, as an Aim,
// what the records say of a stack. Where an Aim asks for more than the Look had, the look is completed and handed over again, so that an
// outdated Aim costs a request and loses nothing. A new process knows nothing: its first sweep and the calls of Due tell it the rest.
package watch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

const (
	workers     = 8 // concurrent looks
	minDuration = 10 * time.Millisecond
)

// Cloud is the part of the Cloud 66 client that the watcher uses.
type Cloud interface {
	DeploymentRange(ctx context.Context, uid string, offset, limit int) (cloud66.DeploymentRange, error)
	Deployment(ctx context.Context, uid string, id int64) (cloud66.Deployment, error)
	Budget() cloud66.BudgetState
}

// List is the list of stacks.
type List interface {
	StackPage(ctx context.Context, page int) (cloud66.StackPage, error)
}

// Config configures a Watcher.
type Config struct {
	Cloud    Cloud
	Min, Max time.Duration // bounds of the time between two looks at a stack, as far as the budget allows
	Log      *slog.Logger
	// Seen takes a look and returns the stack's aim after it. After an error the aim stays, and the look is repeated soon.
	Seen func(ctx context.Context, look Look) (Aim, error)

	List List // nil: no sweep
	// Listed takes the stacks of a page and returns their aims by UID. A stack without an aim stays as it was.
	Listed func(ctx context.Context, stacks []cloud66.Stack) (map[string]Aim, error)
	Swept  func(ctx context.Context, round Round) error // called after each round; may be nil
}

// Aim is what the records say of a stack.
type Aim struct {
	Subscribed bool              // the sweep finds its changes
	Position   *storage.Position // how far its deployments were read; nil if they never were
	// Followed holds the deployments that open cards show, and whether somebody waits for each step: else the sweep finds its changes, while
	// it shows the stack. The id 0 is a deployment that is not known yet.
	Followed map[int64]bool
	Sought   time.Time // since when the newest of those that cannot be read is sought, looked for more and more rarely; zero if none is
	// Ended is when the newest end was seen that Cloud 66 may still tell otherwise; zero if there is none. A stack that the sweep does not
	// show is looked at for that, more and more rarely.
	Ended time.Time
	Again bool // the look was not taken, or not all of it: repeat it soon
}

// Watcher polls the stacks that it is told of by Due and by the aims.
type Watcher struct {
	Config
	wake chan struct{}

	mu       sync.Mutex        // guards the fields below
	stacks   map[string]*stack // the queue, by UID
	looking  int               // looks in progress
	limit    limiter
	sweep    sweep
	presence presence
	lead     time.Duration // the most that an activity was ahead of the request that showed it, from -clockBound on
}

// stack is a stack in the queue. Watcher.mu guards its fields.
type stack struct {
	uid      string
	aim      Aim
	by       time.Time // when a look was asked for; zero if none is
	looking  bool
	last     time.Time // when the last look ended
	next     time.Time // when those who wait for each step want the next look
	slow     time.Time // when a running deployment will count as slow; zero if none will
	again    int       // consecutive looks that did not settle it
	failures int       // consecutive failed looks, without refused ones
	silent   time.Time // time of the first of the failed looks

	// For subscribed stacks.
	listed   *cloud66.Stack // its newest entry in the list; nil until the sweep shows it
	listedAt time.Time
	over     time.Time // when the second of the last activity in listed is over
	mark     string    // of that entry
	missed   int       // consecutive full rounds that did not show it
}

// New returns a Watcher that polls while Run runs.
func New(cfg Config) *Watcher {
	return &Watcher{Config: cfg, wake: make(chan struct{}, 1), stacks: map[string]*stack{}, presence: presence{since: time.Now()}}
}

// Due makes a stack due at a time, or as soon after it as the shortest interval allows: its aim may have changed, or somebody waits.
func (w *Watcher) Due(uid string, by time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stacks[uid]
	if s == nil {
		s = &stack{uid: uid}
		w.stacks[uid] = s
	}
	s.ask(by)
	w.signal()
}

func (s *stack) ask(by time.Time) {
	if s.by.IsZero() || by.Before(s.by) {
		s.by = by
	}
}

// Subscribed starts a full sweep, because other stacks are subscribed to, or ends the sweep if none is.
func (w *Watcher) Subscribed(some bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, s := time.Now(), &w.sweep
	switch {
	case !some:
		for _, s := range w.stacks {
			s.unlist()
		}
		*s = sweep{busy: s.busy, ended: s.ended}
	case s.on && s.round.Full:
		s.again = true
	default:
		s.on = true
		s.restart(now)
	}
	w.signal()
}

// State is how well the watcher keeps up.
type State struct {
	Watched    int                  // stacks in the sweep
	Interval   time.Duration        // between the last two rounds; 0 before the second, and while there are none
	LastSweep  time.Time            // when the last round ended
	Unlisted   time.Time            // since when the list of stacks cannot be read, if for ten minutes; else zero
	Unreadable map[string]time.Time // since when stacks, by UID, cannot be read or are on no page, if for ten minutes
}

// State reports how well the watcher keeps up.
func (w *Watcher) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	state := State{Interval: w.sweep.interval, LastSweep: w.sweep.ended, Unreadable: map[string]time.Time{}}
	if failing := w.sweep.failing; !failing.IsZero() && time.Since(failing) > unreadableAfter {
		state.Unlisted, state.Interval = failing, 0
	}
	for uid, s := range w.stacks {
		if s.listed != nil {
			state.Watched++
			if time.Since(s.listedAt) > max(unreadableAfter, lateSights*w.sweep.interval) {
				state.Unreadable[uid] = s.listedAt
			}
		}
		if !s.silent.IsZero() && time.Since(s.silent) > unreadableAfter {
			state.Unreadable[uid] = s.silent
		}
	}
	return state
}

func (w *Watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run polls until the context ends, and returns when the last look has ended.
func (w *Watcher) Run(ctx context.Context) {
	var jobs sync.WaitGroup
	defer jobs.Wait()
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
			job, wait := w.next()
			if job == nil {
				timer.Reset(wait)
				break
			}
			jobs.Go(func() { job(ctx) })
		}
	}
}
