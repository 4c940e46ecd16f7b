// Package routine has what goroutines that run as long as the bot have in common.
package routine

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"c66bot/cloud66/panics"
)

// again is the delay before work that failed is repeated, unless it says another.
const again = 5 * time.Second

// Repeat does work now, whenever it is signalled, and when it says that it is due again, until the context ends. A wait of 0 leaves it to
// the next signal. A panic is an error as any other: it is logged, and the work is repeated.
func Repeat(ctx context.Context, log *slog.Logger, task string, wake <-chan struct{}, work func(context.Context) (time.Duration, error)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-timer.C:
		}
		var wait time.Duration
		err := panics.Catch(func() (err error) {
			wait, err = work(ctx)
			return err
		})
		if err != nil {
			if wait = cmp.Or(wait, again); ctx.Err() == nil {
				log.ErrorContext(ctx, "a task failed; it is tried again", "task", task, "again_in", wait, "error", err)
			}
		}
		if timer.Stop(); wait > 0 {
			timer.Reset(wait)
		}
	}
}

// Keep runs a task that goes on until the context ends, and begins it anew after a panic. One that returns has done its work.
func Keep(ctx context.Context, log *slog.Logger, task string, run func(context.Context)) {
	Repeat(ctx, log, task, nil, func(ctx context.Context) (time.Duration, error) {
		run(ctx)
		return 0, nil
	})
}

// Signal wakes the receiver of a channel with a buffer of one, now or at its next receive.
func Signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is signalled already
	}
}

// Sleep waits for d and reports whether the context is still alive.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Ended waits for a group within a limit and reports whether it finished.
func Ended(group *sync.WaitGroup, limit time.Duration) bool {
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}
