package cloud66

import (
	"testing"
	"time"
)

func TestTheUsualTimeIsTheMedianOfTheTenNewestSuccesses(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	took := func(outcome Outcome, minutes ...int) []Deployment {
		var all []Deployment
		for _, m := range minutes {
			all = append(
				all,
				Deployment{StartedAt: start, FinishedAt: start.Add(time.Duration(m) * time.Minute), Outcome: Value[Outcome]{Kind: outcome}},
			)
		}
		return all
	}
	running := Deployment{StartedAt: start, IsDeploying: true, Outcome: Value[Outcome]{Kind: OutcomePending}}
	untimed := Deployment{Outcome: Value[Outcome]{Kind: OutcomeSuccess}}
	for name, test := range map[string]struct {
		newest []Deployment
		want   time.Duration
	}{
		"none":                {nil, 0},
		"none that succeeded": {append(took(OutcomeFailed, 5), running), 0},
		"one":                 {took(OutcomeSuccess, 5), 5 * time.Minute},
		"an odd number":       {took(OutcomeSuccess, 60, 4, 5), 5 * time.Minute},
		"an even number":      {took(OutcomeSuccess, 9, 1), 5 * time.Minute},
		"failures and cancels among them": {append(took(OutcomeFailed, 1, 1, 1),
			append(took(OutcomeCancelled, 1), took(OutcomeSuccess, 7)...)...), 7 * time.Minute},
		"a running one":     {append([]Deployment{running}, took(OutcomeSuccess, 7)...), 7 * time.Minute},
		"one without times": {append([]Deployment{untimed}, took(OutcomeSuccess, 7)...), 7 * time.Minute},
		"more than ten": {took(OutcomeSuccess, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99),
			3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if got := UsualDuration(test.newest); got != test.want {
				t.Errorf("%s, not %s", got, test.want)
			}
		})
	}
}

func TestSlowIsTwiceTheUsualTimeOrHalfAnHour(t *testing.T) {
	for usual, want := range map[time.Duration]time.Duration{0: 30 * time.Minute, time.Minute: 2 * time.Minute} {
		if got := SlowAfter(usual); got != want {
			t.Errorf("usually %s: %s", usual, got)
		}
	}
}
