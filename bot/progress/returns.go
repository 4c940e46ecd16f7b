package progress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/cloud66/watch"
	"c66bot/storage"
)

const (
	// Ends that are found on a return are told when none was added for quietFor, or the oldest waits for gatherFor.
	quietFor  = 10 * time.Second
	gatherFor = 90 * time.Second
	// tellAgain is the delay before the health of a stack that could not be told is tried again.
	tellAgain = 5 * time.Second
	// fewEnds is how many ends of one channel are told in the threads of their cards; more become one message.
	fewEnds = 5
)

// covers reports whether the end of a follow may belong to an absence that has just ended: of a follow that was open before, or of a
// deployment that only its end brings to a channel.
func covers(away watch.Absence, f storage.Follow, carded bool) bool {
	return away.Returning && (f.AskedAt.Before(away.Since) || f.Subscribed && !carded)
}

// tellReturn tells the ends that were found on a return, those of an earlier process too, if they are due, and else returns when they will
// be. 0 means that there are none.
func (p *Progress) tellReturn(ctx context.Context) (wait time.Duration, err error) {
	byChannel := map[string][]string{}
	back := p.watch.Back()
	var first, last time.Time
	follows, err := p.open(ctx, storage.PhaseUntold)
	for _, f := range follows {
		byChannel[f.Channel] = append(byChannel[f.Channel], f.ID)
		ended := watch.Later(f.EndedAt, back) // the return of this process may bring more
		if first.IsZero() || ended.Before(first) {
			first = ended
		}
		last = watch.Later(last, ended)
	}
	if wait = time.Until(first.Add(gatherFor)); len(byChannel) > 0 && wait > 0 {
		if wait = min(wait, time.Until(last.Add(quietFor))); wait > 0 {
			return wait, err
		}
	}
	for channel, ids := range byChannel {
		if wrong := p.tellEnds(ctx, ids); wrong != nil {
			err = errors.Join(err, fmt.Errorf("tell %d ends in %s: %w", len(ids), channel, wrong))
		}
	}
	return 0, err
}

// tellEnds tells the ends of one channel in one transaction: up to fewEnds in the threads of their cards, more in one message. In the
// latter case cards are corrected, and nothing is added to their threads.
func (p *Progress) tellEnds(ctx context.Context, ids []string) error {
	var steps []step
	err := p.Records.Update(ctx, func(tx storage.Tx) error {
		steps = nil
		for _, id := range ids {
			f, err := storage.Follows.Get(tx, id)
			if err != nil {
				return err
			}
			if f.Phase != storage.PhaseUntold {
				continue
			}
			var end untold
			if err := json.Unmarshal(f.Untold, &end); err != nil {
				return fmt.Errorf("read the end of follow %s: %w", id, err)
			}
			f.Phase, f.Untold = storage.PhaseEnded, nil
			s := step{follow: f, view: end.View, notices: end.Notices, changed: true}
			if err := s.sayIn(tx); err != nil {
				return err
			}
			steps = append(steps, s)
		}
		if len(steps) > fewEnds {
			collapse(steps)
		}
		return writeAll(tx, steps)
	})
	if err == nil {
		p.done(ctx, steps...)
	}
	return err
}

// collapse replaces the thread lines, and the cards that would be new, by one message about all ends, with replies for the overflow. Its
// key is unique, because it contains the id of a follow, which ends only once.
func collapse(steps []step) {
	views := make([]card.View, len(steps))
	var tell []string
	for i := range steps {
		s := &steps[i]
		views[i], tell = s.view.View, append(tell, s.view.Tell...)
		s.messages = slices.DeleteFunc(s.messages, func(m storage.Message) bool { return m.Parent != "" || s.view.Born })
		for j := range s.notices {
			s.notices[j].Why += ", and much else ended while nobody could look"
		}
	}
	slices.Sort(tell)
	first, key := &steps[0], "ended/"+steps[0].follow.ID
	wait := slices.ContainsFunc(steps, func(s step) bool { return urgent(s.follow, s.notices...) })
	for i, says := range card.Ended(views) {
		m := storage.Message{Key: key, Channel: first.follow.Channel, Urgent: wait, Last: true, Tell: slices.Compact(tell)}
		if i > 0 {
			m.Key, m.Parent = fmt.Sprintf("%s/%d", key, i+1), key
		}
		first.messages = append(first.messages, outbox.Say(m, says))
	}
}
