package people

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"c66bot/cloud66/panics"
)

// forever is the maximum age for answers that never change.
const forever time.Duration = 1<<63 - 1

// errLeft is the error of a shared call whose initiator gave up. The other waiters call again.
var errLeft = errors.New("the caller left")

// cache holds Slack's answers by key. Concurrent requests for a key share one call. The zero value is ready for use.
type cache[V any] struct {
	calls singleflight.Group // by epoch and key, so that nobody joins an outdated call

	mu      sync.Mutex // guards the fields below
	answers map[string]answer[V]
	epoch   int // incremented by every invalidation; a call from an earlier epoch may be outdated
}

type answer[V any] struct {
	at    time.Time // when the call started
	value V
}

// get returns the answer for a key if it is younger than age, else it calls ask. Errors are not cached.
func (c *cache[V]) get(ctx context.Context, key string, age time.Duration, ask func(ctx context.Context) (V, error)) (V, error) {
	for {
		c.mu.Lock()
		kept, ok := c.answers[key]
		epoch := c.epoch
		c.mu.Unlock()
		if ok && time.Since(kept.at) < age {
			return kept.value, nil
		}
		called := c.calls.DoChan(fmt.Sprint(epoch, " ", key), func() (any, error) {
			at := time.Now()
			var value V
			err := panics.Catch(func() (err error) {
				value, err = ask(ctx)
				return err
			})
			if err == nil {
				c.keep(key, epoch, answer[V]{at, value})
			} else if ctx.Err() != nil {
				err = errLeft
			}
			return value, err
		})
		var none V
		select {
		case <-ctx.Done():
			return none, ctx.Err()
		case result := <-called:
			if errors.Is(result.Err, errLeft) {
				if ctx.Err() != nil {
					return none, ctx.Err()
				}
				continue
			}
			value, _ := result.Val.(V)
			return value, result.Err
		}
	}
}

// keep stores an answer unless the cache was invalidated since the call started. A full cache is emptied first.
func (c *cache[V]) keep(key string, epoch int, a answer[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != epoch {
		return
	}
	if c.answers == nil || len(c.answers) >= maxKept {
		c.answers = map[string]answer[V]{}
	}
	c.answers[key] = a
}

// forget drops the answer for a key. No answer in flight is stored.
func (c *cache[V]) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	delete(c.answers, key)
}

// clear drops all answers. No answer in flight is stored.
func (c *cache[V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.answers = nil
}
