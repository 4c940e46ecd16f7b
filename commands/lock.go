package commands

import (
	"context"
	"slices"
	"sync"
)

// Queues let one at a time through for each key, in the order in which they came. The zero value works.
type Queues struct {
	mu      sync.Mutex
	waiting map[string][]chan struct{} // who waits for a key that is held, the next one first
}

// Place is a place in the queue of a key.
type Place struct {
	queues *Queues
	key    string
	turn   chan struct{} // closed when it is one's turn
}

// Join takes the next place in the queue of a key. It has to be waited for.
func (k *Queues) Join(key string) Place { return Place{k, key, k.join(key)} }

// Wait waits for one's turn and gives the function that ends it. Where the context ends first, the place is given up.
func (p Place) Wait(ctx context.Context) (done func(), err error) {
	select {
	case <-p.turn:
	case <-ctx.Done():
		p.queues.leave(p.key, p.turn)
		return nil, ctx.Err()
	}
	return func() { p.queues.leave(p.key, p.turn) }, nil
}

// join gives a channel that is closed when it is one's turn.
func (k *Queues) join(key string) chan struct{} {
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
func (k *Queues) leave(key string, turn chan struct{}) {
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
