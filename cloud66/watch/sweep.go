package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/panics"
)

const (
	fullEvery  = 10 * time.Minute // longest time between two full rounds, for new stacks on other pages
	outage     = 2 * time.Minute  // duration without a page after which the sweep catches up
	pageTries  = 3                // for one page, before the sweep moves on
	lateSights = 3                // rounds without a sight after which no page counts as showing a stack
	fullShare  = 5 * time.Second  // shortest time between two readings of a page at the documented budget

	unreadableAfter = 10 * time.Minute // duration of failures after which they are reported
)

// Round is one complete pass over the list of stacks.
type Round struct {
	Began, Ended time.Time
	Pages        int                      // number of pages that were read
	Failed       int                      // number of pages that could not be read: their stacks are not in Stacks
	Full         bool                     // every page was due; else those without a subscribed stack were skipped
	Stacks       map[string]cloud66.Stack // every stack seen, by UID
}

// sweep is the progress of reading the list of stacks. Watcher.mu guards its fields.
type sweep struct {
	on, busy bool      // something is subscribed to; a page or a round is being handled
	pages    []int     // number of subscribed stacks on each page
	at       int       // the next page, from 1
	due      time.Time // when it is due
	round    Round
	again    bool // the next round is full
	hasty    bool // pages are read as fast as the budget allows, to catch up after a start, an outage or a new subscription

	fullAt   time.Time // when the last full round began
	ended    time.Time
	interval time.Duration

	failures int // consecutive failures of pages
	failing  time.Time
	said     bool // the failures are logged
}

// MarkOf returns the part of a list entry that changes when something happens on the stack.
func MarkOf(s cloud66.Stack) string {
	return fmt.Sprintf("%d %t %d %d %d", s.Status, s.IsBusy, s.Health, second(s.LastActivity), second(s.UpdatedAt))
}

// clockBound is the most that Cloud 66's clock is taken to be off.
const clockBound = 10 * time.Minute

// over returns when the second of the stack's last activity is over. The list tells times in whole seconds, so before that another
// deployment may still come that leaves the entry as it is. Cloud 66's clock may be off: how far activities were ahead of the requests that
// showed them, at most, tells by how much.
func (w *Watcher) over(shown cloud66.Stack, asked, now time.Time) time.Time {
	active := Later(shown.LastActivity, shown.UpdatedAt)
	lead := active.Sub(asked) + clockBound
	if lead < 0 || lead > 2*clockBound {
		return time.Time{}
	}
	w.lead = max(w.lead, lead)
	return active.Add(time.Second + now.Sub(asked) + clockBound - w.lead)
}

func second(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// gap returns the shortest time between two pages: no page is read twice within the shortest interval, nor for more than a quarter of the
// budget.
func (s *sweep) gap(perHour int, shortest time.Duration) time.Duration {
	if s.hasty {
		return 0
	}
	pages := 0
	for _, subscribed := range s.pages {
		if subscribed > 0 || s.round.Full {
			pages++
		}
	}
	return max(shortest, min(fullShare, time.Hour*25/6/time.Duration(max(perHour, 1)))) / time.Duration(max(pages, 1))
}

func (s *sweep) restart(now time.Time) {
	s.again, s.hasty, s.due = true, true, now
	s.start(now, 0)
}

// start begins a round: over all pages if that is due, else over those with subscribed stacks. Where no page has any, it waits and reads
// the first page alone, which shows how many pages there are.
func (s *sweep) start(now time.Time, longest time.Duration) {
	s.round = Round{Began: now, Full: s.again || now.Sub(s.fullAt) >= fullEvery, Stacks: map[string]cloud66.Stack{}}
	s.again = false
	if s.at = s.after(0); s.at == 0 {
		s.at, s.due = 1, Later(s.due, now.Add(longest))
	}
}

// after returns the page that follows number in the round, or 0.
func (s *sweep) after(number int) int {
	if s.round.Full && (number == 0 || number < len(s.pages)) {
		return number + 1
	}
	for i := number; i < len(s.pages) && !s.round.Full; i++ {
		if s.pages[i] > 0 {
			return i + 1
		}
	}
	return 0
}

// read records the number of subscribed stacks on a page, and advances to the next page.
func (s *sweep) read(number, subscribed int, p cloud66.StackPage) {
	pages := max(p.Pages, p.Next)
	if p.Next == 0 {
		pages = number
	}
	if len(s.pages) < pages && !s.round.Full { // the last full round has not read those
		s.again = true
	}
	for len(s.pages) < pages {
		s.pages = append(s.pages, 0)
	}
	s.pages = s.pages[:pages]
	s.pages[number-1] = subscribed
	s.round.Pages++
	s.at = s.after(number)
}

func (s *sweep) blind(now time.Time) bool {
	return !s.failing.IsZero() && now.Sub(s.failing) >= outage
}

// recovered records that pages can be read. After an outage it starts a catch-up round.
func (s *sweep) recovered(now time.Time) {
	blind := s.blind(now)
	s.failures, s.failing, s.said = 0, time.Time{}, false
	if blind {
		s.restart(now)
	}
}

// end closes the round and starts the next.
func (s *sweep) end(now time.Time, longest time.Duration) *Round {
	r := s.round
	r.Ended = now
	if r.Full {
		s.fullAt = r.Began
	}
	if !s.ended.IsZero() {
		s.interval = now.Sub(s.ended)
	}
	s.ended, s.hasty = now, false
	s.start(now, longest)
	return &r
}

// readPage reads the next page, and reports the round if that ends it.
func (w *Watcher) readPage(ctx context.Context) {
	w.mu.Lock()
	number, began := w.sweep.at, time.Now()
	w.mu.Unlock()
	p, err := w.List.StackPage(cloud66.Background(ctx), number)
	if ctx.Err() != nil {
		return
	}
	var aims map[string]Aim
	var wrong error
	if err == nil {
		err = panics.Catch(func() error { aims, wrong = w.Listed(ctx, p.Stacks); return nil })
		wrong = errors.Join(wrong, err)
	}
	if round := w.turn(number, p, err, aims, began); round != nil && w.Swept != nil {
		wrong = errors.Join(wrong, panics.Catch(func() error { return w.Swept(ctx, *round) }))
	}
	if wrong != nil && ctx.Err() == nil {
		w.Log.Error("stacks of the list were not all taken note of; the next round tries again", "page", number, "error", wrong)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep.busy = false
	w.signal()
}

// turn takes note of a page, or of the error in its place, and turns to the next. It returns the round if that ends it.
func (w *Watcher) turn(number int, p cloud66.StackPage, err error, aims map[string]Aim, asked time.Time) *Round {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, now := &w.sweep, time.Now()
	switch {
	case !s.on: // ended meanwhile
		return nil
	case err != nil:
		return w.missPage(now, err)
	}
	w.limit.served()
	w.presence.hears(now, false, w.Max)
	s.recovered(now)
	subscribed := 0
	for _, shown := range p.Stacks { // each entry is a copy, which does not retain the page
		if w.show(&shown, aims, asked, now) {
			subscribed++
		}
	}
	if s.at != number { // a new round began
		return nil
	}
	if s.read(number, subscribed, p); s.at != 0 {
		return nil
	}
	return w.endRound(now)
}

// show takes note of a list entry, and reports whether the stack is subscribed to. The aims were asked for at a time; that of a look which
// ended since is newer.
func (w *Watcher) show(shown *cloud66.Stack, aims map[string]Aim, asked, now time.Time) bool {
	w.sweep.round.Stacks[shown.UID] = *shown
	s := w.stacks[shown.UID]
	aim, told := aims[shown.UID]
	switch {
	case s == nil && !aim.Subscribed:
		return false
	case s == nil:
		s = &stack{uid: shown.UID, aim: aim}
		w.stacks[shown.UID] = s
	case told && !aim.Subscribed:
		s.unlist()
		return false
	case told && !s.looking && s.last.Before(asked):
		s.aim = aim
	case s.listed == nil && !aim.Subscribed:
		return false
	}
	mark := MarkOf(*shown)
	if s.listed == nil || s.mark != mark {
		s.again = 0
	}
	if w.sweep.hasty && s.failures > 0 { // what could not be read during the outage is tried again
		s.failures = 0
		s.ask(now)
	}
	s.listed, s.listedAt, s.mark, s.missed, s.over = shown, now, mark, 0, w.over(*shown, asked, now)
	return true
}

// missPage records that a page could not be read and schedules a retry with growing backoff; looks continue. After some tries the sweep
// moves on, and comes back to the page in each round, whatever is on it. missPage returns the round if that ends it.
func (w *Watcher) missPage(now time.Time, err error) *Round {
	s := &w.sweep
	if !s.said && !s.failing.IsZero() && now.Sub(s.failing) > unreadableAfter {
		s.said = true
		w.Log.Warn("the list of stacks cannot be read, so that nothing new is seen", "since", s.failing, "error", err)
	}
	if s.failing.IsZero() {
		s.failing = now
	}
	if isRefusal(err) {
		w.limit.refused(now, err)
		return nil
	}
	s.failures++
	w.Log.Debug("read a page of the stacks", "page", s.at, "failures", s.failures, "error", err)
	s.due = Later(s.due, now.Add(min(w.Min<<min(s.failures, 10), w.Max)))
	if s.failures%pageTries > 0 || len(s.pages) == 0 {
		return nil
	}
	s.round.Failed++
	s.pages[s.at-1] = max(s.pages[s.at-1], 1)
	switch s.at = s.after(s.at); {
	case s.at != 0:
	case s.round.Pages > 0:
		return w.endRound(now)
	default:
		s.again = true
		s.start(now, w.Max)
	}
	return nil
}

// endRound ends a round. It drops the stacks that two consecutive full rounds did not show. If this round missed a stack, the next is full,
// because the stack may have moved to another page.
func (w *Watcher) endRound(now time.Time) *Round {
	s := &w.sweep
	for uid, of := range w.stacks {
		if s.round.Failed > 0 || of.listed == nil || !of.listedAt.Before(s.round.Began) {
			continue
		}
		s.again = true
		if !s.round.Full {
			continue
		}
		if of.missed++; of.missed > 1 {
			w.Log.Info("a stack is on no page any more", "stack", uid)
			of.unlist()
		}
	}
	return s.end(now, w.Max)
}
