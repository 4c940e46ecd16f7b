package bot

import (
	"context"
	"sync"
	"time"
)

// Beat is how often a running process looks whether it stood still.
const Beat = 500 * time.Millisecond

const (
	// hiccup is how long nothing may beat before the process counts as having stood still: stopped, frozen, paused or asleep.
	hiccup = time.Second
	// tooLong is how long it may have stood still so that what it then finds in its sockets is still in time: Slack waits 3 s.
	tooLong = 2 * time.Second
	// waited is how long a read takes at least that had to wait for its frame.
	waited = 10 * time.Millisecond
	// settling is how long after a standstill what was on its way meanwhile may still come, longestBacklog how long it may take to be read.
	settling, longestBacklog = time.Second, time.Minute
)

// pulse notices when the whole process stood still. One that does not beat notices nothing.
type pulse struct {
	mu    sync.Mutex
	last  time.Time // the last sign of life
	until time.Time // the end of the last standstill
	stood time.Duration
}

// run beats until the context ends.
func (p *pulse) run(ctx context.Context, every time.Duration) {
	p.beat(time.Now())
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.beat(time.Now())
		}
	}
}

// beat takes note of a sign of life.
func (p *pulse) beat(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note(now)
}

// note is beat with the lock held.
func (p *pulse) note(now time.Time) {
	if gap := between(p.last, now); !p.last.IsZero() && gap > hiccup {
		p.stood, p.until = gap, now
	}
	p.last = now
}

// emptied gives when a socket was empty last whose read has waited for its frame, from one time to another. What comes once a standstill is
// settled did not wait in the socket.
func (p *pulse) emptied(ready, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.IsZero() {
		return now
	}
	p.note(now)
	if now.Sub(p.until) < settling {
		return ready
	}
	return now
}

// came gives the earliest time at which a frame can have come that was read now, from a socket that was known to be empty at a time.
func (p *pulse) came(empty, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.IsZero() {
		return now
	}
	p.note(now)
	ago := now.Sub(p.until)
	if p.until.After(empty) && ago < longestBacklog || ago < settling {
		return now.Add(-p.stood)
	}
	return now
}

// between gives the time from a to b. One in which the machine slept counts too, which the monotonic clock leaves out.
func between(a, b time.Time) time.Duration { return max(b.Sub(a), b.Round(0).Sub(a.Round(0))) }

// since gives the time since t, as between counts it.
func since(t time.Time) time.Duration { return between(t, time.Now()) }
