package cloud66

import (
	"slices"
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
			if got := UsualDuration(test.newest, ""); got != test.want {
				t.Errorf("%s, not %s", got, test.want)
			}
		})
	}
}

func TestTheUsualTimeIsThatOfTheType(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	of := func(kind DeployType, word string, n int, took time.Duration) (all []Deployment) {
		for range n {
			all = append(all, Deployment{
				StartedAt: start, FinishedAt: start.Add(took), Outcome: Value[Outcome]{Kind: OutcomeSuccess},
				DeployType: Value[DeployType]{Kind: kind, Meaning: word},
			})
		}
		return all
	}
	scales, builds := of(TypeScale, "", 9, 3*time.Second), of(TypeBuild, "", 3, 6*time.Minute)
	redeploys, reverts := of(TypeRedeploy, "", 2, 4*time.Minute), of(TypeRevert, "", 2, time.Minute)
	migrations, untyped := of("", "migrate", 9, 7*time.Minute), of("", "", 5, 8*time.Minute)
	for name, test := range map[string]struct {
		newest []Deployment
		of     DeployType
		want   time.Duration
	}{
		"builds among scales":               {slices.Concat(scales, builds), TypeBuild, 6 * time.Minute},
		"scales among builds":               {slices.Concat(builds, scales), TypeScale, 3 * time.Second},
		"a redeploy where only builds are":  {slices.Concat(scales, builds, reverts), TypeRedeploy, 6 * time.Minute},
		"a redeploy where some are":         {slices.Concat(scales, builds, redeploys), TypeRedeploy, 4 * time.Minute},
		"a redeploy where no type is told":  {slices.Concat(scales, untyped), TypeRedeploy, 8 * time.Minute},
		"one without a type":                {slices.Concat(scales, builds, migrations), "", 6 * time.Minute},
		"one of a type that is not known":   {slices.Concat(scales, migrations), "migrate", 7 * time.Minute},
		"the first revert":                  {slices.Concat(scales, builds), TypeRevert, 0},
		"the first scale":                   {builds, TypeScale, 0},
		"more than ten of others before it": {slices.Concat(scales, scales, scales, builds), TypeBuild, 6 * time.Minute},
	} {
		if got := UsualDuration(test.newest, test.of); got != test.want {
			t.Errorf("%s: %s, not %s", name, got, test.want)
		}
	}
}

func TestSlowIsTwiceTheUsualTimeOrHalfAnHour(t *testing.T) {
	for usual, want := range map[time.Duration]time.Duration{
		0: 30 * time.Minute, time.Minute: 2 * time.Minute, 3 * time.Second: time.Minute, 31 * time.Second: 62 * time.Second,
	} {
		if got := SlowAfter(usual); got != want {
			t.Errorf("usually %s: %s", usual, got)
		}
	}
}
