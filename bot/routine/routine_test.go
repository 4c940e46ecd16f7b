package routine_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/routine"
)

func TestWorkIsRepeatedWhenItIsDueAndWhenItIsSignalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		begun, wake, ended := time.Now(), make(chan struct{}, 1), make(chan struct{})
		var at []time.Duration
		go func() {
			defer close(ended)
			routine.Repeat(ctx, slog.New(slog.DiscardHandler), "count", wake, func(context.Context) (time.Duration, error) {
				at = append(at, time.Since(begun))
				switch len(at) {
				case 1:
					return time.Minute, nil
				case 2:
					return 0, errors.New("it failed")
				case 3:
					panic("it fails badly")
				case 4:
					return time.Hour, errors.New("it knows when to try again")
				case 5:
					return time.Minute, nil
				default:
					return 0, nil
				}
			})
		}()
		time.Sleep(2 * time.Hour)
		routine.Signal(wake)
		time.Sleep(2 * time.Hour)
		cancel()
		<-ended
		routine.Signal(wake)
		const minute, hour = time.Minute, time.Hour
		want := []time.Duration{0, minute, minute + 5*time.Second, minute + 10*time.Second, hour + minute + 10*time.Second,
			hour + 2*minute + 10*time.Second, 2 * hour}
		if !slices.Equal(at, want) {
			t.Errorf("it was done at %v, want %v", at, want)
		}
	})
}
