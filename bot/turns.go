package bot

import (
	"context"
	"sync"
	"time"
)

// orderWait bounds how long a change waits for the one before it, from its arrival.
const orderWait = 3 * time.Second

// turns has the changes that one person asks for in one channel take effect in the order in which they came: each begins when the one before
// has ended, or has its place in the order of its stack. Its zero value works.
type turns struct {
	mu   sync.Mutex
	last map[string]*turn
}

// turn is the place of one change in that order.
type turn struct {
	of     *turns
	key    string
	came   time.Time
	before <-chan struct{} // nil for none
	passed chan struct{}   // closed when the next one may begin
	once   sync.Once
}

// join takes the next place.
func (t *turns) join(key string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[string]*turn{}
	}
	next := &turn{of: t, key: key, came: time.Now(), passed: make(chan struct{})}
	if last := t.last[key]; last != nil {
		next.before = last.passed
	}
	t.last[key] = next
	return next
}

// wait waits for the one before, within the bound.
func (t *turn) wait(ctx context.Context) {
	if t.before == nil {
		return
	}
	timer := time.NewTimer(time.Until(t.came.Add(orderWait)))
	defer timer.Stop()
	select {
	case <-t.before:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pass lets the next one begin. It may be called again.
func (t *turn) pass() {
	t.once.Do(func() {
		close(t.passed)
		t.of.mu.Lock()
		defer t.of.mu.Unlock()
		if t.of.last[t.key] == t {
			delete(t.of.last, t.key)
		}
	})
}
