package progress

import (
	"maps"
	"slices"
	"sync"
	"time"

	"c66bot/cloud66/watch"
)

const (
	// awayAfter is how long looks at a stack must have failed before what ended meanwhile may be much.
	awayAfter = time.Minute
	// gatherFor is how long an end that is seen on the return waits for looks at the other stacks, of which many take a while, or the first
	// one a minute where Cloud 66 throttles.
	gatherFor = 90 * time.Second
)

// away knows the stacks that were not looked at for a while, since the bot or Cloud 66 was down, and keeps what turns out to have ended
// meanwhile until each of them was looked at again, or for as long as that may take: then it is told together.
type away struct {
	due chan struct{} // what is kept is to be told

	mu       sync.Mutex
	sweeping bool                 // the first round over all stacks since a start or an outage is under way, and may show more
	silent   time.Time            // since when no look at any stack was answered
	since    map[string]time.Time // by stack UID
	vain     map[string]bool      // stacks that were looked at in vain while something is kept
	ends     map[string]end       // by follow
	limit    *time.Timer          // runs while something is kept
}

// end is what a look says of a follow whose deployment ended.
type end struct {
	channel string
	look    watch.Look
	trace   trace
}

func newAway() *away {
	return &away{due: make(chan struct{}, 1), since: map[string]time.Time{}, vain: map[string]bool{}, ends: map[string]end{}}
}

// unanswered notes a look that Cloud 66 did not answer, and gives since when it has answered none. What is kept does not wait for another.
func (a *away) unanswered(stack string, at time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ends) > 0 {
		a.vain[stack] = true
		a.tellIfAll()
	}
	if a.silent.IsZero() {
		a.silent = at
	}
	return a.silent
}

// answered notes that Cloud 66 answers.
func (a *away) answered() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.silent = time.Time{}
}

// left notes that a stack is not seen since a time.
func (a *away) left(stack string, since time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.since[stack]; !known {
		a.since[stack] = since
	}
}

// of gives since when a stack was not seen; it is false for one that was.
func (a *away) of(stack string) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	since, ok := a.since[stack]
	return since, ok
}

// back notes that a stack was seen or is not watched any more. It gives those that are still away.
func (a *away) back(stack string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.since, stack)
	a.tellIfAll()
	others := make([]string, 0, len(a.since))
	for uid := range a.since {
		others = append(others, uid)
	}
	return others
}

// only forgets the stacks that are not watched any more: no look ends their absence, and what is kept would wait for one.
// It does not hold its lock while it asks: who answers may wait for one whose holder waits for this.
func (a *away) only(watched func(stack string) bool) {
	a.mu.Lock()
	stacks := slices.Collect(maps.Keys(a.since))
	a.mu.Unlock()
	stacks = slices.DeleteFunc(stacks, watched)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, stack := range stacks {
		delete(a.since, stack)
	}
}

// tellIfAll has what is kept told where no stack is still to be looked at. The lock is held.
func (a *away) tellIfAll() {
	if a.sweeping {
		return
	}
	for uid := range a.since {
		if !a.vain[uid] {
			return
		}
	}
	if len(a.ends) > 0 {
		a.tell()
	}
}

// catchUp has what is seen to have ended kept until a round over all stacks was made.
func (a *away) catchUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweeping = true
}

// caughtUp notes that a round over all stacks was made.
func (a *away) caughtUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweeping = false
	a.tellIfAll()
}

func (a *away) catchingUp() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sweeping
}

// tell has what is kept told. It never waits.
func (a *away) tell() {
	select {
	case a.due <- struct{}{}:
	default:
	}
}

// keep keeps an end until it is told.
func (a *away) keep(follow string, e end) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ends[follow] = e
	if a.limit == nil {
		a.limit = time.AfterFunc(gatherFor, a.tell)
	}
}

// keeps reports whether an end is kept, so that no later look tells it.
func (a *away) keeps(follow string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.ends[follow]
	return ok
}

// kept gives what is kept by channel and follow. It stays kept until it is told.
func (a *away) kept() map[string]map[string]end {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.limit != nil {
		a.limit.Stop()
		a.limit = nil
	}
	all := map[string]map[string]end{}
	for follow, e := range a.ends {
		if all[e.channel] == nil {
			all[e.channel] = map[string]end{}
		}
		all[e.channel][follow] = e
	}
	return all
}

// told forgets ends.
func (a *away) told(ends map[string]end) {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.vain)
	for follow := range ends {
		delete(a.ends, follow)
	}
}
