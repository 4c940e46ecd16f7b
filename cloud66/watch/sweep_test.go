package watch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
)

func TestIdleStacksCostNoLookOfTheirOwn(t *testing.T) {
	watchingAll(t, 65, func(a *account) {
		if told := a.reader.firsts; len(told) != 65 {
			t.Errorf("%d stacks were told of as the list shows them", len(told))
		}
		if _, looks := a.requests(time.Time{}); looks > 2 { // the slow reading of all
			t.Errorf("%d looks in two minutes", looks)
		}
		if state := a.w.State(); state.Watched != 65 || state.Interval > 10*time.Second || time.Since(state.LastSweep) > 10*time.Second ||
			len(state.Unreadable) > 0 {
			t.Errorf("state: %+v", state)
		}
	})
}

func TestADeploymentOfASweptStackCostsTwoLooks(t *testing.T) {
	for name, tt := range map[string]struct {
		takes time.Duration
		looks int
	}{
		"that takes its time":             {12 * time.Minute, 2},
		"that takes more than twice that": {25 * time.Minute, 3},
		"that takes hours":                {2 * time.Hour, 3},
	} {
		t.Run(name, func(t *testing.T) {
			watchingAll(t, 5, func(a *account) {
				time.Sleep(30 * time.Minute) // all were read once for the sake of the slow round
				began := time.Now()
				id := a.deploy(3, tt.takes)
				time.Sleep(tt.takes + 30*time.Second)
				looks := a.looksAt(3, began)
				slowly := int(tt.takes / time.Hour)
				if n := len(looks); n < tt.looks || n > tt.looks+slowly {
					t.Errorf("%d looks", n)
				}
				if d, _ := looks[len(looks)-1].Find(id); !d.Ended() || time.Since(began)-tt.takes > time.Minute {
					t.Errorf("the last look shows %+v", d)
				}
			})
		})
	}
}

func TestPagesWithoutAWantedStackAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, 120, 3000)
		wanted := []string{uidOf(35)}
		a.reader.wants = func(s cloud66.Stack) bool { return slices.Contains(wanted, s.UID) }
		a.run()
		defer func() { a.stop() }()
		time.Sleep(time.Minute)
		for page, n := range a.pagesSince(time.Time{}) {
			if (n > 1) != (page == "2") {
				t.Errorf("page %s was read %d times", page, n)
			}
		}
		rounds := a.reader.allRounds()
		if first := rounds[0]; !first.Full || len(first.Stacks) != 120 || first.Pages != 4 {
			t.Errorf("the first round: %d pages, %d stacks, full: %v", first.Pages, len(first.Stacks), first.Full)
		}
		if last := rounds[len(rounds)-1]; last.Full || len(last.Stacks) != 30 || last.Pages != 1 {
			t.Errorf("a later round: %d pages, %d stacks, full: %v", last.Pages, len(last.Stacks), last.Full)
		}
		a.reader.mu.Lock()
		wanted = append(wanted, uidOf(100))
		a.reader.mu.Unlock()
		a.w.Subscribed(true)
		time.Sleep(10 * time.Second)
		if n := a.w.State().Watched; n != 2 {
			t.Errorf("%d stacks are watched soon after the interests changed", n)
		}
		a.reader.mu.Lock()
		wanted = append(wanted, uidOf(130))
		a.reader.mu.Unlock()
		for i := 120; i < 140; i++ {
			a.add(i)
		}
		time.Sleep(10*time.Minute + 10*time.Second)
		if n := a.w.State().Watched; n != 3 {
			t.Errorf("%d stacks are watched ten minutes after a new one came", n)
		}
	})
}

// A new stack is known when its page is read, which a page with a subscribed stack is in each round. A page that has become too long moves
// it to a new one, which is read at once.
func TestANewStackIsKnownWithItsPage(t *testing.T) {
	for name, tt := range map[string]struct {
		stacks int
		wants  func(cloud66.Stack) bool
		within time.Duration
	}{
		"beside subscribed ones":      {20, func(cloud66.Stack) bool { return true }, 6 * time.Second},
		"on the second page":          {50, func(s cloud66.Stack) bool { return s.UID == uidOf(40) || s.UID == "new" }, 6 * time.Second},
		"on a new page":               {30, func(cloud66.Stack) bool { return true }, 11 * time.Second},
		"where nothing is subscribed": {20, func(s cloud66.Stack) bool { return s.UID == "new" }, longest + time.Second},
		"on a page without":           {50, func(s cloud66.Stack) bool { return s.UID == uidOf(3) || s.UID == "new" }, 11 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAccount(t, tt.stacks, 3000)
				a.reader.wants = tt.wants
				a.run()
				defer func() { a.stop() }()
				time.Sleep(15 * time.Minute)
				before := a.w.State().Watched
				a.sim.AddStack(cloud66sim.Stack{UID: "new", Name: "web"})
				time.Sleep(tt.within)
				if n := a.w.State().Watched; n != before+1 {
					t.Errorf("%d stacks are watched after %s, want one more than %d", n, tt.within, before)
				}
			})
		})
	}
}

func TestWhereNothingIsWantedNothingIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, 40, 3000)
		a.idle = true
		a.run()
		defer func() { a.stop() }()
		time.Sleep(time.Hour)
		if n := a.sim.Count(); n > 0 {
			t.Errorf("%d requests", n)
		}
		a.w.Subscribed(true)
		time.Sleep(5 * time.Second)
		if n := a.w.State().Watched; n != 40 {
			t.Errorf("%d stacks are watched after the first interest", n)
		}
		a.w.Subscribed(false)
		time.Sleep(20 * time.Second)
		before := a.sim.Count()
		time.Sleep(time.Hour)
		if n := a.sim.Count() - before; n > 0 || a.w.State().Watched > 0 {
			t.Errorf("%d requests, %d stacks watched after the last interest", n, a.w.State().Watched)
		}
	})
}

func TestAVanishedStackIsMissedOnceAfterTwoFullRounds(t *testing.T) {
	watchingAll(t, 90, func(a *account) {
		a.sim.RemoveStack(uidOf(10)) // which moves those on later pages too
		time.Sleep(2 * time.Minute)
		if gone := a.reader.allGone(); !slices.Equal(gone, []string{uidOf(10)}) {
			t.Errorf("gone: %v", gone)
		}
		if n := a.w.State().Watched; n != 89 {
			t.Errorf("%d stacks are watched", n)
		}
		a.add(10)
		a.deploy(10, 5*time.Minute)
		time.Sleep(11 * time.Minute)
		if n := a.w.State().Watched; n != 90 {
			t.Errorf("%d stacks are watched after it came back", n)
		}
	})
}

func TestAListThatIsShortForAWhileDelaysNothingAfterwards(t *testing.T) {
	for name, left := range map[string]int{"empty": 0, "a page of three": 30} {
		t.Run(name, func(t *testing.T) {
			watchingAll(t, 90, func(a *account) {
				a.bendBy(func(p *cloud66.StackPage) {
					p.Stacks = p.Stacks[:min(left, len(p.Stacks))]
					p.Next, p.Pages = 0, 1
				})
				time.Sleep(time.Minute)
				if n := a.w.State().Watched; n != left {
					t.Errorf("%d stacks are watched", n)
				}
				a.bendBy(func(*cloud66.StackPage) {})
				began := time.Now()
				id := a.deploy(70, 5*time.Minute)
				time.Sleep(2 * time.Minute)
				a.reader.mu.Lock()
				defer a.reader.mu.Unlock()
				if seen := a.reader.started[id]; seen.IsZero() || seen.Sub(began) > longest+30*time.Second {
					t.Errorf("a deployment that began at %s was seen at %s", began, seen)
				}
			})
		})
	}
}

func TestAStackThatIsNotWantedAnyMoreIsForgotten(t *testing.T) {
	watchingAll(t, 5, func(a *account) {
		a.reader.mu.Lock()
		a.reader.wants = func(s cloud66.Stack) bool { return s.Name != "renamed" }
		a.reader.mu.Unlock()
		a.sim.UpdateStack(uidOf(3), func(s *cloud66sim.Stack) { s.Name = "renamed" })
		time.Sleep(30 * time.Second)
		before := time.Now()
		a.deploy(3, 5*time.Minute)
		time.Sleep(time.Hour)
		if n := len(a.looksAt(3, before)); n > 0 || a.w.State().Watched != 4 {
			t.Errorf("%d looks, %d stacks watched", n, a.w.State().Watched)
		}
		rounds := a.reader.allRounds()
		last := rounds[len(rounds)-1]
		if last.Stacks[uidOf(3)].Name != "renamed" || len(a.reader.allGone()) > 0 {
			t.Error("the round does not show it under its new name")
		}
	})
}

func TestASweptStackThatIsFollowedTooIsLookedAtAsBefore(t *testing.T) {
	watchingAll(t, 10, func(a *account) {
		id := a.deploy(3, 10*time.Minute)
		a.w.Add(uidOf(3), id, false)
		began := time.Now()
		time.Sleep(10 * time.Minute)
		if n := len(a.looksAt(3, began)); n < 15 || n > 40 {
			t.Errorf("%d looks in ten minutes", n)
		}
		for _, l := range a.looksAt(3, began) {
			if l.Listed == nil || l.Mark == "" {
				t.Fatalf("a look without what the list shows: %+v", l)
			}
		}
		time.Sleep(time.Minute)
		a.w.Remove(uidOf(3), id, false)
		synctest.Wait()
		ended := time.Now()
		time.Sleep(30 * time.Minute)
		if n := len(a.looksAt(3, ended)); n > 1 {
			t.Errorf("%d looks after it", n)
		}
	})
}

func TestNowHasASweptStackLookedAt(t *testing.T) {
	watchingAll(t, 10, func(a *account) {
		before := time.Now()
		a.w.Now(uidOf(3))
		a.w.Now("another")
		time.Sleep(time.Second)
		if n := len(a.looksAt(3, before)); n != 1 {
			t.Errorf("%d looks", n)
		}
	})
}

func TestAStackThatMovesBetweenPagesIsNotMissed(t *testing.T) {
	watchingAll(t, 90, func(a *account) {
		for i := range 30 { // each removal moves one stack from each page to the one before it
			a.sim.RemoveStack(uidOf(i))
			time.Sleep(7 * time.Second)
		}
		time.Sleep(time.Minute)
		missing := a.reader.allGone()
		slices.Sort(missing)
		var want []string
		for i := range 30 {
			want = append(want, uidOf(i))
		}
		if !slices.Equal(missing, want) {
			t.Errorf("missing: %s", strings.Join(missing, " "))
		}
		if n := a.w.State().Watched; n != 60 {
			t.Errorf("%d stacks are watched", n)
		}
	})
}

func TestAListThatNeverStandsStillDoesNotUseUpTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, 60, 1500)
		r := rand.New(rand.NewPCG(1, 2))
		a.bendBy(func(p *cloud66.StackPage) { // each stack is missing from its page now and then
			p.Stacks = slices.DeleteFunc(p.Stacks, func(cloud66.Stack) bool { return r.IntN(20) == 0 })
		})
		a.run()
		defer func() { a.stop() }()
		time.Sleep(70 * time.Minute)
		if rest := a.Budget().BackgroundRest; rest < 10 {
			t.Errorf("%d requests are left", rest)
		}
		id := a.deploy(50, 10*time.Minute)
		time.Sleep(12 * time.Minute)
		a.reader.mu.Lock()
		defer a.reader.mu.Unlock()
		if a.reader.started[id].IsZero() || a.reader.ended[id].IsZero() {
			t.Error("a deployment is not seen")
		}
	})
}

func BenchmarkNextOfManyStacks(b *testing.B) {
	w := New(Config{Cloud: newFake(), Min: shortest, Max: longest})
	for i := range 3000 {
		w.Due(fmt.Sprint("stack", i), time.Now())
	}
	now := time.Now()
	for b.Loop() {
		_, _, _ = w.first(now)
	}
}

// What runs may stand behind a page of what waits for it.
func TestAnOpenDeploymentThatIsNotAmongTheNewestIsSeenToItsEnd(t *testing.T) {
	watchingAll(t, 10, func(a *account) {
		id := a.deploy(3, 10*time.Minute)
		time.Sleep(time.Minute)
		for range 45 {
			a.deploy(3, 10*time.Minute)
		}
		time.Sleep(10 * time.Minute)
		a.reader.mu.Lock()
		defer a.reader.mu.Unlock()
		if a.reader.started[id].IsZero() || a.reader.ended[id].IsZero() {
			t.Error("its end is not seen")
		}
		if n := len(a.reader.positions[uidOf(3)].Open); n != 45 {
			t.Errorf("%d deployments are open", n)
		}
	})
}

func TestASecondDeploymentWithinOneSecondIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, 5, 3000)
		time.Sleep(500 * time.Millisecond) // so that pages are read in the middle of a second
		a.run()
		defer func() { a.stop() }()
		time.Sleep(30 * time.Minute) // all were read once for the sake of the slow round
		for range 60 {
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second + 100*time.Millisecond)))
			first := a.deploy(3, 50*time.Millisecond)
			time.Sleep(700 * time.Millisecond) // perhaps a page is read now
			second := a.deploy(3, 50*time.Millisecond)
			time.Sleep(31 * time.Second)
			a.reader.mu.Lock()
			for _, id := range []int64{first, second} {
				if _, told := a.reader.ended[id]; !told {
					t.Errorf("the end of #%d is not told", id)
				}
			}
			a.reader.mu.Unlock()
		}
	})
}
