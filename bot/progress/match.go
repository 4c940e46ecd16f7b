package progress

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

const (
	// sameMoment is how far two times of Cloud 66 are apart at most if they are of one event. They may have whole seconds only.
	sameMoment = time.Second
	// sameEnd is the same for the ends of an action and of its deployment, which Cloud 66 records one after the other.
	sameEnd = time.Minute
)

// sought is a wish whose deployment is not known yet.
type sought struct {
	follow string
	wish   storage.Wish
	action *cloud66.Action // with the wish's reference; nil if Cloud 66 lists none
}

// match returns the deployments that the wishes for one stack became, by follow, as far as that is certain. A guess is the likely
// deployment of a wish where its own may be hidden. Newest are the stack's newest deployments; taken are those of other wishes.
//
// The evidence is the wish's stack action: it starts, ends and succeeds as its deployment does, by the same clock. Times of this bot's
// clock prove nothing. Nor do the order of numbers, or a ref: these only decide between guesses.
func match(open []sought, newest []cloud66.Deployment, taken map[int64]bool) (certain, guesses map[string]int64) {
	certain, guesses = map[string]int64{}, map[string]int64{}
	open = slices.Clone(open)
	slices.SortFunc(open, func(a, b sought) int {
		return cmp.Or(cmp.Compare(a.number(), b.number()), a.wish.SentAt.Compare(b.wish.SentAt))
	})
	var shown []cloud66.Deployment
	for _, d := range newest {
		if !taken[d.ID] && slices.ContainsFunc(open, func(s sought) bool { return s.possible(d) }) {
			shown = append(shown, d)
		}
	}
	slices.SortFunc(shown, func(a, b cloud66.Deployment) int { return cmp.Compare(a.ID, b.ID) })
	for _, with := range []func(sought, cloud66.Deployment) bool{sought.endedWith, sought.startedWith} {
		for _, s := range slices.Clone(open) {
			d, only := single(shown, func(d cloud66.Deployment) bool { return with(s, d) })
			if _, alone := single(open, func(o sought) bool { return with(o, d) }); only && alone {
				certain[s.follow] = d.ID
				open = slices.DeleteFunc(open, func(o sought) bool { return o.follow == s.follow })
				shown = slices.DeleteFunc(shown, func(o cloud66.Deployment) bool { return o.ID == d.ID })
			}
		}
	}
	ordered := inOrder(open, shown)
	for i, s := range open {
		d, only := single(shown, s.possible)
		if !only {
			d, only = single(shown, func(d cloud66.Deployment) bool { return s.possible(d) && sameRef(d, s.wish.Ref) })
		}
		_, alone := single(open, func(o sought) bool { return o.possible(d) })
		switch {
		case only && alone && s.action != nil && d.Ended(): // both ended within a minute, and in the same way
			certain[s.follow] = d.ID
		case ordered:
			guesses[s.follow] = shown[i].ID
		case only && alone:
			guesses[s.follow] = d.ID
		}
	}
	return certain, guesses
}

// inOrder reports whether the deployments may be those of the wishes, one each in the order of the requests. Somebody else's may have come
// before them, so that one of theirs is still hidden.
func inOrder(open []sought, shown []cloud66.Deployment) bool {
	for i, s := range open {
		if len(open) != len(shown) || !s.possible(shown[i]) {
			return false
		}
	}
	return true
}

// single returns the only element that satisfies a condition.
func single[T any](all []T, holds func(T) bool) (found T, only bool) {
	for _, x := range all {
		if !holds(x) {
			continue
		}
		if only {
			return x, false
		}
		found, only = x, true
	}
	return found, only
}

// number orders wishes as Cloud 66 took them; 0 if unknown.
func (s sought) number() int64 {
	if s.action == nil {
		return 0
	}
	return s.action.ID
}

// possible reports whether nothing contradicts that a deployment is the wish's.
func (s sought) possible(d cloud66.Deployment) bool {
	if d.ID <= s.wish.NewestBefore || viaElsewhere(d) {
		return false
	}
	return s.action == nil || agrees(*s.action, d)
}

// agrees reports whether nothing contradicts that an action is that of a deployment.
func agrees(a cloud66.Action, d cloud66.Deployment) bool {
	switch {
	case a.Ended() != d.Ended(): // at this moment; the next look sees both ends
		return false
	case a.StartedAt.IsZero() && !a.Ended() && d.Running():
		return false
	case !a.StartedAt.IsZero() && !d.StartedAt.IsZero() && d.StartedAt.Before(a.StartedAt.Add(-sameMoment)):
		return false
	case !a.FinishedAt.IsZero() && !d.FinishedAt.IsZero() && apart(a.FinishedAt, d.FinishedAt) > sameEnd:
		return false
	case a.FinishedSuccess != nil && d.Outcome.Kind != "" && *a.FinishedSuccess != (d.Outcome.Kind == cloud66.OutcomeSuccess):
		return false
	}
	return true
}

// same reports whether two times are known and of one event.
func same(a, b time.Time) bool { return !a.IsZero() && !b.IsZero() && apart(a, b) <= sameMoment }

// together reports whether an action started or ended at the moment of a deployment.
func together(a cloud66.Action, d cloud66.Deployment) bool {
	return same(a.StartedAt, d.StartedAt) || same(a.FinishedAt, d.FinishedAt)
}

// endedWith reports whether a deployment ended at the moment of the wish's action.
func (s sought) endedWith(d cloud66.Deployment) bool {
	return s.possible(d) && s.action != nil && same(s.action.FinishedAt, d.FinishedAt)
}

// startedWith reports whether a deployment started at the moment of the wish's action.
func (s sought) startedWith(d cloud66.Deployment) bool {
	return s.possible(d) && s.action != nil && same(s.action.StartedAt, d.StartedAt)
}

// likely reports whether a guess is good enough to be followed: nothing tells of the wish's action, or it started just before the
// deployment, or nothing else has shown up for long.
func (s sought) likely(d cloud66.Deployment, searched time.Duration) bool {
	if s.action == nil || searched > guessLate {
		return true
	}
	return !s.action.StartedAt.IsZero() && d.Running() && d.StartedAt.Sub(s.action.StartedAt) <= sameEnd
}

func apart(a, b time.Time) time.Duration { return max(a.Sub(b), b.Sub(a)) }

// viaElsewhere reports whether Cloud 66 says in a word that a deployment was not started by its API. Of the bare codes only 0 (web) is
// documented.
func viaElsewhere(d cloud66.Deployment) bool {
	via := d.TriggeredVia
	return via.Kind != "" && via.Kind != cloud66.ViaAPI && (via.Meaning != "" || via.Raw == "0" || via.Raw == string(via.Kind))
}

// sameRef reports whether a deployment's ref is the one that was asked for, as git reads them.
func sameRef(d cloud66.Deployment, ref string) bool {
	return ref == "" || shortRef(d.GitRef) == shortRef(ref) || (len(ref) >= 7 && strings.HasPrefix(d.GitHash, strings.ToLower(ref)))
}

// shortRef returns the name of a branch or tag without the prefixes that git adds.
func shortRef(ref string) string {
	for _, prefix := range []string{"refs/heads/", "refs/tags/", "refs/remotes/origin/", "heads/", "tags/", "remotes/origin/", "origin/"} {
		if short, cut := strings.CutPrefix(ref, prefix); cut {
			return short
		}
	}
	return ref
}
