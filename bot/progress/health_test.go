package progress_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

// watching runs f with a process that watches the health of stacks for a quarter of an hour.
func watching(t *testing.T, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, cloud66sim.Options{})
		r.after = 15 * time.Minute
		r.start(newProcess())
		f(r)
	})
}

// health sets the health of the rig's stack.
func (r *rig) health(is string) {
	r.cloud.UpdateStack(r.stack.UID, func(s *cloud66sim.Stack) { s.Health = is })
}

// unwatched waits until no stack is watched any more.
func (r *rig) unwatched() {
	r.Helper()
	r.until("no health is watched", func() bool {
		n := 0
		_ = r.records.View(r.ctx, func(tx storage.Tx) error {
			return storage.Health.Scan(tx, "", func(string, storage.HealthWatch) error { n++; return nil })
		})
		return n == 0
	})
	r.settle()
}

// healthShown returns what a channel shows of the health of stacks.
func (r *rig) healthShown(channel string) []string {
	return slices.DeleteFunc(r.shown(channel), func(line string) bool {
		return !strings.Contains(line, "🚨") && !strings.Contains(line, "healthy again")
	})
}

// redeployHealthy is redeploy of a stack that was healthy.
func (r *rig) redeployHealthy(operation string) error {
	f := r.wish(deploys)
	f.Healthy = true
	return r.progress.Redeploy(r.ctx, begins(operation, f))
}

func TestAStackThatFallsIllAfterItWentLiveIsToldOnceAndItsRecoveryToo(t *testing.T) {
	watching(t, func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: time.Minute, IllAfter: 4 * time.Minute})
		if err := r.redeployHealthy("op"); err != nil {
			t.Fatal(err)
		}
		r.until("it is told", func() bool { return len(r.healthShown(deploys)) > 2 })
		const failing = "🚨 web@production is failing 4 min after #1004 went live"
		want := []string{failing, "  " + failing, "(in the channel too) " + failing}
		if got := r.healthShown(deploys); !slices.Equal(got, want) {
			t.Errorf("it shows\n%s", strings.Join(got, "\n"))
		}
		card := r.slack.Person(lin).Sees(deploys)[0]
		if got := card.Buttons(); !slices.Equal(got, []string{"Roll back", "Show"}) || !strings.Contains(card.Plain(), "what changed") {
			t.Errorf("it offers %q:\n%s", got, card.Plain())
		}
		r.health("healthy")
		r.until("it is well again", func() bool { return !slices.Contains(r.shown(deploys), failing) })
		r.unwatched()
		shown := r.healthShown(deploys)
		if len(shown) != 4 || !strings.Contains(shown[0], "is healthy again 7 min after #1004 went live") ||
			"  ✅ the stack"+strings.TrimPrefix(shown[0], "✅ web@production") != shown[2] {
			t.Errorf("it shows\n%s", strings.Join(shown, "\n"))
		}
		thread := r.slack.Person(lin).Thread(deploys, r.slack.Person(lin).Sees(deploys)[0].TS)
		if last := thread[len(thread)-1].Plain(); !strings.Contains(last, "@lin") {
			t.Errorf("the last line does not name who asked: %q", last)
		}
	})
}

func TestOfTheHealthIsToldWhatIsNews(t *testing.T) {
	for name, c := range map[string]struct {
		before string // the health before the deployment
		play   func(r *rig)
		told   bool
	}{
		"a stack that stays healthy":      {"", func(*rig) {}, false},
		"a stack that is ill all along":   {"impaired", func(*rig) {}, false},
		"ill with the very deployment":    {"", func(r *rig) { r.health("failed") }, true},
		"ill after the time of the watch": {"", func(r *rig) { time.Sleep(17 * time.Minute); r.health("failed") }, false},
		"another deployment came, and then it is ill": {"", func(r *rig) {
			time.Sleep(2 * time.Minute)
			r.elsewhere(cloud66sim.Next{Duration: 10 * time.Second})
			time.Sleep(15 * time.Second)
			r.health("failed")
		}, false},
		"another deployment fails": {"", func(r *rig) {
			time.Sleep(2 * time.Minute)
			r.elsewhere(cloud66sim.Next{Duration: 10 * time.Second, Fail: true})
		}, false},
		"Cloud 66 is away meanwhile": {"", func(r *rig) {
			time.Sleep(3 * time.Minute)
			over := r.cloud.AddFault(cloud66sim.Fault{Status: 502})
			r.health("failed")
			time.Sleep(5 * time.Minute)
			over()
		}, true},
		"the bot is away meanwhile": {"", func(r *rig) {
			time.Sleep(3 * time.Minute)
			r.health("failed")
			r.restart(5 * time.Minute)
		}, true},
		"the bot is away until the watch is over": {"", func(r *rig) {
			time.Sleep(3 * time.Minute)
			r.health("failed")
			r.restart(20 * time.Minute)
		}, false},
	} {
		for _, subscribed := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", seen by the sweep"}[subscribed], func(t *testing.T) {
				t.Parallel()
				watching(t, func(r *rig) {
					r.health(c.before)
					if subscribed {
						r.subscribe(builds, "*", events("failed"))
						r.positioned(r.stack.UID)
					}
					f := r.wish(deploys)
					f.Healthy = c.before == ""
					if err := r.progress.Redeploy(r.ctx, begins("op", f)); err != nil {
						t.Fatal(err)
					}
					r.until("it is live", func() bool { return r.newest().State == cloud66sim.Success })
					c.play(r)
					r.settle()
					time.Sleep(2 * time.Minute)
					r.unwatched()
					want := 0
					if c.told {
						want = 3
					}
					if got := r.healthShown(deploys); len(got) != want {
						t.Errorf("it shows\n%s", strings.Join(r.shown(deploys), "\n"))
					}
				})
			})
		}
	}
}

func TestAChannelSubscribesToTheHealthAlone(t *testing.T) {
	watching(t, func(r *rig) {
		r.subscribe(deploys, "*", events("unhealthy"), func(s *storage.Subscription) { s.Mention = sam })
		r.subscribe(builds, "*", events("succeeded"))
		r.subscribe(ops, "*", events("unhealthy"), func(s *storage.Subscription) { s.Author = sam })
		r.judges(func(user, _ string, _ storage.StackRef) (bool, error) { return user != sam, nil })
		r.positioned(r.stack.UID)
		time.Sleep(5 * time.Minute)
		r.elsewhere(cloud66sim.Next{Duration: time.Minute, IllAfter: 5 * time.Minute})
		r.until("it is told", func() bool { return len(r.shown(deploys)) > 0 })
		r.unwatched()
		r.shows(deploys, "🚨 web@production is failing 5 min after #1004 went live")
		if card := r.slack.Person(lin).Sees(deploys)[0]; !strings.Contains(card.Plain(), "@sam") {
			t.Errorf("the card mentions nobody: %q", card.Plain())
		}
		if got := r.healthShown(builds); len(got) > 0 || len(r.shown(builds)) == 0 {
			t.Errorf("a channel that wants successes is shown %q", r.shown(builds))
		}
		r.shows(ops)
	})
}

// Where the sweep sees the stack anyway, to watch its health costs no request.
func TestTheHealthOfAStackThatTheSweepSeesCostsNothing(t *testing.T) {
	watching(t, func(r *rig) {
		r.subscribe(builds, "*")
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		if err := r.redeployHealthy("op"); err != nil {
			t.Fatal(err)
		}
		r.settle()
		r.unwatched()
		for _, q := range r.cloud.Requests() {
			if strings.HasSuffix(q.Path, "/stacks/"+r.stack.UID) {
				t.Errorf("%s was asked for", q.Path)
			}
		}
	})
}

func TestAWatchThatIsNotSweptAsksOnceAMinute(t *testing.T) {
	watching(t, func(r *rig) {
		if err := r.redeployHealthy("op"); err != nil {
			t.Fatal(err)
		}
		r.settle()
		r.unwatched()
		n := 0
		for _, q := range r.cloud.Requests() {
			if strings.HasSuffix(q.Path, "/stacks/"+r.stack.UID) {
				n++
			}
		}
		if n < 13 || n > 15 {
			t.Errorf("it was asked for %d times in a quarter of an hour", n)
		}
	})
}

func TestAProcessThatDiesWhileItTellsAnIllnessTellsItOnce(t *testing.T) {
	everyDeath(t, scene{
		after: 15 * time.Minute, down: 5 * time.Second, writes: true,
		play: func(r *rig) {
			r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: time.Minute, IllAfter: 3 * time.Minute})
			_ = r.redeployHealthy("op")
			time.Sleep(3 * time.Minute)
		},
		check: func(r *rig, _ string) {
			r.unwatched()
			want := 3
			if r.newest().UserReference == "" {
				want = 0
			}
			if got := r.healthShown(deploys); len(got) != want {
				r.Errorf("the channel shows\n%s", strings.Join(r.shown(deploys), "\n"))
			}
		},
	})
}
