package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"c66bot/bot/webapi"
	"c66bot/storage"
)

const directPrefix = "direct:"

// Direct is the channel of a message that goes to one user alone. The conversation is opened when the message is sent.
func Direct(user string) string { return directPrefix + user }

// errDone says that nothing of a message remains to be sent from its queue.
var errDone = errors.New("done")

// deliver takes one step towards what the item's message ought to say. It gives how long to wait before the next one where that is known
// without a fault, and an error where something went wrong that may pass, or errDone.
func (o *Outbox) deliver(ctx context.Context, q *queue, it *item) (later time.Duration, err error) {
	m, parent, err := o.read(ctx, it.key)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && m.Delivered():
		return 0, errDone
	case err != nil:
		return 0, err
	case m.Channel != q.channel:
		o.Deliver(m) // it has moved
		return 0, errDone
	case strings.HasPrefix(m.Channel, directPrefix):
		err = o.direct(ctx, m)
	case m.TS != "":
		later, err = o.edit(ctx, m)
	case m.Parent != "" && parent.TS == "" && parent.Refused == "" && parent.Key != "":
		return o.behind(q, it, m.Parent), nil
	default:
		later, err = o.post(ctx, q, it, m, parent.TS)
	}
	return o.judge(ctx, m, later, err)
}

func (o *Outbox) read(ctx context.Context, key string) (m, parent storage.Message, err error) {
	err = o.Records.View(ctx, func(tx storage.Tx) error {
		if m, err = storage.Messages.Get(tx, key); err != nil || m.Parent == "" {
			return err
		}
		parent, err = storage.Messages.Get(tx, m.Parent)
		if errors.Is(err, storage.ErrNotFound) {
			return nil // pruned or never there: the reply goes to the channel
		}
		return err
	})
	return m, parent, err
}

// judge turns what Slack said into what is done next.
func (o *Outbox) judge(ctx context.Context, m storage.Message, later time.Duration, err error) (time.Duration, error) {
	var (
		wait    *LaterError
		refused *RefusedError
	)
	switch {
	case errors.As(err, &wait):
		return wait.After, err
	case !errors.As(err, &refused):
		return later, err
	case refused.kind() == webapi.TooMuch && m.Plain != m.Revision:
		o.Log.Error("Slack refused a message's form; it is sent as plain text", "message", m.Key, "error", err)
		return 0, o.change(ctx, m.Key, func(r *storage.Message) { r.Plain = m.Revision })
	case refused.kind() == webapi.NoMessage && m.TS != "":
		// Somebody deleted it. A change of state is worth a new message, progress is not.
		return 0, o.change(ctx, m.Key, func(r *storage.Message) {
			if r.Sent, r.Missed = r.Revision, false; r.Urgent {
				r.TS, r.Sent, r.Tried = "", 0, 0
			}
		})
	case refused.kind() == webapi.NoThread && m.Parent != "":
		return 0, o.change(ctx, m.Key, func(r *storage.Message) { r.Parent, r.Broadcast, r.Tried = "", false, 0 })
	case m.TS != "":
		o.Log.Error("Slack refused an edit; the next one is tried again", "message", m.Key, "code", refused.Code)
		return 0, o.miss(ctx, m, Unreachable(refused.Code))
	default:
		if err := o.refuse(ctx, m.Key, refused.Code); err != nil {
			return 0, err
		}
		if o.Refused != nil {
			o.Refused(ctx, m.Channel, refused.Code)
		}
		return 0, nil
	}
}

// post posts a message for the first time. What is about to be tried is on disk before it is, so that after a crash it is looked for.
func (o *Outbox) post(ctx context.Context, q *queue, it *item, m storage.Message, thread string) (time.Duration, error) {
	if m.Tried > 0 && !it.sure {
		ts, err := o.find(ctx, m, thread)
		if err != nil {
			return 0, err
		}
		if ts != "" {
			return 0, o.posted(ctx, m.Key, ts, m.Tried)
		}
		it.sure = true
	}
	if wait := o.grantPost(q); wait > 0 {
		return wait, nil
	}
	if err := o.posts.Wait(ctx); err != nil {
		return 0, err
	}
	if m.Tried != m.Revision {
		if err := o.change(ctx, m.Key, func(r *storage.Message) { r.Tried = m.Revision }); err != nil {
			return 0, err
		}
	}
	it.sure = false
	ts, err := o.Slack.Post(ctx, m.Channel, thread, m.Broadcast && thread != "", bodyOf(m), m.Key)
	if err != nil {
		if wait, ok := errors.AsType[*LaterError](err); ok {
			it.sure = wait.Untouched
			o.holdPosts(q, wait)
		}
		return 0, fmt.Errorf("post message %s: %w", m.Key, err)
	}
	return 0, o.posted(ctx, m.Key, ts, m.Revision)
}

// bodyOf gives what a message says, without its blocks where Slack has refused them.
func bodyOf(m storage.Message) Body {
	if m.Plain == m.Revision {
		return Body{Text: clip(m.Text)}
	}
	return Body{m.Text, m.Blocks}
}

// find looks for a message that an earlier try may have posted. Where the app may not look, telling twice is better than never.
func (o *Outbox) find(ctx context.Context, m storage.Message, thread string) (string, error) {
	ts, err := o.Slack.Find(ctx, m.Channel, thread, m.Key, m.CreatedAt)
	var wait *LaterError
	if errors.As(err, &wait) && webapi.Is(wait.Err, webapi.NoScope) {
		o.Log.Warn("a message may come twice: the app may not read this channel's history", "message", m.Key, "channel", m.Channel)
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for message %s: %w", m.Key, err)
	}
	return ts, nil
}

// posted records where a message stands. A reply is done with then; a top-level message's record stays for its edits and its thread.
func (o *Outbox) posted(ctx context.Context, key, ts string, revision int) error {
	err := o.Records.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		m, err := storage.Messages.Get(tx, key)
		if err != nil {
			return err
		}
		m.TS, m.Sent, m.Tried, m.Refused = ts, revision, 0, "" // also where it was given up meanwhile
		if m.Parent != "" && m.Last && m.Delivered() {
			return storage.Messages.Delete(tx, key)
		}
		return storage.Messages.Put(tx, key, m)
	})
	if err != nil {
		return fmt.Errorf("record message %s: %w", key, err)
	}
	o.settled(key)
	return nil
}

// edit brings a posted message to its newest revision, in the workspace's pace of edits. Progress leaves a few for changes of state.
func (o *Outbox) edit(ctx context.Context, m storage.Message) (time.Duration, error) {
	spare := progressSpare
	if m.Urgent {
		spare = 0
	}
	if wait := o.grant(o.edits, spare); wait > 0 {
		return wait, nil
	}
	err := o.Slack.Edit(ctx, m.Channel, m.TS, bodyOf(m))
	if err != nil {
		var wait *LaterError
		if errors.As(err, &wait) && wait.Limit {
			o.mu.Lock()
			o.holdEdits = time.Now().Add(wait.After)
			o.mu.Unlock()
		}
		return 0, fmt.Errorf("edit message %s: %w", m.Key, err)
	}
	return 0, o.change(ctx, m.Key, func(r *storage.Message) { r.Sent, r.Missed = m.Revision, false })
}

// grant takes the right to one call from a limiter, or says how long there is none that leaves some to spare.
func (o *Outbox) grant(from *rate.Limiter, spare int) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if wait := time.Until(o.holdEdits); wait > 0 && from == o.edits {
		return wait
	}
	wait := pause(from, 1+spare)
	if wait == 0 {
		from.Allow()
	}
	return wait
}

// grantPost takes the right to one post to a channel, or says how long there is none.
func (o *Outbox) grantPost(q *queue) time.Duration {
	o.mu.Lock()
	wait := time.Until(q.hold)
	o.mu.Unlock()
	if wait > 0 {
		return wait
	}
	return o.grant(q.limiter, 0)
}

// holdPosts has nothing posted to a channel while Slack's limit lasts.
func (o *Outbox) holdPosts(q *queue, wait *LaterError) {
	if !wait.Limit {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	q.hold = time.Now().Add(wait.After)
}

// pause is how long a limiter needs until it has so many to give.
func pause(l *rate.Limiter, need int) time.Duration {
	missing := float64(need) - l.Tokens()
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing/float64(l.Limit())*float64(time.Second)) + time.Millisecond
}

// change rewrites a message's record. What was sent is recorded also when the bot is shutting down.
func (o *Outbox) change(ctx context.Context, key string, f func(*storage.Message)) error {
	err := o.Records.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		m, err := storage.Messages.Get(tx, key)
		if err != nil {
			return err
		}
		f(&m)
		return storage.Messages.Put(tx, key, m)
	})
	if err != nil {
		return fmt.Errorf("record message %s: %w", key, err)
	}
	return nil
}

// refuse records that Slack takes a message no more. Whoever was promised it is told in a direct message.
func (o *Outbox) refuse(ctx context.Context, key, code string) error {
	o.Log.Error("Slack refused a message for good", "message", key, "code", code)
	var directs []storage.Message
	err := o.Records.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		m, err := storage.Messages.Get(tx, key)
		if err != nil {
			return err
		}
		m.Refused = code
		directs = directly(m)
		if err := storage.Messages.Put(tx, key, m); err != nil {
			return err
		}
		return putAll(tx, directs)
	})
	if err != nil {
		return fmt.Errorf("record message %s: %w", key, err)
	}
	o.settled(key)
	o.Deliver(directs...)
	return nil
}

// directly gives the direct messages that tell of a message which its channel does not take.
func directly(m storage.Message) []storage.Message {
	all := make([]storage.Message, 0, len(m.Tell))
	for _, user := range m.Tell {
		all = append(all, storage.Message{
			Key: directKey(m, user), Channel: Direct(user), Urgent: true, Last: true,
			Text: fmt.Sprintf("I could not post this in <#%s>: %s\n%s", m.Channel, inWords(m.Refused), m.Text),
		})
	}
	return all
}

// directKey is the key of what tells a user of a message that could not be posted.
func directKey(m storage.Message, user string) string { return m.Key + "/direct/" + user }

func putAll(tx storage.Tx, messages []storage.Message) error {
	for _, m := range messages {
		if err := Put(tx, m); err != nil {
			return err
		}
	}
	return nil
}

// inWords says what a refusal of Slack's means.
func inWords(code string) string {
	switch code {
	case tooOld:
		return "Slack took nothing for a week."
	case tooMany:
		return "too much waited for Slack."
	default:
		return webapi.Words(code) + "."
	}
}

// direct opens the conversation that a direct message goes to, and moves the message there.
func (o *Outbox) direct(ctx context.Context, m storage.Message) error {
	user := strings.TrimPrefix(m.Channel, directPrefix)
	channel, err := o.Slack.Direct(ctx, user)
	if err != nil {
		return fmt.Errorf("open the direct conversation with %s: %w", user, err)
	}
	return o.change(ctx, m.Key, func(r *storage.Message) { r.Channel = channel })
}

// clip cuts a text to what Slack shows without folding.
func clip(text string) string {
	const most = 3000
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
