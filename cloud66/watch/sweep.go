package watch

import (
	"context"
	"slices"
	"time"

	"c66bot/cloud66"
)

const (
	slowShare = 50               // one part in so many of the budget is for stacks on which nothing moved
	slowEvery = 30 * time.Second // between two of them, at least
	slowAgain = time.Hour        // between two such looks at one stack
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

// nextPage gives the page whose turn it is, or how long there is nothing to do.
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

// gap gives the time until the page after the one that is read now.
func (w *Watcher) gap(now time.Time) time.Duration {
	budget := w.Cloud.Budget()
	gap := w.pace.page(now, budget, w.sweep.count(), w.Min)
	if w.sweep.hasty {
		gap = min(gap, w.pace.look(now, budget))
	}
	return gap
}

// readSlowly plans a look at the stack whose last one is the longest ago, though nothing on it has moved: that the list shows all that
// happens is not documented.
func (w *Watcher) readSlowly(now time.Time) {
	if w.sweep.catchUp || !w.sweep.failing.IsZero() || now.Before(w.sweep.slow) {
		return
	}
	w.sweep.slow = now.Add(max(slowEvery, time.Hour*slowShare/time.Duration(max(w.Cloud.Budget().PerHour, slowShare))))
	var first *stack
	for _, s := range w.known {
		if s.looking || s.planned || s.only || len(s.ids) > 0 || now.Sub(s.last) < slowAgain {
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

// readPage reads one page and takes note of the stacks on it.
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
	for _, shown := range p.Stacks { // each its own copy, which does not keep the page
		err := safely(func() error {
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

// missPage notes that a page could not be read. That is tried again later and later, beside the looks.
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

// unseen reports whether no page has shown a stack for so long that nobody can leave it to the sweep to see when something moves.
func (w *Watcher) unseen(s *stack, now time.Time) bool {
	return w.sweep.blind(now) || now.Sub(s.shownAt) > max(outage, lateSights*w.sweep.interval)
}

// lookOneByOne has what was left to the sweep looked at by itself, while the list of stacks alone, or the page with it, cannot be read.
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

// missing gives the known stacks that two full rounds in a row did not show, and has the next round be a full one where there are some that
// this round did not show: they may stand on another page now.
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

// deliver tells of the last round, once what it had to catch up with was looked at.
func (w *Watcher) deliver(ctx context.Context) {
	w.mu.Lock()
	r := w.sweep.held
	if w.sweep.catching > 0 {
		r = nil
	}
	if r != nil {
		w.sweep.held = nil
	}
	w.mu.Unlock()
	if r == nil || w.Swept == nil {
		return
	}
	if err := safely(func() error { w.Swept(ctx, *r); return nil }); err != nil {
		w.Log.Error("a round over the stacks was not taken note of", "error", err)
	}
}
