package watch

import (
	"time"

	"c66bot/cloud66"
)

const (
	fullEvery   = 10 * time.Minute // at least so often every page is read, for new stacks
	soughtFor   = time.Hour        // a stack that no page shows any more is looked for more often, while nothing else is wanted
	outage      = 2 * time.Minute  // after so long without a page, what happened meanwhile is caught up with
	catchWithin = 10 * time.Minute // a catching up with pages that cannot be read ends
	pageTries   = 3                // for one page, before the next ones have their turn
	hastyRounds = 2                // in a row that missed a stack are followed by another at once: the list may never stand still
)

// Round is one complete reading of the list of stacks.
type Round struct {
	Began, Ended time.Time
	Pages        int             // that were read
	Failed       int             // pages that could not be read: what is on them is not among the stacks
	Full         bool            // every page was read; else those on which nothing is wanted were left out
	CaughtUp     bool            // the first after a start or an outage; what had moved meanwhile was looked at before
	Stacks       []cloud66.Stack // every stack seen, once
	Missing      []string        // UIDs of wanted stacks that were in neither of the last two full rounds, each told once
}

// State is how well the watcher keeps up.
type State struct {
	Watched    int                  // stacks that are watched for every deployment
	Interval   time.Duration        // between the last two sights of one stack; 0 before the second, and while there are none
	LastSweep  time.Time            // when the last round ended
	Unlisted   time.Time            // since when the list of stacks cannot be read, where that is longer than ten minutes; else zero
	Unreadable map[string]time.Time // since when stacks, by UID, cannot be read or no page shows them, where that is longer than ten minutes
}

// sweep is where the reading of the list of stacks is. Its fields belong to the watcher's lock.
type sweep struct {
	pages  []int // wanted stacks on each page, as it was read last
	at     int   // the page that is read next, from 1; 0 between two rounds
	from   time.Time
	full   bool      // no page is left out from here on
	again  bool      // nor in the round after
	hasty  bool      // as fast as the budget allows
	number int       // of the round, from 1
	short  int       // rounds in a row that missed a wanted stack
	lost   time.Time // when a wanted stack was given up last
	round  Round
	seen   map[string]int // where in the round each stack is, by UID

	fullAt   time.Time // when the last full round began
	ended    time.Time
	interval time.Duration

	tries    int // of this page
	failures int // of pages, in a row
	failing  time.Time
	said     bool // that they cannot be read for long

	catchUp  bool      // what moved is what was done while nothing was seen
	since    time.Time // of the catching up
	catching int       // stacks to be looked at for that
	held     *Round    // to be told
	slow     time.Time // when the next stack is read although nothing on it moved
}

func newSweep() sweep {
	return sweep{again: true, hasty: true, catchUp: true}
}

// changed has all pages read.
func (s *sweep) changed() {
	s.full, s.again, s.hasty = true, true, true
}

// begin starts a round, where one is worth it now; else it tells when the next will be. The longest is the time between two sights of a stack.
func (s *sweep) begin(now time.Time, longest time.Duration) (wait time.Duration) {
	every := s.every(now, longest)
	full := s.again || now.Sub(s.fullAt) >= every
	first := s.after(0, full)
	if first == 0 {
		return s.fullAt.Add(every).Sub(now)
	}
	s.start(now, first, full)
	return 0
}

// every is how often every page is read. Where none shows what was wanted until lately, the list may have been short for a while, and no other
// page would be read before.
func (s *sweep) every(now time.Time, longest time.Duration) time.Duration {
	if s.lost.IsZero() || now.Sub(s.lost) >= soughtFor || s.after(0, false) > 0 {
		return fullEvery
	}
	return min(longest, fullEvery)
}

func (s *sweep) start(now time.Time, first int, full bool) {
	s.number++
	s.at, s.full, s.again, s.tries = first, full, false, 0
	s.round, s.seen = Round{Began: now, Full: full}, map[string]int{}
	if s.catchUp && s.since.IsZero() {
		s.since = now
	}
}

// after gives the page that is read after one, 0 for none.
func (s *sweep) after(number int, full bool) int {
	if full {
		if number == 0 || number < len(s.pages) {
			return number + 1
		}
		return 0
	}
	for i := number; i < len(s.pages); i++ {
		if s.pages[i] > 0 {
			return i + 1
		}
	}
	return 0
}

// count gives how many pages the round reads.
func (s *sweep) count() int {
	if s.full {
		return len(s.pages)
	}
	n := 0
	for _, wanted := range s.pages {
		if wanted > 0 {
			n++
		}
	}
	return n
}

// note keeps a stack for who wants to know of the round.
func (s *sweep) note(shown *cloud66.Stack) {
	if i, ok := s.seen[shown.UID]; ok {
		s.round.Stacks[i] = *shown
		return
	}
	s.seen[shown.UID] = len(s.round.Stacks)
	s.round.Stacks = append(s.round.Stacks, *shown)
}

// read notes how many stacks on a page are wanted, and goes on to the next page.
func (s *sweep) read(number, wanted int, p cloud66.StackPage) {
	pages := max(p.Pages, p.Next)
	if p.Next == 0 {
		pages = number
	}
	if len(s.pages) < pages && !s.full { // the last full round has not read those
		s.again = true
	}
	for len(s.pages) < pages {
		s.pages = append(s.pages, 0)
	}
	s.pages = s.pages[:pages]
	s.pages[number-1] = wanted
	s.round.Pages++
	s.tries = 0
	s.at = s.after(number, s.full)
}

// failed notes that a page could not be read, and after some tries goes on to the next. It tells whether the round has ended by that.
func (s *sweep) failed(now time.Time) (over bool) {
	if s.failing.IsZero() {
		s.failing = now
	}
	s.failures++
	if s.tries++; s.tries < pageTries || len(s.pages) == 0 {
		return false
	}
	s.round.Failed++
	s.tries = 0
	s.at = s.after(s.at, s.full)
	return s.at == 0
}

// blind reports whether no page could be read for so long that it is an outage.
func (s *sweep) blind(now time.Time) bool {
	return !s.failing.IsZero() && now.Sub(s.failing) >= outage
}

// recovered notes that pages can be read. After an outage, a new round begins for what happened meanwhile.
func (s *sweep) recovered(now time.Time) {
	blind := s.blind(now)
	s.failures, s.failing, s.said = 0, time.Time{}, false
	if !blind {
		return
	}
	s.catchUp, s.hasty, s.since = true, true, now
	s.start(now, 1, true)
}

// end closes the round: it is told when what it found has been looked at, where it is one that catches up.
func (s *sweep) end(now time.Time, missing []string) {
	r := s.round
	r.Ended, r.Missing = now, missing
	if r.Full {
		s.fullAt = r.Began
	}
	if !s.ended.IsZero() {
		s.interval = now.Sub(s.ended)
	}
	s.ended, s.hasty = now, s.again && s.short <= hastyRounds
	if s.catchUp && (r.Failed == 0 || now.Sub(s.since) > catchWithin) {
		s.catchUp, r.CaughtUp, s.since = false, true, time.Time{}
	}
	if s.catchUp {
		s.again, s.hasty = true, true
	}
	if s.held != nil {
		r.CaughtUp, r.Missing = r.CaughtUp || s.held.CaughtUp, append(s.held.Missing, r.Missing...)
	}
	s.held, s.round, s.seen = &r, Round{}, nil
}
