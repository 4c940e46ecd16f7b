package bot

import (
	"context"
	"sync"
	"time"
)

// orderWait is how long a change waits for the end of the one before it. What takes longer goes on beside it.
const orderWait = time.Second

// turns has the changes that one person asks for in one channel begin in the order in which they came, each after the end of the one before
// where that is soon. Its zero value works.
type turns struct {
	mu   sync.Mutex
	last map[string]*turn
}

// turn is the place of one change in that order.
type turn struct {
	of     *turns
	key    string
	before *turn // nil for none
	came   time.Time
	begun  chan struct{} // closed when it has begun, or has ended without
	ended  chan struct{}
	once   sync.Once
}

// join takes the next place.
func (t *turns) join(key string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[string]*turn{}
	}
	next := &turn{of: t, key: key, before: t.last[key], came: time.Now(), begun: make(chan struct{}), ended: make(chan struct{})}
	t.last[key] = next
	return next
}

// begin waits until it is one's turn, or the context ends.
func (t *turn) begin(ctx context.Context) {
	defer t.once.Do(func() { close(t.begun) })
	if t.before == nil {
		return
	}
	timer := time.NewTimer(time.Until(t.came.Add(orderWait)))
	defer timer.Stop()
	select {
	case <-t.before.ended:
	case <-timer.C:
	case <-ctx.Done():
	}
	select {
	case <-t.before.begun:
	case <-ctx.Done():
	}
	t.before = nil // which else would keep all that came before
}

// end lets the next one through.
func (t *turn) end() {
	t.once.Do(func() { close(t.begun) })
	close(t.ended)
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.before = nil
	if t.of.last[t.key] == t {
		delete(t.of.last, t.key)
	}
}
