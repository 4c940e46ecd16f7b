package inbox

import "time"

// arrival classifies a delivery of an envelope.
type arrival int

const (
	fresh    arrival = iota
	waiting          // redelivered before its acknowledgement, which is also written to this connection
	repeated         // redelivered after its acknowledgement
	doubled          // fresh, but of the same operation as an unsettled change
)

// delivery is an envelope without an acknowledgement so far. If its connection is lost before that, Slack redelivers it on another one.
type delivery struct {
	ways []func(payload any) error // on each connection that delivered it
	done chan struct{}             // closed when it is acknowledged or never will be
}

// arrive registers a delivery of a command's envelope. It takes a place for a fresh one and registers its change.
func (in *Inbox) arrive(c *Command, ack func(payload any) error) arrival {
	in.mu.Lock()
	defer in.mu.Unlock()
	if c.delivery = in.unacked[c.Key]; c.delivery != nil {
		c.delivery.ways = append(c.delivery.ways, ack)
		return waiting
	}
	c.delivery = &delivery{ways: []func(payload any) error{ack}, done: make(chan struct{})}
	if !in.seen.add(c.Key) {
		return repeated
	}
	in.unacked[c.Key] = c.delivery
	in.burst.last = time.Now()
	if c.What != "" && !in.receive(c) {
		return doubled
	}
	in.admit(c)
	return fresh
}

// Note remembers a key: an envelope with it is acknowledged and not taken.
func (in *Inbox) Note(key string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.seen.add(key)
}

// ack acknowledges an envelope on every connection that delivered it. If every write fails, it returns the last error and the next delivery
// counts as fresh, unless told says that the author learns the result anyway.
func (in *Inbox) ack(c *Command, payload any, told bool) error {
	var written bool
	var last error
	for {
		in.mu.Lock()
		ways := c.delivery.ways
		c.delivery.ways = nil
		if len(ways) == 0 {
			in.close(c, written || told)
			in.mu.Unlock()
			break
		}
		in.mu.Unlock()
		for _, ack := range ways {
			if err := ack(payload); err != nil {
				last = err
			} else {
				written = true
			}
		}
	}
	if written {
		return nil
	}
	return last
}

// drop gives up an envelope that was not acknowledged, after a panic: the next delivery counts as fresh.
func (in *Inbox) drop(c *Command) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.close(c, false)
}

// close ends the wait for an acknowledgement, once. The caller holds the lock.
func (in *Inbox) close(c *Command, remember bool) {
	if in.unacked[c.Key] != c.delivery {
		return
	}
	delete(in.unacked, c.Key)
	close(c.delivery.done)
	if !remember {
		in.seen.remove(c.Key)
	}
}

// rememberFor is the minimum time a key is remembered, unless more than rememberMax/2 new keys arrive in that time. rememberMax bounds the
// number of remembered keys. Slack redelivers envelopes for minutes, also after a reconnect.
const (
	rememberFor = 2 * time.Hour
	rememberMax = 50_000
)

// recent is a bounded set of recently seen keys, kept in two generations. The zero value is ready for use.
type recent struct {
	young, old map[string]bool
	began      time.Time // start of the young generation
}

// add remembers a key. It returns false if the key was already present.
func (r *recent) add(key string) bool {
	if r.young == nil || time.Since(r.began) > rememberFor || len(r.young) >= rememberMax/2 {
		r.young, r.old, r.began = map[string]bool{}, r.young, time.Now()
	}
	if r.young[key] || r.old[key] {
		return false
	}
	r.young[key] = true
	return true
}

func (r *recent) remove(key string) {
	delete(r.young, key)
	delete(r.old, key)
}
