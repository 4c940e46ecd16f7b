package commands

import (
	"context"
	"sync"
)

// keyedLock lets one at a time through for each key. Its zero value works.
type keyedLock struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits for the key and gives the function that lets go of it.
func (k *keyedLock) lock(ctx context.Context, key string) (func(), error) {
	for {
		k.mu.Lock()
		if k.held == nil {
			k.held = map[string]chan struct{}{}
		}
		gone, taken := k.held[key]
		if !taken {
			gone = make(chan struct{})
			k.held[key] = gone
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.held, key)
				k.mu.Unlock()
				close(gone)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-gone:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
