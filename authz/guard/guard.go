// Package guard says what holds back a change of a stack that rules allow: its locks. It is pure: whether the holder of a lock may still
// lock a stack is asked of the caller.
package guard

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// Book is an immutable copy of what guards stacks, parsed.
type Book struct {
	number int64 // the counter of the tables that it was read at
	locks  []*Lock
	on     *sync.Map // cache: the locks on a stack, by StackRef
}

// Lock is a lock with its parsed pattern and window. One that this version cannot read holds every stack, or always.
type Lock struct {
	storage.Lock

	pattern authz.Pattern
	window  *Window // nil for always
}

// NewBook returns the book of locks.
func NewBook(number int64, locks []storage.Lock) *Book {
	b := &Book{number: number, on: new(sync.Map)}
	for _, l := range locks {
		lock := &Lock{Lock: l}
		var err error
		if lock.pattern, err = authz.ParsePattern(l.Stacks); err != nil {
			lock.pattern, _ = authz.ParsePattern("*")
		}
		if l.Every != "" {
			lock.window = windowOf(l)
		}
		b.locks = append(b.locks, lock)
	}
	slices.SortFunc(b.locks, func(a, c *Lock) int { return cmp.Or(a.At.Compare(c.At), strings.Compare(a.ID, c.ID)) })
	return b
}

func windowOf(l storage.Lock) *Window {
	zone, err := ParseZone(l.Zone)
	if err != nil {
		return nil
	}
	w, _, err := ParseWindow(l.Every, zone)
	if err != nil {
		return nil
	}
	return &w
}

// Locks returns all locks, oldest first.
func (b *Book) Locks() []*Lock { return b.locks }

// On returns the locks whose pattern matches a stack, whether or not they hold now.
func (b *Book) On(stack storage.StackRef) []*Lock {
	stack.Tag = ""
	if known, ok := b.on.Load(stack); ok {
		locks, _ := known.([]*Lock)
		return locks
	}
	var locks []*Lock
	for _, l := range b.locks {
		if l.Match(stack) {
			locks = append(locks, l)
		}
	}
	b.on.Store(stack, locks)
	return locks
}

// Match reports whether a lock is about a stack.
func (l *Lock) Match(stack storage.StackRef) bool { return l.pattern.Match(stack) }

// Pattern returns the pattern of the lock.
func (l *Lock) Pattern() authz.Pattern { return l.pattern }

// Holds reports whether a lock holds at a time.
func (l *Lock) Holds(at time.Time) bool {
	return !l.Expired(at) && (l.window == nil || l.window.Open(at))
}

// Ends returns when a lock that holds at a time stops holding, zero if it has no end.
func (l *Lock) Ends(at time.Time) time.Time {
	if l.window != nil {
		return l.window.Ends(at)
	}
	return l.Until
}

// Opens returns when a lock that does not hold at a time will hold, zero if it never will.
func (l *Lock) Opens(at time.Time) time.Time {
	if l.window == nil || l.Expired(at) {
		return time.Time{}
	}
	return l.window.Opens(at)
}

// Shelf keeps the book that was last read, which is valid while the tables' counter is the same. The zero value is ready for use.
type Shelf struct{ last atomic.Pointer[Book] }

// Read returns the book as a transaction sees it.
func (s *Shelf) Read(tx storage.Tx) (*Book, error) {
	number, _, err := storage.Counters.Find(tx, storage.Locks.Name)
	if err != nil {
		return nil, fmt.Errorf("read the locks: %w", err)
	}
	if last := s.last.Load(); last != nil && last.number == number {
		return last, nil
	}
	var locks []storage.Lock
	err = storage.Locks.Scan(tx, "", func(_ string, l storage.Lock) error {
		locks = append(locks, l)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the locks: %w", err)
	}
	return NewBook(number, locks), nil
}

// Look reads the committed book and keeps it.
func (s *Shelf) Look(ctx context.Context, db storage.DB) (b *Book, err error) {
	err = db.View(ctx, func(tx storage.Tx) (err error) {
		b, err = s.Read(tx)
		return err
	})
	if err == nil {
		s.last.Store(b)
	}
	return b, err
}
