package webapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

const firstPause, longestPause = 250 * time.Millisecond, 4 * time.Second

// lookTime bounds a look-up that a user waits for, lookTry one try of it.
const lookTime, lookTry = 5 * time.Second, 3 * time.Second

// ErrEmpty says that a response lacks the requested data. It proves as little as a missing response.
var ErrEmpty = errors.New("the answer does not hold what was asked for")

// Look makes a look-up that a user waits for. It retries transient faults within lookTime.
func Look(ctx context.Context, call func(ctx context.Context) error) error {
	return Retry(ctx, lookTime, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, lookTry)
		defer cancel()
		return call(ctx)
	})
}

// Ask makes a call with the retries of Look and returns the response. A response that whole rejects is treated as ErrEmpty.
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

// Retry makes a call and retries transient faults, after the duration of a rate limit or with exponential backoff, as long as the next try
// starts before within has elapsed. All tries share that deadline. It returns the error of the last try.
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
