// Package outbox delivers messages to Slack: durable posts and edits, rate-limited, retried, and resumed after a restart.
//
// A message is a desired state. Put writes it in the caller's transaction; delivery sends its newest revision. Each channel has three
// lanes: posts, edits, and searches for duplicates. Each lane is a queue with its own deliverer, so that a post never waits for an edit or
// a search. A reply waits until its parent is posted, and messages of one card keep their order. A Slack rate limit blocks one method, or
// the posts in one channel, and nothing else. All edits share the workspace's budget; state changes go before progress.
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
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"c66bot/bot/webapi"
	"c66bot/storage"
)

// Slack's rate limits (Web API documentation): about one post a second per channel, several hundred posts a minute and 50 edits a minute
// per workspace. Including the bursts, no minute exceeds them.
const (
	channelPace   = rate.Limit(1)
	postPace      = rate.Limit(4)
	postBurst     = 20
	editPace      = rate.Limit(0.75)
	editBurst     = 5
	progressSpare = 3 // edits that progress leaves for state changes
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

// Slack is the part of Slack's Web API that the outbox uses. webapi.Judge classifies its errors.
type Slack interface {
	Post(ctx context.Context, channel, thread string, broadcast bool, body Body, key string) (ts string, err error)
	Edit(ctx context.Context, channel, ts string, body Body) error
	Delete(ctx context.Context, channel, ts string) error
	// Own returns the bot's own messages since a time, by the key in their metadata.
	Own(ctx context.Context, channel, thread string, since time.Time) (map[string][]Standing, error)
	// Direct opens the direct conversation with a user.
	Direct(ctx context.Context, user string) (channel string, err error)
	// CanPost fails with an error of kind webapi.NoChannel if the bot cannot post in the channel.
	CanPost(ctx context.Context, channel string) error
}

// Standing is a message that exists in Slack.
type Standing struct {
	TS      string
	Replies bool // its thread has replies
}

// Config holds the dependencies of an Outbox.
type Config struct {
	Records storage.DB
	Slack   Slack
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
	full         chan struct{} // signals that a queue limit is exceeded
	dropped      atomic.Int64

	mu        sync.Mutex
	running   context.Context // the context of the deliverers; nil while none may start
	deliverer sync.WaitGroup
	queues    map[place]*queue
	news      chan struct{}        // closed and replaced whenever a message was delivered or failed
	holds     map[string]time.Time // when each rate limit of Slack's ends, by method or channel
	woken     time.Time            // the last Wake
	deaf      webapi.Fault         // the setting that forbids direct messages, if any
}

// New returns an Outbox. It delivers nothing until Run is called.
func New(cfg Config) *Outbox {
	o := &Outbox{
		Config: cfg, posts: rate.NewLimiter(postPace, postBurst), edits: rate.NewLimiter(editPace, editBurst),
		limits: usual, full: make(chan struct{}, 1), queues: map[place]*queue{}, news: make(chan struct{}), holds: map[string]time.Time{},
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
	JSON() (blocks []byte, err error)
}

// Say fills a message with rendered content.
func Say(m storage.Message, says Content) (storage.Message, error) {
	blocks, err := says.JSON()
	m.Text, m.Blocks = says.Text(), blocks
	return m, err
}

// Write runs change in a transaction, records the messages that it returns, and delivers them after the commit.
func (o *Outbox) Write(ctx context.Context, change func(tx storage.Tx) ([]storage.Message, error)) error {
	var recorded []storage.Message
	err := o.Records.Update(ctx, func(tx storage.Tx) error {
		messages, err := change(tx)
		recorded = nil
		for _, m := range messages {
			now, wrong := record(tx, m)
			now.Urgent = m.Urgent
			recorded, err = append(recorded, now), errors.Join(err, wrong)
		}
		return err
	})
	if err == nil {
		o.queue(recorded...)
	}
	return err
}

// Put records the desired content of a message. The caller must call Deliver after the commit.
func Put(tx storage.Tx, m storage.Message) error {
	_, err := record(tx, m)
	return err
}

// record is Put. It returns the message as it is recorded now.
func record(tx storage.Tx, m storage.Message) (storage.Message, error) {
	now := time.Now()
	old, there, err := storage.Messages.Find(tx, m.Key)
	switch {
	case err != nil:
		return m, err
	case !there: // a counter, so that the order survives restarts and clock changes
		m.Order, _, err = storage.Counters.Find(tx, storage.Messages.Name)
		m.Order++
		m.Revision, m.CreatedAt, m.UpdatedAt = 1, now, now
		return m, errors.Join(err, storage.Counters.Put(tx, storage.Messages.Name, m.Order), storage.Messages.Put(tx, m.Key, m))
	case old.Refused != "" || Same(old, m):
		return old, nil
	}
	old.Urgent = m.Urgent || (old.Urgent && !old.Delivered())
	old.Text, old.Blocks, old.Running, old.Last, old.UpdatedAt = m.Text, m.Blocks, m.Running, m.Last, now
	old.Refusing, old.Since = "", time.Time{}
	old.Revision++
	return old, storage.Messages.Put(tx, m.Key, old)
}

// Same reports whether two messages show the same for ever.
func Same(a, b storage.Message) bool {
	return a.Text == b.Text && bytes.Equal(a.Blocks, b.Blocks) && bytes.Equal(a.Running, b.Running) && a.Last == b.Last
}

// Deliver queues messages that a committed transaction has Put. It reads them again, so that each goes straight to its current lane.
func (o *Outbox) Deliver(messages ...storage.Message) {
	if len(messages) == 0 {
		return
	}
	recorded := slices.Clone(messages)
	err := o.Records.View(context.Background(), func(tx storage.Tx) error {
		for i, m := range messages {
			if now, there, err := storage.Messages.Find(tx, m.Key); err != nil {
				return err
			} else if there {
				recorded[i] = now
			}
		}
		return nil
	})
	if err != nil {
		o.Log.Warn("messages to deliver could not be read; they are read again in their turn", "messages", len(messages), "error", err)
	}
	for i, m := range messages {
		recorded[i].Urgent = m.Urgent
	}
	o.queue(recorded...)
}

// queue queues messages as they are recorded.
func (o *Outbox) queue(messages ...storage.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range messages {
		o.enqueue(m, m.Urgent)
	}
}

// enqueue adds a message to its queue and makes sure that a deliverer runs. The caller holds o.mu.
func (o *Outbox) enqueue(m storage.Message, urgent bool) {
	if lane := laneOf(m); lane != none {
		o.enqueueIn(place{m.Channel, lane}, m.Key, cmp.Or(m.Parent, m.Key), urgent)
	}
}

func (o *Outbox) enqueueIn(at place, key, root string, urgent bool) {
	q := o.queues[at]
	if q == nil {
		limit := rate.Inf
		if at.lane == posts {
			limit = channelPace
		}
		q = &queue{place: at, limiter: rate.NewLimiter(limit, 1), wake: make(chan struct{}, 1)}
		o.queues[at] = q
	}
	q.add(key, root, urgent)
	o.crowded(at.channel)
	o.start(q)
}

// start starts the queue's deliverer if the outbox runs and the queue has none, or else wakes it. The caller holds o.mu.
func (o *Outbox) start(q *queue) {
	if o.running == nil {
		return
	}
	if q.working {
		signal(q.wake)
		return
	}
	q.working = true
	ctx := o.running
	o.deliverer.Go(func() { o.work(ctx, q) })
}

// Run delivers recorded and new messages until the context ends, and returns when all deliverers have stopped.
func (o *Outbox) Run(ctx context.Context) error {
	left, err := o.load(ctx)
	if err != nil && ctx.Err() != nil {
		return nil // it has not begun
	}
	if err != nil {
		return err
	}
	o.begin(ctx, left)
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		err := o.giveUp(ctx, func(tx storage.Tx) ([]givenUp, error) { return o.limits.over(tx, time.Now()) })
		if err != nil && ctx.Err() == nil {
			o.Log.Error("messages that are too many could not be given up; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			o.mu.Lock()
			o.running = nil //nolint:fatcontext // nothing is nested: without it no new deliverer starts
			o.mu.Unlock()
			o.deliverer.Wait()
			return nil
		case <-o.full:
		case <-tick.C:
		}
	}
}

// begin starts the deliverers. Messages that an earlier process left precede those put since. It may have posted any of them.
func (o *Outbox) begin(ctx context.Context, left []storage.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	early := o.queues
	o.running, o.queues = ctx, map[place]*queue{}
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
		var m storage.Message
		err := o.Records.View(ctx, func(tx storage.Tx) (err error) {
			m, err = storage.Messages.Get(tx, key)
			return err
		})
		fault, since := o.failing(key)
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
func (o *Outbox) failing(key string) (webapi.Fault, time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, q := range o.queues {
		if q.lane != posts {
			continue
		}
		for _, it := range q.items {
			if it.key == key && it.failures > 0 {
				return it.fault, it.since
			}
		}
	}
	return webapi.Fault{}, time.Time{}
}

// spread wakes all callers of Posted. The caller holds o.mu.
func (o *Outbox) spread() {
	close(o.news)
	o.news = make(chan struct{})
}

// signal wakes the receiver of c now, or at its next receive.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Queued returns the number of messages that wait for a post or an edit.
func (o *Outbox) Queued() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, q := range o.queues {
		if q.lane != looks {
			n += q.waiting()
		}
	}
	return n
}
