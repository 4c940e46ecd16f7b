// Package keeper does what locks and requests for approval need as time goes by: it tells that they have ended, and reminds the holder of a
// lock without an end each morning. What it has told is in the database, in the transaction that tells it.
package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"c66bot/authz"
	"c66bot/authz/guard"
	"c66bot/bot/channels"
	"c66bot/bot/outbox"
	"c66bot/bot/routine"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// every is the time between two rounds.
	every = time.Minute
	// morning is the hour of the holder's own day at which they are reminded.
	morning = 9
)

// Config holds the dependencies of a Keeper.
type Config struct {
	Records storage.DB
	Outbox  *outbox.Outbox
	// Person looks up a user, for the time zone.
	Person func(ctx context.Context, id string) (authz.Person, error)
	Log    *slog.Logger
}

// Keeper keeps locks and requests. One goroutine uses it.
type Keeper struct {
	Config
	shelf guard.Shelf
	due   map[reminder]time.Time // when the next reminder of a lock is due
}

// reminder identifies the next reminder of a lock.
type reminder struct {
	lock  string
	after time.Time
}

// New returns a Keeper.
func New(cfg Config) *Keeper { return &Keeper{Config: cfg, due: map[reminder]time.Time{}} }

// Run keeps locks and requests until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	routine.Repeat(ctx, k.Log, "look after locks and requests", nil, func(ctx context.Context) (time.Duration, error) {
		return every, k.round(ctx)
	})
}

func (k *Keeper) round(ctx context.Context) error {
	var book *guard.Book
	var open []string
	now := time.Now()
	err := k.Records.View(ctx, func(tx storage.Tx) (err error) {
		if book, err = k.shelf.Read(tx); err != nil {
			return err
		}
		open = nil
		return storage.Approvals.Scan(tx, "", func(id string, a storage.Approval) error {
			if stale(a, now) {
				open = append(open, id)
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("read the locks and the requests for approval: %w", err)
	}
	return errors.Join(k.locks(ctx, book, now), k.approvals(ctx, open, now))
}

// locks tells of locks whose time is over, and reminds of those without an end.
func (k *Keeper) locks(ctx context.Context, book *guard.Book, now time.Time) (err error) {
	for _, l := range book.Locks() {
		switch {
		case l.Over:
		case l.Expired(now):
			err = errors.Join(err, k.change(ctx, l.ID, func(tx storage.Tx, l *storage.Lock) ([]commands.Announcement, error) {
				if l.Over || !l.Expired(now) {
					return nil, nil
				}
				l.Over = true
				return commands.EndLock(tx, *l, "", now)
			}))
		case l.Until.IsZero() && l.Every == "":
			err = errors.Join(err, k.remind(ctx, l.Lock, now))
		}
	}
	return err
}

// change changes a lock that still exists, and tells of it.
func (k *Keeper) change(ctx context.Context, id string, change func(storage.Tx, *storage.Lock) ([]commands.Announcement, error)) error {
	err := k.Outbox.Write(ctx, func(tx storage.Tx) ([]storage.Message, error) {
		l, found, err := storage.Locks.Find(tx, id)
		if err != nil || !found {
			return nil, err
		}
		said, err := change(tx, &l)
		if err != nil || said == nil {
			return nil, err
		}
		return channels.Messages(said, l.Channel, l.Holder), storage.Locks.Put(tx, id, l)
	})
	if err != nil {
		return fmt.Errorf("look after lock %s: %w", id, err)
	}
	return nil
}

// remind reminds the holder of a lock, once a day.
func (k *Keeper) remind(ctx context.Context, l storage.Lock, now time.Time) error {
	after := l.Reminded
	if after.IsZero() {
		after = l.At
	}
	if after.Sub(now) > 24*time.Hour { // the clock was put back: count from now on
		return k.change(ctx, l.ID, func(_ storage.Tx, l *storage.Lock) ([]commands.Announcement, error) {
			l.Reminded = now
			return []commands.Announcement{}, nil
		})
	}
	key := reminder{l.ID, after}
	due, known := k.due[key]
	if !known {
		person, err := k.Person(ctx, l.Holder)
		if err != nil {
			return fmt.Errorf("find out the time zone of %s: %w", l.Holder, err)
		}
		zone, err := guard.ParseZone(person.Zone)
		if err != nil {
			zone = time.UTC
		}
		due = nextMorning(after.In(zone))
		if len(k.due) > 1000 {
			clear(k.due)
		}
		k.due[key] = due
	}
	if now.Before(due) {
		return nil
	}
	delete(k.due, key)
	return k.change(ctx, l.ID, func(_ storage.Tx, l *storage.Lock) ([]commands.Announcement, error) {
		if l.Reminded.After(after) {
			return nil, nil
		}
		l.Reminded = now
		key := fmt.Sprintf("lock-reminder/%s/%d", l.ID, now.Unix())
		return []commands.Announcement{{Key: key, User: l.Holder, Reply: commands.LockReminder(*l), Later: true}}, nil
	})
}

func nextMorning(at time.Time) time.Time {
	next := time.Date(at.Year(), at.Month(), at.Day(), morning, 0, 0, 0, at.Location())
	if !next.After(at) {
		next = time.Date(at.Year(), at.Month(), at.Day()+1, morning, 0, 0, 0, at.Location())
	}
	return next
}

// approvals ends the requests that expired, and shows those that ended.
func (k *Keeper) approvals(ctx context.Context, open []string, now time.Time) (err error) {
	for _, id := range open {
		err = errors.Join(err, k.Outbox.Write(ctx, func(tx storage.Tx) ([]storage.Message, error) {
			a, err := storage.Approvals.Get(tx, id)
			if err != nil || !stale(a, now) {
				return nil, err
			}
			if a.State == storage.Waiting {
				a.State, a.EndedAt = storage.Expired, now
			}
			a.Told = true
			return channels.Messages(commands.ApprovalSaid(a), a.Channel, a.Follow.Asker), storage.PutApproval(tx, a)
		}))
	}
	if err != nil {
		return fmt.Errorf("look after the requests for approval: %w", err)
	}
	return nil
}

// stale reports whether a request expired, or has ended without its message showing it.
func stale(a storage.Approval, now time.Time) bool {
	return a.State == storage.Waiting && !now.Before(a.Until) || a.State != storage.Waiting && !a.Told
}
