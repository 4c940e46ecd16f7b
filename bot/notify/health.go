package notify

import (
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// wellFor is how long a stack must be healthy again before that is told, so that one that goes back and forth is not told each time.
const wellFor = 2 * time.Minute

// Healthy returns whether a stack is healthy, given whether it was: its health says nothing while it is active or where it is not known.
func Healthy(was bool, s cloud66.Stack) bool {
	switch {
	case s.Active():
		return was
	case s.Health == cloud66.HealthHealthy:
		return true
	default:
		return was && !s.Health.Ill()
	}
}

// Observe advances the watch over a stack's health by a sight of the stack, and returns the state to announce, or "". An illness is news
// where the stack was healthy before; its end is news when it has lasted, or when the watch ends.
func Observe(w storage.HealthWatch, s cloud66.Stack, at time.Time) (storage.HealthWatch, storage.State) {
	switch {
	case s.Active():
	case s.Health.Ill() && w.Healthy && w.Ill.IsZero():
		w.Ill = at
		return w, storage.Unhealthy
	case s.Health.Ill():
		w.Well = time.Time{}
	case s.Health != cloud66.HealthHealthy:
	case w.Ill.IsZero():
		w.Healthy = true
	case w.Well.IsZero():
		w.Well = at
	case at.Sub(w.Well) >= wellFor:
		return recovered(w)
	}
	return w, ""
}

// Last returns the state to announce when the time of the watch is over, or "".
func Last(w storage.HealthWatch) (storage.HealthWatch, storage.State) {
	if w.Ill.IsZero() || w.Well.IsZero() {
		return w, ""
	}
	return recovered(w)
}

func recovered(w storage.HealthWatch) (storage.HealthWatch, storage.State) {
	w.Ill, w.Well = time.Time{}, time.Time{}
	return w, storage.Recovered
}

// HearOfHealth decides whether a channel is told of the health of a stack after a deployment, and which users and groups are mentioned.
func HearOfHealth(subscriptions []storage.Subscription, d cloud66.Deployment) (mentions []string, ok bool) {
	return hearOf(subscriptions, d, storage.Unhealthy)
}
