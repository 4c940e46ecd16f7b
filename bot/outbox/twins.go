package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"c66bot/bot/webapi"
	"c66bot/storage"
)

// twinLooks are the message ages at which the channel is searched for duplicates of a message that was posted again. Most show up within
// seconds.
var twinLooks = []time.Duration{10 * time.Second, 45 * time.Second, 5 * time.Minute}

const (
	searchFor  = 24 * time.Hour // if the searches themselves fail
	searchWait = 20 * time.Second
)

// search looks for duplicates of a message and deletes them.
func (o *Outbox) search(ctx context.Context, m storage.Message, thread string) (time.Duration, error) {
	passed := max(0, time.Since(m.Doubt))
	if passed < twinLooks[0] {
		return twinLooks[0] - passed, nil
	}
	found, wait, err := o.find(ctx, m, thread, searchWait)
	if passed < searchFor && (wait > 0 || err != nil) {
		return wait, err
	}
	if wait, err := o.keepOne(ctx, m, found); wait > 0 || err != nil {
		return wait, err
	}
	for _, next := range twinLooks {
		if passed < next {
			return next - passed, nil
		}
	}
	return 0, o.change(ctx, m.Key, func(r *storage.Message) { r.Doubt = time.Time{} })
}

// keepOne keeps one copy of a message: the recorded one, unless it is missing or another one has the replies.
func (o *Outbox) keepOne(ctx context.Context, m storage.Message, found []Standing) (time.Duration, error) {
	if len(found) == 0 {
		return 0, nil
	}
	kept := max(0, slices.IndexFunc(found, func(s Standing) bool { return s.TS == m.TS }))
	if replied := slices.IndexFunc(found, func(s Standing) bool { return s.Replies }); replied >= 0 && !found[kept].Replies {
		kept = replied
	}
	if ts := found[kept].TS; ts != m.TS {
		err := o.change(ctx, m.Key, func(r *storage.Message) { r.TS, r.Sent = ts, 0 }) // unknown which revision it shows
		if err != nil {
			return 0, err
		}
		o.Deliver(m)
	}
	for i, s := range found {
		if i == kept {
			continue
		}
		if wait := o.held(deleting); wait > 0 {
			return wait, nil
		}
		err := o.Slack.Delete(ctx, m.Channel, s.TS)
		o.hold(deleting, err)
		switch fault := webapi.Judge(err); {
		case err == nil:
			o.Log.Info("a message that came twice is deleted", "message", m.Key, "channel", m.Channel, "ts", s.TS)
		case fault.Kind == webapi.NoMessage, fault.Kind == webapi.NoEdit:
			o.Log.Warn("a message stands twice, and one cannot be deleted", "message", m.Key, "channel", m.Channel, "why", fault.Words())
		default:
			return fault.After, fmt.Errorf("delete the second copy of message %s: %w", m.Key, err)
		}
	}
	return 0, nil
}
