package progress

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/storage"
)

// at is a time of Cloud 66's clock, some seconds after the wishes were sent by this bot's.
func at(seconds int) time.Time {
	return time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second)
}

// shown is a deployment that runs from start on, or that waits if start is negative.
func shown(id int64, start int, change ...func(*cloud66.Deployment)) cloud66.Deployment {
	d := cloud66.Deployment{
		ID:           id,
		TriggeredVia: cloud66.Value[cloud66.Via]{Kind: cloud66.ViaAPI, Raw: "1", Meaning: "api"},
		IsDeploying:  start >= 0,
	}
	if start >= 0 {
		d.StartedAt = at(start)
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

func over(end int, kind cloud66.Outcome) func(*cloud66.Deployment) {
	return func(d *cloud66.Deployment) {
		d.IsDeploying, d.FinishedAt, d.Outcome = false, at(end), cloud66.Value[cloud66.Outcome]{Kind: kind, Raw: string(kind)}
	}
}

func via(raw, meaning string, kind cloud66.Via) func(*cloud66.Deployment) {
	return func(d *cloud66.Deployment) {
		d.TriggeredVia = cloud66.Value[cloud66.Via]{Kind: kind, Raw: raw, Meaning: meaning}
	}
}

func ref(ref string) func(*cloud66.Deployment) { return func(d *cloud66.Deployment) { d.GitRef = ref } }

// wished is a wish after deployment 1025 whose action started at a time, and ended if end is positive.
func wished(follow string, action int64, start, end int, success ...bool) sought {
	s := sought{follow: follow, wish: storage.Wish{NewestBefore: 1025, SentAt: at(0).Add(time.Duration(action) * time.Second), Ref: "main"}}
	if action == 0 {
		return s
	}
	s.action = &cloud66.Action{ID: action, StartedAt: at(start)}
	if end > 0 {
		s.action.FinishedAt = at(end)
	}
	if len(success) > 0 {
		s.action.FinishedSuccess = &success[0]
	}
	return s
}

// unstarted is a wish whose action has not begun, as far as Cloud 66 tells.
func unstarted(s sought) sought {
	s.action.StartedAt = time.Time{}
	return s
}

func TestWishesAreMatchedByWhatCloud66SaysOfThem(t *testing.T) {
	type is = map[string]int64
	const failed, success = cloud66.OutcomeFailed, cloud66.OutcomeSuccess
	for name, tt := range map[string]struct {
		open             []sought
		newest           []cloud66.Deployment
		taken            map[int64]bool
		certain, guesses is
	}{
		"the next number": {
			open:    []sought{wished("a", 7, 0, 0)},
			newest:  []cloud66.Deployment{shown(1026, 20), shown(1025, -100, over(-50, success))},
			guesses: is{"a": 1026},
		},
		"the next number, started at the same moment": {
			open: []sought{wished("a", 7, 20, 0)}, newest: []cloud66.Deployment{shown(1026, 20)}, certain: is{"a": 1026},
		},
		"the next number, made at the same moment and waiting": {
			open:    []sought{wished("a", 7, 20, 0)},
			newest:  []cloud66.Deployment{shown(1026, -1, func(d *cloud66.Deployment) { d.StartedAt = at(20) })},
			certain: is{"a": 1026},
		},
		"the next number, without an action": {
			open: []sought{wished("a", 0, 0, 0)}, newest: []cloud66.Deployment{shown(1026, 20)}, guesses: is{"a": 1026},
		},
		"one that runs though the action has not begun": {
			open: []sought{unstarted(wished("a", 7, 0, 0))}, newest: []cloud66.Deployment{shown(1026, 20)},
		},
		"one that waits as the action does": {
			open: []sought{unstarted(wished("a", 7, 0, 0))}, newest: []cloud66.Deployment{shown(1026, -1)}, guesses: is{"a": 1026},
		},
		"two wishes without actions and two numbers of all stacks": {
			open:    []sought{wished("a", 0, 0, 0), wished("b", 0, 0, 0)},
			newest:  []cloud66.Deployment{shown(90244, 40), shown(90210, 3)},
			guesses: is{"a": 90210, "b": 90244},
		},
		"an older number is no candidate": {open: []sought{wished("a", 7, 0, 0)}, newest: []cloud66.Deployment{shown(1025, 5)}},
		"a hidden number before it": {
			open: []sought{wished("a", 7, 0, 0)}, newest: []cloud66.Deployment{shown(1027, 20)}, guesses: is{"a": 1027},
		},
		"numbers of all stacks, started at the same moment": {
			open: []sought{wished("a", 7, 3, 0)}, newest: []cloud66.Deployment{shown(90210, 3), shown(90244, 40)}, certain: is{"a": 90210},
		},
		"numbers of all stacks, ended at the same moment": {
			open:    []sought{wished("a", 7, 0, 300, false)},
			newest:  []cloud66.Deployment{shown(90210, 30, over(300, failed)), shown(90244, 40, over(270, failed))},
			certain: is{"a": 90210},
		},
		"another deployment of the API ended well": {
			open: []sought{wished("a", 7, 0, 300, false)}, newest: []cloud66.Deployment{shown(1027, 10, over(290, success))},
		},
		"another deployment still runs though the action ended": {
			open: []sought{wished("a", 7, 0, 300, false)}, newest: []cloud66.Deployment{shown(1027, 10)},
		},
		"another deployment ended while the action goes on": {
			open: []sought{wished("a", 7, 0, 0)}, newest: []cloud66.Deployment{shown(1026, 10, over(290, failed))},
		},
		"one that started before the action": {open: []sought{wished("a", 7, 10, 0)}, newest: []cloud66.Deployment{shown(1026, 4)}},
		"a number of another wish": {
			open: []sought{wished("b", 8, 0, 0)}, newest: []cloud66.Deployment{shown(1027, 20), shown(1026, 10)}, taken: map[int64]bool{1026: true},
			guesses: is{"b": 1027},
		},
		"two wishes, both ended": {
			open:    []sought{wished("b", 8, 1, 500, true), wished("a", 7, 0, 250, false)},
			newest:  []cloud66.Deployment{shown(1027, 251, over(500, success)), shown(1026, 1, over(250, failed))},
			certain: is{"a": 1026, "b": 1027},
		},
		"two wishes in the order of their actions": {
			open:    []sought{wished("b", 8, 0, 0), wished("a", 7, 0, 0)},
			newest:  []cloud66.Deployment{shown(1027, -1), shown(1026, 20)},
			guesses: is{"a": 1026, "b": 1027},
		},
		"two wishes, of which the second begins first": {
			open: []sought{wished("a", 7, 0, 0), wished("b", 8, 2, 0)}, newest: []cloud66.Deployment{shown(1027, 20)},
		},
		"two wishes, of which the second begins first and tells so": {
			open: []sought{wished("a", 7, 0, 0), wished("b", 8, 20, 0)}, newest: []cloud66.Deployment{shown(1027, 20)}, certain: is{"b": 1027},
		},
		"two wishes, of which the second ended first": {
			open: []sought{wished("a", 7, 0, 0), wished("b", 8, 2, 90, true)}, newest: []cloud66.Deployment{shown(1027, 20, over(91, success))},
			certain: is{"b": 1027},
		},
		"a code that is no word": {
			open:    []sought{wished("a", 7, 0, 0)},
			newest:  []cloud66.Deployment{shown(1026, 20, via("2", "", cloud66.ViaHook))},
			guesses: is{"a": 1026},
		},
		"a word that says otherwise": {
			open: []sought{wished("a", 7, 0, 0)}, newest: []cloud66.Deployment{shown(1026, 20, via("2", "hook", cloud66.ViaHook))},
		},
		"the dashboard's number is no gap": {
			open:    []sought{wished("a", 7, 0, 0)},
			newest:  []cloud66.Deployment{shown(1027, 20), shown(1026, 10, via("0", "web", cloud66.ViaWeb))},
			guesses: is{"a": 1027},
		},
		"a ref says nothing against the next number": {
			open: []sought{wished("a", 7, 0, 0)}, newest: []cloud66.Deployment{shown(1026, 20, ref("release"))}, guesses: is{"a": 1026},
		},
		"a ref decides between guesses": {
			open:    []sought{wished("a", 0, 0, 0)},
			newest:  []cloud66.Deployment{shown(1028, 20, ref("refs/heads/main")), shown(1027, 20, ref("release"))},
			guesses: is{"a": 1028},
		},
		"a clock that is seven minutes behind": {
			open:    []sought{wished("a", 7, -420, 0)},
			newest:  []cloud66.Deployment{shown(1026, 0, func(d *cloud66.Deployment) { d.StartedAt = at(-410) })},
			guesses: is{"a": 1026},
		},
	} {
		certain, guesses := match(tt.open, tt.newest, tt.taken)
		if tt.certain == nil {
			tt.certain = is{}
		}
		if tt.guesses == nil {
			tt.guesses = is{}
		}
		if diff := cmp.Diff([]is{tt.certain, tt.guesses}, []is{certain, guesses}); diff != "" {
			t.Errorf("%s: certain and guesses: -want +got\n%s", name, diff)
		}
	}
}

func TestAGuessIsFollowedWhereItIsLikely(t *testing.T) {
	for name, tt := range map[string]struct {
		s        sought
		d        cloud66.Deployment
		searched time.Duration
		want     bool
	}{
		"no action":                               {wished("a", 0, 0, 0), shown(1026, 20), 31 * time.Second, true},
		"the action began just before":            {wished("a", 7, 0, 0), shown(1026, 20), 31 * time.Second, true},
		"the action began long before":            {wished("a", 7, 0, 0), shown(1026, 90), 100 * time.Second, false},
		"the action has not begun":                {unstarted(wished("a", 7, 0, 0)), shown(1026, -1), 31 * time.Second, false},
		"it waits":                                {wished("a", 7, 0, 0), shown(1026, -1), 31 * time.Second, false},
		"it waits, and nothing else has shown up": {wished("a", 7, 0, 0), shown(1026, -1), 121 * time.Second, true},
	} {
		if got := tt.s.likely(tt.d, tt.searched); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A channel gets no second card of a deployment that a redeploy of its own may have become, however long both run.
func TestWhatMayBeAWishesIsNoNewsWhileItRuns(t *testing.T) {
	runs, ended, success := wished("a", 7, 0, 0), wished("a", 7, 0, 800, true), cloud66.OutcomeSuccess
	for name, tt := range map[string]struct {
		s     sought
		guess int64
		d     cloud66.Deployment
		want  bool
	}{
		"the guess":                 {wished("a", 0, 0, 0), 1030, shown(1030, 3), true},
		"another one":               {wished("a", 0, 0, 0), 1030, shown(1031, 3), false},
		"the guess when it is over": {wished("a", 0, 0, 0), 1030, shown(1030, 3, over(800, success)), false},
		"one of several, while the action goes on":    {runs, 0, shown(1031, 3), true},
		"one that is over, while the action goes on":  {runs, 0, shown(1031, 3, over(800, success)), false},
		"one that runs, when the action is over":      {ended, 0, shown(1031, 3), false},
		"one that began before the action":            {wished("a", 7, 10, 0), 0, shown(1031, 4), false},
		"one that somebody began in the dashboard":    {runs, 0, shown(1031, 3, via("0", "web", cloud66.ViaWeb)), false},
		"any, where nothing tells of the wish at all": {wished("a", 0, 0, 0), 0, shown(1031, 3), false},
	} {
		f := storage.Follow{ID: "a", Channel: "C", Phase: storage.PhaseFinding, Wish: &tt.s.wish}
		tt.s.wish.SentAt, tt.s.wish.Looks = at(0), findLooks
		s := tale{
			known: &known{follows: []storage.Follow{f}}, look: watch.Look{At: at(900)}, guesses: map[string]int64{"a": tt.guess},
			sought: []sought{tt.s}, answers: answers{traces: map[string]trace{"a": {asked: true, action: tt.s.action}}},
		}
		if got := s.mayBeAskedIn("C", tt.d); got != tt.want {
			t.Errorf("%s: held %t, want %t", name, got, tt.want)
		}
	}
}

func TestWhatADeploymentWaitsBehind(t *testing.T) {
	failed, success := over(9, cloud66.OutcomeFailed), over(9, cloud66.OutcomeSuccess)
	for name, tt := range map[string]struct {
		newest []cloud66.Deployment
		want   int64
	}{
		"nothing":                       {[]cloud66.Deployment{shown(1042, -1), shown(1041, 3, success)}, 0},
		"the one that runs":             {[]cloud66.Deployment{shown(1042, -1), shown(1041, 3)}, 1041},
		"the one that waits before it":  {[]cloud66.Deployment{shown(1043, -1), shown(1042, -1), shown(1041, -1), shown(1040, 3)}, 1041},
		"one that waits, and none runs": {[]cloud66.Deployment{shown(1042, -1), shown(1041, -1)}, 1041},
		"a newer one that runs":         {[]cloud66.Deployment{shown(1043, 3), shown(1042, -1)}, 1043},
		"none that was passed over":     {[]cloud66.Deployment{shown(1042, -1), shown(1041, 3, failed), shown(1040, -1)}, 0},
	} {
		if got := ahead(tt.newest, 1042); got != tt.want {
			t.Errorf("%s: behind %d, want %d", name, got, tt.want)
		}
	}
}
