package watch

import (
	"context"
	"time"
)

const (
	againAtMost   = 5 * time.Minute  // longest time between looks at a stack that is not settled
	patience      = 20               // looks at an active stack without an unfinished deployment before it counts as stuck
	failingAtMost = 10 * time.Minute // longest time between looks at an unreadable stack for which nobody waits
	slowAgain     = time.Hour        // shortest time between two looks at an unchanged stack
	century       = 100 * 365 * 24 * time.Hour
)

// reason says why a stack is due, in the order of priority.
type reason int

const (
	notDue    reason = iota
	unchanged        // nothing has happened to it, as far as the list shows
	expected         // its list entry has changed since the last look, or its deployment may have
	asked            // somebody waits for the look
)

// next takes the first due job from the queue, or returns the time until one may be due.
func (w *Watcher) next() (job func(context.Context), wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, budget, s := time.Now(), w.Cloud.Budget(), &w.sweep
	first, at, why := w.first(now)
	if first == nil {
		at = now.Add(time.Hour)
	} else {
		at = Later(at, w.limit.free(now, budget, false))
	}
	if s.on && !s.busy {
		if page := Later(s.due, w.limit.free(now, budget, !s.hasty)); page.Before(at) {
			if !page.After(now) {
				s.busy = true
				s.due = now.Add(s.gap(budget.PerHour, w.Min))
				w.limit.take(now, true)
				return w.readPage, 0
			}
			first, at = nil, page
		}
	}
	if first == nil || at.After(now) {
		return nil, max(at.Sub(now), minDuration)
	}
	if why == unchanged {
		w.limit.slow = now.Add(max(slowEvery, time.Hour*slowShare/time.Duration(max(budget.PerHour, slowShare))))
	}
	w.limit.take(now, false)
	first.looking, first.by = true, time.Time{}
	w.looking++
	return func(ctx context.Context) { w.look(ctx, first) }, 0
}

// first returns the head of the queue, the most overdue stack, or nil if none can be looked at. It drops stacks that nobody watches.
func (w *Watcher) first(now time.Time) (first *stack, at time.Time, because reason) {
	for uid, s := range w.stacks {
		if s.looking || w.looking >= workers {
			continue
		}
		due, why := w.due(s, now)
		if why == notDue {
			if s.listed == nil && now.Sub(s.last) >= w.Min { // a stack that is soon added again keeps its last look
				delete(w.stacks, uid)
			}
			continue
		}
		if why == asked && !due.After(now) {
			due = due.Add(-century) // before all that is overdue
		}
		if first == nil || due.Before(at) || due.Equal(at) && uid < first.uid {
			first, at, because = s, due, why
		}
	}
	return first, at, because
}

// due returns when a stack is to be looked at, and why.
func (w *Watcher) due(s *stack, now time.Time) (at time.Time, why reason) {
	soonest, awaited := s.last.Add(w.Min), w.awaited(s, now)
	switch {
	case !s.by.IsZero():
		return Later(s.by, soonest), asked
	case s.listed == nil && len(s.aim.Followed) == 0 && s.aim.Ended.IsZero():
		return time.Time{}, notDue
	case s.listed == nil && len(s.aim.Followed) == 0:
		return Later(s.last.Add(max(s.last.Sub(s.aim.Ended)/4, w.Max)), w.limit.slow), unchanged
	case s.failures > 0:
		longest := w.Max
		if !awaited {
			longest = max(longest, failingAtMost)
		}
		return s.last.Add(min(w.Min<<min(s.failures, 10), longest)), expected
	case awaited:
		at, why = Later(s.next, soonest), expected
	}
	soon := func(when time.Time) {
		if why == notDue || when.Before(at) {
			at, why = when, expected
		}
	}
	if s.listed != nil && !s.settled() {
		soon(Later(s.last.Add(w.backoff(s)), s.over))
	}
	if s.listed != nil && !s.slow.IsZero() {
		soon(Later(s.slow, soonest))
	}
	if why == notDue && !w.sweep.hasty && w.sweep.failing.IsZero() {
		return Later(Later(s.last, s.aim.Position.At).Add(slowAgain), w.limit.slow), unchanged
	}
	return at, why
}

// awaited reports whether somebody waits for each step of a deployment, or relies on a sweep that does not show the stack.
func (w *Watcher) awaited(s *stack, now time.Time) bool {
	for _, waits := range s.aim.Followed {
		if waits || s.listed == nil || w.sweep.blind(now) || now.Sub(s.listedAt) > max(outage, lateSights*w.sweep.interval) {
			return true
		}
	}
	return false
}

// settled reports whether the list entry was looked at, is in the position, and agrees with the deployments.
func (s *stack) settled() bool {
	at := s.aim.Position
	return at != nil && at.Mark == s.mark && s.listed.Active() == (len(at.Open) > 0)
}

// backoff returns the delay before a look that settled nothing is repeated. A stuck stack, whose deployment never ended or which was never
// analysed, is looked at as rarely as an unchanged one.
func (w *Watcher) backoff(s *stack) time.Duration {
	longest := againAtMost
	if at := s.aim.Position; at != nil && s.listed != nil && at.Mark == s.mark && (!s.listed.Active() || s.again > patience) {
		longest = slowAgain
	}
	return min(w.Min<<min(max(s.again-1, 0), 10), max(longest, w.Min))
}

func (s *stack) unlist() {
	s.listed, s.again, s.aim.Subscribed = nil, 0, false
}

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
