package watch

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
)

func TestWhatHappenedWhileTheBotWasDownIsCaughtUpWith(t *testing.T) {
	watchingAll(t, 100, func(a *account) {
		a.stop()
		ids := map[int]int64{}
		for i := 5; i < 100; i += 10 {
			ids[i] = a.deploy(i, 5*time.Minute)
		}
		time.Sleep(time.Hour)
		rounds, before := len(a.reader.allRounds()), time.Now()
		a.run()
		time.Sleep(20 * time.Second)
		first := a.reader.allRounds()[rounds]
		if !first.Full {
			t.Errorf("the first round: %+v", first)
		}
		for i, id := range ids {
			looks := a.looksAt(i, before)
			if len(looks) != 1 || looks[0].At.After(time.Now()) {
				t.Fatalf("%d looks at stack %d", len(looks), i)
			}
			if d, _ := looks[0].Find(id); !d.Ended() {
				t.Errorf("seen: %+v", d)
			}
		}
		if _, looks := a.requests(before); looks > len(ids)+1 {
			t.Errorf("%d looks, though only %d stacks have moved", looks, len(ids))
		}
	})
}

func TestAnEarlierProcesssOpenDeploymentsAreLookedAtThoughNothingMoved(t *testing.T) {
	watchingAll(t, 10, func(a *account) {
		a.bendBy(func(p *cloud66.StackPage) {
			for i := range p.Stacks {
				p.Stacks[i] = cloud66.Stack{UID: p.Stacks[i].UID, Name: "web", Status: cloud66.StatusDeployed}
			}
		})
		time.Sleep(time.Hour)
		id := a.deploy(3, 5*time.Minute)
		a.w.Now(uidOf(3))
		time.Sleep(10 * time.Second)
		a.stop()
		time.Sleep(time.Hour)
		a.run()
		time.Sleep(10 * time.Second)
		a.reader.mu.Lock()
		defer a.reader.mu.Unlock()
		if a.reader.ended[id].IsZero() {
			t.Error("the end is not seen")
		}
	})
}

func TestMoreThanAPageOfNewsIsReadToWhatWasSeen(t *testing.T) {
	for name, tt := range map[string]struct {
		news, seen int
		gap        bool
	}{
		"one":                 {1, 30, false},
		"a page":              {30, 60, false},
		"some pages":          {100, 120, false},
		"more than is worth":  {400, 300, true},
		"as much as is worth": {299, 300, false},
	} {
		t.Run(name, func(t *testing.T) {
			watchingAll(t, 1, func(a *account) {
				for range 60 {
					a.deploy(0, time.Second)
				}
				time.Sleep(10 * time.Minute)
				a.stop()
				for range tt.news {
					a.deploy(0, time.Second)
				}
				time.Sleep(time.Hour)
				before := time.Now()
				a.run()
				time.Sleep(20 * time.Second)
				looks := a.looksAt(0, before)
				if len(looks) != 1 || looks[0].Gap != tt.gap || len(looks[0].Newest) != tt.seen {
					t.Fatalf("%d looks, the first with %d deployments, gap: %v", len(looks), len(looks[0].Newest), looks[0].Gap)
				}
				if !slices.IsSortedFunc(looks[0].Newest, func(x, y cloud66.Deployment) int { return int(y.ID - x.ID) }) {
					t.Error("they are not newest first")
				}
			})
		})
	}
}

// A new process may be asked for a look before it knows the position: the first page alone would hide what lies between.
func TestALookThatEndsBeforeThePositionIsCompletedBeforeItIsTold(t *testing.T) {
	watchingAll(t, 1, func(a *account) {
		a.deploy(0, time.Second)
		time.Sleep(10 * time.Minute)
		a.stop()
		for range 70 {
			a.deploy(0, time.Second)
		}
		time.Sleep(time.Hour)
		defer a.sim.AddFault(cloud66sim.Fault{Match: func(r *http.Request) bool { return r.URL.Path == "/api/3/stacks" }, Status: 500})()
		before := time.Now()
		a.run()
		a.w.Now(uidOf(0))
		time.Sleep(20 * time.Second)
		if looks := a.looksAt(0, before); len(looks) != 1 || looks[0].Gap || len(looks[0].Newest) < 71 {
			t.Fatalf("%d looks, the first with %d deployments", len(looks), len(looks[0].Newest))
		}
	})
}

func TestWhereTheListWasNeverReadItIsReadToTheFirstSight(t *testing.T) {
	for name, tt := range map[string]struct {
		history, news, seen int
		gap                 bool
	}{
		"a few":              {5000, 3, 30, false},
		"more than a page":   {5000, 40, 60, false},
		"more than is worth": {5000, 400, 300, true},
		"all that there is":  {0, 40, 40, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAccount(t, 0, 3000)
				a.sim.AddStack(cloud66sim.Stack{UID: uidOf(0), Name: "web", History: tt.history})
				a.run()
				defer func() { a.stop() }()
				time.Sleep(5 * time.Second)
				a.stop()
				for range tt.news {
					a.deploy(0, time.Second)
				}
				time.Sleep(time.Hour)
				before := time.Now()
				a.run()
				time.Sleep(20 * time.Second)
				looks := a.looksAt(0, before)
				if len(looks) != 1 || looks[0].Gap != tt.gap || len(looks[0].Newest) != tt.seen {
					t.Fatalf("%d looks, the first with %d deployments, gap: %v", len(looks), len(looks[0].Newest), looks[0].Gap)
				}
			})
		})
	}
}

func TestARoundAfterAnOutageReadsAllThatHappenedInIt(t *testing.T) {
	for minutes := 10; minutes <= 16; minutes += 3 { // so that it ends at each of the pages
		t.Run(fmt.Sprintf("of %d minutes", minutes), func(t *testing.T) {
			watchingAll(t, 90, func(a *account) {
				lift := a.sim.AddFault(cloud66sim.Fault{Match: func(r *http.Request) bool { return r.URL.Path == "/api/3/stacks" }, Status: 403})
				before := time.Now()
				for _, i := range []int{4, 34, 64} {
					a.deploy(i, 5*time.Minute)
				}
				time.Sleep(time.Duration(minutes) * time.Minute)
				lift()
				lifted := time.Now()
				time.Sleep(longest + 20*time.Second)
				rounds := a.reader.allRounds()
				first := slices.IndexFunc(rounds, func(r Round) bool { return r.Ended.After(lifted) })
				if r := rounds[first]; !r.Full || r.Pages != 3 || r.Failed != 0 {
					t.Errorf("the first round after it: %d pages, %d failed, full: %v", r.Pages, r.Failed, r.Full)
				}
				for _, i := range []int{4, 34, 64} {
					if n := len(a.looksAt(i, before)); n != 1 {
						t.Errorf("%d looks at stack %d", n, i)
					}
				}
			})
		})
	}
}
