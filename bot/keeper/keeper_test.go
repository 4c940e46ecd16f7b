package keeper

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/authz"
	"c66bot/bot/outbox"
	"c66bot/bot/outbox/mortal"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

const holder = "U0LIN"

// rig is a Keeper that makes its rounds when it is told to, over a database with one lock.
type rig struct {
	*Keeper
	t  *testing.T
	db storage.DB
}

// inBubble runs f with a lock of a holder in a time zone. The bubble begins at midnight UTC of Saturday, 1 January 2000.
func inBubble(t *testing.T, zone string, l storage.Lock, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db, err := bolt.Open(filepath.Join(mortal.Dir(t), "test.db"))
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{t: t, db: db}
		l.ID, l.Channel, l.Stacks, l.Holder, l.Reason, l.At = "k3f9", "C0", "web", holder, "migration", time.Now()
		r.stores(func(tx storage.Tx) error { return storage.Locks.Put(tx, l.ID, l) })
		r.restart(zone)
		f(r)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// restart begins another life of the process.
func (r *rig) restart(zone string) {
	log := slog.New(slog.DiscardHandler)
	r.Keeper = New(Config{
		Records: r.db, Outbox: outbox.New(outbox.Config{Records: r.db, Log: log}), Log: log,
		Person: func(_ context.Context, id string) (authz.Person, error) { return authz.Person{ID: id, Zone: zone}, nil },
	})
}

func (r *rig) stores(change func(tx storage.Tx) error) {
	r.t.Helper()
	if err := r.db.Update(r.t.Context(), change); err != nil {
		r.t.Fatal(err)
	}
}

// jump puts the clock on, or back. A bubble's clock only goes on: where it is to go back, it goes on to that time of a later day, and what
// was written before goes on by as many days.
func (r *rig) jump(by time.Duration) {
	r.t.Helper()
	const day = 24 * time.Hour
	var days time.Duration
	for days+by < 0 {
		days += day
	}
	time.Sleep(days + by)
	r.stores(func(tx storage.Tx) error {
		l, err := storage.Locks.Get(tx, "k3f9")
		for _, at := range []*time.Time{&l.At, &l.Until, &l.Reminded} {
			if !at.IsZero() {
				*at = at.Add(days)
			}
		}
		if err != nil {
			return err
		}
		return storage.Locks.Put(tx, l.ID, l)
	})
}

// keepsUntil makes the rounds until a time.
func (r *rig) keepsUntil(at time.Time) {
	r.t.Helper()
	for time.Now().Before(at) {
		if err := r.round(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
		time.Sleep(every * 2)
	}
}

// told counts the messages whose key begins so.
func (r *rig) told(key string) (n int) {
	r.t.Helper()
	r.stores(func(tx storage.Tx) error {
		n = 0
		return storage.Messages.Scan(tx, key, func(string, storage.Message) error { n++; return nil })
	})
	return n
}

func TestTheHolderIsRemindedAtNineOfTheirOwnDayAlsoWhereTheClockIsPutOnOrBack(t *testing.T) {
	for zone, nine := range map[string]int{
		"UTC": 9 * 60, "Asia/Tokyo": 0, "America/New_York": 14 * 60, "Asia/Kathmandu": 3*60 + 15, "Mars/Tycho": 9 * 60,
	} {
		inBubble(t, zone, storage.Lock{}, func(r *rig) {
			for day := range 3 {
				at := time.Date(2000, 1, 1+day, 0, nine, 0, 0, time.UTC)
				if zone == "Asia/Tokyo" {
					at = at.AddDate(0, 0, 1) // it was nine already when the lock was made
				}
				r.keepsUntil(at.Add(-16 * time.Minute))
				if n := r.told("lock-reminder/"); n != day {
					t.Errorf("%s, day %d: before nine there are %d reminders", zone, day, n)
				}
				r.restart(zone)
				r.keepsUntil(at.Add(time.Minute))
				r.restart(zone)
				r.keepsUntil(at.Add(2 * time.Hour))
				if n := r.told("lock-reminder/"); n != day+1 {
					t.Errorf("%s, day %d: after nine there are %d reminders", zone, day, n)
				}
			}
		})
	}
	for _, c := range []struct{ nine time.Time }{
		{ // in New York the clock is put on by an hour at two in the morning of 2 April 2000, and back on 29 October
			nine: time.Date(2000, 4, 2, 13, 0, 0, 0, time.UTC),
		}, {
			nine: time.Date(2000, 10, 29, 14, 0, 0, 0, time.UTC),
		},
	} {
		inBubble(t, "America/New_York", storage.Lock{}, func(r *rig) {
			time.Sleep(time.Until(c.nine.Add(-26 * time.Hour)))
			r.keepsUntil(c.nine.Add(-time.Minute)) // one for the months before, one of the day before
			if n := r.told("lock-reminder/"); n != 2 {
				t.Errorf("before %s there are %d reminders", c.nine, n)
			}
			r.keepsUntil(c.nine.Add(3 * time.Minute))
			if n := r.told("lock-reminder/"); n != 3 {
				t.Errorf("after %s there are %d reminders", c.nine, n)
			}
		})
	}
}

func TestTheHolderIsRemindedOnceADayHoweverTheClockJumps(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, time.Hour, -3 * time.Hour, 48 * time.Hour, -48 * time.Hour, -365 * 24 * time.Hour} {
		inBubble(t, "UTC", storage.Lock{}, func(r *rig) {
			r.keepsUntil(time.Date(2000, 1, 1, 9, 30, 0, 0, time.UTC))
			r.jump(by)
			r.keepsUntil(time.Now().Add(5 * time.Minute))
			r.restart("UTC")
			now := r.told("lock-reminder/")
			if missed := by >= 24*time.Hour; now > 2 || now == 2 != missed {
				t.Errorf("after %s there are %d reminders", by, now)
			}
			r.keepsUntil(time.Now().Add(70 * time.Hour))
			if n := r.told("lock-reminder/") - now; n != 2 {
				t.Errorf("after %s there are %d reminders on the next two mornings", by, n)
			}
		})
	}
}

func TestTheEndOfALockIsToldOnceHoweverTheClockJumps(t *testing.T) {
	for name, c := range map[string]struct {
		jumps []time.Duration // each ten minutes after the one before; the first one 50 minutes before the end
		ends  int
	}{
		"an hour on":           {[]time.Duration{time.Hour}, 1},
		"an hour on and back":  {[]time.Duration{time.Hour, -time.Hour}, 1},
		"two days on and back": {[]time.Duration{48 * time.Hour, -48 * time.Hour, 0}, 1},
		"an hour back":         {[]time.Duration{-time.Hour, 0, 0, 0, 0, 0, 0}, 0},
		"an hour back and on":  {[]time.Duration{-time.Hour, time.Hour, 0, 0, 0, 0, 0}, 1},
	} {
		inBubble(t, "UTC", storage.Lock{Until: time.Date(2000, 1, 1, 2, 0, 0, 0, time.UTC)}, func(r *rig) {
			r.stores(func(tx storage.Tx) error {
				return storage.Messages.Put(tx, "lock/k3f9", storage.Message{Key: "lock/k3f9", Channel: "C0"})
			})
			r.keepsUntil(time.Date(2000, 1, 1, 1, 10, 0, 0, time.UTC))
			for _, by := range c.jumps {
				r.jump(by)
				r.restart("UTC")
				r.keepsUntil(time.Now().Add(10 * time.Minute))
			}
			var l storage.Lock
			var told storage.Message
			r.stores(func(tx storage.Tx) (err error) {
				if l, err = storage.Locks.Get(tx, "k3f9"); err == nil {
					told, err = storage.Messages.Get(tx, "lock/k3f9")
				}
				return err
			})
			if ended := c.ends == 1; told.Revision != c.ends || l.Over != ended || l.Expired(time.Now()) != ended {
				t.Errorf("%s: it is over: %v, and the channel was told %d times", name, l.Over, told.Revision)
			}
		})
	}
}
