package outbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/bot/webapi"
	"c66bot/storage"
)

// Unreachable reports whether a code of Slack's says that nothing can be posted in a channel, or nothing in it changed; it may take messages
// again some day.
func Unreachable(code string) bool { return webapi.Meaning(code, "").Kind == webapi.NoChannel }

// miss records that Slack took no edit. Where that is for the channel's sake, Again makes it anew.
func (o *Outbox) miss(ctx context.Context, m storage.Message, again bool) error {
	err := o.change(ctx, m.Key, func(r *storage.Message) { r.Sent, r.Missed = m.Revision, again })
	if err == nil && again {
		o.misses(m.Channel)
	}
	return err
}

func (o *Outbox) misses(channel string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.missed[channel] = true
}

// Missed reports whether a channel's messages are behind because it took no edits.
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
			if m.Channel == channel && m.Missed && time.Since(m.UpdatedAt) < keepMissed {
				behind = append(behind, m)
			}
			return nil
		})
		for i := range behind {
			m := &behind[i]
			m.Revision++ // it stays missed until Slack has taken it
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
