package slacksim

import (
	"math"
	"time"
)

// RateLimits switches or scales the limits of the Web API, see "Rate limits" in Slack's documentation.
type RateLimits struct {
	Off   bool
	Scale float64 // how many times the usual number is allowed, default 1
}

const (
	channelRate  = 1.0 // posts a second and channel
	channelBurst = 4   // posts that a channel takes at once
)

// bucket is the allowance of one channel: it fills by channelRate up to channelBurst.
type bucket struct {
	tokens float64
	at     time.Time
}

// limited counts a call and returns how long to wait where it is too much:
// perMinute calls in any minute, and for posts the channel's own rate. The lock is held.
func (w *Workspace) limited(method string, perMinute int, channel string) time.Duration {
	if w.opts.RateLimits.Off {
		return 0
	}
	now, allowed := time.Now(), int(float64(perMinute)*w.opts.RateLimits.Scale)
	calls := w.windows[method]
	for len(calls) > 0 && now.Sub(calls[0]) >= time.Minute {
		calls = calls[1:]
	}
	w.windows[method] = calls
	if len(calls) >= max(allowed, 1) {
		return time.Minute - now.Sub(calls[0])
	}
	if method == "chat.postMessage" {
		if wait := w.channelWait(channel, now); wait > 0 {
			return wait
		}
	}
	w.windows[method] = append(calls, now)
	return 0
}

func (w *Workspace) channelWait(channel string, now time.Time) time.Duration {
	b := w.channelR[channel]
	if b == nil {
		b = &bucket{tokens: channelBurst, at: now}
		w.channelR[channel] = b
	}
	rate := channelRate * w.opts.RateLimits.Scale
	b.tokens = min(channelBurst, b.tokens+now.Sub(b.at).Seconds()*rate)
	b.at = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / rate * float64(time.Second))
	}
	b.tokens--
	return 0
}

// retryAfter is a wait in the whole seconds of a Retry-After header, at least 1.
func retryAfter(wait time.Duration) int {
	return max(1, int(math.Ceil(wait.Seconds())))
}
