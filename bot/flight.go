package bot

import (
	"context"
)

// flight is one asking of Slack for all who need the answer. The first of them asks; the others wait.
type flight struct {
	done  chan struct{} // closed when the fields below are set
	left  bool          // the one who asked did not wait for the answer: another has to ask
	value any
	err   error
}

// share gives what ask gives, which is asked once however many want it. Whoever does not want to wait any more keeps nobody else from the answer.
// After an event has said that what is under way may be outdated, those who come later ask anew.
func share[T any](ctx context.Context, p *people, key string, ask func(*flight) (T, error)) (T, error) {
	for {
		p.mu.Lock()
		f, joined := p.flights[key]
		if !joined {
			f = &flight{done: make(chan struct{}), left: true}
			p.flights[key] = f
		}
		p.mu.Unlock()
		if !joined {
			return lead(ctx, p, key, f, ask)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		if !f.left {
			value, _ := f.value.(T)
			return value, f.err
		}
	}
}

// lead asks, for all who have joined the flight.
func lead[T any](ctx context.Context, p *people, key string, f *flight, ask func(*flight) (T, error)) (T, error) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.flights[key] == f {
			delete(p.flights, key)
		}
		close(f.done)
	}()
	value, err := ask(f)
	f.value, f.err, f.left = value, err, err != nil && ctx.Err() != nil
	return value, err
}

// keep stores what a flight brought, unless an event has said since that it may be outdated.
func (p *people) keep(key string, f *flight, store func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flights[key] == f {
		store()
	}
}
