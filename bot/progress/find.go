package progress

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"c66bot/bot/notify"
	"c66bot/cloud66"
	"c66bot/storage"
)

const (
	// claimLooks is how many looks may miss the deployment of Cloud 66's answer before its stack action is asked for.
	claimLooks = 5
	// How long the deployment of a wish is searched for: for a day, but not long if nothing proves that the wish arrived.
	findUnproven = 2 * time.Minute
	findProven   = 24 * time.Hour
	findLooks    = 4 // the minimum number of looks
	// guessAfter is how long a wish waits for evidence before it takes a likely guess for its deployment, guessLate before it takes any.
	guessAfter = 30 * time.Second
	guessLate  = 2 * time.Minute
	// holds is how long, and findLooks for how many looks at least, a deployment that may be a wish's is not told to the wish's channel as
	// news.
	holds = 10 * time.Minute
	// settles is how long the deployment of an action that has ended may take to show up.
	settles = 2 * time.Minute
)

// trace is the result of looking up a wish's stack action.
type trace struct {
	asked  bool // the actions could be read
	action *cloud66.Action
}

// traceOf looks up the stack action that carries the wish's reference. It skips that while the deployment that Cloud 66's answer named may
// still show up in the list.
func (p *Progress) traceOf(ctx context.Context, f storage.Follow) trace {
	if claims(*f.Wish) && f.Wish.Looks < claimLooks {
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

// seeks reports whether the deployment of a follow's wish is to be searched for: also while Cloud 66 takes long to answer, or where its
// answer could not be recorded.
func seeks(f storage.Follow, at time.Time) bool {
	return f.Phase == storage.PhaseFinding || f.Phase == storage.PhaseSending && at.Sub(f.Wish.SentAt) >= lateAfter
}

// claims reports whether Cloud 66's answer named the wish's deployment. A number that was there before is the id of something else.
func claims(w storage.Wish) bool { return w.Claimed > w.NewestBefore }

// claims reports the same in the light of the wish's stack action, whose own number the answer may have told.
func (t *tale) claims(f storage.Follow) bool {
	action := t.answers.traces[f.ID].action
	_, shown := t.look.Find(f.Wish.Claimed)
	return claims(*f.Wish) && (shown || action == nil || action.ID != f.Wish.Claimed)
}

// seek matches the wishes without a deployment to the deployments of the look. The one that Cloud 66's answer named is given up only where
// another one ended at the moment of the wish's action.
func (t *tale) seek() {
	shown, taken := slices.Concat(t.look.Newest, t.look.Others), map[int64]bool{}
	for id, a := range t.about {
		taken[id] = a.wish != ""
	}
	named := map[string]int64{}
	for _, f := range t.follows {
		s := sought{f.ID, storage.Wish{}, t.answers.traces[f.ID].action}
		if f.Wish != nil {
			s.wish = *f.Wish
		}
		if guessed(f) && s.action != nil { // it may turn out to be another's
			taken[f.Deployment], t.sought = false, append(t.sought, s)
		}
		if f.Wish == nil || f.Deployment != 0 || f.Phase == storage.PhaseCarded {
			continue
		}
		if !t.claims(f) {
			t.sought = append(t.sought, s)
			continue
		}
		named[f.ID], taken[f.Wish.Claimed] = f.Wish.Claimed, true
		if d, only := single(shown, s.endedWith); only && !taken[d.ID] {
			named[f.ID], taken[d.ID] = d.ID, true
		}
	}
	for _, f := range t.unlisted {
		if s, ok := overdue(f); ok {
			t.sought = append(t.sought, s)
		}
	}
	t.certain, t.guesses = match(t.sought, shown, taken)
	maps.Copy(t.certain, named)
}

// guessed reports whether a follow shows a deployment that is a guess.
func guessed(f storage.Follow) bool {
	return f.Phase == storage.PhaseFollowing && f.Wish != nil && f.Deployment != 0 && f.Wish.Guess == f.Deployment
}

// doubtful reports whether the stack action of a wish may tell more of a guess: it has ended, or another deployment has shown up.
func (t *tale) doubtful(f storage.Follow) bool {
	if !guessed(f) {
		return false
	}
	d, shown := t.look.Find(f.Deployment)
	return shown && (d.Ended() || slices.ContainsFunc(t.look.Newest, func(o cloud66.Deployment) bool {
		return o.ID != d.ID && t.about[o.ID].wish == "" && sought{f.ID, *f.Wish, nil}.possible(o)
	}))
}

// doubt holds a guess against the stack action of the wish. It confirms the guess, or corrects it, or gives it up once the two have
// contradicted each other for a while. Until then it waits: the two are read one after the other.
func (t *tale) doubt(f storage.Follow) (_ storage.Follow, waits bool) {
	tr, id := t.answers.traces[f.ID], t.certain[f.ID]
	d, shown := t.look.Find(f.Deployment)
	if !guessed(f) || tr.action == nil || !shown {
		return f, false
	}
	wish := *f.Wish
	f.Wish = &wish
	s := sought{f.ID, wish, tr.action}
	switch {
	case id == f.Deployment:
		wish.Guess, wish.Doubted = 0, time.Time{}
		return f, false
	case id != 0, !wish.Doubted.IsZero() && !s.possible(d) && t.look.At.Sub(wish.Doubted) >= settles:
		wish.Guess, wish.Doubted = 0, time.Time{}
		f.Deployment, f.Phase, f.State, f.StartedAt, f.Told = id, storage.PhaseFollowing, storage.Asked, time.Time{}, nil
		if id == 0 {
			f.Phase = storage.PhaseFinding
		}
		return f, false
	case s.possible(d):
		wish.Doubted = time.Time{}
		return f, false
	case wish.Doubted.IsZero():
		wish.Doubted = t.look.At
	}
	return f, true
}

// waits reports whether the end of a guess waits for its wish's action, or was just found to be another's: then it may be news yet.
func (t *tale) waits() bool {
	return slices.ContainsFunc(t.follows, func(f storage.Follow) bool {
		after, waits := t.doubt(f)
		return waits || after.Deployment != f.Deployment
	})
}

// possible returns the deployments that may be the wish's.
func (t *tale) possible(f storage.Follow) (ids []int64) {
	for _, d := range t.look.Newest {
		if t.about[d.ID].wish == "" && t.mayBe(f, d) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// find looks for the deployment of a wish. The returned follow has the deployment, or is still searching, or has ended: as its stack action
// did, or because its deployment cannot be determined. A deployment that Cloud 66's answer named is never given up for another.
func (t *tale) find(f storage.Follow, tr trace) storage.Follow {
	wish, look := *f.Wish, t.look
	f.Wish, f.Phase = &wish, storage.PhaseFinding
	wish.Looks++
	wish.Arrived = wish.Arrived || tr.action != nil
	proven := wish.Arrived || (!tr.asked && wish.Looks >= findLooks) // if the actions cannot be read, the list has to do
	searched := look.At.Sub(wish.SentAt)
	if wish.ActionEnded.IsZero() && tr.action != nil && tr.action.Ended() {
		wish.ActionEnded = look.At
	}
	patience := findUnproven
	if wish.Arrived {
		patience = findProven
	}
	wish.Guess = t.guesses[f.ID]
	id, certain := t.certain[f.ID]
	_, shown := look.Find(id)
	switch {
	case certain && proven && shown:
		f.Deployment, wish.Guess = id, 0
	case wish.Guess != 0 && proven && searched > guessAfter:
		if d, _ := look.Find(wish.Guess); (sought{f.ID, wish, tr.action}).likely(d, searched) {
			f.Deployment = wish.Guess
		}
	}
	switch {
	case f.Deployment != 0:
		f.Phase = storage.PhaseFollowing
	case tr.action != nil && tr.action.Ended() && look.At.Sub(wish.ActionEnded) >= settles:
		if t.claims(f) {
			f.Deployment = wish.Claimed
		}
		wish.Action = &storage.Action{ID: tr.action.ID, StartedAt: tr.action.StartedAt, FinishedAt: tr.action.FinishedAt}
		return ended(f, t.outcomeOf(*tr.action, wish), tr.action.FinishedMessage, look.At)
	case searched > patience && wish.Looks >= findLooks:
		return ended(f, storage.Unclear, notFound(wish, t.possible(f)), look.At)
	}
	return f
}

// outcomeOf returns how the stack action of a wish ended. Its clock is compared with the bot's as that of a deployment is.
func (t *tale) outcomeOf(a cloud66.Action, w storage.Wish) storage.State {
	return notify.Outcome(notify.Sight{
		At: t.look.At, Began: w.SentAt, Cancelled: t.about[w.Claimed].cancel,
		Deployment: cloud66.Deployment{
			StartedAt: a.StartedAt, FinishedAt: a.FinishedAt, Outcome: cloud66.Value[cloud66.Outcome]{Kind: a.Outcome()},
		},
	})
}

// notFound describes the search and the deployments that may be the wish's.
func notFound(w storage.Wish, possible []int64) string {
	const once = "Nothing was sent a second time"
	switch {
	case len(possible) > 0:
		ids := strings.ReplaceAll(strings.Trim(fmt.Sprint(possible), "[]"), " ", ", #")
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

// mayBeAskedIn reports whether a deployment may result from a redeploy of this channel whose deployment is not found yet. One that runs and
// that the redeploy's card names as a guess waits until one of them ends.
func (t *tale) mayBeAskedIn(channel string, d cloud66.Deployment) bool {
	return slices.ContainsFunc(t.follows, func(f storage.Follow) bool {
		if f.Channel != channel || f.Wish == nil || f.Deployment != 0 || f.Phase == storage.PhaseCarded {
			return false
		}
		id, known := t.certain[f.ID]
		if t.look.At.Sub(f.Wish.SentAt) > holds && f.Wish.Looks >= findLooks {
			runs := t.answers.traces[f.ID].action != nil || t.guesses[f.ID] == d.ID
			return id == d.ID || runs && !d.Ended() && t.mayBe(f, d)
		}
		if _, shown := t.look.Find(id); known && !shown && !t.answers.traces[f.ID].asked { // the number may be that of its stack action
			return sought{f.ID, *f.Wish, nil}.possible(d)
		}
		return id == d.ID || !known && t.mayBe(f, d)
	})
}

// mayBe reports whether nothing contradicts that a deployment is a wish's.
func (t *tale) mayBe(f storage.Follow, d cloud66.Deployment) bool {
	return slices.ContainsFunc(t.sought, func(s sought) bool { return s.follow == f.ID && s.possible(d) })
}
