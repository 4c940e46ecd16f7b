package progress

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"c66bot/bot/card"
	"c66bot/bot/notify"
	"c66bot/bot/outbox"
	"c66bot/storage"
)

// fewEnds is how many ends of one channel are told in the threads of their cards; more of them become one message.
const fewEnds = 5

// tellKept tells what ended while nobody could look, whenever that is due.
func (p *Progress) tellKept(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.away.due:
		}
		p.away.only(p.watches)
		for channel, ends := range p.away.kept() {
			err := safely(func() error { return p.tellEnds(ctx, ends) })
			p.away.told(ends)
			if err == nil || ctx.Err() != nil {
				continue
			}
			p.Log.Error("what ended meanwhile could not be told at once; the next look tries again", "channel", channel, "ends", len(ends), "error", err)
			for _, e := range ends {
				p.watch.Now(e.look.Stack)
			}
		}
	}
}

// tellEnds tells the ends of one channel: each in its card's thread, or where they are many all in one message.
func (p *Progress) tellEnds(ctx context.Context, ends map[string]end) error {
	if len(ends) > fewEnds {
		return p.tellTogether(ctx, ends)
	}
	for _, id := range slices.Sorted(maps.Keys(ends)) {
		if err := p.bring(ctx, id, ends[id].look, ends[id].trace); err != nil {
			return fmt.Errorf("follow %s: %w", id, err)
		}
	}
	return nil
}

// tellTogether ends follows and corrects their cards, in one transaction with the one message that tells of them all. Their threads stay as
// they are.
func (p *Progress) tellTogether(ctx context.Context, ends map[string]end) error {
	var steps []step
	var messages []storage.Message
	err := p.Records.Update(ctx, func(tx storage.Tx) (err error) {
		steps, messages = nil, nil
		for _, id := range slices.Sorted(maps.Keys(ends)) {
			s, err := p.plan(tx, id, ends[id].look, ends[id].trace)
			if err != nil {
				return fmt.Errorf("follow %s: %w", id, err)
			}
			if s.endsNow() {
				steps = append(steps, s.withoutThread())
			}
		}
		if len(steps) == 0 {
			return nil
		}
		if messages, err = together(steps); err != nil {
			return err
		}
		return writeTogether(tx, steps, messages)
	})
	if err != nil {
		return fmt.Errorf("tell %d ends together: %w", len(ends), err)
	}
	p.Outbox.Deliver(messages...)
	for _, s := range steps {
		p.done(ctx, s)
	}
	return nil
}

func writeTogether(tx storage.Tx, steps []step, messages []storage.Message) error {
	for _, m := range messages {
		if err := outbox.Put(tx, m); err != nil {
			return err
		}
	}
	for _, s := range steps {
		if err := write(tx, s); err != nil {
			return err
		}
	}
	return nil
}

// endsNow reports whether a step is the end of a deployment. What became of a wish that led to none needs words of its own.
func (s step) endsNow() bool {
	return s.changed && s.follow.Phase == storage.PhaseEnded && s.follow.Deployment != 0
}

// withoutThread leaves a step without its lines in the thread, and without a card that would be only another one of many.
func (s step) withoutThread() step {
	s.messages = slices.DeleteFunc(slices.Clone(s.messages), func(m storage.Message) bool { return m.Parent != "" || s.bornEnded() })
	for i, n := range s.notices {
		s.notices[i] = notify.Notice{State: n.State, At: n.At, Why: n.Why + ", and much else ended while nobody could look"}
	}
	return s
}

// together renders the one message of many ends, which says where more came than could be read, and what it cannot hold for its thread. Its key is that of one of the follows, which ends
// but once.
func together(steps []step) ([]storage.Message, error) {
	views := make([]card.View, len(steps))
	var told []string
	for i, s := range steps {
		views[i] = s.sight.on(s.follow)
		told = append(told, s.sight.tell...)
	}
	slices.Sort(told)
	key := "ended/" + steps[0].follow.ID
	var messages []storage.Message
	wait := slices.ContainsFunc(steps, func(s step) bool { return urgent(s.follow, s.notices...) })
	for i, rendered := range card.Ended(views) {
		blocks, err := rendered.JSON()
		if err != nil {
			return nil, err
		}
		m := storage.Message{
			Key: key, Channel: steps[0].follow.Channel, Text: rendered.Text(), Blocks: blocks, Urgent: wait, Last: true,
			Tell: slices.Compact(slices.Clone(told)),
		}
		if i > 0 {
			m.Key, m.Parent = fmt.Sprintf("%s/%d", key, i+1), key
		}
		messages = append(messages, m)
	}
	return messages, nil
}
