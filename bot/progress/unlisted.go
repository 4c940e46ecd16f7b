package progress

import (
	"errors"
	"slices"
	"time"

	"c66bot/bot/notify"
	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/storage"
)

// missing reads the follows that have ended without a deployment that Cloud 66 shows. One whose deployment is shown again goes on.
func (k *known) missing(tx storage.Tx, look watch.Look) error {
	return storage.Unlisted.Scan(tx, look.Stack+"/", func(_ string, by storage.WishOf) error {
		f, there, err := storage.Follows.Find(tx, by.Follow)
		if !there || err != nil || look.At.Sub(f.EndedAt) > correctable {
			return err
		}
		err = errors.Join(k.card(tx, f), k.learn(tx, look.Stack, f.Deployment))
		if _, shown := look.Find(f.Deployment); shown && f.State == storage.Vanished {
			k.follows = append(k.follows, reopened(f, storage.PhaseFollowing))
		} else {
			k.unlisted = append(k.unlisted, f)
		}
		return err
	})
}

func reopened(f storage.Follow, phase storage.Phase) storage.Follow {
	end := f.State
	f.Phase, f.State, f.Said, f.EndedAt, f.Missing, f.MissedSince = phase, storage.Asked, "", time.Time{}, 0, time.Time{}
	f.Told = slices.DeleteFunc(slices.Clone(f.Told), func(s storage.State) bool { return s == end })
	return f
}

// searchableFor bounds the requests for a wish that was given up.
const searchableFor = time.Hour

// searchable reports whether the stack action of a wish that was given up may exist by now: a deployment that may be its own has shown up.
func (t *tale) searchable(f storage.Follow) bool {
	if f.State != storage.Unclear || t.look.At.Sub(f.EndedAt) >= searchableFor {
		return false
	}
	return slices.ContainsFunc(t.look.Newest, func(d cloud66.Deployment) bool {
		return t.about[d.ID].wish == "" && sought{f.ID, *f.Wish, nil}.possible(d)
	})
}

// overdue returns an ended wish as one whose deployment is sought, by what its stack action told of its end.
func overdue(f storage.Follow) (s sought, ok bool) {
	if f.Deployment != 0 || f.Wish == nil || f.Wish.Action == nil || f.State == storage.Unclear {
		return s, false
	}
	success := f.State == storage.Succeeded
	action := cloud66.Action{ID: f.Wish.Action.ID, StartedAt: f.Wish.Action.StartedAt, FinishedAt: f.Wish.Action.FinishedAt}
	if f.State != storage.Over {
		action.FinishedSuccess = &success
	}
	return sought{f.ID, *f.Wish, &action}, true
}

// foundLate returns the deployment of a wish whose end was told by its stack action alone, if the look shows it.
func (t *tale) foundLate(f storage.Follow) (cloud66.Deployment, bool) {
	id := t.certain[f.ID]
	if f.Deployment != 0 {
		id = f.Deployment
	}
	d, shown := t.look.Find(id)
	return d, shown && id != 0 && d.Ended()
}

// adopts reports whether a card of a channel told the end of a deployment already, by its stack action.
func (t *tale) adopts(channel string, d cloud66.Deployment) bool {
	return slices.ContainsFunc(t.unlisted, func(f storage.Follow) bool {
		late, found := t.foundLate(f)
		return f.Channel == channel && f.State != storage.Unclear && found && late.ID == d.ID
	})
}

// resume goes on with the unlisted follows: with one that was given up if its stack action shows up after all, and with one whose
// deployment is shown now. Its card shows that. Its end was told, so only another one is told.
func (t *tale) resume() {
	for _, f := range t.unlisted {
		d, found := t.foundLate(f)
		switch {
		case f.State == storage.Unclear && t.answers.traces[f.ID].action != nil:
			wish := *f.Wish
			f.Wish = &wish
			wish.Arrived, wish.Late = true, true
			t.add(reopened(f, storage.PhaseFinding), t.show)
		case f.State == storage.Unclear, f.Wish == nil, !found:
		default:
			wish := *f.Wish
			f.Wish, wish.Action = &wish, nil
			f.Deployment, f.StartedAt = d.ID, d.StartedAt
			t.add(f, t.appear)
		}
	}
}

func (t *tale) show(f storage.Follow) step {
	s := step{follow: f, view: t.view(f), changed: true}
	s.say(t.cards[f.ID])
	return s
}

// appear shows on a card the deployment of which only the end was known.
func (t *tale) appear(f storage.Follow) step {
	if notify.Outcome(t.sight(*t.view(f).Deployment)) != f.State {
		return t.correct(f)
	}
	f.Said = t.said(f.State, f.Deployment)
	return t.show(f)
}
