package notify

import (
	"strings"
	"testing"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

func TestAnIllnessIsToldWhereTheStackWasHealthyAndItsEndOnceItLasts(t *testing.T) {
	const healthy, impaired, failed, unknown, building = "h", "i", "f", "u", "b"
	seen := func(h cloud66.StackHealth) cloud66.Stack {
		return cloud66.Stack{Health: h, Status: cloud66.StatusDeployed}
	}
	sights := map[string]cloud66.Stack{
		healthy: seen(cloud66.HealthHealthy), impaired: seen(cloud66.HealthImpaired), failed: seen(cloud66.HealthFailed),
		unknown: seen(cloud66.HealthUnknown), building: seen(cloud66.HealthBuilding),
		"busy and failed":  {Health: cloud66.HealthFailed, Status: cloud66.StatusDeployed, IsBusy: true},
		"busy and healthy": {Health: cloud66.HealthHealthy, Status: cloud66.StatusDeploying},
	}
	for name, c := range map[string]struct {
		was   bool
		sees  []string // a minute apart
		tells string
	}{
		"healthy throughout":                     {true, []string{healthy, healthy}, ""},
		"ill at once":                            {true, []string{failed, failed}, "unhealthy"},
		"impaired":                               {true, []string{healthy, impaired, failed}, "unhealthy"},
		"ill before":                             {false, []string{failed, impaired, failed}, ""},
		"ill before, well with it, ill then":     {false, []string{failed, healthy, failed}, "unhealthy"},
		"nothing is known of it, then ill":       {false, []string{unknown, building, failed}, ""},
		"well again, not long enough":            {true, []string{failed, healthy, healthy}, "unhealthy"},
		"well again":                             {true, []string{failed, healthy, healthy, healthy, healthy}, "unhealthy recovered"},
		"back and forth":                         {true, []string{failed, healthy, healthy, failed, healthy, failed}, "unhealthy"},
		"unknown between":                        {true, []string{failed, healthy, unknown, healthy}, "unhealthy recovered"},
		"ill again":                              {true, []string{failed, healthy, healthy, healthy, impaired}, "unhealthy recovered unhealthy"},
		"ill while something else is done to it": {true, []string{"busy and failed", "busy and failed"}, ""},
		"healthy before, as far as was known while busy": {false, []string{"busy and healthy", failed}, ""},
	} {
		w, at, told := storage.HealthWatch{Healthy: c.was}, after(0), []string{}
		for _, sees := range c.sees {
			var state storage.State
			if w, state = Observe(w, sights[sees], at); state != "" {
				told = append(told, string(state))
			}
			at = at.Add(time.Minute)
		}
		if got := strings.Join(told, " "); got != c.tells {
			t.Errorf("%s: told %q, want %q", name, got, c.tells)
		}
	}
}

func TestAtTheEndOfTheWatchARecoveryIsToldHoweverShort(t *testing.T) {
	for name, c := range map[string]struct {
		w    storage.HealthWatch
		want storage.State
	}{
		"never ill":  {storage.HealthWatch{Healthy: true}, ""},
		"still ill":  {storage.HealthWatch{Ill: after(1)}, ""},
		"well again": {storage.HealthWatch{Ill: after(1), Well: after(2)}, storage.Recovered},
	} {
		if after, state := Last(c.w); state != c.want || state != "" && !after.Ill.IsZero() {
			t.Errorf("%s: told %q, %+v", name, state, after)
		}
	}
}
