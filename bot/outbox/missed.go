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

// behind reports whether a message is outdated because its last edit was given up, and nothing pending corrects it.
func behind(m storage.Message) bool {
	return m.Missed && m.Delivered() && time.Since(m.UpdatedAt) < storage.KeepMissed
}

// Missed reports whether messages of a channel are outdated because edits were given up.
func (o *Outbox) Missed(channel string) bool { return slices.Contains(o.Behind(), channel) }

// Behind returns the channels that have such messages.
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

// Again repeats the given-up edits of a channel that accepts changes again.
func (o *Outbox) Again(ctx context.Context, channel string) error {
	if !o.Missed(channel) {
		return nil
	}
	return o.revise(ctx, func(tx storage.Tx) (missed []storage.Message, err error) {
		err = storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if m.Channel == channel && behind(m) { // stays missed until Slack has accepted the edit
				m.Refusing, m.Since = "", time.Time{}
				missed = append(missed, m)
			}
			return nil
		})
		return missed, err
	})
}

// Anew repeats the last edits of messages whatever their record says, because Slack may show something else. If not urgent, the edits queue
// behind state changes, and a message that cannot be edited is not posted again.
func (o *Outbox) Anew(ctx context.Context, urgent bool, keys ...string) error {
	return o.revise(ctx, func(tx storage.Tx) (anew []storage.Message, err error) {
		for _, key := range keys {
			m, _, wrong := storage.Messages.Find(tx, key) // a missing one ended long ago
			err = errors.Join(err, wrong)
			if m.Urgent = urgent; m.TS != "" && (urgent || m.Delivered()) {
				anew = append(anew, m)
			}
		}
		return anew, err
	})
}

// revise bumps the revision of the messages that find selects and delivers them.
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
