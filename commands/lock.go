package commands

import (
	"context"
	"slices"
	"sync"
)

// Queues are mutexes by key, first in, first out. The zero value is ready to use.
type Queues struct {
	mu      sync.Mutex
	waiting map[string][]chan struct{} // waiters behind the holder of a key, in order
}

// Place is a place in the queue of a key.
type Place struct {
	queues *Queues
	key    string
	turn   chan struct{} // closed when the turn comes
}

// Join takes the next place in the queue of a key. The caller must call Wait.
func (k *Queues) Join(key string) Place {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting == nil {
		k.waiting = map[string][]chan struct{}{}
	}
	queue, held := k.waiting[key]
	p := Place{k, key, make(chan struct{})}
	if held {
		queue = append(queue, p.turn)
	} else {
		close(p.turn)
	}
	k.waiting[key] = queue
	return p
}

// Wait waits for the turn and returns the function that ends it. If the context ends first, it gives up the place.
func (p Place) Wait(ctx context.Context) (done func(), err error) {
	select {
	case <-p.turn:
		return p.leave, nil
	case <-ctx.Done():
		p.leave()
		return nil, ctx.Err()
	}
}

// leave passes the turn on, or gives up a place that is still waiting.
func (p Place) leave() {
	p.queues.mu.Lock()
	defer p.queues.mu.Unlock()
	queue := p.queues.waiting[p.key]
	if i := slices.Index(queue, p.turn); i >= 0 {
		p.queues.waiting[p.key] = slices.Delete(queue, i, i+1)
		return
	}
	if len(queue) == 0 {
		delete(p.queues.waiting, p.key)
		return
	}
	close(queue[0])
	p.queues.waiting[p.key] = queue[1:]
}
