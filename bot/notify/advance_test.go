package notify

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/cloud66"
	"c66bot/storage"
)

// began is when the deployment of the tests was asked for and began.
var began = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

const usual = 5 * time.Minute

func after(d time.Duration) time.Time { return began.Add(d) }

func follow(told ...storage.State) storage.Follow {
	f := storage.Follow{ID: "f1", Deployment: 1042, AskedAt: began, Phase: storage.PhaseFollowing, State: storage.Asked, Told: told}
	if len(told) > 0 {
		f.State = told[len(told)-1]
	}
	return f
}

// sight is a look at the deployment after some time.
func sight(at time.Duration, change func(*cloud66.Deployment)) Sight {
	d := cloud66.Deployment{
		ID:          1042,
		StartedAt:   began,
		IsDeploying: true,
		Outcome:     cloud66.Value[cloud66.Outcome]{Kind: cloud66.OutcomePending, Raw: "0"},
	}
	change(&d)
	return Sight{At: after(at), Deployment: d, Found: true, Usual: usual}
}

func queued(d *cloud66.Deployment)    { d.IsDeploying, d.StartedAt = false, time.Time{} }
func running(*cloud66.Deployment)     {}
func succeeded(d *cloud66.Deployment) { over(d, cloud66.OutcomeSuccess) }
func failed(d *cloud66.Deployment)    { over(d, cloud66.OutcomeFailed) }
func cancelled(d *cloud66.Deployment) { over(d, cloud66.OutcomeCancelled) }
func unknown(d *cloud66.Deployment)   { over(d, ""); d.Outcome.Raw = "7" }
func unstated(d *cloud66.Deployment)  { over(d, ""); d.Outcome.Raw = "" }

func over(d *cloud66.Deployment, outcome cloud66.Outcome) {
	d.IsDeploying, d.FinishedAt = false, after(4*time.Minute)
	d.Outcome = cloud66.Value[cloud66.Outcome]{Kind: outcome, Raw: string(outcome)}
}

// asked is a sight of a deployment whose end was asked for a minute before.
func asked(s Sight) Sight {
	s.Cancelled = &storage.Cancel{User: "U1", At: s.At.Add(-time.Minute)}
	return s
}

func askedAt(s Sight, at time.Duration) Sight {
	s.Cancelled = &storage.Cancel{User: "U1", At: after(at)}
	return s
}

// behind tells the times of a sight by a clock that is behind.
func behind(s Sight) Sight {
	s.Began, s.Deployment.StartedAt = s.Deployment.StartedAt, s.Deployment.StartedAt.Add(-7*time.Minute)
	s.Deployment.FinishedAt = s.Deployment.FinishedAt.Add(-7 * time.Minute)
	return s
}

// silent is a look that failed, as those before it since a time.
func silent(at, since time.Duration) Sight {
	return Sight{At: after(at), Silent: after(since), Err: &cloud66.Error{Kind: cloud66.ErrUnreachable}}
}

func missing(at time.Duration) Sight { return Sight{At: after(at), Usual: usual} }

// told runs a follow through sights and gives what is told, a word a state.
func told(f storage.Follow, sights ...Sight) (storage.Follow, string) {
	var states []string
	for _, s := range sights {
		var notices []Notice
		f, notices = Advance(f, s)
		for _, n := range notices {
			states = append(states, string(n.State))
		}
	}
	return f, strings.Join(states, " ")
}

func TestEachStateIsToldOnceAndInOrder(t *testing.T) {
	for _, c := range []struct {
		name   string
		sights []Sight
		want   string
	}{
		{"a queue, a start and an end",
			[]Sight{sight(0, queued), sight(1, queued), sight(2, running), sight(3, running), sight(time.Minute, succeeded)},
			"queued started succeeded"},
		{"a start and an end between two looks", []Sight{sight(5*time.Minute, succeeded)}, "started succeeded"},
		{"a queue, then a start and an end between two looks", []Sight{sight(0, queued), sight(5*time.Minute, failed)}, "queued started failed"},
		{"an end without a start",
			[]Sight{sight(0, queued), sight(5*time.Minute, func(d *cloud66.Deployment) { failed(d); d.StartedAt = time.Time{} })}, "queued failed"},
		{"a start that was seen, then a queue", []Sight{sight(0, running), sight(1, queued), sight(2, running)}, "started"},
		{"a failure", []Sight{sight(0, running), sight(5*time.Minute, failed)}, "started failed"},
		{"a cancel that the API names", []Sight{sight(0, running), sight(5*time.Minute, cancelled)}, "started cancelled"},
		{"a failure whose end was asked for here", []Sight{sight(0, running), asked(sight(5*time.Minute, failed))}, "started cancelled"},
		{"a success although its end was asked for", []Sight{asked(sight(0, running)), asked(sight(5*time.Minute, succeeded))},
			"started succeeded"},
		{"an outcome that is not known", []Sight{sight(0, running), sight(5*time.Minute, unknown)}, "started over"},
		{"no outcome at all", []Sight{sight(0, running), sight(5*time.Minute, unstated)}, "started over"},
		{"an outcome that is not known, whose end was asked for", []Sight{sight(0, running), asked(sight(5*time.Minute, unknown))},
			"started over"},
		{"a failure before its end was asked for", []Sight{sight(0, running), askedAt(sight(5*time.Minute, failed), 4*time.Minute+time.Second)},
			"started failed"},
		{"a failure in the second of the cancel",
			[]Sight{sight(0, running), askedAt(sight(5*time.Minute, failed), 4*time.Minute+time.Second-1)}, "started cancelled"},
		{"a failure after the cancel by a clock that is behind",
			[]Sight{sight(0, running), behind(askedAt(sight(5*time.Minute, failed), 3*time.Minute))}, "started cancelled"},
		{"a failure before the cancel by a clock that is behind",
			[]Sight{sight(0, running), behind(askedAt(sight(5*time.Minute, failed), 4*time.Minute+time.Second))}, "started failed"},

		{"nothing after an end",
			[]Sight{sight(5*time.Minute, succeeded), sight(6*time.Minute, running), sight(7*time.Minute, failed), silent(time.Hour, 0), missing(1),
				missing(1), missing(1)}, "started succeeded"},
	} {
		if _, got := told(follow(), c.sights...); got != c.want {
			t.Errorf("%s: told %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhatTheThreadHasHeardIsNotToldAgainAfterARestart(t *testing.T) {
	for _, c := range []struct {
		told []storage.State
		s    Sight
		want string
	}{
		{[]storage.State{storage.Queued}, sight(0, queued), ""},
		{[]storage.State{storage.Queued, storage.Started}, sight(5*time.Minute, succeeded), "succeeded"},
		{[]storage.State{storage.Started, storage.Slow}, sight(11*time.Minute, running), ""},
	} {
		if _, got := told(follow(c.told...), c.s); got != c.want {
			t.Errorf("told %v before: told %q, want %q", c.told, got, c.want)
		}
	}
}

func TestAnEndClosesTheFollowAndABeginningDoesNot(t *testing.T) {
	for name, c := range map[string]struct {
		s    Sight
		ends bool
	}{
		"queued": {sight(0, queued), false}, "running": {sight(0, running), false}, "slow": {sight(time.Hour, running), false},
		"silent":    {silent(time.Hour, 0), false},
		"succeeded": {sight(time.Hour, succeeded), true}, "failed": {sight(time.Hour, failed), true},
		"cancelled": {sight(time.Hour, cancelled), true}, "unknown": {sight(time.Hour, unknown), true},
	} {
		f, _ := Advance(follow(), c.s)
		if closed := f.Phase == storage.PhaseEnded && f.EndedAt.Equal(c.s.At); closed != c.ends || f.State.End() != c.ends {
			t.Errorf("%s: phase %s, state %s, ended at %v", name, f.Phase, f.State, f.EndedAt)
		}
	}
}

func TestTheTimesToldAreThoseOfCloud66(t *testing.T) {
	_, notices := Advance(follow(), sight(time.Hour, succeeded))
	var got []string
	for _, n := range notices {
		got = append(got, fmt.Sprintf("%s after %s", n.State, n.At.Sub(began)))
		if n.Why == "" {
			t.Errorf("no reason is given for telling %s", n.State)
		}
	}
	if diff := cmp.Diff([]string{"started after 0s", "succeeded after 4m0s"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSlowIsToldAfterTwiceTheUsualTime(t *testing.T) {
	unusual := func(at time.Duration) Sight { s := sight(at, running); s.Usual = 0; return s }
	remembered := follow()
	remembered.Usual = int64(usual.Seconds())
	for _, c := range []struct {
		name string
		f    storage.Follow
		s    Sight
		want string
	}{
		{"not at twice the usual time", follow(), sight(2*usual, running), "started"},
		{"after it", follow(), sight(2*usual+time.Second, running), "started slow"},
		{"not while it waits for another", follow(), sight(time.Hour, queued), "queued"},
		{"not once it has ended", follow(), sight(time.Hour, succeeded), "started succeeded"},
		{"without a usual time not within half an hour", follow(), unusual(30 * time.Minute), "started"},
		{"without a usual time after half an hour", follow(), unusual(30*time.Minute + time.Second), "started slow"},
		{"by the usual time that was known before", remembered, unusual(2*usual + time.Second), "started slow"},
	} {
		if _, got := told(c.f, c.s); got != c.want {
			t.Errorf("%s: told %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLostIsToldAfterTenMinutesAndAgainAfterALaterSilence(t *testing.T) {
	for _, c := range []struct {
		name   string
		sights []Sight
		want   string
	}{
		{"not before ten minutes", []Sight{sight(0, running), silent(1, 1), silent(10*time.Minute, 1)}, "started"},
		{"at ten minutes", []Sight{sight(0, running), silent(10*time.Minute, 0)}, "started lost"},
		{"once for one silence", []Sight{sight(0, running), silent(10*time.Minute, 0), silent(11*time.Minute, 0), silent(time.Hour, 0)},
			"started lost"},
		{"again for a later one",
			[]Sight{sight(0, running), silent(10*time.Minute, 0), sight(11*time.Minute, queued), silent(20*time.Minute, 12*time.Minute),
				silent(22*time.Minute, 12*time.Minute)}, "started lost " + "lost"},
		{"counted from the first look that failed, not from the last that did not",
			[]Sight{sight(0, running), silent(50*time.Minute, 50*time.Minute)}, "started"},
		{"also where it was never seen", []Sight{silent(10*time.Minute, 0)}, "lost"},
		{"an end that came meanwhile is told", []Sight{sight(0, running), silent(10*time.Minute, 0), sight(time.Hour, succeeded)},
			"started lost succeeded"},
	} {
		if _, got := told(follow(), c.sights...); got != c.want {
			t.Errorf("%s: told %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAFailureLongAfterACancelIsAFailure(t *testing.T) {
	for _, c := range []struct {
		name  string
		asked time.Duration // before it failed
		sent  bool
		want  storage.State
	}{
		{"soon after it was asked for", 2 * time.Minute, false, storage.Cancelled},
		{"hours after a cancel of which nothing is known", 2 * time.Hour, false, storage.Failed},
		{"a while after one that Cloud 66 took", 20 * time.Minute, true, storage.Cancelled},
		{"hours after one that Cloud 66 took", 2 * time.Hour, true, storage.Failed},
	} {
		s := sight(3*time.Hour, failed)
		s.Cancelled = &storage.Cancel{User: "U1", At: s.Deployment.FinishedAt.Add(-c.asked), Sent: c.sent}
		if f, _ := Advance(follow(), s); f.State != c.want {
			t.Errorf("%s: %s, want %s", c.name, f.State, c.want)
		}
	}
	ahead := sight(time.Minute, failed)
	ahead.Deployment.FinishedAt = ahead.At.Add(time.Hour)
	ahead.Cancelled = &storage.Cancel{User: "U1", At: ahead.At.Add(-time.Minute), Sent: true}
	if f, _ := Advance(follow(), ahead); f.State != storage.Cancelled {
		t.Errorf("by a clock that is an hour ahead: %s", f.State)
	}
}

func TestVanishedIsToldAfterThreeMissesInARowOverFiveMinutes(t *testing.T) {
	gone := func(at time.Duration) Sight {
		return Sight{At: after(at), Err: &cloud66.Error{Kind: cloud66.ErrNotFound}}
	}
	const m = time.Minute
	for _, c := range []struct {
		name   string
		sights []Sight
		want   string
	}{
		{"not after two", []Sight{missing(1 * m), missing(9 * m)}, ""},
		{"after three", []Sight{missing(1 * m), missing(2 * m), missing(6 * m)}, "vanished"},
		{"not before five minutes", []Sight{missing(1 * m), missing(2 * m), missing(3 * m), missing(4 * m), missing(5 * m)}, ""},
		{"where the whole stack is gone", []Sight{gone(1 * m), gone(2 * m), gone(6 * m)}, "vanished"},
		{"not where the stack comes back", []Sight{gone(1 * m), gone(2 * m), gone(3 * m), gone(4 * m), sight(5*m, queued)}, "queued"},
		{"not where it was seen " +
			"between", []Sight{missing(1 * m), missing(2 * m), sight(3*m, queued), missing(4 * m), missing(5 * m), missing(8 * m)}, "queued"},
		{"not by a silence", []Sight{missing(1 * m), missing(2 * m), silent(7*m, 3*m), silent(8*m, 3*m)}, ""},
		{"once", []Sight{missing(1 * m), missing(2 * m), missing(6 * m), missing(7 * m), missing(8 * m), missing(12 * m)}, "vanished"},
	} {
		if _, got := told(follow(), c.sights...); got != c.want {
			t.Errorf("%s: told %q, want %q", c.name, got, c.want)
		}
	}
	f, _ := told(follow(), missing(1*m), missing(9*m))
	if f.Phase == storage.PhaseEnded {
		t.Error("two misses have ended the follow")
	}
}

func TestTheReasonForALostSightNamesTheError(t *testing.T) {
	_, notices := Advance(follow(), Sight{At: after(time.Hour), Silent: after(0), Err: errors.New("no route to host")})
	if len(notices) != 1 || !strings.Contains(notices[0].Why, "no route to host") {
		t.Errorf("told %v", notices)
	}
}
