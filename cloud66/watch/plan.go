package watch

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"c66bot/cloud66"
)

const (
	againAtMost   = 5 * time.Minute  // between looks at a stack whose looks do not fit what the list shows
	patience      = 20               // looks at one that stays active without a deployment, until it is taken for stuck
	failingAtMost = 10 * time.Minute // between looks at a stack that cannot be read and that no card follows
)

// plan says when the stack is looked at next.
func (w *Watcher) plan(s *stack, look Look, k kept) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	s.looking, s.last = false, now
	refused := false
	switch {
	case look.Err != nil:
		s.planned = w.known[s.uid] == s
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
	s.only = false
	if s.planned {
		w.stacks[s.uid] = s
	}
	if s.catching && !refused {
		w.caught(s)
	}
	if s.asked { // since this look began
		s.due = now.Add(w.Min)
	}
	signal(w.wake)
}

// settle compares what the list of stacks shows with what a look has seen and with what was kept of it, and plans another look where they
// do not fit.
func (w *Watcher) settle(s *stack, look Look, k kept, now time.Time) {
	s.kept, s.never = k.mark, !k.ok
	if look.Newest != nil {
		s.unfinished = slices.ContainsFunc(look.Newest, unfinished) || slices.ContainsFunc(look.Others, unfinished) || len(look.Errs) > 0
	}
	switch {
	case s.never && look.Newest == nil:
		s.again++
		s.due = now.Add(w.backoff(s)) // for the next sight, which costs no request either
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

// settled reports whether what the list shows was looked at, kept, and fits.
func (s *stack) settled() bool {
	return !s.never && s.kept == s.mark && s.shown.Active() == s.unfinished
}

// bring plans a look for the sweep's sake, at the latest at a time.
func (w *Watcher) bring(s *stack, at time.Time) {
	if !s.planned && len(s.ids) == 0 || at.Before(s.due) {
		s.due = at
	}
	s.planned, s.only = true, false
	w.stacks[s.uid] = s
	signal(w.wake)
}

// backoff is the time after which a look that settled nothing is made again. A stack that is stuck, because Cloud 66 never ended one of its
// deployments or never analysed it, is not worth more than the slow round.
func (w *Watcher) backoff(s *stack) time.Duration {
	longest := againAtMost
	if s.kept == s.mark && (!s.shown.Active() || s.again > patience) {
		longest = slowAgain
	}
	return min(w.Min<<min(s.again, 10), max(longest, w.Min))
}

// unfinished reports whether more will come of a deployment.
func unfinished(d cloud66.Deployment) bool { return !d.Ended() }

// turnsSlow is when the first of the deployments that run will have run for so long that it is worth a word, since they were seen to begin
// or else since when Cloud 66 says so; zero where none will.
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

// afterFailure looks less often at what cannot be seen, and pauses everything where the budget is used up.
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

// isRefusal reports whether no request at all would be served at present.
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

// caught notes that what a stack did while nothing was seen was looked at.
func (w *Watcher) caught(s *stack) {
	s.catching = false
	if w.sweep.catching--; w.sweep.catching == 0 {
		signal(w.turn)
	}
}

// wanted gives the shortest interval that one of the watched deployments wants.
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

// Interval says how long after a look the next one at a deployment is worth its request: soon after the start and around the usual end,
// seldom in the long middle, and seldom again when it is long overdue. A usual time of 0 is an unknown one.
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
