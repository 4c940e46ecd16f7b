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
	return o.revise(ctx, func(tx storage.Tx) (missed []storage.Message, err error) {
		err = storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if m.Channel == channel && behind(m) { // it stays missed until Slack has taken it
				m.Refusing, m.Since = "", time.Time{}
				missed = append(missed, m)
			}
			return nil
		})
		return missed, err
	})
}

// Anew makes the last edits of messages again, whatever is recorded of them: what stands in Slack may be something else. Where that is not
// urgent, it comes behind changes of state, and no message is posted anew because Slack does not take its edit.
func (o *Outbox) Anew(ctx context.Context, urgent bool, keys ...string) error {
	return o.revise(ctx, func(tx storage.Tx) (anew []storage.Message, err error) {
		for _, key := range keys {
			m, _, wrong := storage.Messages.Find(tx, key) // one that is not there ended long ago
			err = errors.Join(err, wrong)
			if m.Urgent = urgent; m.TS != "" && (urgent || m.Delivered()) {
				anew = append(anew, m)
			}
		}
		return anew, err
	})
}

// revise has messages delivered as if they had changed.
func (o *Outbox) revise(ctx context.Context, find func(tx storage.Tx) ([]storage.Message, error)) error {
	var messages []storage.Message
	err := o.Records.Update(ctx, func(tx storage.Tx) (err error) {
		messages, err = find(tx)
		for i := range messages {
			messages[i].Revision++
			err = errors.Join(err, storage.Messages.Put(tx, messages[i].Key, messages[i]))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("have messages edited again: %w", err)
	}
	o.Deliver(messages...)
	return nil
}
