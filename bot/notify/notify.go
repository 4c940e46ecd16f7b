// Package notify decides which states of a followed deployment, and which events of a subscribed stack, are announced. Its input is one
// observation of the deployment (Sight) and the recorded follow, position or subscriptions; its output is the updated record and the
// notices, each with its reason. All functions are pure: they read, write and send nothing.
package notify

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

const (
	// lostAfter is how long Cloud 66 may be silent before users are told.
	lostAfter = 10 * time.Minute
	// A deployment counts as gone after at least vanishedAfter consecutive looks without it, because lists shift while they are paged, over at
	// least vanishedFor, because Cloud 66 may not find a stack for a while.
	vanishedAfter = 3
	vanishedFor   = 5 * time.Minute
)

// Sight is one observation of a follow's deployment.
type Sight struct {
	At         time.Time
	Deployment cloud66.Deployment
	Found      bool
	Err        error     // why Cloud 66 did not answer; the deployment's state is unknown then
	Silent     time.Time // start of Cloud 66's current silence
	Usual      time.Duration
	Began      time.Time       // its start by this bot's clock; zero if unknown
	Cancelled  *storage.Cancel // the cancel requested through this bot, if any
	Overtaken  int64           // a newer deployment that has ended while this one waits, or 0
	Unhealthy  bool            // its stack fell ill after it went live
}

// Notice is a state to announce, its time, and the reason.
type Notice struct {
	State storage.State
	At    time.Time
	Why   string
}

// Advance updates a follow from a sight and returns the new states. It announces each state once (Lost again after Heard), and never
// changes an ended follow.
func Advance(f storage.Follow, s Sight) (storage.Follow, []Notice) {
	if f.State.End() {
		return f, nil
	}
	f.Told = slices.Clone(f.Told)
	if s.Err != nil && !errors.Is(s.Err, cloud66.ErrNotFound) {
		return unseen(f, s)
	}
	if !s.Found {
		return missed(f, s)
	}
	f.Missing, f.MissedSince, f.StartedAt = 0, time.Time{}, s.Deployment.StartedAt
	if s.Usual > 0 {
		f.Usual = int64(max(1, s.Usual.Round(time.Second).Seconds()))
	} else {
		s.Usual = time.Duration(f.Usual) * time.Second
	}
	f = Heard(f)
	var notices []Notice
	for _, n := range seen(s) {
		if outrun(f.Told, n.State) { // Cloud 66 takes a start back and forth; a card never goes back
			f.State = f.Told[len(f.Told)-1]
			continue
		}
		if !slices.Contains(f.Told, n.State) {
			f.Told = append(f.Told, n.State)
			notices = append(notices, n)
		}
		f.State = n.State
	}
	return end(f, s.At), notices
}

// Heard ends a silence of Cloud 66, so that the next one is announced again.
func Heard(f storage.Follow) storage.Follow {
	if f.State == storage.Lost {
		f.State, f.Said = storage.Asked, ""
	}
	f.SilentSince = time.Time{}
	f.Told = slices.DeleteFunc(slices.Clone(f.Told), func(t storage.State) bool { return t == storage.Lost })
	return f
}

// seen returns the states that the deployment has passed through as far as one look shows, oldest first. The last one is current.
func seen(s Sight) []Notice {
	d := s.Deployment
	if d.Queued() {
		waits := []Notice{{storage.Queued, s.At, "it waits behind another deployment"}}
		if s.Overtaken != 0 {
			waits = append(waits, Notice{storage.Waits, s.At, fmt.Sprintf("#%d has ended before it", s.Overtaken)})
		}
		return waits
	}
	started := Notice{storage.Started, cmp.Or(d.StartedAt, s.At), "Cloud 66 deploys it"}
	if d.Ended() {
		over := Notice{Outcome(s), cmp.Or(d.FinishedAt, s.At), "its outcome is " + cmp.Or(d.Outcome.String(), "not told")}
		if over.State == storage.Cancelled && s.Cancelled != nil {
			over.Why += " and its end was asked for"
		}
		if d.StartedAt.IsZero() {
			return []Notice{over}
		}
		return []Notice{started, over}
	}
	elapsed := s.At.Sub(cmp.Or(s.Began, d.StartedAt)) // prefer our own clock: Cloud 66's may be off
	if limit := cloud66.SlowAfter(s.Usual); !d.StartedAt.IsZero() && elapsed > limit {
		return []Notice{started, {storage.Slow, s.At, fmt.Sprintf("it runs for %s, more than %s", elapsed.Round(time.Second), limit)}}
	}
	return []Notice{started}
}

// outrun reports whether a later state was already announced: no queue follows a start, and no start an end.
func outrun(told []storage.State, s storage.State) bool {
	switch s {
	case storage.Queued, storage.Waits:
		return slices.Contains(told, storage.Started)
	case storage.Started:
		return slices.Contains(told, storage.Slow)
	}
	return !s.End() && slices.ContainsFunc(told, storage.State.End)
}

// Outcome maps the outcome of an ended deployment to an end state. A failure after a cancel through this bot counts as cancelled. An
// unknown outcome is neither a success nor a failure.
func Outcome(s Sight) storage.State {
	switch d := s.Deployment; {
	case d.Outcome.Kind == cloud66.OutcomeSuccess:
		return storage.Succeeded
	case d.Outcome.Kind == cloud66.OutcomeCancelled, d.Outcome.Kind == cloud66.OutcomeFailed && s.Cancelled.Explains(finished(d, s)):
		return storage.Cancelled
	case d.Outcome.Kind == cloud66.OutcomeFailed:
		return storage.Failed
	default:
		return storage.Over
	}
}

// clockOff is the difference between the start by Cloud 66's clock and by the bot's that no delay of a look explains.
const clockOff = 2 * time.Minute

// finished returns the end of a deployment by the bot's clock, as far as its start is known by both, and not after the look.
func finished(d cloud66.Deployment, s Sight) time.Time {
	end := d.FinishedAt
	if off := s.Began.Sub(d.StartedAt); !end.IsZero() && !s.Began.IsZero() && !d.StartedAt.IsZero() && off.Abs() > clockOff {
		end = end.Add(off)
	}
	if end.After(s.At) {
		return s.At
	}
	return end
}

// LiveAt returns when an ended deployment went live, by the bot's clock as far as that is known.
func LiveAt(s Sight) time.Time { return cmp.Or(finished(s.Deployment, s), s.At) }

// unseen announces a long silence of Cloud 66 once.
func unseen(f storage.Follow, s Sight) (storage.Follow, []Notice) {
	if s.Silent.IsZero() || s.At.Sub(s.Silent) < lostAfter || slices.Contains(f.Told, storage.Lost) {
		return f, nil
	}
	f.State, f.SilentSince, f.Said, f.Told = storage.Lost, s.Silent, cloud66.WordsFor(s.Err).Unasked, append(f.Told, storage.Lost)
	return f, []Notice{{storage.Lost, s.At, fmt.Sprintf("Cloud 66 did not answer since %s: %v", s.Silent.UTC().Format(time.RFC3339), s.Err)}}
}

// missed counts consecutive looks without the deployment, whether its stack exists or not.
func missed(f storage.Follow, s Sight) (storage.Follow, []Notice) {
	f.Missing++
	if f.MissedSince.IsZero() {
		f.MissedSince = s.At
	}
	if f.Missing < vanishedAfter || s.At.Sub(f.MissedSince) < vanishedFor {
		return f, nil
	}
	f.State = storage.Vanished
	f.Told = append(f.Told, storage.Vanished)
	why := fmt.Sprintf("%d looks in a row over %s did not find it", f.Missing, s.At.Sub(f.MissedSince).Round(time.Second))
	return end(f, s.At), []Notice{{storage.Vanished, s.At, why}}
}

func end(f storage.Follow, at time.Time) storage.Follow {
	if f.State.End() && f.EndedAt.IsZero() {
		f.Phase, f.EndedAt = storage.PhaseEnded, at
	}
	return f
}
