package outbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"c66bot/bot/routine"
	"c66bot/bot/webapi"
	"c66bot/cloud66/panics"
	"c66bot/storage"
)

// lane is one of a channel's queues, so that posts, which notify users, wait for nothing else.
type lane int

const (
	posts lane = iota
	edits      // and searches for duplicates, and running times
	none
)

// laneOf returns the lane in which a message's next step belongs.
func laneOf(m storage.Message) lane {
	switch {
	case m.Refused != "":
		return none
	case m.TS == "":
		return posts
	case !m.Delivered() || !m.Doubt.IsZero() || len(m.Running) > 0:
		return edits
	default:
		return none
	}
}

// place identifies a queue.
type place struct {
	channel string
	lane    lane
}

// queue holds the pending items of one lane of a channel. Outbox.mu guards its fields.
type queue struct {
	place
	items   []*item         // in order of delivery, except that urgent items go first
	limiter *rate.Limiter   // for posts
	quiet   time.Time       // until Slack has applied what an earlier process may have posted
	busy    bool            // a step is under way
	reads   map[string]read // the last searches, by thread; used by the step under way alone
}

// item is a message to deliver, at the revision that it has when its turn comes. Outbox.mu guards the first fields; the others belong to
// the step under way.
type item struct {
	key       string
	root      string // key of its card, or its own: items of one card keep their order
	urgent    bool
	again     bool // put again while it was being delivered
	row       *row // while idle, if nothing has changed it since it was read
	idle      bool // up to date: only its running time or a search is left
	notBefore time.Time
	failures  int
	fault     webapi.Fault // of the last failure
	since     time.Time    // time of the first failure in a row

	tried    bool      // an earlier attempt may have posted it
	revision int       // of that attempt; 0 if it was an earlier process's
	look     time.Time // earliest time at which a search for that attempt counts
	vain     time.Time // since when searches have failed
	doubt    bool      // a search did not find that attempt, which may still show up
	shown    Body      // while idle: what Slack shows
}

// find returns the item with a key, or nil.
func (q *queue) find(key string) *item {
	if q != nil {
		for _, it := range q.items {
			if it.key == key {
				return it
			}
		}
	}
	return nil
}

// add appends a message unless it is queued already. A message that becomes urgent moves to the end, and drops its backoff. An urgent
// thread line makes earlier lines of its card urgent too: a thread never shows a beginning after the end.
func (q *queue) add(key, root string, urgent bool) {
	if urgent && key != root {
		for _, it := range q.items {
			it.urgent = it.urgent || it.root == root && it.key != root
		}
	}
	it := q.find(key)
	if it == nil {
		q.items = append(q.items, &item{key: key, root: root, urgent: urgent})
		return
	}
	it.changed()
	if it.idle {
		it.idle, it.notBefore, it.failures = false, time.Time{}, 0
	}
	if !urgent {
		return
	}
	it.notBefore = time.Time{} // rate limits are kept in Outbox.holds
	if !it.urgent {
		it.urgent = true
		q.remove(it)
		q.items = append(q.items, it)
	}
}

// changed has the item's row read again.
func (it *item) changed() { it.row, it.again = nil, true }

// next returns the next due item, or how long until one is due. Urgent items go first, idle ones last. Items of one card keep their order:
// a delayed one blocks those behind it, but not those of other cards.
func (q *queue) next(now time.Time) (it *item, wait time.Duration) {
	if wait := q.quiet.Sub(now); wait > 0 {
		return nil, wait
	}
	wait = longestPause
	for rank := range 3 {
		waiting := map[string]bool{}
		for _, it := range q.items {
			if it.rank() != rank || waiting[it.root] {
				continue
			}
			left := it.notBefore.Sub(now)
			if left <= 0 {
				return it, 0
			}
			waiting[it.root] = !it.idle
			wait = min(wait, left)
		}
	}
	return nil, wait
}

func (it *item) rank() int {
	switch {
	case it.urgent:
		return 0
	case it.idle:
		return 2
	default:
		return 1
	}
}

func (q *queue) waiting() (n int) {
	for _, it := range q.items {
		if !it.idle {
			n++
		}
	}
	return n
}

func (q *queue) remove(it *item) {
	q.items = slices.DeleteFunc(q.items, func(other *item) bool { return other == it })
}

// behind moves a message's parent in front of it, and returns how long to wait for the parent.
func (o *Outbox) behind(q *queue, it *item, parent string) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := q.find(parent)
	if p == nil {
		return firstPause
	}
	p.urgent = true
	q.remove(p)
	q.items = slices.Insert(q.items, slices.Index(q.items, it), p)
	return max(0, time.Until(p.notBefore))
}

// enqueue puts a message in its queue. The caller holds o.mu.
func (o *Outbox) enqueue(m storage.Message, urgent bool) {
	if lane := laneOf(m); lane != none {
		o.enqueueIn(place{m.Channel, lane}, m.Key, cmp.Or(m.Parent, m.Key), urgent)
	}
}

func (o *Outbox) enqueueIn(at place, key, root string, urgent bool) {
	q := o.queues[at]
	if q == nil {
		q = &queue{place: at, limiter: rate.NewLimiter(channelPace, 1)}
		o.queues[at] = q
	}
	q.add(key, root, urgent)
	routine.Signal(o.wake)
}

// dispatch starts the next step of each queue that has one due and none under way; of idle items one at a time, that which has waited the
// longest. It returns how long until another is due, and whether too much waits. An empty queue is kept until its rate limit allows a post
// at once.
func (o *Outbox) dispatch(ctx context.Context) (wait time.Duration, crowded bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	wait, now, all, of := time.Hour, time.Now(), 0, map[string]int{}
	start := func(q *queue, it *item) {
		q.busy, it.again = true, false
		o.steps.Go(func() { o.attempt(ctx, q, it) })
	}
	var idle *item
	var queueOfIdle *queue
	for at, q := range o.queues {
		n := q.waiting()
		all, of[at.channel] = all+n, of[at.channel]+n
		crowded = crowded || of[at.channel] > o.limits.ofChannel
		switch it, left := q.next(now); {
		case q.busy:
		case len(q.items) == 0 && q.limiter.TokensAt(now) >= 1:
			delete(o.queues, at)
		case len(q.items) == 0:
			wait = min(wait, time.Second)
		case it == nil:
			wait = min(wait, left)
		case !it.idle:
			start(q, it)
		case idle == nil || it.notBefore.Before(idle.notBefore):
			idle, queueOfIdle = it, q
		}
	}
	if idle != nil && o.attending == nil {
		if left := o.ticksFrom.Sub(now); left > 0 {
			return min(wait, left), crowded || all > o.limits.ofAll
		}
		o.attending = idle
		start(queueOfIdle, idle)
	}
	return wait, crowded || all > o.limits.ofAll
}

// attempt takes one step with an item and schedules the next.
func (o *Outbox) attempt(ctx context.Context, q *queue, it *item) {
	var later time.Duration
	began := time.Now()
	err := panics.Catch(func() (err error) {
		later, err = o.deliver(ctx, q, it)
		return err
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	if q.busy = false; o.attending == it {
		o.attending = nil
	}
	routine.Signal(o.wake)
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errDone):
		if !it.again {
			q.remove(it)
		}
	case err != nil:
		if it.failures++; it.failures == 1 {
			it.since = time.Now()
		}
		it.fault = webapi.Judge(err)
		wait := max(later, growing(it.failures, longestPause))
		if o.woken.After(began) { // it may have failed of what is over since
			wait = later
		}
		it.notBefore = time.Now().Add(wait)
		o.spread()
		o.Log.Warn("message not delivered yet", "message", it.key, "tries", it.failures, "again_in", wait, "why", it.fault.Words(), "error", err)
	case later > 0 && !it.again:
		it.notBefore = time.Now().Add(later)
	default:
		it.failures, it.notBefore = 0, time.Time{}
	}
}

func growing(failures int, longest time.Duration) time.Duration {
	return min(firstPause<<min(max(failures-1, 0), 20), longest)
}

// Wake retries all waiting items at once, after Slack has returned or a channel has a new id, and what is being tried if that fails. Rate
// limits still apply.
func (o *Outbox) Wake() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.woken = time.Now()
	for _, q := range o.queues {
		for _, it := range q.items {
			it.changed()
			it.notBefore = time.Time{}
		}
	}
	routine.Signal(o.wake)
}

// Queued returns the number of messages that wait for a post or an edit.
func (o *Outbox) Queued() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, q := range o.queues {
		n += q.waiting()
	}
	return n
}
