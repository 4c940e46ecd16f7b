// Package watch polls Cloud 66 for deployments within the API budget.
//
// The unit is the stack. One request for the newest page of its deployments shows every deployment that has not ended, the live one, and
// the usual duration. A stack is polled once per interval, however many cards follow its deployments; the number of channels costs no
// requests.
//
// Subscribed stacks are found by a sweep over the list of stacks, 30 per request. Each entry has a mark of its visible state; only a stack
// whose mark has changed is polled itself. So the cost depends on the number of pages and on the activity, not on the number of stacks. A
// slow round polls unchanged stacks too, because it is not documented that the list shows every change.
//
// Due stacks form a queue, most overdue first. A limiter spreads the rest of the background budget over looks and pages. The package stores
// nothing durable: the Interest holds the positions, and a new process finds the rest with its first sweep.
package watch

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"c66bot/cloud66"
)

const (
	workers     = 8 // concurrent looks
	minDuration = 10 * time.Millisecond
)

// Cloud is the part of the Cloud 66 client that the watcher uses.
type Cloud interface {
	DeploymentRange(ctx context.Context, uid string, offset, limit int) (cloud66.DeploymentRange, error)
	Deployment(ctx context.Context, uid string, id int64) (cloud66.Deployment, error)
	StackPage(ctx context.Context, page int) (cloud66.StackPage, error)
	Budget() cloud66.BudgetState
}

// Look is the state of a stack at one time.
type Look struct {
	Stack  string         // UID
	Listed *cloud66.Stack // its newest entry in the list of stacks; nil if it is not swept
	Mark   string         // of that entry, to be stored in the stack's position; empty if the look failed
	At     time.Time
	Newest []cloud66.Deployment // newest first, back to the position's newest; nil without an error: only the list was read
	Gap    bool                 // there are more since that position, which were not read
	Others []cloud66.Deployment // watched deployments, and open ones of the position, that are not in Newest
	Err    error                // the look failed
	Errs   map[int64]error      // errors of single deployments that are not in Newest, by id
	Silent time.Time            // time of the first consecutive failed look; zero if this one did not fail
}

// Find returns the deployment with the id, if the look has it.
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

// ErrOf returns the error that hid a deployment, or nil if it was read or does not exist.
func (l Look) ErrOf(id int64) error {
	if l.Err != nil {
		return l.Err
	}
	return l.Errs[id]
}

// Config configures a Watcher.
type Config struct {
	Cloud    Cloud
	Min, Max time.Duration // bounds of the time between two looks at a stack, as far as the budget allows
	// Seen handles a look. If it returns false, the look is repeated soon.
	Seen func(ctx context.Context, look Look) (taken bool)
	Log  *slog.Logger

	Interest Interest                               // nil: no sweep
	Idle     func() bool                            // no stack is wanted, so there is nothing to sweep; nil: never
	Swept    func(ctx context.Context, round Round) // called after each round; may be nil
}

// Watcher polls stacks from Add until Remove, and those that its Interest wants.
type Watcher struct {
	Config
	wake chan struct{} // for the looks
	turn chan struct{} // for the sweep

	mu     sync.Mutex
	stacks map[string]*stack // the queue, by UID: stacks that are watched individually, or due
	known  map[string]*stack // swept stacks, by UID
	pace   pace
	sweep  sweep
}

// reason says why a stack is due, apart from being watched. A higher reason includes the lower ones.
type reason int

const (
	notDue   reason = iota
	isListed        // the list shows it for the first time: report it without a request
	hasMoved        // its list entry has changed since the last look
	isAsked         // a user waits for the look, so it goes first
)

// stack is a watched stack. Watcher.mu guards its fields.
type stack struct {
	uid      string
	ids      map[int64]int // watched deployments with their numbers of watchers; id 0 means not found yet
	awaited  int           // watchers that rely on the sweep to notice changes (patient)
	due      time.Time
	last     time.Time
	why      reason
	failures int
	silent   time.Time // time of the first of the failures
	looking  bool

	// For swept stacks.
	shown      *cloud66.Stack // its newest entry in the list
	shownAt    time.Time
	mark       string // of that entry
	kept       string // the mark in its position
	never      bool   // it has no position yet
	unfinished bool   // its last look showed an unfinished deployment, or failed to read one
	again      int    // consecutive looks that did not settle it
	catching   bool   // it changed during an outage and has not been looked at since
	round      int    // number of the last round that showed it
	missed     int    // consecutive full rounds that did not show it
}

// New returns a Watcher that polls while Run runs.
func New(cfg Config) *Watcher {
	return &Watcher{
		Config: cfg, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		stacks: map[string]*stack{}, known: map[string]*stack{}, sweep: newSweep(),
	}
}

// Add watches a deployment of a stack. The id 0 means that it is unknown yet: the stack is polled at the shortest interval. A patient
// watcher relies on the sweep to notice changes, as long as the sweep shows the stack.
func (w *Watcher) Add(uid string, id int64, patient bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := cmp.Or(w.stacks[uid], w.known[uid])
	if s == nil {
		s = &stack{uid: uid}
	}
	idle := len(s.ids) == 0 && s.why < hasMoved
	if s.ids == nil {
		s.ids = map[int64]int{}
	}
	w.stacks[uid] = s
	s.ids[id]++
	if patient {
		s.awaited++
	}
	switch {
	case !patient || w.known[uid] == nil:
		w.soon(s)
	case idle:
		s.due = time.Now().Add(slowAgain)
	}
}

// Remove undoes an Add with the same arguments.
func (w *Watcher) Remove(uid string, id int64, patient bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stacks[uid]
	if s == nil {
		return
	}
	if s.ids[id]--; s.ids[id] <= 0 {
		delete(s.ids, id)
	}
	if patient {
		s.awaited--
	}
	if len(s.ids) == 0 && s.why == isAsked && w.known[uid] != s {
		s.why = notDue
	}
	signal(w.wake)
}

// patient reports whether all watchers of a stack rely on the sweep to notice changes.
func (w *Watcher) patient(s *stack) bool {
	watching := 0
	for _, n := range s.ids {
		watching += n
	}
	return watching == s.awaited && w.known[s.uid] == s
}

// Now makes a stack due as soon as the shortest interval allows, for a user's request or after a change.
func (w *Watcher) Now(uid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.known[uid]; s != nil {
		w.bring(s, s.last.Add(w.Min))
	}
	if s := w.stacks[uid]; s != nil && (len(s.ids) > 0 || s.why >= hasMoved) {
		w.soon(s)
	}
}

// Changed starts a full sweep, because the Interest wants other stacks.
func (w *Watcher) Changed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep.changed()
	signal(w.turn)
}

// State reports how well the watcher keeps up.
func (w *Watcher) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	state := State{Watched: len(w.known), Interval: w.sweep.interval, LastSweep: w.sweep.ended, Unreadable: map[string]time.Time{}}
	if failing := w.sweep.failing; !failing.IsZero() && time.Since(failing) > unreadableAfter {
		state.Unlisted, state.Interval = failing, 0
	}
	for uid, s := range w.known {
		if time.Since(s.shownAt) > max(unreadableAfter, lateSights*w.sweep.interval) {
			state.Unreadable[uid] = s.shownAt
		}
	}
	for _, stacks := range []map[string]*stack{w.stacks, w.known} {
		for uid, s := range stacks {
			if !s.silent.IsZero() && time.Since(s.silent) > unreadableAfter {
				state.Unreadable[uid] = s.silent
			}
		}
	}
	return state
}

// soon makes a stack due when the shortest interval since its last look has passed. The caller holds w.mu.
func (w *Watcher) soon(s *stack) {
	s.due, s.why = s.last.Add(w.Min), isAsked
	signal(w.wake)
}

// signal wakes the receiver of c now, or at its next receive.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run polls until the context ends, and returns when the last look has ended.
func (w *Watcher) Run(ctx context.Context) {
	var looks sync.WaitGroup
	defer looks.Wait()
	if w.Interest != nil {
		looks.Go(func() { w.sweepOn(ctx) })
	}
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
