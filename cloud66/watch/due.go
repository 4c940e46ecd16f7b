package watch

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"c66bot/cloud66"
)

const (
	againAtMost   = 5 * time.Minute  // longest time between looks at a stack that is not settled
	patience      = 20               // looks at an active stack without an unfinished deployment before it counts as stuck
	failingAtMost = 10 * time.Minute // longest time between looks at an unreadable stack that no card follows
)

// plan makes the stack due again after a look.
func (w *Watcher) plan(s *stack, look Look, k kept) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	s.looking, s.last = false, now
	refused := false
	switch {
	case look.Err != nil:
		if w.known[s.uid] == s {
			s.why = max(s.why, hasMoved)
		}
		s.due = now.Add(w.afterFailure(s, look.Err, now))
		refused = isRefusal(look.Err)
	default:
		if look.Newest != nil {
			w.served(now)
			s.failures = 0
		}
		s.due = now.Add(w.wanted(s, look))
		if w.known[s.uid] == s {
			w.settle(s, look, k, now)
		}
	}
	if s.why == isListed {
		s.why = notDue
	}
	if s.why >= hasMoved {
		w.stacks[s.uid] = s
	}
	if !refused {
		w.caught(s)
	}
	if s.why == isAsked { // set since this look began
		s.due = now.Add(w.Min)
	}
	signal(w.wake)
}

// settle compares the list entry with the look and with the position, and schedules another look if they differ.
func (w *Watcher) settle(s *stack, look Look, k kept, now time.Time) {
	s.kept, s.never = k.mark, !k.ok
	if look.Newest != nil {
		s.unfinished = slices.ContainsFunc(look.Newest, unfinished) || slices.ContainsFunc(look.Others, unfinished) || len(look.Errs) > 0
	}
	switch {
	case s.never && look.Newest == nil:
		s.again++
		s.due = now.Add(w.backoff(s)) // report it again, which costs no request either
	case !k.taken || !s.settled():
		w.bring(s, now.Add(w.backoff(s)))
		s.again++
	default:
		s.again = 0
		if at := turnsSlow(look, k.began); at.After(now) {
			w.bring(s, at)
		}
	}
}

// settled reports whether the list entry was looked at, is in the position, and agrees with the deployments.
func (s *stack) settled() bool {
	return !s.never && s.kept == s.mark && s.shown.Active() == s.unfinished
}

// bring makes a swept stack due no later than at. The caller holds w.mu.
func (w *Watcher) bring(s *stack, at time.Time) {
	if s.why < hasMoved && len(s.ids) == 0 || at.Before(s.due) {
		s.due = at
	}
	s.why = max(s.why, hasMoved)
	w.stacks[s.uid] = s
	signal(w.wake)
}

// backoff returns the delay before a look that settled nothing is repeated. A stuck stack, whose deployment never ended or which was never
// analysed, is left to the slow round.
func (w *Watcher) backoff(s *stack) time.Duration {
	longest := againAtMost
	if s.kept == s.mark && (!s.shown.Active() || s.again > patience) {
		longest = slowAgain
	}
	return min(w.Min<<min(s.again, 10), max(longest, w.Min))
}

func unfinished(d cloud66.Deployment) bool { return !d.Ended() }

// turnsSlow returns when the first running deployment will count as slow, measured from its start as observed, or else as Cloud 66 reports
// it; zero if none runs.
func turnsSlow(look Look, began map[int64]time.Time) time.Time {
	var first time.Time
	for _, d := range look.Newest {
		limit := cloud66.SlowAfter(cloud66.UsualDuration(look.Newest, d.Type()))
		at := cmp.Or(began[d.ID], d.StartedAt).Add(limit + time.Second)
		if !d.Ended() && !d.StartedAt.IsZero() && at.After(look.At) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// afterFailure returns the delay after a failed look. If no requests are served at all, it also pauses the limiter.
func (w *Watcher) afterFailure(s *stack, err error, now time.Time) time.Duration {
	s.failures++
	w.Log.Debug("look failed", "stack", s.uid, "failures", s.failures, "error", err)
	if isRefusal(err) {
		w.pace.refused(now, err)
		return w.Min
	}
	longest := w.Max
	if w.patient(s) {
		longest = max(longest, failingAtMost)
	}
	return min(w.Min<<min(s.failures, 10), longest)
}

// isRefusal reports whether an error means that no request at all is served at present.
func isRefusal(err error) bool {
	return errors.Is(err, cloud66.ErrThrottled) || errors.Is(err, cloud66.ErrBudget)
}

// served records that Cloud 66 serves requests.
func (w *Watcher) served(now time.Time) {
	if w.pace.served(now) {
		signal(w.wake)
		signal(w.turn)
	}
}

// caught records that a stack which changed during an outage was looked at.
func (w *Watcher) caught(s *stack) {
	if s.catching {
		s.catching = false
		signal(w.turn)
	}
}

// wanted returns the shortest interval of the watched deployments.
func (w *Watcher) wanted(s *stack, look Look) time.Duration {
	if w.patient(s) && !w.unseen(s, time.Now()) {
		return slowAgain
	}
	wanted := w.Max
	for id := range s.ids {
		d, ok := look.Find(id)
		switch {
		case look.ErrOf(id) != nil:
			continue // an unreadable deployment is not worth hurrying for
		case !ok:
			return w.Min
		}
		wanted = min(wanted, Interval(d, cloud66.UsualDuration(look.Newest, d.Type()), look.At, w.Min, w.Max))
	}
	return wanted
}

// Interval returns the time between two looks at a deployment: short after its start and around its usual end, long in the middle and when
// it is long overdue. A usual time of 0 means unknown.
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

// next takes the due stack from the queue, or returns the time until one is due.
func (w *Watcher) next() (*stack, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, wait := time.Now(), time.Hour
	first, listed := w.first(now)
	if first != nil {
		if wait = max(first.due.Sub(now), w.pace.free.Sub(now), w.pace.pause(now)); wait <= 0 {
			first.looking, first.why = true, notDue
			w.pace.free = now.Add(w.pace.look(now, w.Cloud.Budget()))
			w.pace.sent(now)
			return first, 0
		}
	}
	if listed != nil { // costs no request
		listed.looking = true
		return listed, 0
	}
	return nil, max(wait, minDuration)
}

// first returns the head of the queue, and a stack to report without a request. It drops stacks that nobody watches.
func (w *Watcher) first(now time.Time) (first, listed *stack) {
	for uid, s := range w.stacks {
		switch {
		case s.looking:
		case len(s.ids) > 0 || s.why >= hasMoved:
			if first == nil || s.before(first, now) {
				first = s
			}
		case s.why == notDue && now.Sub(s.last) >= w.Min: // a stack that is soon added again keeps its last look
			delete(w.stacks, uid)
		}
		if s.why == isListed && !s.looking {
			listed = s
		}
	}
	return first, listed
}

// before is the order of the queue: due stacks that users wait for first, then the most overdue.
func (s *stack) before(other *stack, now time.Time) bool {
	mine, others := s.why == isAsked && !s.due.After(now), other.why == isAsked && !other.due.After(now)
	if mine != others {
		return mine
	}
	return s.due.Before(other.due)
}
