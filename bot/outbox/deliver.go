package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"c66bot/bot/card/markup"
	"c66bot/bot/webapi"
	"c66bot/storage"
)

const directPrefix = "direct:"

// Direct returns the pseudo-channel for messages to one user. The outbox opens the conversation when it sends the message.
func Direct(user string) string { return directPrefix + user }

// errDone means that the message needs nothing more from its queue.
var errDone = errors.New("done")

// deliver takes one step towards the desired state of the item's message. It returns a delay before the next step, a temporary error, or
// errDone.
func (o *Outbox) deliver(ctx context.Context, q *queue, it *item) (later time.Duration, err error) {
	r, err := o.row(ctx, it)
	m, parent, channel := r.message, r.parent, r.channel
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return 0, errDone
	case err != nil:
		return 0, err
	case m.Channel != q.channel || laneOf(m) != q.lane:
		return 0, o.moved(it, m)
	case q.lane == edits && channel.Refused != "":
		return 0, errDone // until Accept
	case q.lane == edits && m.Delivered():
		return o.attend(ctx, q, it, r)
	case strings.HasPrefix(m.Channel, directPrefix):
		later, err = o.direct(ctx, it, m)
	case q.lane == edits:
		later, err = o.edit(ctx, it, m)
	case m.Parent != "" && parent.TS == "" && parent.Refused == "" && parent.Key != "":
		return o.behind(q, it, m.Parent), nil
	default:
		later, err = o.post(ctx, q, it, m, parent.TS)
		if channel.Refused != "" && errors.Is(err, errDone) { // whatever its record says
			if _, wrong := o.Accept(ctx, m.Channel); wrong != nil {
				o.Log.Error("that a channel accepts messages again is left to the next check", "channel", m.Channel, "error", wrong)
			}
		}
	}
	if err == nil || errors.Is(err, errDone) {
		return later, err
	}
	return o.judge(ctx, it, m, parent, err)
}

// moved puts a message in the lane of its next step, if it has any.
func (o *Outbox) moved(it *item, m storage.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.enqueue(m, it.urgent)
	return errDone
}

// row is what the database holds about a message.
type row struct {
	message, parent storage.Message
	channel         storage.Channel
}

// row returns the row that an item keeps, or reads it.
func (o *Outbox) row(ctx context.Context, it *item) (row, error) {
	o.mu.Lock()
	kept := it.row
	o.mu.Unlock()
	if kept != nil {
		return *kept, nil
	}
	var r row
	err := o.Records.View(ctx, func(tx storage.Tx) (err error) {
		if r.message, err = storage.Messages.Get(tx, it.key); err != nil {
			return err
		}
		m := &r.message
		if m.Channel, err = storage.ChannelNow(tx, m.Channel); err != nil {
			return err
		}
		if r.channel, _, err = storage.Channels.Find(tx, m.Channel); err != nil || m.Parent == "" {
			return err
		}
		r.parent, _, err = storage.Messages.Find(tx, m.Parent) // if it was pruned or never existed, the reply goes to the channel
		return err
	})
	return r, err
}

var (
	// thrice holds the answers that are believed after three occurrences, seconds apart.
	thrice = map[webapi.Kind]bool{webapi.NoMessage: true, webapi.NoEdit: true, webapi.NoThread: true, webapi.NoPerson: true}
	// waits holds the faults that say nothing about the message itself.
	waits = map[webapi.Kind]bool{
		webapi.NoAnswer: true, webapi.NotSent: true, webapi.Token: true, webapi.WrongToken: true, webapi.NoScope: true, webapi.Setting: true,
	}
)

func (o *Outbox) judge(ctx context.Context, it *item, m, parent storage.Message, err error) (time.Duration, error) {
	fault, posted := webapi.Judge(err), m.TS != ""
	if thrice[fault.Kind] && it.failures < 2 {
		return 0, err
	}
	patience := keepTrying
	if waits[fault.Kind] {
		patience = o.limits.age
	}
	switch {
	case posted && it.failures > 0 && time.Since(it.since) > patience:
		o.mu.Lock()
		o.drop(1)
		o.mu.Unlock()
		o.Log.Error("an edit is left to the next start", "message", m.Key, "why", fault.Words(), "error", err)
		return 0, errDone
	case fault.Kind == webapi.Limited:
		return fault.After, err
	case waits[fault.Kind]:
		return 0, err
	case fault.Kind == webapi.TooMuch && m.Plain != m.Revision:
		o.Log.Error("Slack refused a message's form; it is sent as plain text", "message", m.Key, "error", err)
		return 0, o.change(ctx, it, m, func(r *storage.Message) { r.Plain = m.Revision })
	case !posted && (fault.Kind == webapi.TooMuch || fault.Kind == webapi.NoPerson):
		return 0, o.giveUpOne(ctx, m, fault.Code)
	case posted && fault.Kind == webapi.NoMessage: // A user deleted it. A state change is worth a new message, progress is not.
		return 0, o.replace(ctx, it, m, m.Urgent)
	case posted && fault.Kind == webapi.NoEdit: // A message with an outdated state stays as it is; the end is worth a new message.
		anew := m.Last && m.Urgent
		o.Log.Warn("Slack lets a message be changed no more", "message", m.Key, "anew", anew, "error", err)
		return 0, o.replace(ctx, it, m, anew)
	case fault.Kind == webapi.NoThread && !posted && m.Parent != "":
		if laneOf(parent) == edits && parent.Urgent && it.failures < 5 {
			return 0, err // a user deleted it, and its pending edit recreates it
		}
		it.tried = false
		return 0, o.change(ctx, it, m, func(r *storage.Message) { r.Parent, r.Broadcast = "", false })
	case fault.Kind == webapi.NoChannel:
		return o.unreachable(ctx, it, m, err)
	default:
		return o.refused(ctx, it, m, err)
	}
}

// replace abandons a message that cannot be changed. If anew is set a new message replaces it now, else at the next change.
func (o *Outbox) replace(ctx context.Context, it *item, m storage.Message, anew bool) error {
	return o.change(ctx, it, m, func(r *storage.Message) {
		if r.Sent = m.Revision; anew {
			r.TS, r.Sent, r.Doubt = "", 0, time.Time{}
		}
	})
}

// refused schedules a retry, with growing backoff, after an answer that may differ next time. It records since when Slack refuses a post.
func (o *Outbox) refused(ctx context.Context, it *item, m storage.Message, err error) (time.Duration, error) {
	fault := webapi.Judge(err)
	if m.TS == "" && m.Refusing != fault.Code {
		changed := o.change(ctx, it, m, func(r *storage.Message) {
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
	if fault.Kind == webapi.Unknown && it.failures >= 2 && m.Plain != m.Revision { // the format may be the cause
		return 0, o.change(ctx, it, m, func(r *storage.Message) { r.Plain = m.Revision })
	}
	return growing(it.failures+1, longestRefused), err
}

const (
	// askWait bounds a request to Slack that blocks posts.
	askWait = 5 * time.Second
	// believed is how long a channel must refuse messages if conversations.info cannot be used.
	believed = time.Minute
)

// unreachable checks with conversations.info whether a channel is unusable, because one answer to a message is no proof.
func (o *Outbox) unreachable(ctx context.Context, it *item, m storage.Message, said error) (time.Duration, error) {
	const asking = "conversations.info"
	code := webapi.Judge(said).Code
	if o.allowed(asking, nil, 0) > 0 || strings.HasPrefix(m.Channel, directPrefix) {
		return o.refused(ctx, it, m, said)
	}
	limited, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	err := o.Slack.CanPost(limited, m.Channel)
	o.hold(asking, err)
	switch {
	case webapi.Is(err, webapi.NoChannel):
		code = webapi.Judge(err).Code
	case webapi.Forbids(err) && it.failures > 0 && time.Since(it.since) >= believed:
	default:
		return o.refused(ctx, it, m, said)
	}
	return 0, o.Refused(context.WithoutCancel(ctx), m.Channel, code)
}

// applied is how long Slack may take to apply a post whose sender is gone. Only a search after that can prove the message missing. It also
// bounds the delay of a card that a user waits for.
const applied = 4 * time.Second

// post posts a message for the first time, and records its timestamp.
func (o *Outbox) post(ctx context.Context, q *queue, it *item, m storage.Message, thread string) (time.Duration, error) {
	if it.tried {
		if wait, err := o.lookFirst(ctx, q, it, m, thread); wait > 0 || err != nil {
			return wait, err
		}
	}
	posting := "posts in " + m.Channel
	if wait := o.allowed(posting, q.limiter, 0); wait > 0 {
		return wait, nil
	}
	if err := o.posts.Wait(ctx); err != nil {
		return 0, err
	}
	it.tried, it.revision, it.look = true, m.Revision, time.Now().Add(applied)
	ts, err := o.Slack.Post(ctx, m.Channel, thread, m.Broadcast && thread != "", o.bodyOf(m), m.Key)
	o.Heard(m.Channel, err)
	if err != nil {
		it.tried = !webapi.Judge(err).Untouched
		o.hold(posting, err)
		return 0, fmt.Errorf("post message %s: %w", m.Key, err)
	}
	return 0, o.posted(ctx, it, m, ts, m.Revision, it.doubt)
}

// lookFirst searches for the message of an earlier attempt, once Slack has had time to apply it. If it does not find it, or cannot search
// for a while, the message may be posted again; later searches delete a duplicate.
func (o *Outbox) lookFirst(ctx context.Context, q *queue, it *item, m storage.Message, thread string) (time.Duration, error) {
	if wait := time.Until(it.look); wait > 0 {
		return wait, nil
	}
	if it.vain.IsZero() {
		it.vain = time.Now()
	}
	found, wait, err := o.find(ctx, q, m, thread, it.look)
	if len(found) > 0 {
		revision := it.revision
		if len(found) > 1 || it.doubt || revision == 0 && m.Revision > 1 { // unknown which attempt this is
			revision = 0
		} else if revision == 0 {
			revision = 1
		}
		return 0, o.posted(ctx, it, m, found[0].TS, revision, len(found) > 1 || it.doubt || it.revision == 0)
	}
	const patience = 15 * time.Second
	impatient := time.Since(it.vain) >= patience && !errors.Is(err, errNoSelf)
	if (wait > 0 || err != nil) && !impatient {
		return min(wait, patience), err
	}
	it.tried, it.doubt, it.vain = false, true, time.Time{}
	return 0, nil
}

// bodyOf returns the content of a message at present, without blocks if Slack has refused those of this revision.
func (o *Outbox) bodyOf(m storage.Message) Body {
	body := Body{Text: m.Text, Blocks: m.Blocks}
	if len(m.Running) > 0 {
		drawn, err := o.Draw(m.Running, time.Now())
		if err != nil {
			o.Log.Error("a message with a running time could not be drawn; it shows its start", "message", m.Key, "error", err)
		} else {
			body = drawn
		}
	}
	if m.Plain == m.Revision {
		return Body{Text: markup.Shorten(body.Text, mostUnfolded), Plain: true}
	}
	return body
}

// posted records the ts of a message. The record of a reply is then done; that of a top-level message stays for edits and its thread.
func (o *Outbox) posted(ctx context.Context, it *item, m storage.Message, ts string, revision int, twice bool) error {
	return o.change(ctx, it, m, func(r *storage.Message) {
		r.TS, r.Sent, r.Refused, r.Refusing, r.Since = ts, revision, "", "", time.Time{} // even if it was given up meanwhile
		if twice {
			r.Doubt = time.Now()
		}
	})
}

// Heard takes the result of a post: a setting of the app may forbid direct messages, so that none reaches anybody.
func (o *Outbox) Heard(channel string, err error) {
	if !strings.HasPrefix(channel, "D") {
		return
	}
	fault := webapi.Judge(err)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil && o.deaf.Code != "":
		o.Log.Info("direct messages reach people again")
		o.deaf = webapi.Fault{}
	case err != nil && fault.Kind == webapi.Setting && o.deaf.Code != fault.Code:
		o.Log.Error("not everything reaches people: direct messages are refused", "reason", fault.Words())
		o.deaf = fault
	}
}

// Deaf returns the fault of the setting that forbids direct messages, if there is one.
func (o *Outbox) Deaf() (fault webapi.Fault, deaf bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.deaf, o.deaf.Code != ""
}

// put writes a message's record, or deletes it if it belongs to a reply that needs nothing more.
func put(tx storage.Tx, m storage.Message) error {
	if m.Parent != "" && m.Last && m.TS != "" && laneOf(m) == none {
		return storage.Messages.Delete(tx, m.Key)
	}
	return storage.Messages.Put(tx, m.Key, m)
}

func (o *Outbox) edit(ctx context.Context, it *item, m storage.Message) (time.Duration, error) {
	spare := tickSpare
	if m.Urgent {
		spare = 0
	}
	if wait := o.allowed(editing, o.edits, spare); wait > 0 {
		return wait, nil
	}
	if err := o.Slack.Edit(ctx, m.Channel, m.TS, o.bodyOf(m)); err != nil {
		o.hold(editing, err)
		return 0, fmt.Errorf("edit message %s: %w", m.Key, err)
	}
	return 0, o.change(ctx, it, m, func(r *storage.Message) { r.Sent = m.Revision })
}

// tickEvery is how often a running time is brought up to date. Most ticks change nothing that the message shows.
const tickEvery = 10 * time.Second

// attend looks after a message that is up to date: it searches for duplicates while the message is in doubt, and ticks while the message
// shows a running time. For ticks alone the item keeps its row.
func (o *Outbox) attend(ctx context.Context, q *queue, it *item, r row) (later time.Duration, err error) {
	m := r.message
	body := o.bodyOf(m)
	o.mu.Lock()
	first := !it.idle
	if first && !it.again { // else there is a change
		it.idle, it.urgent = true, false
	}
	if !it.again && m.Doubt.IsZero() {
		it.row = &r
	}
	o.mu.Unlock()
	if first {
		it.shown = body
	}
	if later = tickEvery; !m.Doubt.IsZero() {
		wait, err := o.search(ctx, q, it, m, r.parent.TS)
		if err != nil || len(m.Running) == 0 {
			return wait, err
		}
		later = min(later, wait)
	}
	if body.Text == it.shown.Text && bytes.Equal(body.Blocks, it.shown.Blocks) {
		return later, nil
	}
	return o.tick(ctx, it, m, body)
}

// tick shows a running time. It records nothing: after a restart the ticks go on from the message's record. A tick that Slack refuses is
// the last one until the next change.
func (o *Outbox) tick(ctx context.Context, it *item, m storage.Message, body Body) (time.Duration, error) {
	if wait := o.allowed(editing, o.edits, tickSpare); wait > 0 {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.ticksFrom = time.Now().Add(wait)
		return 0, nil // it keeps its place before other ticks
	}
	err := o.Slack.Edit(ctx, m.Channel, m.TS, body)
	o.hold(editing, err)
	switch fault := webapi.Judge(err); {
	case err == nil:
		it.shown = body
	case !fault.Passes:
		o.Log.Warn("a running time is not shown until the next change", "message", m.Key, "error", err)
		return 0, errDone
	}
	return tickEvery, nil
}

// Names of rate limits in Outbox.holds.
const (
	editing  = "edits"
	opening  = "direct conversations"
	deleting = "deletions"
)

// allowed takes a token of a limiter, unless that leaves fewer than spare ones or Slack's own limit forbids the call. Then it returns how
// long to wait.
func (o *Outbox) allowed(what string, from *rate.Limiter, spare int) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if wait := time.Until(o.holds[what]); wait > 0 || from == nil {
		return max(wait, 0)
	}
	delete(o.holds, what)
	missing := float64(1+spare) - from.Tokens()
	if missing > 0 {
		return time.Duration(missing/float64(from.Limit())*float64(time.Second)) + time.Millisecond
	}
	from.Allow()
	return 0
}

// hold records the rate limit that an error reports, if it is one.
func (o *Outbox) hold(what string, err error) {
	if !webapi.Is(err, webapi.Limited) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.holds[what] = time.Now().Add(webapi.Judge(err).After)
}

// change rewrites a message's record, even during shutdown: a sent message must be recorded. It returns errDone if the message's next step,
// if any, belongs in another lane.
func (o *Outbox) change(ctx context.Context, it *item, m storage.Message, f func(*storage.Message)) error {
	before, posted := laneOf(m), false
	err := o.Records.Update(context.WithoutCancel(ctx), func(tx storage.Tx) (err error) {
		if m, err = storage.Messages.Get(tx, m.Key); err != nil {
			return err
		}
		posted = m.TS == ""
		f(&m)
		posted = posted && m.TS != ""
		return put(tx, m)
	})
	if err != nil {
		return fmt.Errorf("record message %s: %w", m.Key, err)
	}
	if posted {
		o.mu.Lock()
		o.spread()
		o.mu.Unlock()
	}
	if laneOf(m) != before {
		return o.moved(it, m)
	}
	return nil
}

// direct opens the conversation for a direct message and moves the message there.
func (o *Outbox) direct(ctx context.Context, it *item, m storage.Message) (time.Duration, error) {
	if wait := o.allowed(opening, nil, 0); wait > 0 {
		return wait, nil
	}
	user := strings.TrimPrefix(m.Channel, directPrefix)
	channel, err := o.Slack.Direct(ctx, user)
	if err != nil {
		o.hold(opening, err)
		return 0, fmt.Errorf("open the direct conversation with %s: %w", user, err)
	}
	return 0, o.change(ctx, it, m, func(r *storage.Message) { r.Channel = channel })
}

// mostUnfolded is the number of characters of a text that Slack shows unfolded.
const mostUnfolded = 3000
