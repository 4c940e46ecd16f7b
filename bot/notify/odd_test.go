package notify

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/cloud66"
	"c66bot/storage"
)

func TestACardNeverGoesBack(t *testing.T) {
	f := follow()
	var states []storage.State
	for i, change := range []func(*cloud66.Deployment){running, queued, running, queued} {
		f, _ = Advance(f, sight(time.Duration(i+1)*10*time.Second, change))
		states = append(states, f.State)
	}
	if want := []storage.State{storage.Started, storage.Started, storage.Started, storage.Started}; !slices.Equal(states, want) {
		t.Errorf("the card shows %v", states)
	}
	if !slices.Equal(f.Told, []storage.State{storage.Started}) {
		t.Errorf("told %v", f.Told)
	}
	f, _ = Advance(f, sight(time.Hour, running))
	f, _ = Advance(f, sight(time.Hour+time.Minute, func(d *cloud66.Deployment) { d.StartedAt = after(time.Hour) }))
	if f.State != storage.Slow {
		t.Errorf("after it was slow the card shows %s", f.State)
	}
}

func TestAWaitThatIsOvertakenIsToldOnce(t *testing.T) {
	f := follow()
	var told []storage.State
	for i := range 4 {
		s := sight(time.Duration(i+1)*time.Minute, queued)
		if i > 0 {
			s.Overtaken = 1043
		}
		var notices []Notice
		f, notices = Advance(f, s)
		for _, n := range notices {
			told = append(told, n.State)
		}
	}
	f, _ = Advance(f, sight(10*time.Minute, succeeded))
	if diff := cmp.Diff([]storage.State{storage.Queued, storage.Waits}, told); diff != "" || f.State != storage.Succeeded {
		t.Errorf("told %v, then %s", told, f.State)
	}
}

func TestADeploymentThatWasHiddenWhileANewerOneRanIsNews(t *testing.T) {
	at := func(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }
	ran := func(id int64, from, to int) cloud66.Deployment {
		d := cloud66.Deployment{ID: id, StartedAt: at(from), IsDeploying: to == 0}
		if to != 0 {
			d.FinishedAt, d.Outcome.Kind = at(to), cloud66.OutcomeFailed
		}
		return d
	}
	p := Moved(storage.Position{}, []cloud66.Deployment{ran(1025, -60, -50), ran(1020, -90, -80)}, nil, at(0), true)
	p = Moved(p, []cloud66.Deployment{ran(1027, 1, 5), ran(1025, -60, -50), ran(1020, -90, -80)}, nil, at(6), true)
	for name, tt := range map[string]struct {
		appears cloud66.Deployment
		news    bool
	}{
		"it runs now":                         {ran(1026, 6, 0), true},
		"it ended meanwhile":                  {ran(1026, 6, 9), true},
		"it is one of a list that was cut":    {ran(1023, -80, -70), false},
		"it is older than all that were seen": {ran(1010, -100, 0), false},
		"it is known":                         {ran(1027, 1, 5), false},
	} {
		news := News(&p, []cloud66.Deployment{ran(1027, 1, 5), tt.appears})
		if got := slices.ContainsFunc(news, func(d cloud66.Deployment) bool { return d.ID == tt.appears.ID }); got != tt.news {
			t.Errorf("%s: news %v", name, news)
		}
	}
	after := Moved(p, []cloud66.Deployment{ran(1027, 1, 5), ran(1026, 6, 9)}, nil, at(10), true)
	if news := News(&after, []cloud66.Deployment{ran(1027, 1, 5), ran(1026, 6, 9)}); len(news) != 0 {
		t.Errorf("told again: %v", news)
	}
}
