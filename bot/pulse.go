package bot

import (
	"context"
	"sync"
	"time"
)

// Beat is the interval at which a running process looks whether it stood still.
const Beat = 500 * time.Millisecond

const (
	// hiccup is the longest gap between two beats that is no standstill: the process was stopped, frozen, paused or asleep.
	hiccup = time.Second
	// tooLong is the longest standstill after which frames in the sockets are still in time: Slack waits 3 s.
	tooLong = 2 * time.Second
	// waited is the least time of a read that had to wait for its frame.
	waited = 10 * time.Millisecond
	// settling is how long after a standstill delayed frames may still arrive, longestBacklog how long it may take to read them.
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

// emptied gives when a socket was last empty, for a read that waited for its frame from ready to now. A frame that comes after a
// standstill has settled did not wait in the socket.
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

// came gives the earliest time at which a frame can have arrived that is read now, from a socket that was last empty at a time.
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
