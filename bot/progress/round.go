package progress

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/cloud66/watch"
	"c66bot/storage"
)

// A round over all stacks that ends so late has been kept from it by something: after so many times the last one's time, and so long at least.
const (
	lateRounds = 3
	lateAfter  = 2 * time.Minute
)

// catchingUp reports whether what is seen to have ended may have done so while nobody could look: since the start or an outage no round over
// all stacks was made.
func (p *Progress) catchingUp(now time.Time) bool {
	p.mu.Lock()
	late := !p.swept.IsZero() && now.Sub(p.swept) > max(lateAfter, lateRounds*p.between)
	p.mu.Unlock()
	if late && !p.index.idle() {
		p.away.catchUp()
	}
	return p.away.catchingUp()
}

// onRound tells of stacks that have vanished or bear another name, and of what ended while nobody could look.
func (p *Progress) onRound(ctx context.Context, round watch.Round) {
	p.mu.Lock()
	if !p.swept.IsZero() && !round.CaughtUp {
		p.between = round.Ended.Sub(p.swept)
	}
	p.swept = round.Ended
	p.mu.Unlock()
	if err := safely(func() error { return p.changedStacks(ctx, round) }); err != nil && ctx.Err() == nil {
		p.Log.Error("stacks that are gone or renamed could not be told; the next round tries again", "error", err)
	}
	if round.Failed > 0 {
		p.away.catchUp()
		return
	}
	p.away.caughtUp()
}

// A stack counts as gone where so many rounds in a row have missed it, since lists shift while they are read, over so long at least, since a
// list may be short for a while.
const (
	missedRounds = 2
	missedFor    = 5 * time.Minute
)

// absence is that rounds in a row have missed a stack.
type absence struct {
	rounds int
	since  time.Time
}

// again is an absence that one more round has found.
func (a absence) again(at time.Time) absence {
	if a.rounds == 0 {
		a.since = at
	}
	a.rounds++
	return a
}

// gone reports whether a stack that is absent at a time does not come back.
func (a absence) gone(at time.Time) bool {
	return a.rounds >= missedRounds && at.Sub(a.since) >= missedFor
}

// changedStacks tells each channel once which stacks that it subscribes to have vanished or bear another name, with their positions in one
// transaction.
func (p *Progress) changedStacks(ctx context.Context, round watch.Round) error {
	changes, version := p.stackChanges(round)
	if len(changes) == 0 {
		return nil
	}
	of := map[string][]card.StackChange{}
	told := make([]card.StackChange, 0, len(changes))
	for _, c := range changes {
		channels, err := p.concernedBy(ctx, c)
		if err != nil {
			p.Log.WarnContext(ctx, "who may hear of a stack that changed cannot be found out; the next round asks again", "stack", c.Was.String(), "error", err)
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
	messages, err := p.recordChanges(ctx, version, told, of, round.Ended)
	if errors.Is(err, errChanged) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("record stacks that are gone or renamed: %w", err)
	}
	p.Outbox.Deliver(messages...)
	for _, c := range told {
		p.Log.InfoContext(ctx, "a stack is gone or renamed", "stack", c.Was.String(), "now", c.Now.String())
	}
	return p.SubscriptionsChanged(ctx) // with it goes the position of what nobody subscribes to under its new name
}

// recordChanges writes what was told of changed stacks. A look that began before is left to the next one: it knows the stacks as they were.
func (p *Progress) recordChanges(
	ctx context.Context, version int, told []card.StackChange, of map[string][]card.StackChange, at time.Time,
) (messages []storage.Message, err error) {
	p.following.Lock()
	defer p.following.Unlock()
	err = p.Records.Update(ctx, func(tx storage.Tx) (err error) {
		if !p.index.is(version) {
			return errChanged
		}
		messages, err = writeChanges(tx, told, of, at)
		return err
	})
	if err == nil {
		p.index.renamed(told)
	}
	return messages, err
}

// stackChanges compares a round with the positions.
func (p *Progress) stackChanges(round watch.Round) (changes []card.StackChange, version int) {
	positions, version := p.index.all()
	here := make(map[string]storage.StackRef, len(round.Stacks))
	for _, s := range round.Stacks {
		here[s.UID] = refOf(s)
	}
	absent := map[string]absence{}
	for _, uid := range slices.Sorted(maps.Keys(positions)) {
		was := positions[uid].Stack
		switch now, ok := here[uid]; {
		case ok && now != was:
			changes = append(changes, card.StackChange{Was: was, Now: now})
		case ok:
		case !round.Full || round.Failed > 0:
			absent[uid] = p.absent[uid]
		default:
			if absent[uid] = p.absent[uid].again(round.Ended); absent[uid].gone(round.Ended) {
				changes = append(changes, card.StackChange{Was: was}) // until it is told
			}
		}
	}
	p.absent = absent
	return changes, version
}

// concernedBy gives what each channel that subscribes to a changed stack is told.
func (p *Progress) concernedBy(ctx context.Context, c card.StackChange) (map[string]card.StackChange, error) {
	of, _ := p.index.fitting(c.Was)
	var now map[string][]storage.Subscription
	if c.Now.UID != "" {
		now, _ = p.index.fitting(c.Now)
	}
	channels := map[string]card.StackChange{}
	for channel, subscriptions := range of {
		asked := map[string]bool{} // authors, who may have many each
		for _, s := range subscriptions {
			if asked[s.Author] {
				continue
			}
			asked[s.Author] = true
			shown, may, err := p.shownTo(ctx, s.Author, channel, c)
			if err != nil {
				return nil, err
			}
			if !may {
				continue
			}
			shown.Fits = shown.Now.UID != "" && len(now[channel]) > 0
			if before, ok := channels[channel]; !ok || (before.Now.UID == "" && shown.Now.UID != "") {
				channels[channel] = shown
			}
		}
	}
	return channels, nil
}

// shownTo gives what somebody may have a channel hear of a change; it is false where that is nothing. A new name is for those who may hear of
// it alone.
func (p *Progress) shownTo(ctx context.Context, author, channel string, c card.StackChange) (card.StackChange, bool, error) {
	shown := card.StackChange{Was: c.Was}
	may, err := p.May(ctx, author, channel, c.Was)
	if err != nil || !may || c.Now.UID == "" {
		return shown, may, err
	}
	if may, err = p.May(ctx, author, channel, c.Now); may {
		shown.Now = c.Now
	}
	return shown, true, err
}

func writeChanges(tx storage.Tx, changes []card.StackChange, of map[string][]card.StackChange, at time.Time) ([]storage.Message, error) {
	var messages []storage.Message
	for _, channel := range slices.Sorted(maps.Keys(of)) {
		m, err := post(tx, storage.Message{Key: fmt.Sprintf("stacks/%s/%d", channel, at.UnixNano()), Channel: channel}, card.StackChanges(of[channel]))
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	for _, c := range changes {
		if c.Now.UID == "" {
			if err := storage.Positions.Delete(tx, c.Was.UID); err != nil {
				return nil, err
			}
			continue
		}
		at, err := storage.Positions.Get(tx, c.Was.UID)
		if err != nil {
			return nil, err
		}
		at.Stack = c.Now
		if err := storage.Positions.Put(tx, c.Was.UID, at); err != nil {
			return nil, err
		}
	}
	return messages, nil
}
