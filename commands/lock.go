package commands

import (
	"context"
	"slices"
	"sync"
)

// keyedLock lets one at a time through for each key, in the order in which they came. Its zero value works.
type keyedLock struct {
	mu      sync.Mutex
	waiting map[string][]chan struct{} // who waits for a key that is held, the next one first
}

// lock waits for the key and gives the function that lets go of it. As soon as its place is taken, placed is called.
func (k *keyedLock) lock(ctx context.Context, key string, placed func()) (func(), error) {
	turn := k.join(key)
	placed()
	select {
	case <-turn:
	case <-ctx.Done():
		k.leave(key, turn)
		return nil, ctx.Err()
	}
	return func() { k.leave(key, turn) }, nil
}

// join gives a channel that is closed when it is one's turn.
func (k *keyedLock) join(key string) chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting == nil {
		k.waiting = map[string][]chan struct{}{}
	}
	queue, held := k.waiting[key]
	turn := make(chan struct{})
	if !held {
		close(turn)
		k.waiting[key] = nil
		return turn
	}
	k.waiting[key] = append(queue, turn)
	return turn
}

// leave lets the next one through, or takes one out that has not had its turn.
func (k *keyedLock) leave(key string, turn chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	queue := k.waiting[key]
	if i := slices.Index(queue, turn); i >= 0 {
		k.waiting[key] = slices.Delete(queue, i, i+1)
		return
	}
	if len(queue) == 0 {
		delete(k.waiting, key)
		return
	}
	close(queue[0])
	k.waiting[key] = queue[1:]
}
