package progress

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/cloud66/watch"
	"c66bot/commands"
	"c66bot/storage"
)

// missedFor is how long full rounds must miss a stack before it counts as deleted. One round never suffices, because lists shift while they
// are paged.
const missedFor = 5 * time.Minute

// listing is the difference between a round and the positions.
type listing struct {
	subscribed *subscriptions
	changes    []card.StackChange   // deleted or renamed stacks
	missing    map[string]time.Time // changes of Position.Missing
	unwanted   bool                 // there are stacks without a subscription
}

// swept compares the stacks of a round with the positions: it tells channels of deleted and renamed ones, and removes the positions that no
// subscription needs. What fails is left to the next round.
func (p *Progress) swept(ctx context.Context, round watch.Round) error {
	l, err := storage.Read(ctx, p.Records, func(tx storage.Tx) (listing, error) { return p.listing(tx, round) })
	if err != nil {
		return err
	}
	p.subscriptions.Store(l.subscribed)
	if len(l.subscribed.globs) == 0 {
		if err := p.sweep(ctx); err != nil {
			return err
		}
	}
	of, told := map[string][]card.StackChange{}, l.changes[:0]
	for _, c := range l.changes {
		channels, err := p.concernedBy(ctx, l.subscribed, c)
		if err != nil {
			p.Log.WarnContext(ctx, "who may hear of a stack that changed cannot be found out; the next round asks again", "stack", c.Was.String(),
				"error", err)
			continue
		}
		told = append(told, c)
		for channel, shown := range channels {
			of[channel] = append(of[channel], shown)
		}
	}
	if len(told)+len(l.missing) == 0 && !l.unwanted {
		return nil
	}
	var messages []storage.Message
	err = p.Records.Update(ctx, func(tx storage.Tx) error {
		messages = nil
		if now, err := p.subscribed(tx); err != nil || now.number != l.subscribed.number { // the next round starts over
			return err
		}
		var err error
		for uid, since := range l.missing {
			at, there, wrong := storage.Positions.Find(tx, uid)
			if at.Missing = since; there {
				wrong = storage.Positions.Put(tx, uid, at)
			}
			err = errors.Join(err, wrong)
		}
		var errTold error
		messages, errTold = writeChanges(tx, told, of, round.Ended)
		return errors.Join(err, errTold, p.prune(tx)) // also what no subscription matches under its new name
	})
	if err != nil {
		return fmt.Errorf("record stacks that are gone or renamed: %w", err)
	}
	p.Outbox.Deliver(messages...)
	for _, c := range told {
		p.Log.InfoContext(ctx, "a stack is gone or renamed", "stack", c.Was.String(), "now", c.Now.String())
	}
	return nil
}

// listing compares the stacks of a round with the positions.
func (p *Progress) listing(tx storage.Tx, round watch.Round) (l listing, err error) {
	l.missing = map[string]time.Time{}
	if l.subscribed, err = p.subscribed(tx); err != nil {
		return l, err
	}
	err = storage.Positions.Scan(tx, "", func(uid string, at storage.Position) error {
		since := at.Missing
		stack, here := round.Stacks[uid]
		switch now := commands.RefOf(stack); {
		case !l.subscribed.wants(at.Stack):
			l.unwanted = true
			return nil
		case here && !now.Same(at.Stack):
			l.changes = append(l.changes, card.StackChange{Was: at.Stack, Now: now})
			return nil
		case here:
			at.Missing = time.Time{}
		case !round.Full || round.Failed > 0:
		case since.IsZero():
			at.Missing = round.Ended
		case round.Ended.Sub(since) >= missedFor:
			l.changes = append(l.changes, card.StackChange{Was: at.Stack})
			return nil
		}
		if !at.Missing.Equal(since) {
			l.missing[uid] = at.Missing
		}
		return nil
	})
	return l, err
}

// concernedBy returns what to tell each channel that subscribes to a changed stack and has an author who may subscribe to it. The new name
// is included only if one of them may subscribe to that.
func (p *Progress) concernedBy(ctx context.Context, subscribed *subscriptions, c card.StackChange) (map[string]card.StackChange, error) {
	now := map[string][]storage.Subscription{}
	if c.Now.UID != "" {
		now = subscribed.to(c.Now)
	}
	channels := map[string]card.StackChange{}
	for channel, subscriptions := range subscribed.to(c.Was) {
		asked := map[string]bool{} // each author may have many
		for _, s := range subscriptions {
			if asked[s.Author] {
				continue
			}
			asked[s.Author] = true
			may, err := p.May(ctx, s.Author, channel, c.Was)
			if err != nil {
				return nil, err
			}
			if !may {
				continue
			}
			shown := card.StackChange{Was: c.Was}
			if c.Now.UID != "" {
				if may, err = p.May(ctx, s.Author, channel, c.Now); err != nil {
					return nil, err
				}
				if may {
					shown.Now, shown.Fits = c.Now, len(now[channel]) > 0
				}
			}
			if before, ok := channels[channel]; !ok || (before.Now.UID == "" && shown.Now.UID != "") {
				channels[channel] = shown
			}
		}
	}
	return channels, nil
}

// writeChanges writes the messages of the channels, and the positions under their new names.
func writeChanges(tx storage.Tx, changes []card.StackChange, of map[string][]card.StackChange, at time.Time) (
	messages []storage.Message, err error,
) {
	for _, channel := range slices.Sorted(maps.Keys(of)) {
		m := storage.Message{Key: fmt.Sprintf("stacks/%s/%d", channel, at.UnixNano()), Channel: channel, Last: true}
		messages = append(messages, outbox.Say(m, card.StackChanges(of[channel])))
	}
	for _, c := range changes {
		at, known, wrong := storage.Positions.Find(tx, c.Was.UID)
		switch at.Stack = c.Now; {
		case wrong != nil || !known:
		case c.Now.UID == "":
			wrong = storage.Positions.Delete(tx, c.Was.UID)
		default:
			wrong = storage.Positions.Put(tx, c.Was.UID, at)
		}
		err = errors.Join(err, wrong)
	}
	return messages, errors.Join(err, outbox.PutAll(tx, messages))
}
