// Package outbox delivers messages to Slack: durable posts and edits, rate-limited, retried, and resumed after a restart.
//
// A message is a desired state. Write records it in the caller's transaction; delivery sends its newest revision. Each channel has a queue
// of posts and one of edits, and takes one step of each at a time, so that a post never waits for an edit. A reply waits until its parent
// is posted, and messages of one card keep their order. A Slack rate limit blocks one method, or the posts in one channel, and nothing
// else. All edits share the workspace's budget; state changes go before running times. The queues are in memory only: a start makes them
// from the records.
//
// A delivery costs one commit: the timestamp of a post, or the revision of an edit. A running time (see Config.Draw) costs none.
//
// No single answer is trusted. If the result of a post is unclear, and for every post that an earlier process left, the outbox first
// searches for the message by its metadata, after Slack has had time to apply the post. If it finds none and posts again, the message is in
// doubt: three later searches look for duplicates and delete them. An edit is done when Slack has accepted it. A missing message, thread or
// person is believed after three answers. Any other refusal is retried with growing backoff for a day, as plain text if the format may be
// the cause. Then a post is given up, and the users who were promised it get a direct message; an edit is tried again at the next start.
//
// A channel accepts no messages if conversations.info confirms that, or for a minute if the app may not call that. Its record says so
// (Refuse) until it does again (Accept): posts to it are given up, and edits wait in the database.
package outbox

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"c66bot/bot/webapi"
	"c66bot/cloud66/panics"
	"c66bot/storage"
)

// Slack's rate limits (Web API documentation): about one post a second per channel, several hundred posts a minute and 50 edits a minute
// per workspace. Including the bursts, no minute exceeds them.
const (
	channelPace = rate.Limit(1)
	postPace    = rate.Limit(4)
	postBurst   = 20
	editPace    = rate.Limit(0.75)
	editBurst   = 5
	tickSpare   = 3 // edits that running times leave for state changes
)

const (
	firstPause     = time.Second
	longestPause   = time.Minute
	longestRefused = 15 * time.Minute // backoff after a refusal that may change
	keepTrying     = 24 * time.Hour   // how long such refusals are retried
)

// Body is the content of a message.
type Body struct {
	Text   string
	Blocks []byte // JSON; empty for none
	Plain  bool   // no blocks at all, if Slack has refused them
}

// Standing is a message that exists in Slack.
type Standing struct {
	TS      string
	Replies bool // its thread has replies
}

// Config holds the dependencies of an Outbox.
type Config struct {
	Records storage.DB
	Slack   API
	Log     *slog.Logger
	// Draw renders a message with a running time, from storage.Message.Running, as of a time.
	Draw func(running []byte, at time.Time) (Body, error)
	// Refused is called for a channel that accepts no messages, with Slack's code. It calls Refuse.
	Refused func(ctx context.Context, channel, code string) error
}

// Outbox delivers messages. Create it with New.
type Outbox struct {
	Config
	posts, edits *rate.Limiter
	limits       limits
	before       int64         // storage.Message.Order of the last message of an earlier process
	wake         chan struct{} // signals that a step may be due
	steps        sync.WaitGroup

	mu     sync.Mutex // guards the fields below, and the queues with their items
	queues map[place]*queue
	news   chan struct{}        // closed and replaced whenever a message was delivered or failed
	holds  map[string]time.Time // when each rate limit of Slack's ends, by method or channel
	woken  time.Time            // the last Wake

	attending *item     // the idle item whose step is under way
	ticksFrom time.Time // when the edits allow another tick

	deaf webapi.Fault // the setting that forbids direct messages, if any

	dropped, lately int       // posts and edits given up since the start, and of late
	droppedAt       time.Time // the last of them, or the start
}

// New returns an Outbox. It delivers nothing until Run is called.
func New(cfg Config) *Outbox {
	o := &Outbox{
		Config: cfg, posts: rate.NewLimiter(postPace, postBurst), edits: rate.NewLimiter(editPace, editBurst),
		limits: usual, wake: make(chan struct{}, 1), queues: map[place]*queue{}, news: make(chan struct{}), holds: map[string]time.Time{},
		droppedAt: time.Now(),
	}
	o.edits.AllowN(time.Now(), editBurst) // an earlier process may have just used up the burst
	err := cfg.Records.View(context.Background(), func(tx storage.Tx) (err error) {
		o.before, _, err = storage.Counters.Find(tx, storage.Messages.Name)
		return err
	})
	if err != nil {
		o.before = math.MaxInt64 // all that waits at the start may have been posted
	}
	return o
}

// Content is a rendered message.
type Content interface {
	Text() string
	JSON() (blocks []byte)
}

// Say fills a message with rendered content.
func Say(m storage.Message, says Content) storage.Message {
	m.Text, m.Blocks = says.Text(), says.JSON()
	return m
}

// ToUser returns a direct message.
func ToUser(user, key string, says Content) storage.Message {
	return Say(storage.Message{Key: key, Channel: Direct(user), Urgent: true, Last: true}, says)
}

// Write runs change in a transaction, records the messages that it returns, and delivers them after the commit.
func (o *Outbox) Write(ctx context.Context, change func(tx storage.Tx) ([]storage.Message, error)) error {
	var messages []storage.Message
	err := o.Records.Update(ctx, func(tx storage.Tx) (err error) {
		messages, err = change(tx)
		return errors.Join(err, PutAll(tx, messages))
	})
	if err == nil {
		o.Deliver(messages...)
	}
	return err
}

// PutAll puts messages.
func PutAll(tx storage.Tx, messages []storage.Message) (err error) {
	for i := range messages {
		err = errors.Join(err, Put(tx, &messages[i]))
	}
	return err
}

// Put records the desired content of a message, and completes m as it is recorded. The caller must call Deliver with it after the commit.
func Put(tx storage.Tx, m *storage.Message) error {
	now := time.Now()
	old, there, err := storage.Messages.Find(tx, m.Key)
	switch {
	case err != nil:
		return err
	case !there: // a counter, so that the order survives restarts and clock changes
		order, _, err := storage.Counters.Find(tx, storage.Messages.Name)
		*m = storage.Message{ // without what a run of the transaction that did not count has completed
			Key: m.Key, Channel: m.Channel, Parent: m.Parent, Broadcast: m.Broadcast, Text: m.Text, Blocks: m.Blocks, Running: m.Running,
			Urgent: m.Urgent, Last: m.Last, Tell: m.Tell, Order: order + 1, Revision: 1, CreatedAt: now, UpdatedAt: now,
		}
		return errors.Join(err, storage.Counters.Put(tx, storage.Messages.Name, m.Order), storage.Messages.Put(tx, m.Key, *m))
	case old.Refused != "":
		m.Refused = old.Refused
		return nil
	case Same(old, *m):
		*m = old
		return nil
	}
	old.Urgent = m.Urgent || (old.Urgent && !old.Delivered())
	old.Text, old.Blocks, old.Running, old.Last, old.UpdatedAt = m.Text, m.Blocks, m.Running, m.Last, now
	old.Refusing, old.Since = "", time.Time{}
	old.Revision++
	*m = old
	return storage.Messages.Put(tx, m.Key, old)
}

// Same reports whether two messages show the same for ever.
func Same(a, b storage.Message) bool {
	return a.Text == b.Text && bytes.Equal(a.Blocks, b.Blocks) && bytes.Equal(a.Running, b.Running) && a.Last == b.Last
}

// Deliver queues messages as a committed transaction has recorded them.
func (o *Outbox) Deliver(messages ...storage.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range messages {
		o.enqueue(m, m.Urgent)
	}
}

// Run delivers recorded and new messages until the context ends, and returns when all steps have ended.
func (o *Outbox) Run(ctx context.Context) error {
	left, err := o.load(ctx)
	if err != nil && ctx.Err() != nil {
		return nil // it has not begun
	}
	if err != nil {
		return err
	}
	o.begin(left)
	defer o.steps.Wait()
	hourly := time.NewTimer(0)
	defer hourly.Stop()
	for {
		wait, crowded := o.dispatch(ctx)
		due := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			due.Stop()
			return nil
		case <-o.wake:
		case <-due.C:
		case <-hourly.C:
			hourly.Reset(time.Hour)
			crowded = true
		}
		due.Stop()
		if !crowded {
			continue
		}
		err := panics.Catch(func() error {
			return o.giveUp(ctx, func(tx storage.Tx) ([]givenUp, error) { return o.limits.over(tx, time.Now()) })
		})
		if err != nil && ctx.Err() == nil {
			o.Log.Error("messages that are too many could not be given up; it is tried again", "error", err)
		}
	}
}

// begin queues the messages that an earlier process left before those put since. It may have posted any of them.
func (o *Outbox) begin(left []storage.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	early := o.queues
	o.queues = map[place]*queue{}
	for _, m := range left {
		o.enqueue(m, m.Urgent || m.TS == "")
		q := o.queues[place{m.Channel, posts}]
		if it := q.find(m.Key); it != nil && m.Order <= o.before && !strings.HasPrefix(m.Channel, directPrefix) {
			q.quiet = time.Now().Add(applied)
			it.tried, it.look = true, q.quiet
		}
	}
	for at, q := range early {
		for _, it := range q.items {
			o.enqueueIn(at, it.key, it.root, it.urgent)
		}
	}
}

// load returns the undelivered messages without their content, oldest first.
func (o *Outbox) load(ctx context.Context) ([]storage.Message, error) {
	var undelivered []storage.Message
	err := o.Records.View(ctx, func(tx storage.Tx) error {
		return storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if laneOf(m) != none {
				m.Text, m.Blocks = "", nil // read again at delivery
				undelivered = append(undelivered, m)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the messages to deliver: %w", err)
	}
	slices.SortFunc(undelivered, func(a, b storage.Message) int { return cmp.Compare(a.Order, b.Order) })
	return undelivered, nil
}

// refusedFor is how long a permanent error must last before a caller of Posted gets it.
const refusedFor = 5 * time.Second

// RefusedError says why a message is not in Slack.
type RefusedError struct{ Fault webapi.Fault }

func (e *RefusedError) Error() string { return e.Fault.Words() }

// Posted waits until a message is in Slack and returns its ts. It returns a *RefusedError if Slack refuses the message, or if delivery was
// failing at the context's deadline.
func (o *Outbox) Posted(ctx context.Context, key string) (string, error) {
	for {
		o.mu.Lock()
		news := o.news
		o.mu.Unlock()
		m, there, err := storage.Messages.Look(ctx, o.Records, key)
		if err == nil && !there {
			err = storage.ErrNotFound
		}
		fault, since := o.failing(m)
		switch {
		case err != nil:
			return "", fmt.Errorf("read message %s: %w", key, err)
		case m.TS != "":
			return m.TS, nil
		case m.Refused != "":
			return "", &RefusedError{meaning(m.Refused)}
		case fault.Code != "" && !fault.Passes && time.Since(since) >= refusedFor:
			return "", &RefusedError{fault}
		}
		select {
		case <-news:
		case <-ctx.Done():
			if fault != (webapi.Fault{}) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return "", &RefusedError{fault}
			}
			return "", ctx.Err()
		}
	}
}

// failing returns the fault that keeps a message from being posted, and since when.
func (o *Outbox) failing(m storage.Message) (webapi.Fault, time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if it := o.queues[place{m.Channel, posts}].find(m.Key); it != nil && it.failures > 0 {
		return it.fault, it.since
	}
	return webapi.Fault{}, time.Time{}
}

// spread wakes all callers of Posted. The caller holds o.mu.
func (o *Outbox) spread() {
	close(o.news)
	o.news = make(chan struct{})
}
