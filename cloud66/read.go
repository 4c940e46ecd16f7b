package cloud66

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	tries    = 3                      // of a read, in total
	pause    = 500 * time.Millisecond // before the second try, doubled before each other
	maxPause = 5 * time.Second        // where the server asks for a longer one, the call fails instead
)

// read sends a request that changes nothing, and sends it again where the way or the server failed.
func (c *Client) read(ctx context.Context, r request) (answer, error) {
	for try := 1; ; try++ {
		ans, err := c.once(ctx, r)
		if err == nil {
			return ans, nil
		}
		if idle, ok := c.reads.(interface{ CloseIdleConnections() }); ok && errors.Is(err, ErrNoAnswer) {
			idle.CloseIdleConnections() // what took one connection away may have taken them all
		}
		wait, again := nextTry(try, err)
		if !again {
			return answer{}, err
		}
		select {
		case <-ctx.Done():
			return answer{}, fmt.Errorf("%w, after: %w", ctx.Err(), err)
		case <-time.After(wait):
		}
	}
}

// nextTry tells whether, and after how long, a read is tried again.
func nextTry(try int, err error) (time.Duration, bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok || try == tries || e.RetryAfter > maxPause {
		return 0, false
	}
	if !errors.Is(e.Kind, ErrUnreachable) && !errors.Is(e.Kind, ErrNoAnswer) && !errors.Is(e.Kind, ErrServer) {
		return 0, false
	}
	full := pause << (try - 1)
	return max(e.RetryAfter, full/2+rand.N(full/2)), true
}

// fetchOne reads one thing of, or below, a stack.
func fetchOne[W, T any](ctx context.Context, c *Client, uid string, convert func(W) (T, error), below ...string) (thing T, err error) {
	path, err := stackPath(uid, below...)
	if err != nil {
		return thing, err
	}
	r := request{method: http.MethodGet, path: path}
	ans, err := c.read(ctx, r)
	if err != nil {
		return thing, err
	}
	wire, err := single[W](ans.body)
	if err == nil {
		thing, err = convert(wire)
	}
	if err != nil {
		return thing, c.unreadable(r, ans, err)
	}
	return thing, nil
}
