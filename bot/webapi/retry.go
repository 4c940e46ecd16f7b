package webapi

import (
	"context"
	"time"
)

const firstPause, longestPause = 250 * time.Millisecond, 4 * time.Second

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
