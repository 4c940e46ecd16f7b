package cloud66

import (
	"slices"
	"time"
)

// usualOf is how many of the newest successful deployments make the usual time.
const usualOf = 10

// UsualDuration gives the time that a stack's deployments usually take: the median of the ten most recent ones that succeeded among
// those given, newest first. It is 0 where none did.
func UsualDuration(newest []Deployment) time.Duration {
	var took []time.Duration
	for _, d := range newest {
		if d.Ended() && d.Outcome.Kind == OutcomeSuccess && d.Duration() > 0 {
			took = append(took, d.Duration())
		}
		if len(took) == usualOf {
			break
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return (took[(len(took)-1)/2] + took[len(took)/2]) / 2
}

// slowUnknown is when a deployment counts as slow on a stack that has no usual time.
const slowUnknown = 30 * time.Minute

// SlowAfter is when a deployment is worth a word for being slow: after twice its stack's usual time.
func SlowAfter(usual time.Duration) time.Duration {
	if usual <= 0 {
		return slowUnknown
	}
	return 2 * usual
}
