package bot

import "sync"

// arrival is what an envelope is that came.
type arrival int

const (
	fresh    arrival = iota
	waiting          // it came before and is not acknowledged yet: it will be on this connection too
	repeated         // it came before and was acknowledged
)

// acks remembers envelopes, by what they are known by when they come again, and the connections that wait for their acknowledgement: where
// one is lost before that is written, Slack sends the envelope on another. Its zero value works.
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

// arrive takes an envelope, with what acknowledges it and the channel that is closed when that is behind it. For one that waits already it
// gives the channel of the first.
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

// write acknowledges an envelope on each connection on which it has come. Where none takes it the error is the last one's, and the envelope
// comes again: it is fresh then, unless its author is told anyway what became of it.
func (a *acks) write(key string, payload any, told bool) error {
	var written bool
	var last error
	for {
		a.mu.Lock()
		var ways []func(payload any) error
		if e := a.open[key]; e != nil {
			ways, e.ways = e.ways, nil
		}
		if len(ways) == 0 {
			delete(a.open, key)
			if !written && !told {
				a.seen.remove(key)
			}
			a.mu.Unlock()
			break
		}
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

// drop forgets the arrival of an envelope, by its channel, that is not acknowledged and will not be: it is fresh when it comes again. What is
// acknowledged stays known, and so does one that has come again since.
func (a *acks) drop(key string, done <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.open[key]; e != nil && e.done == done {
		delete(a.open, key)
		a.seen.remove(key)
	}
}
