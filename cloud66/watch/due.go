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
	patience      = 20               // looks at a stack that stays active without a deployment, until it counts as stuck
	failingAtMost = 10 * time.Minute // longest time between looks at a stack that cannot be read and that no card follows
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
	if s.why == isAsked { // since this look began
		s.due = now.Add(w.Min)
	}
	signal(w.wake)
}

// settle compares the list's entry with the look and with the position, and schedules another look where they differ.
func (w *Watcher) settle(s *stack, look Look, k kept, now time.Time) {
	s.kept, s.never = k.mark, !k.ok
	if look.Newest != nil {
		s.unfinished = slices.ContainsFunc(look.Newest, unfinished) || slices.ContainsFunc(look.Others, unfinished) || len(look.Errs) > 0
	}
	switch {
	case s.never && look.Newest == nil:
		s.again++
		s.due = now.Add(w.backoff(s)) // to be told of again, which costs no request either
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

// settled reports whether the list's entry was looked at, is in the position, and agrees with the deployments.
func (s *stack) settled() bool {
	return !s.never && s.kept == s.mark && s.shown.Active() == s.unfinished
}

// bring makes a swept stack due, at the latest at a time.
func (w *Watcher) bring(s *stack, at time.Time) {
	if s.why < hasMoved && len(s.ids) == 0 || at.Before(s.due) {
		s.due = at
	}
	s.why = max(s.why, hasMoved)
	w.stacks[s.uid] = s
	signal(w.wake)
}

// backoff is the time until a look that settled nothing is repeated. A stuck stack, whose deployment never ended or which was never
// analysed, gets no more than the slow round.
func (w *Watcher) backoff(s *stack) time.Duration {
	longest := againAtMost
	if s.kept == s.mark && (!s.shown.Active() || s.again > patience) {
		longest = slowAgain
	}
	return min(w.Min<<min(s.again, 10), max(longest, w.Min))
}

// unfinished reports whether a deployment goes on.
func unfinished(d cloud66.Deployment) bool { return !d.Ended() }

// turnsSlow is when the first running deployment will count as slow, measured from the start that was seen or else from Cloud 66's; zero
// where none runs.
func turnsSlow(look Look, began map[int64]time.Time) time.Time {
	limit := cloud66.SlowAfter(cloud66.UsualDuration(look.Newest))
	var first time.Time
	for _, d := range look.Newest {
		at := cmp.Or(began[d.ID], d.StartedAt).Add(limit + time.Second)
		if !d.Ended() && !d.StartedAt.IsZero() && at.After(look.At) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// afterFailure is the time until the look after one that failed. It pauses everything where the budget is used up.
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

// served notes that Cloud 66 serves requests.
func (w *Watcher) served(now time.Time) {
	if w.pace.served(now) {
		signal(w.wake)
		signal(w.turn)
	}
}

// caught notes that a stack which moved during an outage was looked at.
func (w *Watcher) caught(s *stack) {
	if s.catching {
		s.catching = false
		signal(w.turn)
	}
}

// wanted is the shortest interval of the watched deployments.
func (w *Watcher) wanted(s *stack, look Look) time.Duration {
	if w.patient(s) && !w.unseen(s, time.Now()) {
		return slowAgain
	}
	usual := cloud66.UsualDuration(look.Newest)
	wanted := w.Max
	for id := range s.ids {
		d, ok := look.Find(id)
		switch {
		case look.ErrOf(id) != nil:
			continue // what cannot be read is not worth hurrying for
		case !ok:
			return w.Min
		}
		wanted = min(wanted, Interval(d, usual, look.At, w.Min, w.Max))
	}
	return wanted
}

// Interval is the time between two looks at a deployment: short after its start and around its usual end, long in the middle and when it is
// long overdue. A usual time of 0 is unknown.
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

// next takes the stack that is due from the queue, or returns the time until one is.
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
	if listed != nil { // which costs no request
		listed.looking = true
		return listed, 0
	}
	return nil, max(wait, minDuration)
}

// first returns the head of the queue, and a stack that is told of without a request. It drops stacks that nobody watches.
func (w *Watcher) first(now time.Time) (first, listed *stack) {
	for uid, s := range w.stacks {
		switch {
		case s.looking:
		case len(s.ids) > 0 || s.why >= hasMoved:
			if first == nil || s.before(first, now) {
				first = s
			}
		case s.why == notDue && now.Sub(s.last) >= w.Min: // a stack that is added again at once keeps its time
			delete(w.stacks, uid)
		}
		if s.why == isListed && !s.looking {
			listed = s
		}
	}
	return first, listed
}

// before is the order of the queue: what is due and asked for first, then the most overdue.
func (s *stack) before(other *stack, now time.Time) bool {
	mine, others := s.why == isAsked && !s.due.After(now), other.why == isAsked && !other.due.After(now)
	if mine != others {
		return mine
	}
	return s.due.Before(other.due)
}
