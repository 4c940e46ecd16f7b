package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/storage"
)

// behind reports whether a message shows what has passed, since its last edit was given up, and nothing is under way that mends it.
func behind(m storage.Message) bool {
	return m.Missed && m.Delivered() && time.Since(m.UpdatedAt) < storage.KeepMissed
}

// Missed reports whether a channel's messages are behind because edits were given up.
func (o *Outbox) Missed(channel string) bool { return slices.Contains(o.Behind(), channel) }

// Behind gives the channels whose messages are.
func (o *Outbox) Behind() []string {
	channels := map[string]bool{}
	err := o.Records.View(context.Background(), func(tx storage.Tx) error {
		return storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if behind(m) {
				channels[m.Channel] = true
			}
			return nil
		})
	})
	if err != nil {
		o.Log.Error("which channels have missed something could not be read", "error", err)
	}
	return slices.Collect(maps.Keys(channels))
}

// Again makes the edits of a channel's messages that were refused while nothing could be changed in it.
func (o *Outbox) Again(ctx context.Context, channel string) error {
	if !o.Missed(channel) {
		return nil
	}
	var missed []storage.Message
	err := o.Records.Update(ctx, func(tx storage.Tx) error {
		missed = nil
		err := storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if m.Channel == channel && behind(m) {
				m.Revision++ // it stays missed until Slack has taken it
				m.Refusing, m.Since = "", time.Time{}
				missed = append(missed, m)
			}
			return nil
		})
		for _, m := range missed {
			err = errors.Join(err, storage.Messages.Put(tx, m.Key, m))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read what the channel %s has missed: %w", channel, err)
	}
	o.Deliver(missed...)
	return nil
}

// Anew makes the last edits of messages again, whatever is recorded of them: what stands in Slack may be something else. Where that is not urgent,
// it comes behind changes of state, and no message is posted anew because Slack does not take its edit.
func (o *Outbox) Anew(ctx context.Context, urgent bool, keys ...string) error {
	var anew []storage.Message
	err := o.Records.Update(ctx, func(tx storage.Tx) error {
		anew = nil
		for _, key := range keys {
			m, there, err := storage.Messages.Find(tx, key)
			if err != nil {
				return err
			}
			if !there || m.TS == "" || !urgent && !m.Delivered() { // one that is not there ended long ago
				continue
			}
			m.Urgent = urgent
			m.Revision++
			anew = append(anew, m)
			if err := storage.Messages.Put(tx, key, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("have messages shown anew: %w", err)
	}
	o.Deliver(anew...)
	return nil
}

// Moved has what waits for a channel delivered under the id that it bears now, after the records were changed.
func (o *Outbox) Moved(from, to string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, at := range slices.Collect(maps.Keys(o.queues)) {
		if at.channel != from {
			continue
		}
		for _, it := range o.queues[at].items { // its deliverer finds the others gone
			o.enqueueIn(place{to, at.lane}, it.key, it.root, it.urgent)
		}
	}
}
