package progress_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/commands"
	"c66bot/storage"
)

// subscribe has a channel hear of stacks, as a command does.
func (r *rig) subscribe(channel, stacks string, change ...func(*storage.Subscription)) {
	r.Helper()
	s := storage.Subscription{ID: storage.NewID(time.Now()), Channel: channel, Stacks: stacks, Author: lin, At: time.Now()}
	for _, c := range change {
		c(&s)
	}
	err := r.records.Update(r.ctx, func(tx storage.Tx) error {
		return storage.Subscriptions.Put(tx, storage.ChannelKey(channel, s.ID), s)
	})
	if err := errors.Join(err, r.progress.SubscriptionsChanged(r.ctx)); err != nil {
		r.Fatal(err)
	}
}

// unsubscribe has a channel hear of nothing more.
func (r *rig) unsubscribe(channel string) {
	r.Helper()
	err := r.records.Update(r.ctx, func(tx storage.Tx) error {
		var keys []string
		err := storage.Subscriptions.Scan(tx, storage.ChannelKey(channel, ""), func(key string, _ storage.Subscription) error {
			keys = append(keys, key)
			return nil
		})
		for _, key := range keys {
			err = errors.Join(err, storage.Subscriptions.Delete(tx, key))
		}
		return err
	})
	if err := errors.Join(err, r.progress.SubscriptionsChanged(r.ctx)); err != nil {
		r.Fatal(err)
	}
}

func events(names ...string) func(*storage.Subscription) {
	return func(s *storage.Subscription) { s.Events = names }
}

// positioned waits until the stack was seen once.
func (r *rig) positioned(uid string) {
	r.Helper()
	r.until("the stack is known", func() bool {
		var err error
		_ = r.records.View(r.ctx, func(tx storage.Tx) error { _, err = storage.Positions.Get(tx, uid); return nil })
		return err == nil
	})
}

// elsewhere begins a deployment that nobody asked the bot for.
func (r *rig) elsewhere(next cloud66sim.Next) int64 {
	r.cloud.NextOutcome(r.stack.UID, next)
	return r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "web", By: "dev@example.com"})
}

// over waits until a deployment has ended and everything is told.
func (r *rig) over() {
	r.Helper()
	r.until("the deployment is over", func() bool { return !r.newest().FinishedAt.IsZero() })
	time.Sleep(3 * time.Minute)
	r.settle()
}

func TestAChannelHearsOfADeploymentThatSomebodyElseStarted(t *testing.T) {
	for name, c := range map[string]struct {
		fail   bool
		change []func(*storage.Subscription)
		want   []string
	}{
		"from its start to its end": {want: live(1004)},
		"a failure in the channel too": {fail: true,
			want: []string{"❌ web@production #1004 failed after 1 min; #1003 is still live", "  🔄 #1004 " +
				"started", "  ❌ web@production #1004 failed after 1 min; #1003 is still live", "(in the channel too) ❌ web@production #1004 " +
				"failed after 1 min; #1003 is still live"}},
		"failures alone, where it is none": {change: []func(*storage.Subscription){events("failed")}},
		"failures alone": {fail: true, change: []func(*storage.Subscription){events("failed")},
			want: []string{"❌ web@production #1004 failed after 1 min; #1003 is still live"}},
		"starts alone, a failure in the thread": {fail: true, change: []func(*storage.Subscription){events("started")},
			want: []string{"❌ web@production #1004 failed after 1 min; #1003 is still live", "  🔄 #1004 " +
				"started", "  ❌ #1004 failed after 1 min; #1003 is still live"}},
		"not of another's": {change: []func(*storage.Subscription){func(s *storage.Subscription) { s.By = "sam" }}},
		"of one whose name it has a part of": {change: []func(*storage.Subscription){func(s *storage.Subscription) { s.By = "DEV@" }},
			want: live(1004)},
		"not of what came another way": {change: []func(*storage.Subscription){func(s *storage.Subscription) {
			s.Via = []string{"hook",
				"api"}
		}}},
		"not of other work": {change: []func(*storage.Subscription){func(s *storage.Subscription) { s.Types = []string{"scale"} }}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.subscribe(deploys, "web*", c.change...)
				r.positioned(r.stack.UID)
				time.Sleep(5 * time.Minute)
				r.elsewhere(cloud66sim.Next{Fail: c.fail})
				r.over()
				r.shows(deploys, c.want...)
				if n := r.sent("POST") + r.sent("DELETE"); n != 0 {
					r.Errorf("a subscription changed something %d times", n)
				}
			})
		})
	}
}

func TestAChannelThatSubscribesAndAsksHasOneCardOfADeployment(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "web")
		r.subscribe(builds, "*")
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.over()
		r.shows(deploys, live(1004)...)
		r.shows(builds, live(1004)...)
		id := r.elsewhere(cloud66sim.Next{})
		r.until("it is told", func() bool { return len(r.shown(deploys)) > len(live(1004)) })
		if err := r.follow("other", deploys, id); !errors.Is(err, commands.ErrFollowed) {
			r.Errorf("a follow of what is told already: %v", err)
		}
		r.over()
		r.shows(deploys, slices.Concat(live(1004), live(1005))...)
	})
}

func TestWhatEndedWhileTheBotWasDownIsToldOnItsReturn(t *testing.T) {
	for name, c := range map[string]struct{ stacks int }{"few each by its card": {3}, "many together": {8}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				uids := make([]string, c.stacks)
				for i := range uids {
					uids[i] = r.cloud.AddStack(cloud66sim.Stack{Name: "shop", UsualDuration: time.Minute, History: 40})
				}
				r.subscribe(deploys, "shop*")
				for _, uid := range uids {
					r.positioned(uid)
				}
				time.Sleep(time.Minute)
				r.end()
				for _, uid := range uids {
					r.cloud.Deploy(uid, cloud66sim.Start{})
				}
				time.Sleep(20 * time.Minute)
				r.start(newProcess())
				time.Sleep(10 * time.Minute)
				r.settle()
				shown := r.shown(deploys)
				if c.stacks > 5 {
					if len(shown) != 1 || !strings.Contains(shown[0], "8 deployments ended while I could not look") {
						r.Errorf("the channel shows %q", shown)
					}
					return
				}
				if len(shown) != c.stacks || strings.Count(strings.Join(shown, "\n"), "went live") != c.stacks {
					r.Errorf("the channel shows %q", shown)
				}
			})
		})
	}
}

func TestHistoryIsToldToNobody(t *testing.T) {
	unhurried(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "*")
		time.Sleep(30 * time.Minute)
		r.shows(deploys)
		if r.progress.Open() != 0 {
			r.Error("something of the past is followed")
		}
	})
}

func TestAnotherChannelsCardNamesWhoAskedTheBotAndNotTheTokensOwner(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(builds, "web")
		r.positioned(r.stack.UID)
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.over()
		card := r.slack.Person(lin).Sees(builds)[0].Plain()
		if !strings.Contains(card, "\n@lin\n") || strings.Contains(card, "owner@example.com") || strings.Contains(card, "a test") {
			r.Errorf("the card says %q", card)
		}
	})
}

func TestAFailureMentionsAllWhomTheSubscriptionsOfItsChannelName(t *testing.T) {
	mention := func(who string, failures ...string) func(*storage.Subscription) {
		return func(s *storage.Subscription) { s.Mention, s.Events = who, failures }
	}
	for name, c := range map[string]struct {
		begin func(r *rig)
		pings []string
	}{
		"of a deployment from elsewhere": {func(r *rig) { r.elsewhere(cloud66sim.Next{Fail: true}) }, []string{sam, "S0DEVS"}},
		"of a redeploy from here": {func(r *rig) {
			r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true})
			if err := r.redeploy("op"); err != nil {
				r.Fatal(err)
			}
		}, []string{lin, sam, "S0DEVS"}},
		"of one that is followed": {func(r *rig) {
			id := r.elsewhere(cloud66sim.Next{Fail: true})
			if err := r.follow("op", deploys, id); err != nil {
				r.Fatal(err)
			}
		}, []string{lin, sam, "S0DEVS"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.subscribe(deploys, "web", mention(sam))
				r.subscribe(deploys, "w*", mention("S0DEVS", "failed"))
				r.subscribe(deploys, "web*", mention("S0OPS", "started"))
				r.subscribe(builds, "web", mention("S0QA"))
				r.positioned(r.stack.UID)
				time.Sleep(time.Minute)
				c.begin(r)
				r.over()
				var pings []string
				for _, m := range r.slack.Person(lin).Sees(deploys) {
					for _, said := range r.slack.Person(lin).Thread(deploys, m.TS) {
						pings = append(pings, said.Pings()...)
					}
				}
				slices.Sort(pings)
				if pings = slices.Compact(pings); !slices.Equal(pings, slices.Sorted(slices.Values(c.pings))) {
					r.Errorf("the failure pings %q, want %q", pings, c.pings)
				}
			})
		})
	}
}

func TestSubscriptionsThatCouldNotBeReadAreReadAgain(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		s := storage.Subscription{ID: "late", Channel: deploys, Stacks: "web", Author: lin, At: time.Now()}
		err := r.records.Update(r.ctx, func(tx storage.Tx) error {
			return storage.Subscriptions.Put(tx, storage.ChannelKey(deploys, s.ID), s)
		})
		if err != nil {
			r.Fatal(err)
		}
		over, cancel := context.WithCancel(r.ctx)
		cancel()
		if err := r.progress.SubscriptionsChanged(over); err == nil {
			r.Fatal("they were read in no time")
		}
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		r.elsewhere(cloud66sim.Next{})
		r.over()
		r.shows(deploys, live(1004)...)
	})
}

func TestAStackThatIsMadeLaterIsToldOfFromItsFirstDeploymentOn(t *testing.T) {
	for name, c := range map[string]struct {
		others int // stacks that nobody subscribes to
		shows  int // the card alone if it had ended when it was found
	}{
		"on the first page":                   {0, 3},
		"on a page that nobody subscribes to": {30, 1},
	} {
		t.Run(name, func(t *testing.T) {
			unhurried(t, cloud66sim.Options{}, func(r *rig) {
				for range c.others {
					r.cloud.AddStack(cloud66sim.Stack{Name: "other"})
				}
				r.subscribe(deploys, "shop*")
				time.Sleep(15*time.Minute + 30*time.Second) // half a minute after all stacks were read
				fresh := r.cloud.AddStack(cloud66sim.Stack{Name: "shop-new", UsualDuration: time.Minute})
				r.cloud.Deploy(fresh, cloud66sim.Start{})
				time.Sleep(25 * time.Minute)
				r.subscribe(builds, "*")
				time.Sleep(25 * time.Minute)
				r.settle()
				if shown := r.shown(deploys); len(shown) != c.shows || !strings.Contains(shown[0], "✅ shop-new@production #") ||
					!strings.HasSuffix(shown[0], " went live") {
					r.Errorf("the channel shows %q", shown)
				}
				r.shows(builds)
			})
		})
	}
}
