package outbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"c66bot/bot/webapi"
	"c66bot/cloud66/panics"
	"c66bot/storage"
)

// lane is one of a channel's queues. Each has its own deliverer, so that posts, which notify users, wait for nothing else.
type lane int

const (
	posts lane = iota
	edits
	looks // searches for duplicates
	none
)

// laneOf returns the lane in which a message's next step belongs.
func laneOf(m storage.Message) lane {
	switch {
	case m.Refused != "":
		return none
	case m.TS == "":
		return posts
	case !m.Delivered():
		return edits
	case !m.Doubt.IsZero():
		return looks
	case len(m.Running) > 0:
		return edits // for its ticks
	default:
		return none
	}
}

// place identifies a queue.
type place struct {
	channel string
	lane    lane
}

// queue holds the pending items of one lane of a channel. Outbox.mu guards its fields; one deliverer works on it.
type queue struct {
	place
	items   []*item       // in order of delivery, except that urgent items go first
	limiter *rate.Limiter // for posts
	wake    chan struct{}
	quiet   time.Time       // until Slack has applied what an earlier process may have posted
	working bool            // it has a deliverer, which removes the queue at its end
	reads   map[string]read // the last searches, by thread; used by the deliverer alone
}

// item is a message to deliver, at the revision that it has when its turn comes.
type item struct {
	key       string
	root      string // key of its card, or its own: items of one card keep their order
	urgent    bool
	tried     bool      // an earlier attempt may have posted it
	revision  int       // of that attempt; 0 if it was an earlier process's
	look      time.Time // earliest time at which a search for that attempt counts
	vain      time.Time // since when searches have failed
	doubt     bool      // a search did not find that attempt, which may still show up
	failures  int
	fault     webapi.Fault // of the last failure
	since     time.Time    // time of the first failure in a row
	notBefore time.Time
	again     bool // put again while it was being delivered
	ticks     bool // nothing waits but its running time
	shown     Body // with ticks: what Slack shows
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

// add appends a message unless it is queued already. A message that becomes urgent moves to the end, and drops its backoff and the delay of
// progress. An urgent thread line makes earlier lines of its card urgent too: a thread never shows a beginning after the end.
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
	it.again = true
	if it.ticks {
		it.ticks, it.notBefore = false, time.Time{}
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

// next returns the next due item, or how long until one is due. Urgent items go first. Items of one card keep their order: a delayed one
// blocks those behind it, but not those of other cards.
func (q *queue) next(now time.Time) (it *item, wait time.Duration) {
	wait = longestPause
	for _, urgent := range []bool{true, false} {
		waiting := map[string]bool{}
		for _, it := range q.items {
			if it.urgent != urgent || waiting[it.root] {
				continue
			}
			left := it.notBefore.Sub(now)
			if left <= 0 {
				return it, 0
			}
			waiting[it.root] = !it.ticks
			wait = min(wait, left)
		}
	}
	return nil, wait
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

// waiting counts the items without ticks.
func (q *queue) waiting() (n int) {
	for _, it := range q.items {
		if !it.ticks {
			n++
		}
	}
	return n
}

func (q *queue) remove(it *item) {
	q.items = slices.DeleteFunc(q.items, func(other *item) bool { return other == it })
}

// work delivers a queue's items until it is empty.
func (o *Outbox) work(ctx context.Context, q *queue) {
	for ctx.Err() == nil {
		it, wait := o.turn(q)
		switch {
		case wait > 0:
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
			case <-q.wake:
			case <-timer.C:
			}
			timer.Stop()
		case it == nil:
			return
		default:
			o.attempt(ctx, q, it)
		}
	}
}

// turn returns the next item or the time to wait. An empty queue is kept until its rate limit allows a post at once, then removed.
func (o *Outbox) turn(q *queue) (*item, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if wait := time.Until(q.quiet); wait > 0 {
		return nil, wait
	}
	if len(q.items) > 0 {
		it, wait := q.next(time.Now())
		if it != nil {
			it.again = false
		}
		return it, wait
	}
	wait := pause(q.limiter, 1)
	if wait == 0 {
		delete(o.queues, q.place)
	}
	return nil, wait
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

// growing returns the backoff after a number of consecutive failures.
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
			it.notBefore = time.Time{}
		}
		o.start(q)
	}
}
