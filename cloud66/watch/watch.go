// Package watch looks at deployments, within the API budget: the one loop that does so for all who want to know.
//
// What is watched is a stack: one page of its deployments shows every deployment of it that has not ended, what is live, and how long
// deployments usually take, for one request. However many cards follow a stack's deployments, it is looked at once an interval.
//
// Stacks that are watched for every deployment are found by a sweep over the list of stacks, 30 for one request: only one that has moved
// is looked at itself, so that the cost depends on the pages of the list and on what happens, not on how many stacks are watched.
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
	workers     = 8 // looks under way at once
	minDuration = 10 * time.Millisecond
)

// Cloud is what the watcher needs of the Cloud 66 API.
type Cloud interface {
	DeploymentRange(ctx context.Context, uid string, offset, limit int) (cloud66.DeploymentRange, error)
	Deployment(ctx context.Context, uid string, id int64) (cloud66.Deployment, error)
	StackPage(ctx context.Context, page int) (cloud66.StackPage, error)
	Budget() cloud66.BudgetState
}

// Look is what was seen of a stack at one time.
type Look struct {
	Stack  string         // UID
	Listed *cloud66.Stack // as the list of stacks showed it last; nil where that is not read for it
	Mark   string         // of it, to be kept in the stack's position: while it stays so, nothing has moved; empty where the look failed
	At     time.Time
	Newest []cloud66.Deployment // newest first, back to the newest of the stack's position; nil without an error: only the list was read
	Gap    bool                 // more than these came since that position, and were not read
	Others []cloud66.Deployment // watched ones, and open ones of the position, that are not among the newest
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
	// Seen takes a look, and reports whether it could: else the next one comes soon.
	Seen func(ctx context.Context, look Look) (taken bool)
	Log  *slog.Logger

	Interest Interest                               // nil: the list of stacks is not read
	Idle     func() bool                            // nothing is wanted, so that not even new stacks are looked for; nil: never
	Swept    func(ctx context.Context, round Round) // after each round; nil: nobody wants to know
}

// Watcher looks at what was added until it is removed, and at what its Interest wants.
type Watcher struct {
	Config
	wake chan struct{} // for the looks
	turn chan struct{} // for the sweep

	mu     sync.Mutex
	stacks map[string]*stack // watched one by one, or with a look planned
	known  map[string]*stack // wanted ones that the list of stacks has shown
	listed []*stack          // wanted ones to be told of as the list shows them, without a look
	pace   pace
	sweep  sweep
}

// stack is one stack that is watched. Its fields belong to the watcher's lock.
type stack struct {
	uid      string
	ids      map[int64]int // watched deployments by how many watch each; 0 stands for one that is still looked for
	awaited  int           // how many of those have time until the sweep shows that something moved
	due      time.Time
	last     time.Time
	asked    bool // a person waits for the next look, which goes before those of the others
	failures int
	silent   time.Time // since when looks have failed in a row
	looking  bool

	// Of one that is wanted for every deployment.
	shown      *cloud66.Stack // by the list of stacks, the last time; nil where it is not wanted
	shownAt    time.Time
	mark       string // of it
	kept       string // the mark in its position
	never      bool   // it has no position yet
	unfinished bool   // its last look showed a deployment that had not ended, or could not read one
	planned    bool   // a look is due for the sweep's sake
	only       bool   // it waits to be told of without a look
	again      int    // looks in a row that did not bring what the list shows and what was seen together
	catching   bool   // what it did while nothing was seen has to be looked at yet
	round      int    // in which it was seen last
	missed     int    // full rounds since, in a row
}

// New makes a Watcher; Run makes it look.
func New(cfg Config) *Watcher {
	return &Watcher{
		Config: cfg, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		stacks: map[string]*stack{}, known: map[string]*stack{}, sweep: newSweep(),
	}
}

// Add watches a deployment of a stack. The id 0 stands for one that is not known yet: the stack is looked at as often as allowed.
func (w *Watcher) Add(uid string, id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.soon(w.add(uid, id))
}

// Await watches a deployment as Add does, but leaves it to the sweep, while that shows the stack, to see when something moves.
func (w *Watcher) Await(uid string, id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	idle := w.stacks[uid] == nil
	s := w.add(uid, id)
	s.awaited++
	switch {
	case w.known[uid] == nil:
		w.soon(s)
	case idle:
		s.due = time.Now().Add(slowAgain)
	}
}

func (w *Watcher) add(uid string, id int64) *stack {
	s := cmp.Or(w.stacks[uid], w.known[uid])
	if s == nil {
		s = &stack{uid: uid}
	}
	if s.ids == nil {
		s.ids = map[int64]int{}
	}
	w.stacks[uid] = s
	s.ids[id]++
	return s
}

// Remove ends one Add.
func (w *Watcher) Remove(uid string, id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(uid, id)
}

// Release ends one Await.
func (w *Watcher) Release(uid string, id int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.remove(uid, id); s != nil {
		s.awaited--
	}
}

func (w *Watcher) remove(uid string, id int64) *stack {
	s := w.stacks[uid]
	if s == nil {
		return nil
	}
	if s.ids[id]--; s.ids[id] <= 0 {
		delete(s.ids, id)
	}
	signal(w.wake)
	return s
}

// patient reports whether all who watch a stack leave it to the sweep to see when something moves.
func (w *Watcher) patient(s *stack) bool {
	watching := 0
	for _, n := range s.ids {
		watching += n
	}
	return watching == s.awaited && w.known[s.uid] == s
}

// Now has a stack looked at as soon as the shortest interval allows, because somebody asks for it or has changed something.
func (w *Watcher) Now(uid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.known[uid]; s != nil {
		w.bring(s, s.last.Add(w.Min))
	}
	if s := w.stacks[uid]; s != nil && (len(s.ids) > 0 || s.planned) {
		w.soon(s)
	}
}

// Changed has the whole list of stacks read anew, because what the Interest wants has changed.
func (w *Watcher) Changed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep.changed()
	signal(w.turn)
}

// State tells how well the watcher keeps up.
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

// soon makes a stack due once the shortest interval has passed since its last look.
func (w *Watcher) soon(s *stack) {
	s.due, s.asked = s.last.Add(w.Min), true
	signal(w.wake)
}

// signal wakes who waits on a channel, now or the next time.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run looks until the context ends, and returns when the last look has.
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
