package bot

import (
	"sync"
	"time"
)

// arrival says whether an envelope is new.
type arrival int

const (
	fresh    arrival = iota
	waiting          // delivered again before its acknowledgement, which goes out on this connection too
	repeated         // delivered again after its acknowledgement
)

// acks deduplicates envelopes by a key, and remembers the connections on which each has to be acknowledged: where one is lost before that,
// Slack delivers the envelope on another. Its zero value works.
type acks struct {
	mu   sync.Mutex
	seen recent
	open map[string]*unacked
}

// unacked is an envelope that is not acknowledged.
type unacked struct {
	ways []func(payload any) error
	done <-chan struct{}
}

// arrive takes an envelope with the function that acknowledges it, and the channel that is closed when that is done. For one that waits
// already it gives the channel of the first delivery.
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

// write acknowledges an envelope on each connection on which it was delivered. Where none takes it the error is the last one's, and the
// next delivery is fresh, unless its author is told the result anyway.
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

// drop forgets an envelope that will not be acknowledged: the next delivery is fresh. One that was acknowledged, or has another channel
// by now, stays known.
func (a *acks) drop(key string, done <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.open[key]; e != nil && e.done == done {
		delete(a.open, key)
		a.seen.remove(key)
	}
}

// rememberFor is how long a key is remembered at least, rememberMax how many are: Slack repeats envelopes for minutes, also after a
// reconnect.
const (
	rememberFor = 2 * time.Hour
	rememberMax = 50_000
)

// recent remembers keys for a while, in two generations. Its zero value works.
type recent struct {
	mu         sync.Mutex
	young, old map[string]bool
	began      time.Time // when the young generation did
}

// add remembers a key. It is false where the key is remembered already.
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

// remove forgets a key.
func (r *recent) remove(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, key)
	delete(r.old, key)
}
