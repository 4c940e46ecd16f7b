package authz_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"c66bot/authz"
	"c66bot/storage"
)

func TestRulesAreReadOnceUntilTheyChange(t *testing.T) {
	r := newRig()
	added := r.add(t, rule(t, "U0SAM allow view web"))
	r.db.views.Store(0)
	for range 10 {
		if got := r.decide(t, sam, authz.View, web); !got.Allowed {
			t.Fatalf("%+v", got)
		}
	}
	if n := r.db.views.Load(); n != 1 {
		t.Errorf("the rules were read %d times", n)
	}
	err := r.db.Update(t.Context(), func(tx storage.Tx) error {
		_, err := authz.RemoveRule(tx, channel, added.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Changed()
	if got := r.decide(t, sam, authz.View, web); got.Allowed {
		t.Errorf("after the rule was removed: %+v", got)
	}
}

func TestAChangeWhileRulesAreReadIsNotMissed(t *testing.T) {
	r := newRig()
	r.db.inView = func() { // the rules were read, and are not in memory yet
		r.db.inView = nil
		r.put(t, numbered(t, []string{"U0SAM deny view web"})...)
	}
	r.put(t, storage.Rule{ID: "a", Channel: channel, Who: sam, Actions: []string{"view"}, Stacks: "*"})
	r.decide(t, sam, authz.View, web)
	if got := r.decide(t, sam, authz.View, web); got.Allowed {
		t.Errorf("%+v", got)
	}
}

func TestRulesAreReadOnceForManyWhoAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.add(t, rule(t, "U0SAM allow view web"))
		r.db.hold = make(chan struct{})
		r.db.views.Store(0)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if got := r.decide(t, sam, authz.View, web); !got.Allowed {
					t.Errorf("%+v", got)
				}
			})
		}
		synctest.Wait()
		group.Go(func() {
			if _, err := r.Standing(ctx, authz.Subject{User: sam, Channel: channel}); !errors.Is(err, context.Canceled) {
				t.Errorf("one who leaves: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(r.db.hold)
		group.Wait()
		if n := r.db.views.Load(); n != 1 {
			t.Errorf("the rules were read %d times", n)
		}
	})
}

func TestOfMoreChannelsThanAreKeptEachIsStillRight(t *testing.T) {
	r := newRig()
	r.add(t, rule(t, "U0SAM allow view web"))
	for i := range 2500 {
		if r.standing(t, sam, fmt.Sprintf("C0%d", i)).Some(authz.View) {
			t.Fatal("a channel without rules allows something")
		}
		if got := r.decide(t, sam, authz.View, web); !got.Allowed {
			t.Fatalf("%+v", got)
		}
	}
}

// One rule is flipped while others decide. Whoever asks after a change was made known must see it.
func TestDecisionsWhileRulesChange(t *testing.T) {
	r := newRig()
	r.add(t, rule(t, "everyone allow view *"))
	stop := make(chan struct{})
	var group sync.WaitGroup
	for i := range 4 {
		user := []string{sam, ana, guest, lin}[i]
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := r.standing(t, user, channel)
				s.Decide(authz.View, web)
				if got := s.Decide(authz.View, shop); got.Allowed != (user != guest) {
					t.Errorf("%s: %+v", user, got)
				}
			}
		})
	}
	for range 100 {
		denied := r.add(t, rule(t, "U0SAM deny view web"))
		if got := r.decide(t, sam, authz.View, web); got.Allowed {
			t.Errorf("denied: %+v", got)
		}
		err := r.db.Update(t.Context(), func(tx storage.Tx) error {
			_, err := authz.RemoveRule(tx, channel, denied.ID)
			return err
		})
		r.Changed()
		if got := r.decide(t, sam, authz.View, web); err != nil || !got.Allowed {
			t.Errorf("not denied any more: %+v, %v", got, err)
		}
	}
	close(stop)
	group.Wait()
}
