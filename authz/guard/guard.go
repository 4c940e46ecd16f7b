// Package guard says what holds back a change of a stack that rules allow: its locks and protections. It is pure: whether the holder of a
// lock may still lock a stack is asked of the caller.
package guard

import (
	"cmp"
	"context"
	"errors"
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
	on     *sync.Map // cache: what is on a stack, by StackRef

	protections []*Protection
}

// guards are the locks and protections of a stack.
type guards struct {
	locks       []*Lock
	protections []*Protection
}

// Protection is a protection with its parsed pattern. One that this version cannot read protects every stack.
type Protection struct {
	storage.Protection

	pattern authz.Pattern
}

// Pattern returns the pattern of the protection.
func (p *Protection) Pattern() authz.Pattern { return p.pattern }

// Match reports whether a protection is about a stack.
func (p *Protection) Match(stack storage.StackRef) bool { return p.pattern.Match(stack) }

// Lock is a lock with its parsed pattern and window. One that this version cannot read holds every stack, or always.
type Lock struct {
	storage.Lock

	pattern authz.Pattern
	window  *Window // nil for always
}

// NewBook returns the book of locks and protections.
func NewBook(number int64, locks []storage.Lock, protections []storage.Protection) *Book {
	b := &Book{number: number, on: new(sync.Map)}
	for _, p := range protections {
		b.protections = append(b.protections, &Protection{p, patternOf(p.Stacks)})
	}
	for _, l := range locks {
		lock := &Lock{Lock: l, pattern: patternOf(l.Stacks)}
		if l.Every != "" {
			lock.window = windowOf(l)
		}
		b.locks = append(b.locks, lock)
	}
	slices.SortFunc(b.locks, func(a, c *Lock) int { return cmp.Or(a.At.Compare(c.At), strings.Compare(a.ID, c.ID)) })
	return b
}

// patternOf parses a pattern; one that cannot be read matches everything.
func patternOf(glob string) authz.Pattern {
	p, err := authz.ParsePattern(glob)
	if err != nil {
		p, _ = authz.ParsePattern("*")
	}
	return p
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

// Protections returns all protections.
func (b *Book) Protections() []*Protection { return b.protections }

// On returns the locks whose pattern matches a stack, whether or not they hold now.
func (b *Book) On(stack storage.StackRef) []*Lock { return b.of(stack).locks }

// Over returns the protections of a stack.
func (b *Book) Over(stack storage.StackRef) []*Protection { return b.of(stack).protections }

func (b *Book) of(stack storage.StackRef) guards {
	stack.Tag = ""
	if known, ok := b.on.Load(stack); ok {
		g, _ := known.(guards)
		return g
	}
	var g guards
	one := authz.NewCatalogue([]storage.StackRef{stack})
	for _, l := range b.locks {
		if one.Any(l.pattern) {
			g.locks = append(g.locks, l)
		}
	}
	for _, p := range b.protections {
		if one.Any(p.pattern) {
			g.protections = append(g.protections, p)
		}
	}
	b.on.Store(stack, g)
	return g
}

// Match reports whether a lock is about a stack.
func (l *Lock) Match(stack storage.StackRef) bool { return l.pattern.Match(stack) }

// Pattern returns the pattern of the lock.
func (l *Lock) Pattern() authz.Pattern { return l.pattern }

// Holds reports whether a lock holds at a time.
func (l *Lock) Holds(at time.Time) bool {
	return !l.Expired(at) && (l.window == nil || l.window.Open(at))
}

// Holds reports whether a lock holds at a time.
func Holds(l storage.Lock, at time.Time) bool {
	return NewBook(0, []storage.Lock{l}, nil).locks[0].Holds(at)
}

// Ends returns when a lock that holds at a time stops holding, zero if it has no end.
func (l *Lock) Ends(at time.Time) time.Time {
	if l.window != nil {
		return l.window.Changes(at)
	}
	return l.Until
}

// Opens returns when a lock that does not hold at a time will hold, zero if it never will.
func (l *Lock) Opens(at time.Time) time.Time {
	if l.window == nil || l.Expired(at) {
		return time.Time{}
	}
	return l.window.Changes(at)
}

// Shelf keeps the book that was last read, which is valid while the tables' counter is the same. The zero value is ready for use.
type Shelf struct{ last atomic.Pointer[Book] }

// Read returns the book as a transaction sees it.
func (s *Shelf) Read(tx storage.Tx) (*Book, error) {
	var number int64
	for _, table := range []string{storage.Locks.Name, storage.Protections.Name} {
		n, _, err := storage.Counters.Find(tx, table)
		if err != nil {
			return nil, fmt.Errorf("read the locks and protections: %w", err)
		}
		number += n // both only grow
	}
	if last := s.last.Load(); last != nil && last.number == number {
		return last, nil
	}
	locks, err := storage.Locks.All(tx, "")
	protections, wrong := storage.Protections.All(tx, "")
	if err = errors.Join(err, wrong); err != nil {
		return nil, fmt.Errorf("read the locks and protections: %w", err)
	}
	return NewBook(number, locks, protections), nil
}

// Look reads the committed book and keeps it.
func (s *Shelf) Look(ctx context.Context, db storage.DB) (*Book, error) {
	b, err := storage.Read(ctx, db, s.Read)
	if err == nil {
		s.last.Store(b)
	}
	return b, err
}
