package watch

import (
	"cmp"
	"time"

	"c66bot/cloud66"
)

// soughtMost is the longest interval for a deployment that does not show up.
const soughtMost = 10 * time.Minute

// interval returns the shortest interval of the followed deployments.
func (w *Watcher) interval(a Aim, look Look) time.Duration {
	var shortest time.Duration
	for id := range a.Followed {
		wanted := w.Max // an unreadable deployment is not worth hurrying for
		switch d, ok := look.Find(id); {
		case ok:
			wanted = interval(d, cloud66.UsualDuration(look.Newest, d.Type()), look.At, w.Min, w.Max)
		case look.ErrOf(id) != nil:
		case a.Sought.IsZero():
			wanted = w.Min
		default:
			wanted = min(max(look.At.Sub(a.Sought)/10, w.Min), soughtMost)
		}
		shortest = min(cmp.Or(shortest, wanted), wanted)
	}
	return cmp.Or(shortest, w.Max)
}

// interval returns the time between two looks at a deployment: short after its start and around its usual end, long in the middle and when
// it is long overdue. A usual time of 0 means unknown.
func interval(d cloud66.Deployment, usual time.Duration, now time.Time, shortest, longest time.Duration) time.Duration {
	elapsed := now.Sub(d.StartedAt)
	var wanted time.Duration
	switch {
	case d.Queued() || d.Ended() || d.StartedAt.IsZero() || elapsed < 2*shortest:
		wanted = shortest
	case usual <= 0:
		wanted = elapsed / 8
	case elapsed < usual*8/10:
		wanted = (usual*8/10 - elapsed) / 3
	case elapsed < usual*13/10:
		wanted = shortest
	default:
		wanted = (elapsed - usual) / 8
	}
	return min(max(wanted, shortest), longest)
}

// turnsSlow returns when the first running deployment will count as slow, measured from its start as observed, or else as Cloud 66 reports
// it; zero if none will.
func turnsSlow(a Aim, look Look) time.Time {
	if a.Position == nil {
		return time.Time{}
	}
	var first time.Time
	for _, d := range look.Newest {
		limit := cloud66.SlowAfter(cloud66.UsualDuration(look.Newest, d.Type()))
		at := cmp.Or(a.Position.Began[d.ID], d.StartedAt).Add(limit + time.Second)
		if !d.Ended() && !d.StartedAt.IsZero() && at.After(look.At) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}
