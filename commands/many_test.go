package commands

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// crowd gives a channel with 5,000 rules and 200 subscriptions, over 3,000 stacks, and somebody who does not see all of them.
func (r *rig) crowd(glob func(i int) string) {
	r.t.Helper()
	r.stacks.set(func(l *library) {
		l.stacks = nil
		for i := range 3000 {
			l.stacks = append(l.stacks, cloud66.Stack{UID: fmt.Sprintf("uid%d", i), Name: fmt.Sprintf("app-%d", i), Environment: "production"})
		}
	})
	r.stores(func(tx storage.Tx) error {
		for i := range 5000 {
			rule := storage.Rule{Channel: here, Who: fmt.Sprintf("U%d", i%100), Actions: []string{"view"}, Stacks: glob(i), At: time.Now()}
			if i%10 == 0 {
				rule.Who = sam
			}
			rule.ID = fmt.Sprintf("r%04d", i)
			if err := storage.Rules.Put(tx, storage.ChannelKey(rule.Channel, rule.ID), rule); err != nil {
				return err
			}
		}
		for i := range maxSubscriptions {
			s := storage.Subscription{ID: fmt.Sprintf("s%03d", i), Channel: here, Stacks: glob(i), Author: kim, At: time.Now()}
			if err := storage.Subscriptions.Put(tx, storage.ChannelKey(here, s.ID), s); err != nil {
				return err
			}
		}
		return nil
	})
	r.Authz.Changed()
}

// work gives how much of the processor f takes, since time in a bubble is not real.
func work(t *testing.T, f func()) time.Duration {
	t.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	f()
	return used() - before
}

func TestLongListsOfRulesSubscriptionsAndStacksTakeLittleWork(t *testing.T) {
	most := time.Second // of the processor
	if underRace {
		most *= 20
	}
	for name, glob := range map[string]func(i int) string{
		"names":                   func(i int) string { return fmt.Sprintf("app-%d@production", i) },
		"wildcards":               func(i int) string { return fmt.Sprintf("*-%d@prod*", i) },
		"wildcards on both sides": func(i int) string { return fmt.Sprintf("*-%dx*", i) },
		"wildcards that fit none": func(i int) string { return fmt.Sprintf("app-%d*@stag*", i) },
		"wildcards that fit many": func(i int) string { return fmt.Sprintf("app-%d*", i) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(_ *testing.T, r *rig) {
				r.crowd(glob)
				r.say(sam, "help") // reads the rules
				for _, line := range []string{"access", "subscriptions", "help", "stacks", "list app-10", "list none", "unsubscribe none"} {
					took := work(t, func() { r.say(sam, line) })
					t.Logf("%s: %s", line, took)
					if took > most {
						t.Errorf("%s takes %s", line, took)
					}
				}
			})
		})
	}
}
