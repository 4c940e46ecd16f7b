package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"c66bot/storage"
)

// Refuse gives up the posts that wait for a channel which accepts no messages, and records why; edits wait in the database until Accept. If
// the channel accepted messages until now, tell returns the messages about that, and fresh is true.
func (o *Outbox) Refuse(
	ctx context.Context, channel, code string, tell func(tx storage.Tx) ([]storage.Message, error),
) (fresh bool, err error) {
	err = o.giveUp(ctx, func(tx storage.Tx) (over []givenUp, err error) {
		err = storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if m.Channel == channel && m.TS == "" && m.Refused == "" {
				over = append(over, givenUp{m, code})
			}
			return nil
		})
		return over, err
	})
	known, _, wrong := storage.Channels.Look(ctx, o.Records, channel)
	if err = errors.Join(err, wrong); err != nil || known.Refused == code {
		return false, err
	}
	err = o.Write(ctx, func(tx storage.Tx) ([]storage.Message, error) {
		known, err := storage.ChangeChannel(tx, channel, func(c *storage.Channel) {
			if c.Refused != code {
				c.Refused, c.Since = code, time.Now()
			}
		})
		if fresh = known.Refused == ""; !fresh || err != nil {
			return nil, err
		}
		return tell(tx)
	})
	if err != nil {
		return false, fmt.Errorf("record that channel %s accepts no messages: %w", channel, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if q := o.queues[place{channel, edits}]; q != nil {
		for _, it := range q.items {
			it.changed()
		}
	}
	return fresh, nil
}

// Accept ends what Refuse began: the edits that waited for the channel are delivered. It reports whether the channel was refused.
func (o *Outbox) Accept(ctx context.Context, channel string) (was bool, err error) {
	known, _, err := storage.Channels.Look(ctx, o.Records, channel)
	if err != nil || known.Refused == "" {
		return false, err
	}
	var waited []storage.Message
	err = o.Records.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		waited = nil
		_, err := storage.ChangeChannel(tx, channel, func(c *storage.Channel) { c.Refused, c.Since, c.Told = "", time.Time{}, time.Time{} })
		return errors.Join(err, storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if m.Channel == channel && laneOf(m) != none {
				waited = append(waited, m)
			}
			return nil
		}))
	})
	if err != nil {
		return false, fmt.Errorf("record that channel %s accepts messages again: %w", channel, err)
	}
	slices.SortFunc(waited, func(a, b storage.Message) int { return cmp.Compare(a.Order, b.Order) })
	o.Deliver(waited...)
	return true, nil
}

// Anew repeats the last edits of messages whatever their record says, because Slack may show something else. If not urgent, the edits queue
// behind state changes, and a message that cannot be edited is not posted again.
func (o *Outbox) Anew(ctx context.Context, urgent bool, keys ...string) error {
	var anew []storage.Message
	err := o.Records.Update(ctx, func(tx storage.Tx) (err error) {
		anew = nil
		for _, key := range keys {
			m, _, wrong := storage.Messages.Find(tx, key) // a missing one ended long ago
			if m.Urgent = urgent; m.TS != "" && (urgent || m.Delivered()) {
				m.Revision++
				anew, wrong = append(anew, m), storage.Messages.Put(tx, key, m)
			}
			err = errors.Join(err, wrong)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("have messages edited again: %w", err)
	}
	o.Deliver(anew...)
	return nil
}
