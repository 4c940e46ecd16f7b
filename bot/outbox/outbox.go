// Package outbox brings Slack to what the database says ought to stand there: durable posts and edits, in Slack's pace, also after a
// restart.
//
// A message is a desired state. Put writes it in the caller's own transaction; when its turn comes it is sent as it then reads, so that the
// newest revision wins. Each channel has three lanes, for posts, for edits, and for looks for second copies. Each lane is a queue with a
// deliverer of its own, so that a post waits for no edit and no look. A reply waits until its parent is posted, and what concerns one card
// keeps its order. A limit of Slack's holds one method, or the posts in one channel, and nothing else.
//
// No single answer is believed. A post is recorded as tried before it is made. Where its result is unclear, the outbox first looks for the
// message by its metadata, once Slack has had the time to carry the post out. Where it finds none and posts again, the message is in doubt:
// two later looks find a second copy, of which one is deleted. An edit counts as made when Slack has taken it. That a message, a thread or
// a person is gone is believed when Slack has said so three times, and that a channel takes nothing when conversations.info says so too.
// What is refused for another reason is tried again with growing pauses for a day, as plain text where its form may be the reason; then it
// is given up, and who was promised it is told directly.
package outbox

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"c66bot/bot/webapi"
	"c66bot/storage"
)

// Slack's pace (Web API rate limits): about one post a second and channel, several hundred a minute and workspace, 50 edits a minute and
// workspace. With these bursts no minute holds more.
const (
	channelPace   = rate.Limit(1)
	postPace      = rate.Limit(4)
	postBurst     = 20
	editPace      = rate.Limit(0.75)
	editBurst     = 5
	progressSpare = 3 // edits that progress leaves for changes of state
)

const (
	firstPause     = time.Second
	longestPause   = time.Minute
	longestRefused = 15 * time.Minute // after an answer that may change
	keepTrying     = 24 * time.Hour   // after such answers
)

// Body is what a message says.
type Body struct {
	Text   string
	Blocks []byte // JSON, empty for none
	Plain  bool   // without any block, where Slack takes none
}

// Slack is what the outbox needs of Slack's Web API. What its errors mean webapi.Judge says.
type Slack interface {
	Post(ctx context.Context, channel, thread string, broadcast bool, body Body, key string) (ts string, err error)
	Edit(ctx context.Context, channel, ts string, body Body) error
	Delete(ctx context.Context, channel, ts string) error
	// Find looks for the bot's own messages with a key in their metadata, among those since a time.
	Find(ctx context.Context, channel, thread, key string, since time.Time) ([]Standing, error)
	// Direct opens the direct conversation with a user.
	Direct(ctx context.Context, user string) (channel string, err error)
	// CanPost fails with an error of the kind webapi.NoChannel where nothing can be posted in a channel.
	CanPost(ctx context.Context, channel string) error
}

// Standing is a message that stands in Slack.
type Standing struct {
	TS      string
	Replies bool // its thread has some
}

// Config is what an Outbox works with.
type Config struct {
	Records storage.DB
	Slack   Slack
	Log     *slog.Logger
	// Refused is told, after that is recorded, that a channel takes nothing, by what conversations.info said of it; nil for nobody.
	Refused func(ctx context.Context, channel, code string)
}

// Outbox delivers messages.
type Outbox struct {
	Config
	posts, edits *rate.Limiter
	limits       limits
	full         chan struct{} // more waits than may
	dropped      atomic.Int64

	mu        sync.Mutex
	running   context.Context // the life of the deliverers, which start whenever there is something to deliver
	deliverer sync.WaitGroup
	queues    map[place]*queue
	news      chan struct{}        // closed, and made anew, when a message was delivered or failed
	holds     map[string]time.Time // until when Slack's limits allow no such call
}

// New makes an Outbox; Run makes it deliver.
func New(cfg Config) *Outbox {
	o := &Outbox{
		Config: cfg, posts: rate.NewLimiter(postPace, postBurst), edits: rate.NewLimiter(editPace, editBurst),
		limits: usual, full: make(chan struct{}, 1), queues: map[place]*queue{}, news: make(chan struct{}), holds: map[string]time.Time{},
	}
	o.edits.AllowN(time.Now(), editBurst) // an earlier process may just have used them up
	return o
}

// Put writes what a message ought to say. Deliver must be told after the commit.
func Put(tx storage.Tx, m storage.Message) error {
	now := time.Now()
	old, there, err := storage.Messages.Find(tx, m.Key)
	switch {
	case err != nil:
		return err
	case !there: // they are counted, so that their order outlives a restart whatever the clock does
		m.Order, _, err = storage.Counters.Find(tx, storage.Messages.Name)
		m.Order++
		m.Revision, m.CreatedAt, m.UpdatedAt = 1, now, now
		return errors.Join(err, storage.Counters.Put(tx, storage.Messages.Name, m.Order), storage.Messages.Put(tx, m.Key, m))
	case old.Refused != "" || (old.Text == m.Text && bytes.Equal(old.Blocks, m.Blocks) && old.Last == m.Last):
		return nil
	}
	old.Urgent = m.Urgent || (old.Urgent && !old.Delivered())
	old.Text, old.Blocks, old.Last, old.UpdatedAt = m.Text, m.Blocks, m.Last, now
	old.Refusing, old.Since = "", time.Time{}
	old.Revision++
	return storage.Messages.Put(tx, m.Key, old)
}

// Deliver has messages delivered that a transaction put. They are read again, so that each comes to its lane at once.
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
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, m := range messages {
		o.enqueue(recorded[i], m.Urgent)
	}
}

// enqueue adds a message to its queue and makes sure that somebody works on it. The lock is held.
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

// start gives a queue its deliverer, if the outbox runs and the queue has none. The lock is held.
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

// Run delivers what the database holds and what comes until the context ends, and returns when nothing is under way any more.
func (o *Outbox) Run(ctx context.Context) error {
	left, err := o.load(ctx)
	if err != nil && ctx.Err() != nil {
		return nil // it has not begun
	}
	if err != nil {
		return err
	}
	o.begin(ctx, left)
	for _, channel := range o.Behind() {
		if err := o.Again(ctx, channel); err != nil && ctx.Err() == nil {
			o.Log.Error("what a channel has missed is left to the next check", "channel", channel, "error", err)
		}
	}
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

// begin starts the deliverers. What an earlier process left goes before what was put since.
func (o *Outbox) begin(ctx context.Context, left []storage.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	early := o.queues
	o.running, o.queues = ctx, map[place]*queue{}
	for _, m := range left {
		o.enqueue(m, m.Urgent || m.TS == "")
	}
	for at, q := range early {
		for _, it := range q.items {
			o.enqueueIn(at, it.key, it.root, it.urgent)
		}
	}
}

// load gives what is not delivered, oldest first.
func (o *Outbox) load(ctx context.Context) ([]storage.Message, error) {
	var undelivered []storage.Message
	err := o.Records.View(ctx, func(tx storage.Tx) error {
		return storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if laneOf(m) != none {
				m.Text, m.Blocks = "", nil // they are read when their turn comes
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

// refusedFor is how long an answer that no time changes must last before somebody who waits for the message is told of it.
const refusedFor = 5 * time.Second

// RefusedError says why a message does not stand in Slack.
type RefusedError struct{ Fault webapi.Fault }

func (e *RefusedError) Error() string { return e.Fault.Words() }

// Posted waits until a message stands in Slack, and gives its ts. It fails with a *RefusedError where Slack does not take it, and where it
// had not by the context's deadline.
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

// failing gives what keeps a message from being posted, and since when.
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

// spread wakes those who wait for a message. The lock is held.
func (o *Outbox) spread() {
	close(o.news)
	o.news = make(chan struct{})
}

// signal wakes who waits on a channel, now or the next time.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Queued gives the number of messages that are to be delivered.
func (o *Outbox) Queued() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, q := range o.queues {
		if q.lane != looks {
			n += len(q.items)
		}
	}
	return n
}
