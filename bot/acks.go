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
	open map[string][]func(payload any) error
}

// arrive takes an envelope, with what acknowledges it.
func (a *acks) arrive(key string, ack func(payload any) error) arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[string][]func(payload any) error{}
	}
	if _, unacknowledged := a.open[key]; unacknowledged {
		a.open[key] = append(a.open[key], ack)
		return waiting
	}
	if !a.seen.add(key) {
		return repeated
	}
	a.open[key] = []func(payload any) error{ack}
	return fresh
}

// write acknowledges an envelope on each connection on which it has come. Where none takes it the envelope is forgotten, since it comes again,
// and the error is the last one's.
func (a *acks) write(key string, payload any) error {
	var written bool
	var last error
	for {
		a.mu.Lock()
		ways := a.open[key]
		a.open[key] = nil
		if len(ways) == 0 {
			delete(a.open, key)
			if !written {
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

// drop forgets an envelope that is not to be acknowledged.
func (a *acks) drop(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, key)
	a.seen.remove(key)
}
