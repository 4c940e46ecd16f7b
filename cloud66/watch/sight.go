package watch

import (
	"fmt"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// Interest selects the stacks to sweep, in addition to those added individually, and stores their positions.
type Interest interface {
	// Wants reports whether a stack is swept.
	Wants(s cloud66.Stack) bool
	// Position returns how far the deployments of a stack were read, by this or an earlier process; false if they never were. It is called
	// before and after each look, so that the watcher stores nothing durable.
	Position(uid string) (storage.Position, bool)
}

// MarkOf returns the part of a list entry that changes when something happens on the stack.
func MarkOf(s cloud66.Stack) string {
	return fmt.Sprintf("%d %t %d %d %d", s.Status, s.IsBusy, s.Health, second(s.LastActivity), second(s.UpdatedAt))
}

func second(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// sight handles the entry of a stack on a page, and reports whether the stack is wanted.
func (w *Watcher) sight(shown *cloud66.Stack) bool {
	s := w.note(shown)
	wanted := w.Interest.Wants(*shown)
	var k kept
	if wanted && s == nil { // no race: only the sweep adds to known
		position, ok := w.Interest.Position(shown.UID)
		k = kept{mark: position.Mark, ok: ok}
		s = &stack{uid: shown.UID, unfinished: len(position.Open) > 0}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !wanted && s != nil:
		w.unknown(s)
	case wanted && w.known[shown.UID] == nil:
		s = w.learn(s, k)
		fallthrough
	case wanted:
		w.show(s, shown, time.Now())
	}
	return wanted
}

// note adds a stack to the round, and returns it if it is known.
func (w *Watcher) note(shown *cloud66.Stack) *stack {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep.note(shown)
	s := w.known[shown.UID]
	if s != nil {
		s.round, s.missed = w.sweep.number, 0
	}
	return s
}

// learn starts the sweep of a stack, which may already be watched individually.
func (w *Watcher) learn(s *stack, k kept) *stack {
	if watched := w.stacks[s.uid]; watched != nil {
		watched.unfinished = s.unfinished
		s = watched
	}
	s.kept, s.never, s.again, s.missed = k.mark, !k.ok, 0, 0
	w.known[s.uid] = s
	return s
}

// unknown ends the sweep of a stack.
func (w *Watcher) unknown(s *stack) {
	delete(w.known, s.uid)
	s.shown, s.why, s.never = nil, notDue, false
	w.caught(s)
	if len(s.ids) > 0 {
		w.soon(s)
	}
}

// show schedules the looks that a new entry of a known stack requires.
func (w *Watcher) show(s *stack, shown *cloud66.Stack, now time.Time) {
	mark := MarkOf(*shown)
	moved := s.shown == nil || s.mark != mark
	s.shown, s.shownAt, s.mark, s.round, s.missed = shown, now, mark, w.sweep.number, 0
	if moved {
		s.again = 0
	}
	switch {
	case s.looking: // compared with this entry when the look has ended
	case s.never && !shown.Active():
		w.tellListed(s, moved, now)
	case s.never || s.kept != mark:
		w.follow(s, moved, now)
	case !s.settled() && s.why < hasMoved:
		w.bring(s, s.last.Add(w.backoff(s)))
	}
}

// tellListed queues an idle stack without a position to be reported without a request.
func (w *Watcher) tellListed(s *stack, moved bool, now time.Time) {
	if s.why != notDue || !moved && s.due.After(now) {
		return
	}
	s.why, w.stacks[s.uid] = isListed, s
	w.catch(s)
	signal(w.wake)
}

// follow makes a changed stack due. An unreadable stack keeps its backoff, except after an outage.
func (w *Watcher) follow(s *stack, moved bool, now time.Time) {
	switch {
	case s.failures > 0 && !w.sweep.catchUp:
		w.bring(s, s.due)
	case s.failures > 0:
		s.failures = 0
		w.bring(s, now)
	case moved || s.why < hasMoved:
		w.bring(s, s.last.Add(w.backoff(s)))
	}
	w.catch(s)
}

// catch records that a stack changed during an outage.
func (w *Watcher) catch(s *stack) {
	s.catching = s.catching || w.sweep.catchUp
}
