package watch

import (
	"fmt"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// Interest says which stacks are watched for every deployment, beside those that were added one by one.
type Interest interface {
	// Wants reports whether every deployment of a stack is to be seen.
	Wants(s cloud66.Stack) bool
	// Position gives how far a stack was seen by an earlier look, also of an earlier process; false where it never was. It is asked
	// before and after each look, so that the watcher keeps nothing that must last.
	Position(uid string) (storage.Position, bool)
}

// MarkOf is what moves when something happens on a stack, as the list of stacks shows it.
func MarkOf(s cloud66.Stack) string {
	return fmt.Sprintf("%d %t %d %d %d", s.Status, s.IsBusy, s.Health, second(s.LastActivity), second(s.UpdatedAt))
}

func second(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// sight takes note of a stack that a page shows, and reports whether it is wanted.
func (w *Watcher) sight(shown *cloud66.Stack) bool {
	s := w.note(shown)
	wanted := w.Interest.Wants(*shown)
	var k kept
	if wanted && s == nil { // only the sweep adds to what is known, so it cannot come meanwhile
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

// note keeps that the round has shown a stack, and gives what is known of it.
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

// learn makes a stack that is wanted for the first time known. One that is watched already for a card of its own is the same stack.
func (w *Watcher) learn(s *stack, k kept) *stack {
	if watched := w.stacks[s.uid]; watched != nil {
		watched.unfinished = s.unfinished
		s = watched
	}
	s.kept, s.never, s.again, s.missed = k.mark, !k.ok, 0, 0
	w.known[s.uid] = s
	return s
}

// unknown forgets a stack that is not wanted any more.
func (w *Watcher) unknown(s *stack) {
	delete(w.known, s.uid)
	s.shown, s.planned, s.only, s.never = nil, false, false, false
	if s.catching {
		w.caught(s)
	}
	if len(s.ids) > 0 {
		w.soon(s)
	}
}

// show plans what the list's sight of a known stack asks for.
func (w *Watcher) show(s *stack, shown *cloud66.Stack, now time.Time) {
	mark := MarkOf(*shown)
	moved := s.shown == nil || s.mark != mark
	s.shown, s.shownAt, s.mark, s.round, s.missed = shown, now, mark, w.sweep.number, 0
	if moved {
		s.again = 0
	}
	switch {
	case s.looking: // it is compared with this when the look has ended
	case s.never && !shown.Active():
		w.tellListed(s, moved, now)
	case s.never || s.kept != mark:
		w.follow(s, moved, now)
	case !s.settled() && !s.planned:
		w.bring(s, s.last.Add(w.backoff(s)))
	}
}

// tellListed has an idle stack that has no position yet told of without a look.
func (w *Watcher) tellListed(s *stack, moved bool, now time.Time) {
	if s.only || s.planned || !moved && s.due.After(now) {
		return
	}
	s.only = true
	w.listed = append(w.listed, s)
	w.catch(s)
	signal(w.wake)
}

// follow has a stack that has moved looked at, one that cannot be read not before its time, unless all could not.
func (w *Watcher) follow(s *stack, moved bool, now time.Time) {
	switch {
	case s.failures > 0 && !w.sweep.catchUp:
		w.bring(s, s.due)
	case s.failures > 0:
		s.failures = 0
		w.bring(s, now)
	case moved || !s.planned:
		w.bring(s, s.last.Add(w.backoff(s)))
	}
	w.catch(s)
}

// catch notes that a stack did something while nothing was seen.
func (w *Watcher) catch(s *stack) {
	if w.sweep.catchUp && !s.catching {
		s.catching = true
		w.sweep.catching++
	}
}
