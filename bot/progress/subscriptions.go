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

	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/commands"
	"c66bot/storage"
)

// subscriptions is a snapshot of the active subscriptions: those of channels that accept messages. It is valid while its number equals the
// tables' counters in the database.
type subscriptions struct {
	number    int64
	active    []subscriber
	suspended int
	locks     []subscriber                           // the channels of locks, as if they subscribed
	globs     map[string]func(storage.StackRef) bool // of the active ones

	wanted *sync.Map // cache, by StackRef: a glob that matches the stack, or ""
}

type subscriber struct {
	storage.Subscription
	fits func(storage.StackRef) bool
}

func newSubscriptions(number int64) *subscriptions {
	return &subscriptions{number: number, globs: map[string]func(storage.StackRef) bool{}, wanted: new(sync.Map)}
}

// wants reports whether a channel subscribes to a stack.
func (s *subscriptions) wants(ref storage.StackRef) bool {
	glob, known := s.wanted.Load(ref)
	if !known {
		glob = ""
		for text, fits := range s.globs {
			if fits(ref) {
				glob = text
				break
			}
		}
		s.wanted.Store(ref, glob)
	}
	return glob != ""
}

// inherit copies the cached matches of an earlier snapshot, so that one change among thousands of subscriptions does not match every glob
// with every stack again.
func (s *subscriptions) inherit(earlier *subscriptions) {
	earlier.wanted.Range(func(ref, glob any) bool {
		if text, _ := glob.(string); s.globs[text] != nil {
			s.wanted.Store(ref, glob)
		}
		return true
	})
}

// to returns the subscriptions to a stack by channel, without those of locks.
func (s *subscriptions) to(ref storage.StackRef) map[string][]storage.Subscription {
	return fitting(s.active, ref)
}

// fitting returns those of the subscriptions that match a stack, by channel.
func fitting(all []subscriber, ref storage.StackRef) map[string][]storage.Subscription {
	of := map[string][]storage.Subscription{}
	for _, sub := range all {
		if sub.fits(ref) {
			of[sub.Channel] = append(of[sub.Channel], sub.Subscription)
		}
	}
	return of
}

// locked adds the channels of locks to a snapshot.
func (p *Progress) locked(tx storage.Tx, s *subscriptions) error {
	return storage.Locks.Scan(tx, "", func(id string, l storage.Lock) error {
		channel, _, err := storage.Channels.Find(tx, l.Channel)
		if err != nil || channel.Refused != "" || l.Over {
			return err
		}
		fits, err := p.Pattern(l.Stacks)
		if err != nil {
			p.Log.Error("a lock cannot be read, and its channel is not told of what begins", "lock", id, "stacks", l.Stacks, "error", err)
			return nil
		}
		s.locks = append(s.locks, subscriber{storage.Subscription{
			ID: "lock " + id, Channel: l.Channel, Stacks: l.Stacks, Events: lockEvents, Author: l.Holder, At: l.At, Lock: &l,
		}, fits})
		s.globs[l.Stacks] = fits
		return nil
	})
}

// lockEvents are what the channel of a lock hears of a deployment.
var lockEvents = []string{
	string(storage.Started), string(storage.Succeeded), string(storage.Failed), string(storage.Cancelled), storage.Reverted,
	string(storage.Slow),
}

// subscribed returns the subscriptions as the transaction sees them.
func (p *Progress) subscribed(tx storage.Tx) (*subscriptions, error) {
	var number int64 // of the changes of what the snapshot is made of
	for _, table := range []string{storage.Subscriptions.Name, storage.Channels.Name, storage.Locks.Name} {
		n, _, err := storage.Counters.Find(tx, table)
		if err != nil {
			return nil, err
		}
		number += n
	}
	last := p.subscriptions.Load()
	if last.number == number {
		return last, nil
	}
	s := newSubscriptions(number)
	err := storage.Subscriptions.Scan(tx, "", func(key string, sub storage.Subscription) error {
		if channel, _, err := storage.Channels.Find(tx, sub.Channel); err != nil {
			return err
		} else if channel.Refused != "" {
			s.suspended++
			return nil
		}
		fits, err := p.Pattern(sub.Stacks)
		if err != nil {
			p.Log.Error("a subscription cannot be read and tells nothing", "subscription", key, "stacks", sub.Stacks, "error", err)
			return nil
		}
		s.active, s.globs[sub.Stacks] = append(s.active, subscriber{sub, fits}), fits
		return nil
	})
	slices.SortStableFunc(s.active, func(a, b subscriber) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), a.At.Compare(b.At))
	})
	err = errors.Join(err, p.locked(tx, s))
	s.inherit(last)
	return s, err
}

// latest returns the current subscriptions, or with an error the last ones read. Only a view stores the snapshot, because what an update
// sees may not be committed.
func (p *Progress) latest(ctx context.Context) (*subscriptions, error) {
	err := p.Records.View(ctx, func(tx storage.Tx) error {
		s, err := p.subscribed(tx)
		if err == nil {
			p.subscriptions.Store(s)
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("read the subscriptions: %w", err)
	}
	return p.subscriptions.Load(), err
}

// putFirst writes positions of stacks that have none.
func (p *Progress) putFirst(ctx context.Context, positions map[string]storage.Position) error {
	if len(positions) == 0 {
		return nil
	}
	return p.Records.Update(ctx, func(tx storage.Tx) (err error) {
		for uid, at := range positions {
			_, there, wrong := storage.Positions.Find(tx, uid)
			if err = errors.Join(err, wrong); !there { // else a look was faster
				err = errors.Join(err, storage.Positions.Put(tx, uid, at))
			}
		}
		return err
	})
}

// listed returns the aims of the stacks on a page of the list. An idle stack that nobody has read gets its position from the list, without
// a look, in one transaction for the page.
func (p *Progress) listed(ctx context.Context, stacks []cloud66.Stack) (map[string]watch.Aim, error) {
	now := time.Now()
	aims, first := map[string]watch.Aim{}, map[string]storage.Position{}
	err := p.Records.View(ctx, func(tx storage.Tx) error {
		s, err := p.subscribed(tx)
		if err != nil {
			return err
		}
		p.subscriptions.Store(s)
		err = p.show(tx, stacks, now)
		for _, stack := range stacks {
			ref := commands.RefOf(stack)
			position, there, wrong := storage.Positions.Find(tx, stack.UID)
			follows, damaged := storage.OpenFollows(tx, stack.UID)
			if err = errors.Join(err, wrong, damaged); wrong != nil || damaged != nil {
				continue
			}
			aim := aimOf(s.wants(ref), nil, follows)
			if there {
				aim.Position = &position
			} else if aim.Subscribed && !stack.Active() {
				k := known{of: s.to(ref), stack: ref}
				position = k.first(watch.Look{Listed: &stack, Mark: watch.MarkOf(stack), At: now})
				aim.Position, first[stack.UID] = &position, position
			}
			aims[stack.UID] = aim
		}
		return err
	})
	if wrong := p.putFirst(ctx, first); wrong != nil {
		err = errors.Join(err, wrong)
		maps.DeleteFunc(aims, func(uid string, _ watch.Aim) bool { _, is := first[uid]; return is })
	}
	return aims, err
}

// Watching holds the numbers of subscriptions and of suspended ones among them.
type Watching struct{ Subscriptions, Suspended int }

// Watching counts the subscriptions.
func (p *Progress) Watching() Watching {
	s, err := p.latest(context.Background())
	if err != nil {
		p.Log.Error("the subscriptions are counted as they were before", "error", err)
	}
	return Watching{Subscriptions: len(s.active) + s.suspended, Suspended: s.suspended}
}

// Watch returns the state of the watcher.
func (p *Progress) Watch() watch.State { return p.watch.State() }

// Watched returns the stacks that are watched for subscriptions, by UID.
func (p *Progress) Watched() map[string]storage.StackRef {
	positions, err := storage.Positions.ByKey(context.Background(), p.Records)
	if err != nil {
		p.Log.Error("the watched stacks are not all shown", "error", err)
	}
	stacks := map[string]storage.StackRef{}
	for uid, at := range positions {
		stacks[uid] = at.Stack
	}
	return stacks
}

// SubscriptionsChanged makes the watcher look for the stacks that are subscribed to now, and deletes the positions of those that no longer
// are. After a failure the next round retries.
func (p *Progress) SubscriptionsChanged(ctx context.Context) error {
	if err := p.sweep(ctx); err != nil {
		return err
	}
	unwanted, err := storage.Read(ctx, p.Records, p.unwanted)
	if err != nil || len(unwanted) == 0 {
		return err
	}
	return p.Records.Update(ctx, p.prune)
}

// sweep has the watcher sweep the list of stacks if anything is subscribed to, or if that is not known: the pages have it read again.
func (p *Progress) sweep(ctx context.Context) error {
	for {
		s, err := p.latest(ctx)
		p.watch.Subscribed(err != nil || len(s.globs) > 0)
		if err != nil || len(s.globs) > 0 {
			return err
		}
		if now, err := p.latest(ctx); err == nil && now.number == s.number { // else a change has come between
			return nil
		}
	}
}

// unwanted returns the stacks with a position and without a subscription.
func (p *Progress) unwanted(tx storage.Tx) (uids []string, err error) {
	s, err := p.subscribed(tx)
	if err != nil {
		return nil, err
	}
	err = storage.Positions.Scan(tx, "", func(uid string, at storage.Position) error {
		if !s.wants(at.Stack) {
			uids = append(uids, uid)
		}
		return nil
	})
	return uids, err
}

// prune deletes the positions of stacks without a subscription: to a later subscription, deployments before it are history.
func (p *Progress) prune(tx storage.Tx) error {
	uids, err := p.unwanted(tx)
	for _, uid := range uids {
		err = errors.Join(err, storage.Positions.Delete(tx, uid))
	}
	return err
}
