package webapi

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Off is the clock difference to Slack above which a warning is given.
const Off = time.Minute

// Clock estimates Slack's clock from Slack's responses. Slack's timestamps are compared with this clock, never with the local one. The
// timestamp of a newly created message is the best source; until one is seen, the HTTP Date header serves as an estimate. All methods
// except Ahead accept a nil Clock.
type Clock struct {
	Log *slog.Logger

	last atomic.Pointer[reading] // nil before there is one
}

// reading is what the clock has learned.
type reading struct {
	ahead time.Duration // local clock minus Slack's clock
	sure  bool          // ahead comes from a message timestamp
	off   bool
}

func (r *reading) get() reading {
	if r == nil {
		return reading{}
	}
	return *r
}

// Time parses a message timestamp. It returns the zero time if ts is not one.
func Time(ts string) time.Time {
	whole, fraction, _ := strings.Cut(ts, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}
	}
	micros, err := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	if err != nil {
		micros = 0
	}
	return time.Unix(seconds, micros*1000)
}

// Now returns the current time on Slack's clock. It is sure once a message timestamp has been seen.
func (c *Clock) Now() (now time.Time, sure bool) { return c.At(time.Now()) }

// At converts a local time to Slack's clock.
func (c *Clock) At(t time.Time) (at time.Time, sure bool) {
	if c == nil {
		return t, false
	}
	r := c.last.Load().get()
	return t.Round(0).Add(-r.ahead), r.sure
}

// Ahead returns how far the local clock is ahead of Slack's, or 0 while the difference is within Off.
func (c *Clock) Ahead() time.Duration {
	r := c.last.Load().get()
	if !r.off {
		return 0
	}
	return r.ahead
}

// stamped learns from the timestamp of an object that Slack created between the local times sent and received.
func (c *Clock) stamped(at, sent, received time.Time) { c.learn(at, 0, sent, received, true) }

// dated learns from a response's Date header, which has a resolution of one second and may come from a proxy.
func (c *Clock) dated(h http.Header, sent, received time.Time) {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		c.learn(at, time.Second, sent, received, false)
	}
}

func (c *Clock) learn(at time.Time, grain time.Duration, sent, received time.Time, sure bool) {
	if c == nil || at.IsZero() {
		return
	}
	least, most := sent.Round(0).Sub(at)-grain, received.Round(0).Sub(at)
	now := reading{(least + most) / 2, sure, least > Off || most < -Off}
	for {
		last := c.last.Load()
		was := last.get()
		if was.sure && !sure {
			return
		}
		if c.last.CompareAndSwap(last, &now) {
			c.tell(was, now)
			return
		}
	}
}

// tell logs a change of whether the clocks agree.
func (c *Clock) tell(was, now reading) {
	switch {
	case c.Log == nil || now.off == was.off:
	case now.off:
		c.Log.Warn("this machine's clock differs from Slack's: correct it (NTP)", "ahead", now.ahead.Round(time.Second))
	default:
		c.Log.Info("this machine's clock agrees with Slack's again")
	}
}
