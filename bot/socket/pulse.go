package socket

import "time"

// Beat is the interval of the check for standstills of the process.
const Beat = 500 * time.Millisecond

const (
	// hiccup is the longest gap between two beats that is not a standstill. In a standstill the process was stopped, frozen, paused or asleep.
	hiccup = time.Second
	// waited is the minimum duration of a read that had to wait for its frame.
	waited = 10 * time.Millisecond
	// settling is how long delayed frames may arrive after a standstill. longestBacklog bounds the time to read them.
	settling, longestBacklog = time.Second, time.Minute
)

// pulse detects standstills of the whole process. Without beats it detects none.
type pulse struct {
	last  time.Time // the last sign of life
	until time.Time // end of the last standstill
	stood time.Duration
}

func (p *pulse) beat(now time.Time) {
	if gap := between(p.last, now); !p.last.IsZero() && gap > hiccup {
		p.stood, p.until = gap, now
	}
	p.last = now
}

// emptied returns when a socket was last empty, given that a read waited for its frame from ready to now. A frame that arrives once a
// standstill has settled was not buffered in the socket.
func (p *pulse) emptied(ready, now time.Time) time.Time {
	if p.last.IsZero() {
		return now
	}
	p.beat(now)
	if now.Sub(p.until) < settling {
		return ready
	}
	return now
}

// came returns the earliest possible arrival of a frame read now from a socket that was last empty at the given time.
func (p *pulse) came(empty, now time.Time) time.Time {
	if p.last.IsZero() {
		return now
	}
	p.beat(now)
	ago := now.Sub(p.until)
	if p.until.After(empty) && ago < longestBacklog || ago < settling {
		return now.Add(-p.stood)
	}
	return now
}

// between returns the time from a to b, including machine sleep, which the monotonic clock omits.
func between(a, b time.Time) time.Duration { return max(b.Sub(a), b.Round(0).Sub(a.Round(0))) }

// Since returns the time since t, including machine sleep.
func Since(t time.Time) time.Duration { return between(t, time.Now()) }
