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

// lane is one of the queues of a channel, each of which has a deliverer of its own: what notifies waits for nothing else.
type lane int

const (
	posts lane = iota
	edits
	looks // for a second copy of what was posted
	none
)

// laneOf gives where the next thing is done that a message needs.
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
	default:
		return none
	}
}

// place names a queue.
type place struct {
	channel string
	lane    lane
}

// queue holds what is to be done in one lane of a channel. Its fields belong to the outbox's lock; one deliverer works on it.
type queue struct {
	place
	items   []*item       // in the order in which they are delivered, progress aside
	limiter *rate.Limiter // of posts
	wake    chan struct{}
	working bool // it has its deliverer, which takes it down at its end
}

// item is a message that is to be delivered, at whatever revision it has when its turn comes.
type item struct {
	key       string
	root      string // the card that it is or belongs to: what concerns one card keeps its order
	urgent    bool
	sure      bool      // no earlier try of this process can have posted it
	doubt     bool      // that was found by a look alone, so that the try may show up yet
	look      time.Time // from when on a look for the last try counts
	vain      time.Time
	failures  int
	fault     webapi.Fault // of the last failure
	since     time.Time    // since when it fails
	notBefore time.Time
	again     bool // put anew while it was being delivered
}

// add puts a message at the end, unless it waits already. What becomes urgent goes to the end of the urgent, and no longer waits for the
// pace of progress, or for a fault of what it said before. With an urgent line of a thread, those that wait before it become urgent too: a
// thread tells no beginning after the end.
func (q *queue) add(key, root string, urgent bool) {
	if urgent && key != root {
		for _, it := range q.items {
			it.urgent = it.urgent || it.root == root && it.key != root
		}
	}
	i := slices.IndexFunc(q.items, func(it *item) bool { return it.key == key })
	if i < 0 {
		q.items = append(q.items, &item{key: key, root: root, urgent: urgent})
		return
	}
	it := q.items[i]
	it.again = true
	if !urgent {
		return
	}
	it.notBefore = time.Time{} // limits are kept elsewhere
	if !it.urgent {
		it.urgent = true
		q.items = append(slices.Delete(q.items, i, i+1), it)
	}
}

// next gives what is delivered next, or how long there is nothing. What is urgent comes first. What concerns one card keeps its order:
// where the first of it waits, so does the rest, but nothing of another card does.
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
			waiting[it.root] = true
			wait = min(wait, left)
		}
	}
	return nil, wait
}

// behind has a message's parent delivered before it, and gives how long to wait where the parent is not there yet.
func (o *Outbox) behind(q *queue, it *item, parent string) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range q.items {
		if p.key == parent {
			p.urgent = true
			q.remove(p)
			q.items = slices.Insert(q.items, slices.Index(q.items, it), p)
			return max(0, time.Until(p.notBefore))
		}
	}
	return firstPause
}

func (q *queue) remove(it *item) {
	q.items = slices.DeleteFunc(q.items, func(other *item) bool { return other == it })
}

// work delivers what is in a queue until there is nothing.
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

// turn gives the next item or how long there is none. An empty queue stays until its channel may be posted to at once, then it is taken
// down.
func (o *Outbox) turn(q *queue) (*item, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
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

// attempt takes one step with an item and decides when the next one comes.
func (o *Outbox) attempt(ctx context.Context, q *queue, it *item) {
	var later time.Duration
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
		it.notBefore = time.Now().Add(wait)
		o.spread()
		o.Log.Warn("message not delivered yet", "message", it.key, "tries", it.failures, "again_in", wait, "why", it.fault.Words(), "error", err)
	case later > 0:
		it.notBefore = time.Now().Add(later)
	default:
		it.failures, it.notBefore = 0, time.Time{}
	}
}

// growing is the pause after so many failures in a row.
func growing(failures int, longest time.Duration) time.Duration {
	return min(firstPause<<min(max(failures-1, 0), 20), longest)
}

// Wake has what waits tried again at once, since Slack is there again, or a channel has another id. A limit of Slack's holds all the same.
func (o *Outbox) Wake() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, q := range o.queues {
		for _, it := range q.items {
			it.notBefore = time.Time{}
		}
		o.start(q)
	}
}
