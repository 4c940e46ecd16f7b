package progress

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/storage"
)

const (
	// claimLooks is how many looks may miss the deployment id of Cloud 66's answer before it is ignored.
	claimLooks = 5
	// How long the deployment of a wish is searched for; not long if nothing proves that the wish arrived.
	findUnproven = 2 * time.Minute
	findProven   = 10 * time.Minute
	findLooks    = 4 // the minimum number of looks
	// skew is how far Cloud 66's clock may be behind ours.
	skew = 5 * time.Minute
)

// trace is the result of looking up a wish's stack action.
type trace struct {
	asked  bool // the actions could be read
	action *cloud66.Action
}

// traceOf looks up the stack action that carries the wish's reference. It skips that while the wish is known to have arrived and its
// deployment may still show up in the list.
func (p *Progress) traceOf(ctx context.Context, f storage.Follow) trace {
	if f.Wish.Arrived && f.Wish.Looks < claimLooks {
		return trace{}
	}
	for action, err := range p.Cloud.Actions(cloud66.Background(ctx), f.Stack.UID, cloud66.ActionFilter{UserReference: f.Wish.Reference}) {
		if err != nil {
			p.Log.Warn("stack actions could not be read", "stack", f.Stack.String(), "error", err)
			return trace{}
		}
		return trace{asked: true, action: &action}
	}
	return trace{asked: true}
}

// sendingFor is how long a request to Cloud 66 may be under way. A wish that is recorded as being sent for longer is searched for: its
// result could not be recorded.
const sendingFor = 2 * time.Minute

// seeks reports whether the deployment of a follow's wish is to be searched for.
func seeks(f storage.Follow, at time.Time) bool {
	return f.Phase == storage.PhaseFinding || f.Phase == storage.PhaseSending && at.Sub(f.Wish.SentAt) > sendingFor
}

// find looks for the deployment of a wish. The returned follow has the deployment, or is still searching, or has ended because the wish
// failed or its deployment cannot be determined.
func (t *tale) find(f storage.Follow, tr trace) storage.Follow {
	wish, look := *f.Wish, t.look
	f.Wish, f.Phase = &wish, storage.PhaseFinding
	wish.Looks++
	wish.Arrived = wish.Arrived || tr.action != nil
	candidates := t.candidatesFor(f)
	if wish.Claimed <= wish.NewestBefore || (wish.Looks > claimLooks && !contains(look, wish.Claimed)) {
		wish.Claimed = 0 // it is the id of something else
	}
	patience := findUnproven
	if wish.Arrived {
		patience = findProven
	}
	proven := wish.Arrived || (!tr.asked && wish.Looks >= findLooks) // if the actions cannot be read, the list has to do
	failed := tr.action != nil && tr.action.FinishedSuccess != nil && !*tr.action.FinishedSuccess
	switch {
	case wish.Claimed != 0 && contains(look, wish.Claimed):
		f.Deployment = wish.Claimed
	case wish.Claimed != 0:
		return f
	case len(candidates) == 1 && proven:
		f.Deployment = candidates[0]
	case failed && len(candidates) == 0:
		return ended(f, storage.Refused, "Cloud 66 took it and gave up. "+tr.action.FinishedMessage, look.At)
	case look.At.Sub(wish.SentAt) > patience && wish.Looks >= findLooks:
		return ended(f, storage.Unclear, notFound(wish, candidates), look.At)
	default:
		return f
	}
	f.Phase, t.claimed[f.Deployment] = storage.PhaseFollowing, true
	return f
}

// notFound describes the search and its candidates.
func notFound(w storage.Wish, candidates []int64) string {
	const once = "Nothing was sent a second time"
	switch {
	case len(candidates) > 0:
		ids := strings.ReplaceAll(strings.Trim(fmt.Sprint(candidates), "[]"), " ", ", #")
		return fmt.Sprintf("since then #%s started, and nothing tells whether that is this one. Look there before you try again. %s", ids, once)
	case w.Arrived:
		return fmt.Sprintf("it took it, but in %d looks no deployment of it showed up. Look at its dashboard. %s", w.Looks, once)
	default:
		return fmt.Sprintf("I looked %d times and it is not in its lists, so it was probably not started. "+
			"Look at its dashboard, then try again. %s", w.Looks, once)
	}
}

func ended(f storage.Follow, state storage.State, said string, at time.Time) storage.Follow {
	f.Phase, f.State, f.Said, f.EndedAt = storage.PhaseEnded, state, said, at
	f.Told = append(slices.Clip(f.Told), state)
	return f
}

// candidatesFor returns the deployments that may result from the wish: newer than the newest before it, triggered by the API, with its ref,
// and not claimed by another wish.
func (t *tale) candidatesFor(f storage.Follow) (ids []int64) {
	for _, d := range t.look.Newest {
		if d.ID > f.Wish.NewestBefore && fits(d, *f.Wish) && t.about[d.ID].wish == "" && !t.claimed[d.ID] {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

func fits(d cloud66.Deployment, w storage.Wish) bool {
	if d.TriggeredVia.Kind != "" && d.TriggeredVia.Kind != cloud66.ViaAPI {
		return false
	}
	if !d.StartedAt.IsZero() && d.StartedAt.Before(w.SentAt.Add(-skew)) {
		return false
	}
	return w.Ref == "" || d.GitRef == "" || d.GitRef == w.Ref || strings.HasPrefix(d.GitHash, w.Ref)
}

func contains(look watch.Look, id int64) bool {
	_, ok := look.Find(id)
	return ok
}
