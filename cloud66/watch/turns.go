package watch

import "time"

// next gives the stack whose turn it is and marks it as looked at, or how long there is nothing to do.
func (w *Watcher) next() (*stack, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	wait := time.Hour
	if first := w.first(now); first != nil {
		wait = max(first.due.Sub(now), w.pace.free.Sub(now), w.pace.pause(now))
		if wait <= 0 {
			first.looking, first.asked, first.planned, first.only = true, false, false, false
			w.pace.free = now.Add(w.pace.look(now, w.Cloud.Budget()))
			w.pace.sent(now)
			return first, 0
		}
	}
	if s := w.untold(); s != nil { // which costs no request
		s.looking = true
		return s, 0
	}
	return nil, max(wait, minDuration)
}

// first gives the stack that is looked at before all others. It forgets those that nobody watches.
func (w *Watcher) first(now time.Time) *stack {
	var first *stack
	for uid, s := range w.stacks {
		if !s.looking && len(s.ids) == 0 && !s.planned {
			// What is added again at once must not be looked at before its time.
			if now.Sub(s.last) >= w.Min {
				delete(w.stacks, uid)
			}
			continue
		}
		if !s.looking && (first == nil || s.before(first, now)) {
			first = s
		}
	}
	return first
}

// untold takes the next stack that is told of without a look.
func (w *Watcher) untold() *stack {
	for len(w.listed) > 0 {
		s := w.listed[0]
		w.listed = w.listed[1:]
		if s.only && !s.looking {
			return s
		}
	}
	w.listed = nil
	return nil
}

// before reports whether a stack is looked at before another: what is due and asked for first, then what is most overdue.
func (s *stack) before(other *stack, now time.Time) bool {
	mine, others := s.asked && !s.due.After(now), other.asked && !other.due.After(now)
	if mine != others {
		return mine
	}
	return s.due.Before(other.due)
}
