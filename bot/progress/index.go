package progress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"c66bot/bot/card"
	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/storage"
)

// readAgainAfter is how long after a failure the subscriptions are read again.
const readAgainAfter = 10 * time.Second

// index holds in memory what the channels subscribe to, and how far the deployments of the stacks were told that they do. It implements
// watch.Interest.
type index struct {
	mu        sync.Mutex
	version   int // counts the changes
	active    []subscriber
	suspended int
	wanted    map[storage.StackRef]bool // what was asked of the active ones
	positions map[string]storage.Position
}

// subscriber is a subscription with what its glob fits.
type subscriber struct {
	storage.Subscription
	fits func(storage.StackRef) bool
}

var _ watch.Interest = (*index)(nil)

func refOf(s cloud66.Stack) storage.StackRef {
	return storage.StackRef{UID: s.UID, Name: s.Name, Environment: s.Environment}
}

// Wants reports whether a channel subscribes to a stack.
func (x *index) Wants(s cloud66.Stack) bool {
	ref := refOf(s)
	x.mu.Lock()
	defer x.mu.Unlock()
	wants, known := x.wanted[ref]
	if !known && len(x.active) > 0 {
		wants = wantedBy(x.active, ref)
		x.wanted[ref] = wants
	}
	return wants
}

// idle reports whether nothing is subscribed to.
func (x *index) idle() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.active) == 0
}

func wantedBy(active []subscriber, ref storage.StackRef) bool {
	return slices.ContainsFunc(active, func(s subscriber) bool { return s.fits(ref) })
}

// Position gives how far the deployments of a stack were told.
func (x *index) Position(uid string) (storage.Position, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p, ok := x.positions[uid]
	return p, ok
}

// fitting gives the subscriptions to a stack by channel, and the version that they are of.
func (x *index) fitting(ref storage.StackRef) (of map[string][]storage.Subscription, version int) {
	x.mu.Lock()
	active, version := x.active, x.version
	x.mu.Unlock()
	of = map[string][]storage.Subscription{}
	for _, s := range active {
		if s.fits(ref) {
			of[s.Channel] = append(of[s.Channel], s.Subscription)
		}
	}
	return of, version
}

// of gives the subscriptions of a follow's channel to its stack.
func (x *index) of(f storage.Follow) []storage.Subscription {
	x.mu.Lock()
	active, stack := x.active, f.Stack
	if at, known := x.positions[f.Stack.UID]; known { // it may bear another name by now
		stack = at.Stack
	}
	x.mu.Unlock()
	var of []storage.Subscription
	for _, s := range active {
		if s.Channel == f.Channel && s.fits(stack) {
			of = append(of, s.Subscription)
		}
	}
	return of
}

// is reports whether nothing was subscribed or unsubscribed since a version.
func (x *index) is(version int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.version == version
}

// moved takes note of positions that were written at a version. What was changed since has read them itself.
func (x *index) moved(version int, positions ...storage.Position) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range positions {
		if x.version == version {
			x.positions[p.Stack.UID] = p
		}
	}
}

// all gives the positions of all stacks.
func (x *index) all() (positions map[string]storage.Position, version int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.positions), x.version
}

// set replaces everything.
func (x *index) set(active []subscriber, suspended int, positions map[string]storage.Position) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.version++
	x.active, x.suspended, x.positions = active, suspended, positions
	x.wanted = make(map[storage.StackRef]bool, len(positions))
	for _, at := range positions { // a stack without a subscription has no position
		x.wanted[at.Stack] = true
	}
}

// renamed takes note of what was told and recorded of stacks that are gone or bear another name.
func (x *index) renamed(changes []card.StackChange) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.version++
	for _, c := range changes {
		at, known := x.positions[c.Was.UID]
		switch {
		case c.Now.UID == "":
			delete(x.positions, c.Was.UID)
		case known:
			at.Stack = c.Now
			x.positions[c.Was.UID] = at
		}
	}
}

// stale has every work on what was read before begin anew.
func (x *index) stale() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.version++
}

// Watching is what is watched because channels subscribe to it.
type Watching struct{ Subscriptions, Suspended, Stacks int }

// Watching gives how much is watched.
func (p *Progress) Watching() Watching {
	x := &p.index
	x.mu.Lock()
	defer x.mu.Unlock()
	return Watching{Subscriptions: len(x.active) + x.suspended, Suspended: x.suspended, Stacks: len(x.positions)}
}

// Watch tells how well the watch over them keeps up.
func (p *Progress) Watch() watch.State { return p.watch.State() }

// Watched gives the stacks that are watched because channels subscribe to them, by UID.
func (p *Progress) Watched() map[string]storage.StackRef {
	positions, _ := p.index.all()
	stacks := make(map[string]storage.StackRef, len(positions))
	for uid, at := range positions {
		stacks[uid] = at.Stack
	}
	return stacks
}

// SubscriptionsChanged reads the subscriptions anew. Where that fails it is tried again until it succeeds.
func (p *Progress) SubscriptionsChanged(ctx context.Context) error {
	err := p.readAnew(ctx)
	if err != nil {
		select {
		case p.unread <- struct{}{}:
		default:
		}
	}
	return err
}

// readAgain reads the subscriptions whenever that has failed, a while later.
func (p *Progress) readAgain(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.unread:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(readAgainAfter):
		}
		if err := safely(func() error { return p.SubscriptionsChanged(ctx) }); err != nil && ctx.Err() == nil {
			p.Log.Error("what channels subscribe to could not be read; it is tried again", "in", readAgainAfter, "error", err)
		}
	}
}

// readAnew reads the subscriptions. The position of a stack that nobody subscribes to any more is removed: what happens on it from now on is
// history for whoever subscribes to it again.
func (p *Progress) readAnew(ctx context.Context) error {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	p.index.stale()
	p.following.Lock() // no position is written while they are read, which would be taken back here
	defer p.following.Unlock()
	var active []subscriber
	var positions map[string]storage.Position
	var unwanted []string
	var by wanting
	suspended := 0
	read := func(tx storage.Tx) (err error) {
		if active, suspended, err = p.readSubscriptions(tx); err != nil {
			return err
		}
		positions, unwanted = map[string]storage.Position{}, nil
		by = p.wanting.among(active)
		return storage.Positions.Scan(tx, "", func(uid string, at storage.Position) error {
			if by.wanted(at.Stack) {
				positions[uid] = at
			} else {
				unwanted = append(unwanted, uid)
			}
			return nil
		})
	}
	err := p.Records.View(ctx, read)
	if err == nil && len(unwanted) > 0 {
		err = p.Records.Update(ctx, func(tx storage.Tx) error {
			if err := read(tx); err != nil {
				return err
			}
			for _, uid := range unwanted {
				if err := storage.Positions.Delete(tx, uid); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("read the subscriptions: %w", err)
	}
	p.wanting = by
	p.index.set(active, suspended, positions)
	p.away.only(p.watches)
	if len(active) == 0 {
		p.away.caughtUp()
	}
	p.watch.Changed()
	return nil
}

// wanting knows a glob that fits each stack, so that not every glob is tried on every stack whenever one of thousands of subscriptions changes.
type wanting struct {
	globs map[string]func(storage.StackRef) bool
	of    map[storage.StackRef]string
	was   map[storage.StackRef]string // of earlier subscriptions
}

// among gives what knows no stack yet, for other subscriptions.
func (w wanting) among(active []subscriber) wanting {
	next := wanting{globs: make(map[string]func(storage.StackRef) bool, len(active)), of: map[storage.StackRef]string{}, was: w.of}
	for _, s := range active {
		next.globs[s.Stacks] = s.fits
	}
	return next
}

// wanted reports whether a glob fits a stack.
func (w wanting) wanted(ref storage.StackRef) bool {
	if glob, ok := w.was[ref]; ok && w.globs[glob] != nil {
		w.of[ref] = glob
		return true
	}
	for glob, fits := range w.globs {
		if fits(ref) {
			w.of[ref] = glob
			return true
		}
	}
	return false
}

func (p *Progress) readSubscriptions(tx storage.Tx) (active []subscriber, suspended int, err error) {
	err = storage.Subscriptions.Scan(tx, "", func(key string, s storage.Subscription) error {
		if s.Suspended != "" {
			suspended++
			return nil
		}
		fits, err := p.Pattern(s.Stacks)
		if err != nil {
			p.Log.Error("a subscription cannot be read and tells nothing", "subscription", key, "stacks", s.Stacks, "error", err)
			return nil
		}
		active = append(active, subscriber{s, fits})
		return nil
	})
	slices.SortStableFunc(active, func(a, b subscriber) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), a.At.Compare(b.At))
	})
	return active, suspended, err
}

// errChanged says that what work was based on is not so any more. The next look begins anew.
var errChanged = errors.New("the subscriptions were changed meanwhile")
