package bot

import (
	"context"
	"sync"
	"time"
)

// orderWait bounds how long a change waits for the one before it, from its arrival.
const orderWait = 3 * time.Second

// turns keeps the changes of one person in one channel in order: each begins when the one before has ended, or has its place in the
// queue of its stack. Its zero value works.
type turns struct {
	mu   sync.Mutex
	last map[string]chan struct{} // closed when the last change so far has passed
}

// turn is the place of one change in that order.
type turn struct {
	before <-chan struct{} // nil for none
	until  time.Time
	pass   func() // lets the next one begin; it may be called again
}

// join takes the next place.
func (t *turns) join(key string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[string]chan struct{}{}
	}
	before, passed := t.last[key], make(chan struct{})
	t.last[key] = passed
	return &turn{before: before, until: time.Now().Add(orderWait), pass: sync.OnceFunc(func() {
		close(passed)
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.last[key] == passed {
			delete(t.last, key)
		}
	})}
}

// wait waits for the one before, within the bound.
func (t *turn) wait(ctx context.Context) {
	if t.before == nil {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, t.until)
	defer cancel()
	select {
	case <-t.before:
	case <-ctx.Done():
	}
}
