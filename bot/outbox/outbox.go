// Package outbox brings Slack to what the database says ought to stand there: durable posts and edits, one queue a channel.
//
// A message is a desired state. Put writes it in the caller's own transaction; the outbox posts it, edits it when a later revision was put
// (the newest wins), waits for a reply's parent, keeps Slack's pace, and tries again after faults, also after a restart. Before a post
// is tried again whose result is not known, it looks in Slack for the message by its metadata.
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
	firstPause   = time.Second
	longestPause = time.Minute
	keep         = 24 * time.Hour      // how long the record of a message that is done with stays
	keepMissed   = 30 * 24 * time.Hour // of one that is behind since its channel took nothing
)

// Body is what a message says.
type Body struct {
	Text   string
	Blocks []byte // JSON, empty for none
}

// Slack is what the outbox needs of Slack's Web API. A *RefusedError is Slack's final no for this message, a *LaterError says when to try
// again; after any other error the result is not known.
type Slack interface {
	Post(ctx context.Context, channel, thread string, broadcast bool, body Body, key string) (ts string, err error)
	Edit(ctx context.Context, channel, ts string, body Body) error
	// Find looks for a message by the key in its metadata among those since a time; "" says that it is not there.
	Find(ctx context.Context, channel, thread, key string, since time.Time) (ts string, err error)
	// Direct opens the direct conversation with a user.
	Direct(ctx context.Context, user string) (channel string, err error)
}

// Config is what an Outbox works with.
type Config struct {
	Records storage.DB
	Slack   Slack
	Log     *slog.Logger
	// Refused is told, after that is recorded, when Slack's final no to a post in a channel came; nil for nobody.
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
	queues    map[string]*queue
	waiting   map[string][]chan struct{} // by message key, closed when its delivery is settled
	holdEdits time.Time
	missed    map[string]bool // the channels that have missed edits
}

// New makes an Outbox; Run makes it deliver.
func New(cfg Config) *Outbox {
	o := &Outbox{
		Config: cfg, posts: rate.NewLimiter(postPace, postBurst), edits: rate.NewLimiter(editPace, editBurst),
		limits: usual, full: make(chan struct{}, 1), queues: map[string]*queue{}, waiting: map[string][]chan struct{}{}, missed: map[string]bool{},
	}
	o.edits.AllowN(time.Now(), editBurst) // an earlier process may just have used them up
	return o
}

// Put writes what a message ought to say. Deliver must be told after the commit.
func Put(tx storage.Tx, m storage.Message) error {
	now := time.Now()
	old, err := storage.Messages.Get(tx, m.Key)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		if m.Order, err = next(tx); err != nil {
			return err
		}
		m.Revision, m.CreatedAt, m.UpdatedAt = 1, now, now
		return storage.Messages.Put(tx, m.Key, m)
	case err != nil:
		return err
	}
	if old.Refused != "" || (old.Text == m.Text && bytes.Equal(old.Blocks, m.Blocks) && old.Last == m.Last) {
		return nil
	}
	old.Urgent = m.Urgent || (old.Urgent && !old.Delivered())
	old.Text, old.Blocks, old.Last, old.UpdatedAt = m.Text, m.Blocks, m.Last, now
	old.Revision++
	return storage.Messages.Put(tx, m.Key, old)
}

// next counts the messages, so that their order outlives a restart whatever the clock does.
func next(tx storage.Tx) (int64, error) {
	n, err := storage.Counters.Get(tx, "messages")
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return 0, err
	}
	return n + 1, storage.Counters.Put(tx, "messages", n+1)
}

// Deliver has messages delivered that a transaction put.
func (o *Outbox) Deliver(messages ...storage.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range messages {
		o.enqueue(m, m.Urgent)
	}
}

// enqueue adds a message to its channel's queue and makes sure that somebody works on it. The lock is held.
func (o *Outbox) enqueue(m storage.Message, urgent bool) {
	channel := m.Channel
	q := o.queues[channel]
	if q == nil {
		q = &queue{channel: channel, limiter: rate.NewLimiter(channelPace, 1), wake: make(chan struct{}, 1)}
		o.queues[channel] = q
	}
	q.add(m.Key, cmp.Or(m.Parent, m.Key), urgent)
	o.crowded(q)
	o.start(q)
}

// start gives a queue its deliverer, if the outbox runs and the queue has none. The lock is held.
func (o *Outbox) start(q *queue) {
	if o.running == nil {
		return
	}
	if q.working {
		select {
		case q.wake <- struct{}{}:
		default:
		}
		return
	}
	q.working = true
	ctx := o.running
	o.deliverer.Go(func() { o.work(ctx, q) })
}

// Run delivers what the database holds and what comes until the context ends, and returns when nothing is under way any more.
func (o *Outbox) Run(ctx context.Context) error {
	undelivered, err := o.load(ctx)
	if err != nil {
		return err
	}
	o.begin(ctx, undelivered)
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		o.tidy(ctx)
		select {
		case <-ctx.Done():
			o.end()
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
	o.running, o.queues = ctx, map[string]*queue{}
	for _, m := range left {
		o.enqueue(m, m.Urgent || m.TS == "")
	}
	for _, q := range early {
		for _, it := range q.items {
			o.enqueue(storage.Message{Key: it.key, Parent: it.root, Channel: q.channel}, it.urgent)
		}
	}
}

// end waits for the deliverers, of which no new one starts.
func (o *Outbox) end() {
	o.mu.Lock()
	o.running = nil
	o.mu.Unlock()
	o.deliverer.Wait()
}

// load gives what is not delivered, oldest first.
func (o *Outbox) load(ctx context.Context) ([]storage.Message, error) {
	var undelivered []storage.Message
	err := o.Records.View(ctx, func(tx storage.Tx) error {
		return storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if m.Missed {
				o.misses(m.Channel)
			}
			if !m.Delivered() {
				undelivered = append(undelivered, storage.Message{Key: m.Key, Channel: m.Channel, Parent: m.Parent, Urgent: m.Urgent, TS: m.TS, Order: m.Order})
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

// prune removes the records of messages that are done with and old, but for those whose thread still waits for a reply.
func prune(tx storage.Tx) error {
	var old []string
	needed := map[string]bool{}
	err := storage.Messages.Scan(tx, "", func(key string, m storage.Message) error {
		switch {
		case !m.Delivered():
			needed[m.Parent] = true
		case m.Missed && time.Since(m.UpdatedAt) < keepMissed:
		case (m.Last || m.Refused != "") && time.Since(m.UpdatedAt) > keep:
			old = append(old, key)
		}
		return nil
	})
	for _, key := range old {
		if !needed[key] {
			err = errors.Join(err, storage.Messages.Delete(tx, key))
		}
	}
	return err
}

// Posted waits until a message stands in Slack, and gives its ts. It fails with a *RefusedError where Slack does not take it.
func (o *Outbox) Posted(ctx context.Context, key string) (string, error) {
	for {
		settled := o.settling(key)
		ts, err := o.standing(ctx, key)
		if ts != "" || err != nil {
			o.forget(key, settled)
			return ts, err
		}
		select {
		case <-settled:
		case <-ctx.Done():
			o.forget(key, settled)
			return "", ctx.Err()
		}
	}
}

// standing gives a message's ts, "" while it is not posted.
func (o *Outbox) standing(ctx context.Context, key string) (string, error) {
	var m storage.Message
	err := o.Records.View(ctx, func(tx storage.Tx) error {
		var err error
		m, err = storage.Messages.Get(tx, key)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read message %s: %w", key, err)
	}
	if m.TS == "" && m.Refused != "" {
		return "", &RefusedError{Code: m.Refused}
	}
	return m.TS, nil
}

func (o *Outbox) settling(key string) chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan struct{})
	o.waiting[key] = append(o.waiting[key], c)
	return c
}

func (o *Outbox) forget(key string, c chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting[key] = slices.DeleteFunc(o.waiting[key], func(other chan struct{}) bool { return other == c })
	if len(o.waiting[key]) == 0 {
		delete(o.waiting, key)
	}
}

// settled wakes those who wait for a message.
func (o *Outbox) settled(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.waiting[key] {
		close(c)
	}
	delete(o.waiting, key)
}

// Queued gives the number of messages that are to be delivered.
func (o *Outbox) Queued() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, q := range o.queues {
		n += len(q.items)
	}
	return n
}
