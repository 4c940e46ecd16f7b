package notify

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"c66bot/cloud66"
	"c66bot/storage"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func deployment(id int64, change ...func(*cloud66.Deployment)) cloud66.Deployment {
	d := cloud66.Deployment{ID: id, StartedAt: noon.Add(-10 * time.Minute), IsDeploying: true, TriggeredBy: "Dev@Example.com"}
	d.TriggeredVia.Kind, d.DeployType.Kind = cloud66.ViaHook, cloud66.TypeBuild
	for _, c := range change {
		c(&d)
	}
	return d
}

func endedWith(outcome cloud66.Outcome) func(*cloud66.Deployment) {
	return func(d *cloud66.Deployment) {
		d.IsDeploying, d.FinishedAt, d.Outcome.Kind = false, noon.Add(-time.Minute), outcome
	}
}

func TestAChannelHearsFromTheFirstEventOnThatItWants(t *testing.T) {
	running, failed, done := deployment(7), deployment(7, endedWith(cloud66.OutcomeFailed)), deployment(7, endedWith(cloud66.OutcomeSuccess))
	queued := deployment(7, func(d *cloud66.Deployment) { d.IsDeploying = false })
	neverStarted := deployment(7, endedWith(cloud66.OutcomeCancelled), func(d *cloud66.Deployment) { d.StartedAt = time.Time{} })
	wants := func(events ...string) storage.Subscription { return storage.Subscription{Events: events} }
	for _, c := range []struct {
		name          string
		subscriptions []storage.Subscription
		deployment    cloud66.Deployment
		usual         time.Duration
		want          bool
	}{
		{"a start, where all is wanted", []storage.Subscription{{}}, running, 0, true},
		{"what only waits behind another", []storage.Subscription{{}}, queued, 0, false},
		{"a start, where ends are wanted", []storage.Subscription{wants("succeeded", "failed", "cancelled", "reverted")}, running, 0, false},
		{"a failure that is wanted", []storage.Subscription{wants("failed")}, failed, 0, true},
		{"a success where failures are wanted", []storage.Subscription{wants("failed")}, done, 0, false},
		{"an end that a second subscription wants", []storage.Subscription{wants("failed"), wants("succeeded")}, done, 0, true},
		{"a start that was missed", []storage.Subscription{wants("started")}, done, 0, true},
		{"an end without a start, where starts are wanted", []storage.Subscription{wants("started")}, neverStarted, 0, false},
		{"an end without a start", []storage.Subscription{wants("cancelled")}, neverStarted, 0, true},
		{"one that takes long", []storage.Subscription{wants("slow")}, running, 4 * time.Minute, true},
		{"one that takes its time", []storage.Subscription{wants("slow")}, running, 6 * time.Minute, false},
		{"another's", []storage.Subscription{{By: "sam"}}, running, 0, false},
		{"one of a part of a name", []storage.Subscription{{By: " dev@EX"}}, running, 0, true},
		{"one by a name in another form", []storage.Subscription{{By: "d‑zoë"}},
			deployment(7, func(d *cloud66.Deployment) { d.TriggeredBy = "D-Zoe\u0308" }), 0, true},
		{"one that came another way", []storage.Subscription{{Via: []string{"web", "api"}}}, running, 0, false},
		{"one that came that way", []storage.Subscription{{Via: []string{"web", "HOOK"}}}, running, 0, true},
		{"one of another type", []storage.Subscription{{Types: []string{"scale"}}}, running, 0, false},
		{"one of that type", []storage.Subscription{{Types: []string{"scale", "build"}}}, running, 0, true},
		{"nothing, where nothing is subscribed to", nil, running, 0, false},
	} {
		why, hears := Hear(c.subscriptions, Sight{At: noon, Deployment: c.deployment, Found: true, Usual: c.usual})
		if hears != c.want || hears != (why != "") {
			t.Errorf("%s: %t because %q", c.name, hears, why)
		}
	}
}

func TestASubscriptionWouldHaveToldOfAllThatHasHappened(t *testing.T) {
	long, reverted := deployment(7, endedWith(cloud66.OutcomeSuccess)), deployment(7, endedWith(cloud66.OutcomeSuccess))
	long.FinishedAt, reverted.Reverted = long.StartedAt.Add(time.Hour), true
	for event, want := range map[string][]cloud66.Deployment{
		"started": {long, reverted, deployment(7)}, "succeeded": {long, reverted}, "failed": {}, "slow": {long}, storage.Reverted: {reverted},
	} {
		for _, d := range []cloud66.Deployment{long, reverted, deployment(7)} {
			s := Sight{At: noon, Deployment: d, Found: true, Usual: 10 * time.Minute}
			wanted := slices.ContainsFunc(
				want,
				func(w cloud66.Deployment) bool { return w.FinishedAt.Equal(d.FinishedAt) && w.Reverted == d.Reverted },
			)
			if Told(storage.Subscription{Events: []string{event}}, s) != wanted ||
				Told(storage.Subscription{Events: []string{event}, By: "nobody"}, s) {
				t.Errorf("%s of %+v: not %t", event, d, wanted)
			}
		}
	}
}

func TestAFailureMentionsAllWhoAreToKnow(t *testing.T) {
	for _, c := range []struct {
		name          string
		subscriptions []storage.Subscription
		hears         bool
		mentions      []string
	}{
		{"all events", []storage.Subscription{{Mention: "U1"}}, true, []string{"U1"}},
		{"starts alone", []storage.Subscription{{Events: []string{"started"}, Mention: "U1"}}, false, nil},
		{"one that does not fit", []storage.Subscription{{By: "sam", Mention: "U1"}, {}}, true, nil},
		{"each that a subscription names, once", []storage.Subscription{{}, {Mention: "S2"}, {Mention: "U1"}, {Mention: "S2"}}, true,
			[]string{"S2", "U1"}},
		{"several of one", []storage.Subscription{{Mention: "S2,author"}, {Mention: "U1,S2"}}, true, []string{"S2", "author", "U1"}},
	} {
		mentions, hears := HearOfFailure(c.subscriptions, deployment(7))
		if hears != c.hears || !slices.Equal(mentions, c.mentions) {
			t.Errorf("%s: %t, mentioning %q", c.name, hears, mentions)
		}
	}
}

func TestNewsIsWhatThePositionDoesNotKnowAndNeverHistory(t *testing.T) {
	ended := endedWith(cloud66.OutcomeSuccess)
	never := func(d *cloud66.Deployment) { d.StartedAt = time.Time{} }
	list := []cloud66.Deployment{deployment(9), deployment(8, ended), deployment(7, ended), deployment(6, ended), deployment(5, ended, never)}
	for _, c := range []struct {
		name string
		at   *storage.Position
		want []int64
	}{
		{"at the first sight what has not ended", nil, []int64{9}},
		{"behind a sight of the list alone what started later", &storage.Position{Since: noon.Add(-11 * time.Minute)}, []int64{5, 6, 7, 8, 9}},
		{"and what has not ended", &storage.Position{Since: noon}, []int64{9}},
		{"and what ended later and never started", &storage.Position{Since: noon.Add(-2 * time.Minute)}, []int64{5, 9}},
		{"what is newer", &storage.Position{Newest: 8}, []int64{9}},
		{"what had not ended", &storage.Position{Newest: 9, Open: []int64{6, 9}}, []int64{6, 9}},
		{"nothing", &storage.Position{Newest: 9}, nil},
	} {
		var ids []int64
		for _, d := range News(c.at, list) {
			ids = append(ids, d.ID)
		}
		if diff := cmp.Diff(c.want, ids); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestARollBackIsNewsOnceAndNotAtTheFirstSight(t *testing.T) {
	list := []cloud66.Deployment{
		deployment(9, endedWith(cloud66.OutcomeSuccess), func(d *cloud66.Deployment) { d.Reverted, d.RevertedAt = true, noon }),
	}
	known := Moved(storage.Position{Newest: 9}, list, nil, noon, true)
	for name, c := range map[string]struct {
		at   *storage.Position
		want int
	}{
		"the first sight": {nil, 0},
		"a stack whose list was never read, before that":     {&storage.Position{Since: noon}, 0},
		"a stack whose list was never read, after its sight": {&storage.Position{Since: noon.Add(-time.Minute)}, 1},
		"a stack that is known":                              {&storage.Position{Newest: 9}, 1},
		"one that is known for it":                           {&known, 0},
	} {
		if got := NewlyReverted(c.at, list); len(got) != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhatLooksBringIsNewsUntilItsEndAndThenNeverAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []cloud66.Deployment
		at := &storage.Position{Newest: 1}
		ends := map[int64]int{}
		for look := range rapid.IntRange(1, 30).Draw(t, "looks") {
			if rapid.Bool().Draw(t, "one begins") {
				list = append([]cloud66.Deployment{deployment(int64(len(list) + 2))}, list...)
			}
			for i := range list {
				if !list[i].Ended() && rapid.Bool().Draw(t, "it ends") {
					endedWith(cloud66.OutcomeFailed)(&list[i])
				}
			}
			for _, d := range News(at, list) {
				if d.Ended() {
					ends[d.ID]++
				}
			}
			moved := Moved(*at, list, nil, noon.Add(time.Duration(look)*time.Minute), true)
			for id := range moved.Began {
				if moved.Began[id].IsZero() {
					t.Fatalf("#%d began at no time", id)
				}
			}
			at = &moved
		}
		for _, d := range list {
			if want := map[bool]int{true: 1}[d.Ended()]; ends[d.ID] != want {
				t.Fatalf("the end of #%d was news %d times", d.ID, ends[d.ID])
			}
		}
	})
}

func TestWhatHadNotEndedAndCouldNotBeReadIsStillNewsLater(t *testing.T) {
	at := Moved(storage.Position{Newest: 1}, []cloud66.Deployment{deployment(3), deployment(2)}, nil, noon, true)
	unread := Moved(at, []cloud66.Deployment{deployment(3)}, map[int64]error{2: cloud66.ErrUnreachable}, noon.Add(time.Minute), true)
	if diff := cmp.Diff([]int64{2, 3}, unread.Open); diff != "" || !unread.Began[2].Equal(noon) {
		t.Errorf("open is, with #2 that began at %s (-want +got):\n%s", unread.Began[2], diff)
	}
	if news := News(&unread, []cloud66.Deployment{deployment(2, endedWith(cloud66.OutcomeFailed))}); len(news) != 1 {
		t.Errorf("its end is news %d times", len(news))
	}
	if gone := Moved(unread, []cloud66.Deployment{deployment(3)}, nil, noon.Add(2*time.Minute), true); len(gone.Open) != 1 {
		t.Errorf("one that is not there any more is open: %v", gone.Open)
	}
}
