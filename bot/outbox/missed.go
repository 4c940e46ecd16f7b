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

func (o *Outbox) misses(channel string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.missed[channel] = true
}

// Missed reports whether a channel's messages are behind because edits were given up.
func (o *Outbox) Missed(channel string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.missed[channel]
}

// Behind gives the channels whose messages are.
func (o *Outbox) Behind() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.missed))
}

// Again makes the edits of a channel's messages that were refused while nothing could be changed in it.
func (o *Outbox) Again(ctx context.Context, channel string) error {
	if !o.Missed(channel) {
		return nil
	}
	o.mu.Lock()
	delete(o.missed, channel) // before it is read, since more may be missed meanwhile
	o.mu.Unlock()
	var behind []storage.Message
	err := o.Records.Update(ctx, func(tx storage.Tx) error {
		behind = nil
		err := storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if m.Channel == channel && m.Missed && time.Since(m.UpdatedAt) < storage.KeepMissed {
				behind = append(behind, m)
			}
			return nil
		})
		for i := range behind {
			m := &behind[i]
			m.Revision++ // it stays missed until Slack has taken it
			m.Refusing, m.Since = "", time.Time{}
			if err == nil {
				err = storage.Messages.Put(tx, m.Key, *m)
			}
		}
		return err
	})
	if err != nil {
		o.misses(channel)
		return fmt.Errorf("read what the channel %s has missed: %w", channel, err)
	}
	o.Deliver(behind...)
	return nil
}

// Anew makes the last edits of messages again, whatever is recorded of them: what stands in Slack may be something else. Where that is not urgent,
// it comes behind changes of state, and no message is posted anew because Slack does not take its edit.
func (o *Outbox) Anew(ctx context.Context, urgent bool, keys ...string) error {
	var anew []storage.Message
	err := o.Records.Update(ctx, func(tx storage.Tx) error {
		anew = nil
		for _, key := range keys {
			m, err := storage.Messages.Get(tx, key)
			switch {
			case errors.Is(err, storage.ErrNotFound): // it ended long ago
				continue
			case err != nil:
				return err
			case m.TS == "", !urgent && !m.Delivered():
				continue
			}
			m.Urgent = urgent
			m.Revision++
			if err := storage.Messages.Put(tx, key, m); err != nil {
				return err
			}
			anew = append(anew, m)
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
	if o.missed[from] {
		delete(o.missed, from)
		o.missed[to] = true
	}
	for _, at := range slices.Collect(maps.Keys(o.queues)) {
		if at.channel != from {
			continue
		}
		for _, it := range o.queues[at].items { // its deliverer finds the others gone
			o.enqueueIn(place{to, at.lane}, it.key, it.root, it.urgent)
		}
	}
}
