package watch

import (
	"context"
	"slices"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/panics"
)

const (
	slowShare = 50               // 1/slowShare of the budget is for unchanged stacks
	slowEvery = 30 * time.Second // shortest time between two such looks
	slowAgain = time.Hour        // shortest time between two such looks at one stack
)

// sweepOn reads the pages of the list of stacks in turn until the context ends.
func (w *Watcher) sweepOn(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		w.deliver(ctx)
		number, wait := w.nextPage()
		if number > 0 {
			w.readPage(ctx, number)
			continue
		}
		timer.Reset(max(wait, minDuration))
		select {
		case <-ctx.Done():
		case <-w.turn:
		case <-timer.C:
		}
	}
}

// nextPage returns the due page, or the time until one is due.
func (w *Watcher) nextPage() (number int, wait time.Duration) {
	idle := w.Idle != nil && w.Idle()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if idle {
		for _, s := range w.known {
			w.unknown(s)
		}
		w.sweep.pages, w.sweep.at, w.sweep.again = nil, 0, true
		return 0, fullEvery
	}
	w.readSlowly(now)
	s := &w.sweep
	if s.at == 0 {
		if wait := s.begin(now, w.Max); s.at == 0 {
			return 0, wait
		}
	}
	if wait := max(s.from.Sub(now), w.pace.pause(now)); wait > 0 {
		return 0, wait
	}
	s.from = now.Add(w.gap(now))
	w.pace.sent(now)
	w.pace.spent(now, 1, &w.pace.pages)
	return s.at, 0
}

// gap returns the time between the page that is read now and the next.
func (w *Watcher) gap(now time.Time) time.Duration {
	budget := w.Cloud.Budget()
	gap := w.pace.page(now, budget, w.sweep.count(), w.Min)
	if w.sweep.hasty {
		gap = min(gap, w.pace.look(now, budget))
	}
	return gap
}

// readSlowly makes the least recently read unchanged stack due: it is not documented that the list shows every change.
func (w *Watcher) readSlowly(now time.Time) {
	if w.sweep.catchUp || !w.sweep.failing.IsZero() || now.Before(w.sweep.slow) {
		return
	}
	w.sweep.slow = now.Add(max(slowEvery, time.Hour*slowShare/time.Duration(max(w.Cloud.Budget().PerHour, slowShare))))
	var first *stack
	for _, s := range w.known {
		if s.looking || s.why != notDue || len(s.ids) > 0 || now.Sub(s.last) < slowAgain {
			continue
		}
		if first == nil || s.last.Before(first.last) || s.last.Equal(first.last) && s.uid < first.uid {
			first = s
		}
	}
	if first != nil {
		w.bring(first, now)
	}
}

// readPage reads one page and handles the stacks on it.
func (w *Watcher) readPage(ctx context.Context, number int) {
	p, err := w.Cloud.StackPage(cloud66.Background(ctx), number)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.missPage(err)
		return
	}
	w.mu.Lock()
	w.served(time.Now())
	w.sweep.recovered(time.Now())
	w.mu.Unlock()
	wanted := 0
	for _, shown := range p.Stacks { // each entry is a copy, which does not retain the page
		err := panics.Catch(func() error {
			if w.sight(&shown) {
				wanted++
			}
			return nil
		})
		if err != nil {
			w.Log.Error("a stack on a page was not taken note of", "stack", shown.UID, "error", err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sweep.at != number { // a new round began
		return
	}
	if w.sweep.read(number, wanted, p); w.sweep.at == 0 {
		w.endRound()
	}
}

// missPage records that a page could not be read and schedules a retry with growing backoff; looks continue.
func (w *Watcher) missPage(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, s := time.Now(), &w.sweep
	if !s.said && !s.failing.IsZero() && now.Sub(s.failing) > unreadableAfter {
		s.said = true
		w.Log.Warn("the list of stacks cannot be read, so that nothing new is seen", "since", s.failing, "error", err)
	}
	if isRefusal(err) {
		if s.failing.IsZero() {
			s.failing = now
		}
		w.pace.refused(now, err)
		return
	}
	w.Log.Debug("read a page of the stacks", "page", s.at, "failures", s.failures+1, "error", err)
	over := s.failed(now)
	s.from = later(s.from, now.Add(min(w.Min<<min(s.failures, 10), w.Max)))
	switch {
	case over && s.round.Pages > 0:
		w.endRound()
	case over:
		s.again = true
	}
	w.lookOneByOne(now)
}

// unseen reports whether the sweep has not shown a stack for too long to be relied on.
func (w *Watcher) unseen(s *stack, now time.Time) bool {
	return w.sweep.blind(now) || now.Sub(s.shownAt) > max(outage, lateSights*w.sweep.interval)
}

// lookOneByOne makes stacks due that were left to the sweep and that it does not show.
func (w *Watcher) lookOneByOne(now time.Time) {
	for _, s := range w.known {
		if len(s.ids) > 0 && s.failures == 0 && w.unseen(s, now) && s.due.After(now.Add(w.Max)) {
			s.due = now
			signal(w.wake)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// endRound ends a round in which at least one page was read.
func (w *Watcher) endRound() {
	s := &w.sweep
	var missing []string
	if s.round.Failed == 0 {
		missing = w.missing()
	}
	s.end(time.Now(), missing)
}

// missing drops and returns the known stacks that two consecutive full rounds did not show. If this round missed a stack, the next round is
// full, because the stack may have moved to another page.
func (w *Watcher) missing() []string {
	var gone []string
	short := false
	for uid, s := range w.known {
		if s.round == w.sweep.number {
			continue
		}
		w.sweep.again, short = true, true
		if !w.sweep.round.Full {
			continue
		}
		if s.missed++; s.missed > 1 {
			gone = append(gone, uid)
			w.sweep.lost = time.Now()
			w.unknown(s)
		}
	}
	if w.sweep.short++; !short {
		w.sweep.short = 0
	}
	slices.Sort(gone)
	return gone
}

// deliver reports the last round, once every stack that changed during an outage has been looked at.
func (w *Watcher) deliver(ctx context.Context) {
	w.mu.Lock()
	r := w.sweep.held
	if r != nil {
		for _, s := range w.known {
			if s.catching {
				w.mu.Unlock()
				return
			}
		}
	}
	w.sweep.held = nil
	w.mu.Unlock()
	if r == nil || w.Swept == nil {
		return
	}
	if err := panics.Catch(func() error { w.Swept(ctx, *r); return nil }); err != nil {
		w.Log.Error("a round over the stacks was not taken note of", "error", err)
	}
}

const (
	fullEvery   = 10 * time.Minute // longest time between two full rounds, for new stacks
	soughtFor   = time.Hour        // how long full rounds are frequent after the last wanted stack has vanished
	outage      = 2 * time.Minute  // duration without a page after which the sweep catches up
	catchWithin = 10 * time.Minute // longest duration of a catch-up, if pages cannot be read
	pageTries   = 3                // for one page, before the sweep moves on
	hastyRounds = 2                // consecutive rounds with a missed stack that another follows at once: the list may never settle
)

// Round is one complete pass over the list of stacks.
type Round struct {
	Began, Ended time.Time
	Pages        int             // number of pages that were read
	Failed       int             // number of pages that could not be read: their stacks are not in Stacks
	Full         bool            // every page was due; else those without a wanted stack were skipped
	CaughtUp     bool            // the first round after a start or an outage; the stacks that had changed were looked at before
	Stacks       []cloud66.Stack // every stack seen, once
	Missing      []string        // UIDs of wanted stacks that were in neither of the last two full rounds, each reported once
}

// State is how well the watcher keeps up.
type State struct {
	Watched    int                  // swept stacks
	Interval   time.Duration        // between the last two rounds; 0 before the second, and while there are none
	LastSweep  time.Time            // when the last round ended
	Unlisted   time.Time            // since when the list of stacks cannot be read, if for ten minutes; else zero
	Unreadable map[string]time.Time // since when stacks, by UID, cannot be read or are on no page, if for ten minutes
}

// sweep is the progress of reading the list of stacks. Watcher.mu guards its fields.
type sweep struct {
	pages  []int // number of wanted stacks on each page
	at     int   // the next page, from 1; 0 between two rounds
	from   time.Time
	full   bool      // the rest of the round skips no page
	again  bool      // the next round is full
	hasty  bool      // pages are read as fast as the budget allows
	number int       // of the round, from 1
	short  int       // consecutive rounds that missed a wanted stack
	lost   time.Time // when a wanted stack was last dropped
	round  Round
	seen   map[string]int // index in round.Stacks by UID

	fullAt   time.Time // when the last full round began
	ended    time.Time
	interval time.Duration

	tries    int // of this page
	failures int // consecutive failures of pages
	failing  time.Time
	said     bool // the failures are logged

	catchUp bool      // the round catches up after an outage or a start
	since   time.Time // when the catch-up began
	held    *Round    // the last round, not reported yet
	slow    time.Time // when the next unchanged stack is due
}

func newSweep() sweep {
	return sweep{again: true, hasty: true, catchUp: true}
}

// changed starts a full round.
func (s *sweep) changed() {
	s.full, s.again, s.hasty = true, true, true
}

// begin starts a round if one is due, and else returns the time until then.
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

// every returns the time between two full rounds. It is short if no page shows a wanted stack but one recently did: the list may have been
// truncated, and no other page would be read.
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

// after returns the page that follows number in the round, or 0.
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

// count returns the number of pages that the round reads.
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

// note adds a stack to the round.
func (s *sweep) note(shown *cloud66.Stack) {
	if i, ok := s.seen[shown.UID]; ok {
		s.round.Stacks[i] = *shown
		return
	}
	s.seen[shown.UID] = len(s.round.Stacks)
	s.round.Stacks = append(s.round.Stacks, *shown)
}

// read records the number of wanted stacks on a page, and advances to the next page.
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

// failed records that a page could not be read, and advances after pageTries tries. It reports whether that ends the round.
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

// blind reports an outage: no page could be read for some time.
func (s *sweep) blind(now time.Time) bool {
	return !s.failing.IsZero() && now.Sub(s.failing) >= outage
}

// recovered records that pages can be read. After an outage it starts a catch-up round.
func (s *sweep) recovered(now time.Time) {
	blind := s.blind(now)
	s.failures, s.failing, s.said = 0, time.Time{}, false
	if !blind {
		return
	}
	s.catchUp, s.hasty, s.since = true, true, now
	s.start(now, 1, true)
}

// end closes the round, which deliver reports.
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
