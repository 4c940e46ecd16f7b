package progress

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/cloud66/panics"
	"c66bot/cloud66/watch"
	"c66bot/commands"
	"c66bot/storage"
)

// onRound tells channels about deleted and renamed stacks, and ends the catch-up.
func (p *Progress) onRound(ctx context.Context, round watch.Round) {
	a := &p.absence
	p.mu.Lock()
	if !a.swept.IsZero() && !round.CaughtUp {
		a.between = round.Ended.Sub(a.swept)
	}
	a.swept = round.Ended
	p.mu.Unlock()
	err := panics.Catch(func() error { return p.changedStacks(ctx, round) })
	if p.unpruned.Load() {
		err = errors.Join(err, p.SubscriptionsChanged(ctx))
	}
	if err != nil && ctx.Err() == nil {
		p.Log.Error("stacks that are gone or renamed could not be told; the next round tries again", "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a.catchingUp = round.Failed > 0
	a.tellIfAll()
}

// missedFor is how long consecutive full rounds must miss a stack before it counts as deleted. One round never suffices, because lists
// shift while they are paged.
const missedFor = 5 * time.Minute

// changedStacks tells each channel once about its deleted or renamed stacks, in one transaction with their positions.
func (p *Progress) changedStacks(ctx context.Context, round watch.Round) error {
	changes, subscribed, err := p.stackChanges(ctx, round)
	if err != nil {
		return err
	}
	of := map[string][]card.StackChange{}
	told := make([]card.StackChange, 0, len(changes))
	for _, c := range changes {
		channels, err := p.concernedBy(ctx, subscribed, c)
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
	if len(told) == 0 {
		return nil
	}
	var messages []storage.Message
	stale := false
	err = p.Records.Update(ctx, func(tx storage.Tx) error {
		now, err := p.subscribed(tx)
		if stale = err == nil && now.number != subscribed.number; err != nil || stale {
			return err
		}
		messages, err = writeChanges(tx, told, of, round.Ended)
		return err
	})
	if err != nil {
		return fmt.Errorf("record stacks that are gone or renamed: %w", err)
	}
	if stale { // the next round starts over
		return nil
	}
	p.Outbox.Deliver(messages...)
	for _, c := range told {
		p.Log.InfoContext(ctx, "a stack is gone or renamed", "stack", c.Was.String(), "now", c.Now.String())
	}
	return p.SubscriptionsChanged(ctx) // also deletes positions of stacks that no subscription matches under their new name
}

// stackChanges compares the stacks of a round with the positions. It also returns the subscriptions that its result is based on.
func (p *Progress) stackChanges(ctx context.Context, round watch.Round) (changes []card.StackChange, subscribed *subscriptions, err error) {
	if subscribed, err = p.latest(ctx); err != nil {
		return nil, nil, err
	}
	watched, err := p.watched(ctx)
	if err != nil {
		return nil, nil, err
	}
	absent := map[string]time.Time{}
	for _, uid := range slices.Sorted(maps.Keys(watched)) {
		was, since := watched[uid], p.missing[uid]
		shown, ok := round.Stacks[uid]
		now := commands.RefOf(shown)
		switch {
		case ok && !now.Same(was):
			changes = append(changes, card.StackChange{Was: was, Now: now})
		case ok:
		case !round.Full || round.Failed > 0:
			absent[uid] = since
		case since.IsZero():
			absent[uid] = round.Ended
		default:
			absent[uid] = since // until it is announced
			if round.Ended.Sub(since) >= missedFor {
				changes = append(changes, card.StackChange{Was: was})
			}
		}
	}
	p.missing = absent
	return changes, subscribed, nil
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

func writeChanges(tx storage.Tx, changes []card.StackChange, of map[string][]card.StackChange, at time.Time) ([]storage.Message, error) {
	var messages []storage.Message
	var err error
	for _, channel := range slices.Sorted(maps.Keys(of)) {
		m, wrong := saying(storage.Message{Key: fmt.Sprintf("stacks/%s/%d", channel, at.UnixNano()), Channel: channel, Last: true},
			card.StackChanges(of[channel]))
		messages, err = append(messages, m), errors.Join(err, wrong)
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
	return messages, errors.Join(err, putAll(tx, messages))
}
