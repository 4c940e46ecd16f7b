package webapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

const firstPause, longestPause = 250 * time.Millisecond, 4 * time.Second

// lookTime is how long whoever asks for something waits for what Slack has to tell first, lookTry how long one try of it may take.
const lookTime, lookTry = 5 * time.Second, 3 * time.Second

// ErrEmpty says that an answer does not hold what was asked for. It proves nothing, like one that never came.
var ErrEmpty = errors.New("the answer does not hold what was asked for")

// Look asks Slack for something that somebody waits for: again after a fault that passes, within a few seconds.
func Look(ctx context.Context, call func(ctx context.Context) error) error {
	return Retry(ctx, lookTime, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, lookTry)
		defer cancel()
		return call(ctx)
	})
}

// Ask makes a call with Look's retries and gives its answer. One that is not whole proves nothing.
func Ask[T any](ctx context.Context, a API, method string, args url.Values, whole func(T) bool) (T, error) {
	var answer T
	err := Look(ctx, func(ctx context.Context) error {
		var got T
		err := a.Call(ctx, method, args, &got)
		if err == nil && !whole(got) {
			err = fmt.Errorf("%s: %w", method, ErrEmpty)
		}
		answer = got
		return err
	})
	return answer, err
}

// Retry makes a call, and again after a fault that passes: after a limit's time, else after growing pauses, as long as the next try begins
// within a time from now. The calls share that time, whatever they take. Its error is the last call's.
func Retry(ctx context.Context, within time.Duration, call func(ctx context.Context) error) error {
	until := time.Now().Add(within)
	limited, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := call(limited)
		if err == nil {
			return nil
		}
		fault := Judge(err)
		wait := max(fault.After, pause)
		if !fault.Passes || ctx.Err() != nil || time.Until(until) <= wait {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
	}
}
