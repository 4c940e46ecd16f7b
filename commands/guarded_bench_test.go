package commands

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/bot/outbox/mortal"
	"c66bot/cloud66"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

// heavy is a Handler with 10,000 rules in a channel, 500 locks and 200 protections.
func heavy(b *testing.B, rule func(i int) storage.Rule, locks func(i int) storage.Lock) *Handler {
	b.Helper()
	db, err := bolt.Open(filepath.Join(mortal.Dir(b), "test.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	err = db.Update(b.Context(), func(tx storage.Tx) error {
		for i := range 10_000 {
			r := rule(i)
			r.ID, r.Channel, r.At = fmt.Sprintf("%05d", i), here, time.Now()
			if err := storage.Rules.Put(tx, storage.ChannelKey(here, r.ID), r); err != nil {
				return err
			}
		}
		for i := range 500 {
			l := locks(i)
			l.ID, l.Channel, l.At = fmt.Sprintf("l%d", i), here, time.Now()
			if err := storage.Locks.Put(tx, l.ID, l); err != nil {
				return err
			}
		}
		for i := range 200 {
			p := storage.Protection{ID: fmt.Sprintf("p%d", i), Channel: here, Stacks: fmt.Sprintf("*svc%d*@prod*", i), Approvals: 1, By: lin}
			if i < 3 {
				p.Stacks = "web*@production"
			}
			if err := storage.Protections.Put(tx, p.ID, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	people := newSlack()
	for i := range 10 {
		people.members[fmt.Sprintf("S0G%d", i*37)] = []string{sam}
	}
	return New(Config{
		Cloud: &cloud{}, Directory: NewDirectory(&library{}), Records: db, Progress: &progress{records: db}, People: people,
		Authz: authz.New(authz.Config{Admins: []string{lin, ops}, People: people, Records: db}), Command: "/c66",
		Log: slog.New(slog.DiscardHandler),
	})
}

// spread has the rules concern 500 groups and 500 users.
func spread(i int) storage.Rule {
	r := storage.Rule{Who: fmt.Sprintf("S0G%d", i%500), Actions: []string{"view", "redeploy"}, Stacks: fmt.Sprintf("app-%d@production", i/4)}
	switch i % 4 {
	case 0:
		r.Stacks = fmt.Sprintf("team%d-*@staging", i%500)
	case 1:
		r.Who = fmt.Sprintf("U0P%d", i%500)
	}
	if i == 0 {
		r.Stacks = "web*@production"
	}
	r.Deny = i%10 == 5
	return r
}

// alone has all rules concern one person, and the last of them allow it.
func alone(pattern string) func(i int) storage.Rule {
	return func(i int) storage.Rule {
		r := storage.Rule{Who: sam, Actions: []string{"redeploy", "lock"}, Stacks: fmt.Sprintf(pattern, i)}
		if i == 9_999 {
			r.Stacks = "web*@production"
		}
		return r
	}
}

// windows are locks of which some cover the stack; all hold at other times.
func windows(covering int, holder string) func(i int) storage.Lock {
	return func(i int) storage.Lock {
		opens := time.Now().UTC().Add(48 * time.Hour)
		l := storage.Lock{
			Stacks: fmt.Sprintf("*svc%dx*@production", i), Holder: holder, Reason: "release",
			Every: opens.Format("Mon 15:04") + "-" + opens.Add(time.Hour).Format("Mon 15:04"), Zone: "Europe/Berlin",
		}
		if i < covering {
			l.Stacks = "web*@production"
		}
		return l
	}
}

// BenchmarkGate measures the decision on a redeploy as it is made: the rights of who asks, which locks cover the stack by the rights of
// their holders, and, in a transaction of the real database, what is in the way then.
//
//	go test -run XXX -bench Gate ./commands
func BenchmarkGate(b *testing.B) {
	for name, of := range map[string]struct {
		rule  func(i int) storage.Rule
		locks func(i int) storage.Lock
	}{
		"500 groups and users, 5 locks cover the stack": {spread, windows(5, lin)},
		"all rules concern one, by name":                {alone("app-%d@production"), windows(5, sam)},
		"all rules concern one, by wildcards":           {alone("*svc%dx*@production"), windows(5, sam)},
		"50 locks of one holder cover the stack":        {spread, windows(50, sam)},
	} {
		b.Run(name, func(b *testing.B) {
			h := heavy(b, of.rule, of.locks)
			ctx, c := b.Context(), &call{Request: request(Invocation{Verb: Redeploy}, sam, here), spec: redeploySpec}
			c.stack = cloud66.Stack{UID: "web1", Name: "web", Environment: "production"}
			decide := func() (found obstacles) {
				var err error
				if c.standing, err = h.Authz.Standing(ctx, c.subject()); err != nil {
					b.Fatal(err)
				}
				if !c.standing.Decide(authz.Redeploy, RefOf(c.stack)).Allowed {
					b.Fatal("it is refused")
				}
				start := c.start(storage.Follow{})
				judged, err := h.judge(ctx, start.Follow.Stack, nil)
				if err != nil {
					b.Fatal(err)
				}
				book, err := storage.Read(ctx, h.Records, h.shelf.Read)
				if err == nil {
					found, err = h.obstacles(book, start, judged, time.Now())
				}
				if err != nil {
					b.Fatal(err)
				}
				return found
			}
			first := time.Now()
			if found := decide(); len(found.approvals) != 3 || len(found.locks) != 0 {
				b.Fatalf("in the way is %+v", found)
			}
			cold := time.Since(first)
			b.ReportAllocs()
			for b.Loop() {
				decide()
			}
			b.ReportMetric(float64(cold.Microseconds()), "µs-the-first-time")
		})
	}
}
