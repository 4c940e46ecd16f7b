package progress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"c66bot/bot/notify"
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
	globs     map[string]func(storage.StackRef) bool // of the active ones

	mu     sync.Mutex
	wanted map[storage.StackRef]string // cache: a glob that matches the stack, or ""
}

type subscriber struct {
	storage.Subscription
	fits func(storage.StackRef) bool
}

func newSubscriptions(number int64) *subscriptions {
	return &subscriptions{number: number, globs: map[string]func(storage.StackRef) bool{}, wanted: map[storage.StackRef]string{}}
}

// wants reports whether a channel subscribes to a stack.
func (s *subscriptions) wants(ref storage.StackRef) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	glob, known := s.wanted[ref]
	if !known {
		for text, fits := range s.globs {
			if fits(ref) {
				glob = text
				break
			}
		}
		s.wanted[ref] = glob
	}
	return glob != ""
}

// inherit copies the cached matches of an earlier snapshot, so that one change among thousands of subscriptions does not match every glob
// with every stack again.
func (s *subscriptions) inherit(earlier *subscriptions) {
	earlier.mu.Lock()
	defer earlier.mu.Unlock()
	for ref, glob := range earlier.wanted {
		if s.globs[glob] != nil {
			s.wanted[ref] = glob
		}
	}
}

// to returns the subscriptions to a stack by channel.
func (s *subscriptions) to(ref storage.StackRef) map[string][]storage.Subscription {
	of := map[string][]storage.Subscription{}
	for _, sub := range s.active {
		if sub.fits(ref) {
			of[sub.Channel] = append(of[sub.Channel], sub.Subscription)
		}
	}
	return of
}

// subscribed returns the subscriptions as the transaction sees them.
func (p *Progress) subscribed(tx storage.Tx) (*subscriptions, error) {
	var number int64 // of the changes of what the snapshot is made of
	for _, table := range []string{storage.Subscriptions.Name, storage.Channels.Name} {
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

// current is latest, where an error must not end the work: then what was read before counts.
func (p *Progress) current() *subscriptions {
	s, err := p.latest(context.Background())
	if err != nil {
		p.Log.Error("what channels subscribe to could not be read; what was read before counts", "error", err)
	}
	return s
}

// listed returns the aims of the stacks on a page of the list.
func (p *Progress) listed(ctx context.Context, stacks []cloud66.Stack) map[string]watch.Aim {
	aims := map[string]watch.Aim{}
	subscribed := p.current()
	err := p.Records.View(ctx, func(tx storage.Tx) (err error) {
		for _, s := range stacks {
			a, wrong := p.aim(tx, subscribed, s.UID, &s)
			if err = errors.Join(err, wrong); wrong == nil {
				aims[s.UID] = a
			}
		}
		return err
	})
	if err != nil {
		p.Log.Error("how far stacks were told could not be read; the next page tries again", "error", err)
	}
	return aims
}

// aim returns what the records say of a stack, which the list may show.
func (p *Progress) aim(tx storage.Tx, subscribed *subscriptions, uid string, listed *cloud66.Stack) (watch.Aim, error) {
	a := watch.Aim{Followed: p.followedOn(uid)}
	at, known, err := storage.Positions.Find(tx, uid)
	if known {
		a.Position = &at
	}
	if listed != nil {
		at.Stack = commands.RefOf(*listed)
	}
	a.Subscribed = at.Stack.UID != "" && subscribed.wants(at.Stack)
	return a, err
}

// aimOf returns the aim of a stack after a look.
func (p *Progress) aimOf(ctx context.Context, look watch.Look) (a watch.Aim, err error) {
	err = p.Records.View(ctx, func(tx storage.Tx) error {
		subscribed, err := p.subscribed(tx)
		if err != nil {
			return err
		}
		a, err = p.aim(tx, subscribed, look.Stack, look.Listed)
		return err
	})
	return a, err
}

// followedOn returns the deployments of a stack that open follows show, and whether somebody waits for each step.
func (p *Progress) followedOn(stack string) map[int64]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	followed := map[int64]bool{}
	for _, t := range p.open {
		if t.stack == stack && !t.sending {
			followed[t.deployment] = followed[t.deployment] || !t.patient
		}
	}
	return followed
}

// Watching holds the numbers of subscriptions and of suspended ones among them.
type Watching struct{ Subscriptions, Suspended int }

// Watching counts the subscriptions.
func (p *Progress) Watching() Watching {
	s := p.current()
	return Watching{Subscriptions: len(s.active) + s.suspended, Suspended: s.suspended}
}

// Watch returns the state of the watcher.
func (p *Progress) Watch() watch.State { return p.watch.State() }

// Watched returns the stacks that are watched for subscriptions, by UID.
func (p *Progress) Watched() map[string]storage.StackRef {
	stacks, err := p.watched(context.Background())
	if err != nil {
		p.Log.Error("the watched stacks are not shown", "error", err)
	}
	return stacks
}

func (p *Progress) watched(ctx context.Context) (map[string]storage.StackRef, error) {
	stacks := map[string]storage.StackRef{}
	err := p.Records.View(ctx, func(tx storage.Tx) error {
		return storage.Positions.Scan(tx, "", func(uid string, at storage.Position) error {
			stacks[uid] = at.Stack
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read which stacks are watched: %w", err)
	}
	return stacks, nil
}

// SubscriptionsChanged makes the watcher look for the stacks that are subscribed to now, and deletes the positions of those that no longer
// are: to a later subscription, deployments before it are history. After a failure the next round retries.
func (p *Progress) SubscriptionsChanged(ctx context.Context) error {
	s, err := p.latest(ctx)
	unread := err != nil // then the pages of the list have them read again
	defer func() { p.watch.Subscribed(unread || len(s.active) > 0) }()
	if err == nil {
		err = p.update(ctx, p.unwanted)
	}
	p.unpruned.Store(err != nil)
	return err
}

// unwanted finds the positions of stacks without a subscription.
func (p *Progress) unwanted(tx storage.Tx) (remove func() error, err error) {
	s, err := p.subscribed(tx)
	if err != nil {
		return nil, err
	}
	var uids []string
	err = storage.Positions.Scan(tx, "", func(uid string, at storage.Position) error {
		if !s.wants(at.Stack) {
			uids = append(uids, uid)
		}
		return nil
	})
	if err != nil || len(uids) == 0 {
		return nil, err
	}
	return func() (err error) {
		for _, uid := range uids {
			err = errors.Join(err, storage.Positions.Delete(tx, uid))
		}
		return err
	}, nil
}

// update runs plan, which only reads, in a view. If plan returns a write function, update runs plan again in an update and calls that write
// function. This avoids commits that write nothing.
func (p *Progress) update(ctx context.Context, plan func(storage.Tx) (write func() error, err error)) error {
	var write func() error
	err := p.Records.View(ctx, func(tx storage.Tx) (err error) {
		write, err = plan(tx)
		return err
	})
	if err != nil || write == nil {
		return err
	}
	return p.Records.Update(ctx, func(tx storage.Tx) error {
		write, err := plan(tx)
		if err != nil || write == nil {
			return err
		}
		return write()
	})
}

// concerned returns the users who must learn of a follow's end: its asker, or the authors of the subscriptions that include it.
func concerned(f storage.Follow, of []storage.Subscription, d cloud66.Deployment) []string {
	if f.Asker != "" {
		return []string{f.Asker}
	}
	return notify.Authors(of, d, string(f.State))
}
