package webapi

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Off is by how much the bot's clock may differ from Slack's before that is told.
const Off = time.Minute

// Clock is Slack's clock, as Slack's answers tell it. What Slack stamps is compared with this one, never with the bot's own. The timestamp
// of a message that was just made is best; until there is one the HTTP header Date is a guess. Its methods take a nil Clock.
type Clock struct {
	Log *slog.Logger

	mu    sync.Mutex
	ahead time.Duration // of Slack's clock, the bot's own
	sure  bool          // by a timestamp
	off   bool
}

// Time is the time of a message's timestamp; the zero time where it is none.
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

// Now is the time by Slack's clock. It is sure where a timestamp has told it.
func (c *Clock) Now() (now time.Time, sure bool) { return c.At(time.Now()) }

// At is what Slack's clock showed at a time of the bot's own.
func (c *Clock) At(t time.Time) (at time.Time, sure bool) {
	if c == nil {
		return t, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.Round(0).Add(-c.ahead), c.sure
}

// Ahead is by how much the bot's clock is ahead of Slack's; 0 where they differ by less than Off.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.off {
		return 0
	}
	return c.ahead
}

// stamped learns from the time that Slack gave what it made between two times of the bot's own.
func (c *Clock) stamped(at, sent, received time.Time) { c.learn(at, 0, sent, received, true) }

// dated learns from the header of an answer, which is cut to the second and may be a proxy's.
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
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sure && !sure {
		return
	}
	was := c.off
	c.ahead, c.sure, c.off = (least+most)/2, sure, least > Off || most < -Off
	if c.Log == nil || c.off == was {
		return
	}
	if c.off {
		c.Log.Warn("this machine's clock differs from Slack's: correct it (NTP)", "ahead", c.ahead.Round(time.Second))
	} else {
		c.Log.Info("this machine's clock agrees with Slack's again")
	}
}
