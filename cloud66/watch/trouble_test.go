package watch

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
)

func TestAPageThatCannotBeReadHidesNoOther(t *testing.T) {
	watchingAll(t, 90, func(a *account) {
		lift := a.sim.AddFault(cloud66sim.Fault{Match: func(r *http.Request) bool { return r.URL.Query().Get("page") == "2" }, Status: 500})
		began := time.Now()
		for _, i := range []int{3, 33, 63} {
			a.deploy(i, 4*time.Minute)
		}
		time.Sleep(10 * time.Minute)
		for _, i := range []int{3, 63} {
			if n := len(a.looksAt(i, began)); n < 2 {
				t.Errorf("%d looks at stack %d", n, i)
			}
		}
		rounds := a.reader.allRounds()
		if last := rounds[len(rounds)-1]; last.Failed != 1 || last.Pages != 2 || len(a.reader.allGone()) > 0 {
			t.Errorf("a round in which a page cannot be read: %d of %d failed, gone: %v", last.Failed, last.Pages, a.reader.allGone())
		}
		time.Sleep(5 * time.Minute)
		if state := a.w.State(); len(state.Unreadable) != 30 || state.Unreadable[uidOf(33)].IsZero() || !state.Unlisted.IsZero() {
			t.Errorf("with a page of 30 that cannot be read %d stacks are unreadable, the list since %s", len(state.Unreadable), state.Unlisted)
		}
		lift()
		time.Sleep(2 * time.Minute)
		if n := len(a.looksAt(33, began)); n < 1 {
			t.Error("what happened on the page that could not be read is not seen afterwards")
		}
		if n := len(a.w.State().Unreadable); n > 0 {
			t.Errorf("%d stacks are still unreadable", n)
		}
	})
}

func TestAListThatCannotBeReadIsTriedLessAndLessOften(t *testing.T) {
	watchingAll(t, 90, func(a *account) {
		lift := a.sim.AddFault(cloud66sim.Fault{Match: func(r *http.Request) bool { return r.URL.Path == "/api/3/stacks" }, Status: 403})
		began := time.Now()
		time.Sleep(9 * time.Minute)
		if state := a.w.State(); !state.Unlisted.IsZero() || len(state.Unreadable) > 0 {
			t.Errorf("after nine minutes: %+v", state)
		}
		time.Sleep(time.Minute)
		before := time.Now()
		time.Sleep(10 * time.Minute)
		if n, _ := a.requests(before); n < 9 || n > 11 {
			t.Errorf("%d requests in ten minutes, want one a minute", n)
		}
		if state := a.w.State(); state.Unlisted.Sub(began) > 10*time.Second || state.Unlisted.Before(began) || state.Interval != 0 ||
			len(state.Unreadable) != 90 {
			t.Errorf(
				"of 90 stacks %d are unreadable, the list since %s, with an interval of %s",
				len(state.Unreadable),
				state.Unlisted,
				state.Interval,
			)
		}
		lift()
		time.Sleep(2 * time.Minute)
		if state := a.w.State(); !state.Unlisted.IsZero() || state.Interval == 0 || len(state.Unreadable) > 0 {
			t.Errorf("afterwards: %+v", state)
		}
	})
}

func TestAStackThatCannotBeReadBacksOffAlone(t *testing.T) {
	watchingAll(t, 30, func(a *account) {
		lift := a.sim.AddFault(cloud66sim.Fault{PathPart: uidOf(4) + "/", Status: 403})
		began := time.Now()
		a.deploy(4, 20*time.Minute)
		other := a.deploy(5, 5*time.Minute)
		time.Sleep(15 * time.Minute)
		if looks := a.looksAt(4, began); len(looks) < 5 || len(looks) > 9 || looks[0].Mark != "" || looks[1].Silent != looks[0].At {
			t.Errorf("%d looks: %+v", len(looks), looks)
		}
		if since, ok := a.w.State().Unreadable[uidOf(4)]; !ok || since.Sub(began) > 10*time.Second || len(a.w.State().Unreadable) != 1 {
			t.Errorf("unreadable: %v", a.w.State().Unreadable)
		}
		a.reader.mu.Lock()
		if a.reader.ended[other].IsZero() {
			t.Error("another stack is not seen meanwhile")
		}
		a.reader.mu.Unlock()
		lift()
		time.Sleep(20 * time.Minute)
		if n := len(a.w.State().Unreadable); n != 0 {
			t.Errorf("%d stacks are still unreadable", n)
		}
	})
}

func TestThrottledTheSweepAndTheLooksMakeOneRequestAMinuteTogether(t *testing.T) {
	watchingAll(t, 90, func(a *account) {
		lift := a.sim.AddFault(cloud66sim.Fault{Status: 503, Body: `{"error":"throttled"}`, ContentType: "application/json"})
		for i := range 20 {
			a.deploy(i, 5*time.Minute)
			a.w.Now(uidOf(i))
		}
		time.Sleep(time.Minute)
		before := a.sim.Count()
		time.Sleep(30 * time.Minute)
		if n := a.sim.Count() - before; n < 25 || n > 31 {
			t.Errorf("%d requests in half an hour of being throttled", n)
		}
		lift()
		time.Sleep(2 * time.Minute)
		for i := range 20 {
			if looks := a.looksAt(i, time.Now().Add(-2*time.Minute)); len(looks) == 0 || looks[len(looks)-1].Err != nil {
				t.Errorf("stack %d is not seen in the two minutes after", i)
			}
		}
	})
}

func TestAnotherOperationIsLookedAtLessAndLessOften(t *testing.T) {
	watchingAll(t, 10, func(a *account) {
		began := time.Now()
		a.sim.UpdateStack(uidOf(3), func(s *cloud66sim.Stack) { s.Busy = true })
		time.Sleep(time.Hour)
		looks := a.looksAt(3, began)
		if n := len(looks); n < 14 || n > 19 { // 5 s, doubled up to 5 minutes
			t.Errorf("%d looks in an hour", n)
		}
		id := a.deploy(3, 5*time.Minute)
		a.sim.UpdateStack(uidOf(3), func(s *cloud66sim.Stack) { s.Busy = false })
		time.Sleep(30 * time.Second)
		a.reader.mu.Lock()
		defer a.reader.mu.Unlock()
		if a.reader.started[id].IsZero() {
			t.Error("a deployment after it is not seen soon")
		}
	})
}

func TestAListThatLagsIsNotBelieved(t *testing.T) {
	for name, lag := range map[string]func(s *cloud66.Stack){
		"idle while a deployment runs": func(s *cloud66.Stack) { s.Status, s.IsBusy = cloud66.StatusDeployed, false },
		"without its last activity":    func(s *cloud66.Stack) { s.LastActivity, s.UpdatedAt = time.Time{}, time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			watchingAll(t, 10, func(a *account) {
				a.bendBy(func(p *cloud66.StackPage) {
					for i := range p.Stacks {
						lag(&p.Stacks[i])
					}
				})
				id := a.deploy(3, 7*time.Minute)
				time.Sleep(15 * time.Minute)
				a.reader.mu.Lock()
				defer a.reader.mu.Unlock()
				if a.reader.started[id].IsZero() || a.reader.ended[id].IsZero() {
					t.Error("a deployment is not seen")
				}
			})
		})
	}
}

// A deployment that Cloud 66 never ends is no reason to look at its stack again and again.
func TestADeploymentThatNeverEndsIsLookedAtSeldom(t *testing.T) {
	watchingAll(t, 10, func(a *account) {
		a.stop()
		a.change = func(cfg *Config) { cfg.Min = time.Minute }
		a.run()
		a.bendBy(func(p *cloud66.StackPage) {
			for i := range p.Stacks {
				p.Stacks[i].Status, p.Stacks[i].IsBusy = cloud66.StatusDeployed, false
			}
		})
		a.deploy(3, 1000*time.Hour)
		time.Sleep(3 * time.Hour)
		before := time.Now()
		time.Sleep(10 * time.Hour)
		if n := len(a.looksAt(3, before)); n < 9 || n > 11 {
			t.Errorf("%d looks in ten hours", n)
		}
	})
}

func TestAStackThatIsAlwaysActiveIsLookedAtSeldom(t *testing.T) {
	watchingAll(t, 10, func(a *account) {
		a.stop()
		a.change = func(cfg *Config) { cfg.Min = time.Minute }
		a.run()
		a.bendBy(func(p *cloud66.StackPage) {
			for i := range p.Stacks {
				p.Stacks[i].Status = cloud66.StatusPendingAnalysis
			}
		})
		time.Sleep(5 * time.Hour)
		before := time.Now()
		time.Sleep(10 * time.Hour)
		if n := len(a.looksAt(3, before)); n < 9 || n > 11 {
			t.Errorf("%d looks in ten hours", n)
		}
	})
}

func TestTheSlowRoundFindsWhatTheListNeverShows(t *testing.T) {
	watchingAll(t, 10, func(a *account) {
		frozen := map[string]cloud66.Stack{}
		a.bendBy(func(p *cloud66.StackPage) {
			for i, s := range p.Stacks {
				if _, ok := frozen[s.UID]; !ok {
					frozen[s.UID] = s
				}
				p.Stacks[i] = frozen[s.UID]
			}
		})
		time.Sleep(30 * time.Minute)
		began := time.Now()
		id := a.deploy(3, 7*time.Minute)
		time.Sleep(2 * time.Hour)
		a.reader.mu.Lock()
		ended := a.reader.ended[id]
		a.reader.mu.Unlock()
		if ended.IsZero() || ended.Sub(began) > time.Hour+10*time.Minute {
			t.Errorf("the end is seen after %s", ended.Sub(began))
		}
		if n := len(a.looksAt(5, began)); n < 1 || n > 3 {
			t.Errorf("%d looks in two hours at a stack on which nothing happens", n)
		}
	})
}

func TestAPositionThatIsNotKeptIsTriedAgainLessAndLessOften(t *testing.T) {
	watchingAll(t, 10, func(a *account) {
		a.reader.mu.Lock()
		a.reader.deaf = true
		a.reader.mu.Unlock()
		began := time.Now()
		id := a.deploy(3, 5*time.Minute)
		time.Sleep(time.Hour)
		if n := len(a.looksAt(3, began)); n < 12 || n > 28 {
			t.Errorf("%d looks in an hour in which nothing can be kept", n)
		}
		a.reader.mu.Lock()
		a.reader.deaf = false
		a.reader.mu.Unlock()
		time.Sleep(6 * time.Minute)
		a.reader.mu.Lock()
		defer a.reader.mu.Unlock()
		if a.reader.ended[id].IsZero() {
			t.Error("the deployment is not told once it can be")
		}
	})
}

func TestAPanicEndsThatLookAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, 10, 3000)
		var broken string
		a.change = func(cfg *Config) {
			seen := cfg.Seen
			cfg.Seen = func(ctx context.Context, l Look) (Aim, error) {
				if l.Stack == broken {
					panic("seen")
				}
				return seen(ctx, l)
			}
			cfg.Swept = func(context.Context, Round) error { panic("swept") }
		}
		began := time.Now()
		a.reader.wants = func(s cloud66.Stack) bool {
			if s.UID == uidOf(9) && time.Since(began) > 30*time.Second {
				panic("wants")
			}
			return true
		}
		broken = uidOf(3)
		a.run()
		defer func() { a.stop() }()
		time.Sleep(time.Minute)
		a.deploy(3, 5*time.Minute)
		id := a.deploy(4, 5*time.Minute)
		time.Sleep(10 * time.Minute)
		a.reader.mu.Lock()
		if a.reader.ended[id].IsZero() {
			t.Error("another stack is not seen any more")
		}
		a.reader.mu.Unlock()
		if n := a.w.State().Watched; n != 10 {
			t.Errorf("%d stacks are watched: one is taken for gone", n)
		}
	})
}
