package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"c66bot/bot/webapi"
	"c66bot/storage"
)

// twinLooks are the message ages at which the channel is searched for duplicates of a message that was posted again. Most show up within
// seconds.
var twinLooks = []time.Duration{10 * time.Second, 45 * time.Second, 5 * time.Minute}

// searchFor is how long searches are tried if they fail.
const searchFor = 24 * time.Hour

// read is a search of a channel's or a thread's history.
type read struct {
	began, since time.Time
	own          map[string][]Standing // the bot's messages in it, by key
}

// find searches for a tried message in a history that was read after due, or returns how long a rate limit forbids that. One read serves
// all messages of the channel or thread.
func (o *Outbox) find(ctx context.Context, q *queue, m storage.Message, thread string, due time.Time) ([]Standing, time.Duration, error) {
	if last, ok := q.reads[thread]; ok && !last.began.Before(due) && !last.since.After(m.CreatedAt) {
		return last.own[m.Key], 0, nil
	}
	looking := "look"
	if thread != "" {
		looking = "look in threads" // another method, with its own limit
	}
	if wait := o.allowed(looking, nil, 0); wait > 0 {
		return nil, wait, nil
	}
	limited, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	now := read{began: time.Now(), since: m.CreatedAt}
	var err error
	now.own, err = o.Slack.Own(limited, m.Channel, thread, m.CreatedAt)
	o.hold(looking, err)
	switch {
	case webapi.Is(err, webapi.NoScope):
		o.Log.Warn("a message may come twice: the app may not read this channel's history", "message", m.Key, "channel", m.Channel)
	case webapi.Is(err, webapi.Limited):
		return nil, o.allowed(looking, nil, 0), nil
	case err != nil:
		return nil, 0, fmt.Errorf("look for message %s: %w", m.Key, err)
	}
	if q.reads == nil {
		q.reads = map[string]read{}
	}
	q.reads[thread] = now
	return now.own[m.Key], 0, nil
}

// search looks for duplicates of a message and deletes them.
func (o *Outbox) search(ctx context.Context, q *queue, it *item, m storage.Message, thread string) (time.Duration, error) {
	passed := max(0, time.Since(m.Doubt))
	due := -1
	for _, at := range twinLooks {
		if passed >= at {
			due++
		}
	}
	if due < 0 {
		return twinLooks[0] - passed, nil
	}
	found, wait, err := o.find(ctx, q, m, thread, m.Doubt.Add(twinLooks[due]))
	if passed < searchFor && (wait > 0 || err != nil) {
		return wait, err
	}
	if wait, err := o.keepOne(ctx, it, m, found); wait > 0 || err != nil {
		return wait, err
	}
	delete(q.reads[thread].own, m.Key) // one copy is left
	if due+1 < len(twinLooks) {
		return twinLooks[due+1] - passed, nil
	}
	return 0, o.change(ctx, it, m, func(r *storage.Message) { r.Doubt = time.Time{} })
}

// keepOne keeps one copy of a message: the recorded one, unless it is missing or another one has the replies.
func (o *Outbox) keepOne(ctx context.Context, it *item, m storage.Message, found []Standing) (time.Duration, error) {
	if len(found) == 0 {
		return 0, nil
	}
	kept := max(0, slices.IndexFunc(found, func(s Standing) bool { return s.TS == m.TS }))
	if replied := slices.IndexFunc(found, func(s Standing) bool { return s.Replies }); replied >= 0 && !found[kept].Replies {
		kept = replied
	}
	if ts := found[kept].TS; ts != m.TS {
		err := o.change(ctx, it, m, func(r *storage.Message) { r.TS, r.Sent = ts, 0 }) // unknown which revision it shows
		if err != nil && !errors.Is(err, errDone) {
			return 0, err
		}
	}
	for i, s := range found {
		if i == kept {
			continue
		}
		if wait := o.allowed(deleting, nil, 0); wait > 0 {
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
