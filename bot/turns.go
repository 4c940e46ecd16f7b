package bot

import (
	"context"
	"sync"
	"time"
)

// orderWait bounds the wait of a change for its predecessor, from its admission.
const orderWait = 3 * time.Second

// turns keeps the changes of one person in one channel in order. Each begins when its predecessor has ended or has its place in the queue
// of its stack. The zero value is ready for use.
type turns struct {
	mu   sync.Mutex
	last map[string]chan struct{} // closed when the latest change has passed
}

// turn is the place of one change in that order.
type turn struct {
	before <-chan struct{} // nil if there is no predecessor
	until  time.Time
	pass   func() // lets the next change begin; idempotent
}

// join takes the next place in the order of a key.
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

// wait waits for the predecessor within orderWait.
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
