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
	case errors.Is(err, storage.ErrNotFound):
		return 0, errDone
	case err != nil:
		return 0, err
	case q.lane == looks && m.TS != "" && !m.Doubt.IsZero():
		return o.search(ctx, m, parent.TS)
	case laneOf(m) == none:
		return 0, errDone
	case m.Channel != q.channel || laneOf(m) != q.lane:
		o.mu.Lock()
		defer o.mu.Unlock()
		o.enqueue(m, it.urgent) // it has moved
		return 0, errDone
	case strings.HasPrefix(m.Channel, directPrefix):
		later, err = o.direct(ctx, m)
	case q.lane == edits:
		later, err = o.edit(ctx, m)
	case m.Parent != "" && parent.TS == "" && parent.Refused == "" && parent.Key != "":
		return o.behind(q, it, m.Parent), nil
	default:
		later, err = o.post(ctx, q, it, m, parent.TS)
	}
	if err == nil {
		return later, nil
	}
	return o.judge(ctx, it, m, parent, err)
}

func (o *Outbox) read(ctx context.Context, key string) (m, parent storage.Message, err error) {
	err = o.Records.View(ctx, func(tx storage.Tx) error {
		if m, err = storage.Messages.Get(tx, key); err != nil {
			return err
		}
		if m.Channel, err = storage.ChannelNow(tx, m.Channel); err != nil || m.Parent == "" {
			return err
		}
		parent, _, err = storage.Messages.Find(tx, m.Parent) // pruned or never there: the reply goes to the channel
		return err
	})
	return m, parent, err
}

var (
	// thrice are the kinds of answers that are believed when they came three times, seconds apart.
	thrice = map[webapi.Kind]bool{webapi.NoMessage: true, webapi.NoEdit: true, webapi.NoThread: true, webapi.NoPerson: true}
	// waits are those that say nothing of the message itself.
	waits = map[webapi.Kind]bool{
		webapi.NoAnswer: true, webapi.NotSent: true, webapi.Token: true, webapi.WrongToken: true, webapi.NoScope: true, webapi.Setting: true,
	}
)

// judge turns what went wrong into what is done next.
func (o *Outbox) judge(ctx context.Context, it *item, m, parent storage.Message, err error) (time.Duration, error) {
	fault, posted := webapi.Judge(err), m.TS != ""
	if thrice[fault.Kind] && it.failures < 2 {
		return 0, err
	}
	switch {
	case fault.Kind == webapi.Limited:
		return fault.After, err
	case waits[fault.Kind]:
		return 0, err
	case fault.Kind == webapi.TooMuch && m.Plain != m.Revision:
		o.Log.Error("Slack refused a message's form; it is sent as plain text", "message", m.Key, "error", err)
		return 0, o.change(ctx, m.Key, func(r *storage.Message) { r.Plain = m.Revision })
	case !posted && (fault.Kind == webapi.TooMuch || fault.Kind == webapi.NoPerson):
		return 0, o.giveUpOne(ctx, m, fault.Code)
	case posted && fault.Kind == webapi.NoMessage: // Somebody deleted it. A change of state is worth a new message, progress is not.
		return 0, o.replace(ctx, m, m.Urgent)
	case posted && fault.Kind == webapi.NoEdit: // What shows a state that has passed stays; its end is worth a new message.
		anew := m.Last && m.Urgent
		o.Log.Warn("Slack lets a message be changed no more", "message", m.Key, "anew", anew, "error", err)
		return 0, o.replace(ctx, m, anew)
	case fault.Kind == webapi.NoThread && !posted && m.Parent != "":
		if laneOf(parent) == edits && parent.Urgent && it.failures < 5 {
			return 0, err // somebody deleted it, and its edit makes it anew
		}
		return 0, o.change(ctx, m.Key, func(r *storage.Message) { r.Parent, r.Broadcast, r.Tried = "", false, 0 })
	case fault.Kind == webapi.NoChannel:
		return o.unreachable(ctx, it, m, err)
	default:
		return o.refused(ctx, it, m, err)
	}
}

// replace leaves a message that cannot be changed. Another one takes its place now or not before the next change.
func (o *Outbox) replace(ctx context.Context, m storage.Message, anew bool) error {
	return o.change(ctx, m.Key, func(r *storage.Message) {
		if r.Sent, r.Missed = m.Revision, false; anew {
			r.TS, r.Sent, r.Tried, r.Doubt = "", 0, 0, time.Time{}
		}
	})
}

// refused has a message tried again, with growing pauses, that Slack answered with a code which may be another one next time. For how long
// is recorded.
func (o *Outbox) refused(ctx context.Context, it *item, m storage.Message, err error) (time.Duration, error) {
	fault := webapi.Judge(err)
	if m.Refusing != fault.Code {
		changed := o.change(ctx, m.Key, func(r *storage.Message) {
			if r.Revision == m.Revision {
				r.Refusing = fault.Code
				if r.Since.IsZero() {
					r.Since = time.Now()
				}
			}
		})
		if changed != nil {
			return 0, errors.Join(err, changed)
		}
	}
	if fault.Kind == webapi.Unknown && it.failures >= 2 && m.Plain != m.Revision { // it may be the form
		return 0, o.change(ctx, m.Key, func(r *storage.Message) { r.Plain = m.Revision })
	}
	return growing(it.failures+1, longestRefused), err
}

const (
	// askWait bounds a question to Slack that posts wait for.
	askWait = 5 * time.Second
	// believed is how long a channel must take nothing where conversations.info cannot be asked.
	believed = time.Minute
)

// unreachable asks whether nothing can be posted in a channel, as the answer to a message has it: one answer is no proof. Where it is so,
// what waits for the channel is given up together.
func (o *Outbox) unreachable(ctx context.Context, it *item, m storage.Message, said error) (time.Duration, error) {
	const asking = "conversations.info"
	code := webapi.Judge(said).Code
	if o.held(asking) > 0 || strings.HasPrefix(m.Channel, directPrefix) {
		return o.refused(ctx, it, m, said)
	}
	limited, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	err := o.Slack.CanPost(limited, m.Channel)
	o.hold(asking, err)
	switch {
	case webapi.Is(err, webapi.NoChannel):
		code = webapi.Judge(err).Code
	case webapi.Forbids(err) && !m.Since.IsZero() && time.Since(m.Since) >= believed:
	default:
		return o.refused(ctx, it, m, said)
	}
	err = o.giveUp(ctx, func(tx storage.Tx) (over []givenUp, err error) {
		err = storage.Messages.Scan(tx, "", func(_ string, other storage.Message) error {
			if !other.Delivered() && other.Channel == m.Channel {
				over = append(over, givenUp{other, code})
			}
			return nil
		})
		return over, err
	})
	if err != nil {
		return 0, err
	}
	if o.Refused != nil {
		o.Refused(ctx, m.Channel, code)
	}
	return 0, nil
}

// applied is how long Slack may take for a post whose sender is gone, before a look that does not find it counts. A card that somebody
// waits for is late by no more than that.
const applied = 4 * time.Second

// post posts a message for the first time. What is about to be tried is on disk before it is, so that after a crash it is looked for.
func (o *Outbox) post(ctx context.Context, q *queue, it *item, m storage.Message, thread string) (time.Duration, error) {
	if m.Tried > 0 && !it.sure {
		if wait, err := o.lookFirst(ctx, it, m, thread); wait > 0 || err != nil || !it.sure {
			return wait, err
		}
	}
	if wait := o.held(postingIn(q.channel)); wait > 0 {
		return wait, nil
	}
	if wait := o.grant(q.limiter, 0); wait > 0 {
		return wait, nil
	}
	if err := o.posts.Wait(ctx); err != nil {
		return 0, err
	}
	err := o.change(ctx, m.Key, func(r *storage.Message) {
		r.Tried, r.TriedAt = m.Revision, time.Now()
		if it.doubt {
			r.Doubt = r.TriedAt
		}
	})
	if err != nil {
		return 0, err
	}
	it.sure, it.doubt, it.look = false, false, time.Time{}
	ts, err := o.Slack.Post(ctx, m.Channel, thread, m.Broadcast && thread != "", bodyOf(m), m.Key)
	if err != nil {
		it.sure = webapi.Judge(err).Untouched
		o.hold(postingIn(q.channel), err)
		return 0, fmt.Errorf("post message %s: %w", m.Key, err)
	}
	return 0, o.posted(ctx, m.Key, ts, m.Revision, false)
}

// lookFirst looks for what an earlier try may have posted, once Slack has had the time to. Where it is not there, or cannot be looked for
// within a while, the item is sure enough to be posted again; another look later finds the one that is too many.
func (o *Outbox) lookFirst(ctx context.Context, it *item, m storage.Message, thread string) (time.Duration, error) {
	if it.look.IsZero() { // the clock may be set back, so that it is waited but once
		it.look = time.Now().Add(min(applied, applied-time.Since(m.TriedAt)))
	}
	if wait := time.Until(it.look); wait > 0 {
		return wait, nil
	}
	if it.vain.IsZero() {
		it.vain = time.Now()
	}
	found, wait, err := o.find(ctx, m, thread, askWait)
	if len(found) > 0 {
		revision := m.Tried
		if len(found) > 1 || !m.Doubt.IsZero() { // which try it was is not known
			revision = 0
		}
		return 0, o.posted(ctx, m.Key, found[0].TS, revision, len(found) > 1)
	}
	const patience = 15 * time.Second
	impatient := time.Since(it.vain) >= patience && !errors.Is(err, errNoSelf)
	if (wait > 0 || err != nil) && !impatient {
		return min(wait, patience), err
	}
	it.sure, it.doubt, it.vain = true, true, time.Time{}
	return 0, nil
}

// bodyOf gives what a message says, without its blocks where Slack has refused them.
func bodyOf(m storage.Message) Body {
	if m.Plain == m.Revision {
		return Body{Text: clip(m.Text), Plain: true}
	}
	return Body{Text: m.Text, Blocks: m.Blocks}
}

// find looks for a message that was tried, or says how long Slack's limits allow no look.
func (o *Outbox) find(ctx context.Context, m storage.Message, thread string, within time.Duration) ([]Standing, time.Duration, error) {
	looking := "look"
	if thread != "" {
		looking = "look in threads" // is another method
	}
	if wait := o.held(looking); wait > 0 {
		return nil, wait, nil
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	found, err := o.Slack.Find(limited, m.Channel, thread, m.Key, m.CreatedAt)
	o.hold(looking, err)
	switch {
	case webapi.Is(err, webapi.NoScope):
		o.Log.Warn("a message may come twice: the app may not read this channel's history", "message", m.Key, "channel", m.Channel)
		return nil, 0, nil
	case webapi.Is(err, webapi.Limited):
		return nil, o.held(looking), nil
	case err != nil:
		return nil, 0, fmt.Errorf("look for message %s: %w", m.Key, err)
	}
	return found, 0, nil
}

// posted records where a message stands. A reply is done with then; a top-level message's record stays for its edits and its thread.
func (o *Outbox) posted(ctx context.Context, key, ts string, revision int, twice bool) error {
	err := o.Records.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		m, err := storage.Messages.Get(tx, key)
		if err != nil {
			return err
		}
		m.TS, m.Sent, m.Tried, m.TriedAt, m.Refused = ts, revision, 0, time.Time{}, "" // also where it was given up meanwhile
		m.Refusing, m.Since = "", time.Time{}
		if twice || !m.Doubt.IsZero() {
			m.Doubt = time.Now()
		}
		return put(tx, m)
	})
	if err != nil {
		return fmt.Errorf("record message %s: %w", key, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spread()
	return nil
}

// put writes a message's record, or removes that of a reply that is done with.
func put(tx storage.Tx, m storage.Message) error {
	if m.Parent != "" && m.Last && m.TS != "" && laneOf(m) == none {
		return storage.Messages.Delete(tx, m.Key)
	}
	return storage.Messages.Put(tx, m.Key, m)
}

// edit brings a posted message to its newest revision, in the workspace's pace of edits. Progress leaves a few for changes of state.
func (o *Outbox) edit(ctx context.Context, m storage.Message) (time.Duration, error) {
	spare := progressSpare
	if m.Urgent {
		spare = 0
	}
	if wait := o.held(editing); wait > 0 {
		return wait, nil
	}
	if wait := o.grant(o.edits, spare); wait > 0 {
		return wait, nil
	}
	err := o.Slack.Edit(ctx, m.Channel, m.TS, bodyOf(m))
	if err != nil {
		o.hold(editing, err)
		return 0, fmt.Errorf("edit message %s: %w", m.Key, err)
	}
	return 0, o.change(ctx, m.Key, func(r *storage.Message) {
		r.Sent, r.Missed, r.Refusing, r.Since = m.Revision, false, "", time.Time{}
	})
}

// grant takes the right to one call from a limiter, or says how long there is none that leaves some to spare.
func (o *Outbox) grant(from *rate.Limiter, spare int) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	wait := pause(from, 1+spare)
	if wait == 0 {
		from.Allow()
	}
	return wait
}

// What Slack's limits hold, each by itself.
const (
	editing  = "edits"
	opening  = "direct conversations"
	deleting = "deletions"
)

func postingIn(channel string) string { return "posts in " + channel }

// held gives how long one of Slack's limits lasts.
func (o *Outbox) held(what string) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	wait := time.Until(o.holds[what])
	if wait <= 0 {
		delete(o.holds, what)
	}
	return max(wait, 0)
}

// hold makes no such call while a limit lasts, where an error says that there is one.
func (o *Outbox) hold(what string, err error) {
	if !webapi.Is(err, webapi.Limited) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.holds[what] = time.Now().Add(webapi.Judge(err).After)
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
		return put(tx, m)
	})
	if err != nil {
		return fmt.Errorf("record message %s: %w", key, err)
	}
	return nil
}

// direct opens the conversation that a direct message goes to, and moves the message there.
func (o *Outbox) direct(ctx context.Context, m storage.Message) (time.Duration, error) {
	if wait := o.held(opening); wait > 0 {
		return wait, nil
	}
	user := strings.TrimPrefix(m.Channel, directPrefix)
	channel, err := o.Slack.Direct(ctx, user)
	if err != nil {
		o.hold(opening, err)
		return 0, fmt.Errorf("open the direct conversation with %s: %w", user, err)
	}
	return 0, o.change(ctx, m.Key, func(r *storage.Message) { r.Channel = channel })
}

// clip cuts a text to what Slack shows without folding.
func clip(text string) string {
	const most = 3000
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
