package bot

import (
	"sync"
	"time"
)

// arrival classifies a delivery of an envelope.
type arrival int

const (
	fresh    arrival = iota
	waiting          // redelivered before its acknowledgement, which is also written to this connection
	repeated         // redelivered after its acknowledgement
)

// acks deduplicates envelopes by key and records the connections on which each must be acknowledged. If a connection is lost before that,
// Slack redelivers the envelope on another one. The zero value is ready for use.
type acks struct {
	mu   sync.Mutex
	seen recent
	open map[string]*unacked
}

// unacked is an envelope without an acknowledgement so far.
type unacked struct {
	ways []func(payload any) error
	done <-chan struct{}
}

// arrive registers a delivery with its acknowledgement function and the channel that is closed after the acknowledgement. If the envelope
// is already waiting, it returns the channel of the first delivery.
func (a *acks) arrive(key string, ack func(payload any) error, done <-chan struct{}) (arrival, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[string]*unacked{}
	}
	if first := a.open[key]; first != nil {
		first.ways = append(first.ways, ack)
		return waiting, first.done
	}
	if !a.seen.add(key) {
		return repeated, nil
	}
	a.open[key] = &unacked{ways: []func(payload any) error{ack}, done: done}
	return fresh, done
}

// write acknowledges an envelope on every connection that delivered it. If every write fails, it returns the last error and the next
// delivery counts as fresh, unless told says that the author learns the result anyway.
func (a *acks) write(key string, payload any, told bool) error {
	var written bool
	var last error
	for {
		a.mu.Lock()
		e := a.open[key]
		if e == nil || len(e.ways) == 0 {
			delete(a.open, key)
			if !written && !told {
				a.seen.remove(key)
			}
			a.mu.Unlock()
			break
		}
		ways := e.ways
		e.ways = nil
		a.mu.Unlock()
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

// drop forgets an envelope that will not be acknowledged, so that the next delivery counts as fresh. It ignores an envelope that was
// acknowledged or that now has another done channel.
func (a *acks) drop(key string, done <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.open[key]; e != nil && e.done == done {
		delete(a.open, key)
		a.seen.remove(key)
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
	mu         sync.Mutex
	young, old map[string]bool
	began      time.Time // start of the young generation
}

// add remembers a key. It returns false if the key was already present.
func (r *recent) add(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
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
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, key)
	delete(r.old, key)
}
