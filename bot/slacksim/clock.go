package slacksim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timer is one pending call of the workspace.
type timer struct{ t *time.Timer }

// after runs f with the lock held once d has passed, unless it is stopped or
// the workspace is closed before. The lock is held.
func (w *Workspace) after(d time.Duration, f func()) *timer {
	if w.closed {
		return nil
	}
	w.wg.Add(1)
	t := &timer{}
	w.timers[t] = struct{}{}
	t.t = time.AfterFunc(d, func() {
		defer w.wg.Done()
		w.mu.Lock()
		defer w.mu.Unlock()
		if _, pending := w.timers[t]; pending {
			delete(w.timers, t)
			f()
		}
	})
	return t
}

// stop ends a pending call; stopping twice or stopping nil does nothing. The lock is held.
func (w *Workspace) stop(t *timer) {
	if t == nil {
		return
	}
	if _, pending := w.timers[t]; !pending {
		return
	}
	delete(w.timers, t)
	if t.t.Stop() {
		w.wg.Done()
	}
}

// nextTS gives out a timestamp like "1700000000.000100", unique and ascending. The lock is held.
func (w *Workspace) nextTS() string {
	w.lastTS = max(w.lastTS+1, time.Now().Add(w.ahead).UnixMicro())
	return formatTS(w.lastTS)
}

// clock gives by how much the workspace's clock is ahead.
func (w *Workspace) clock() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ahead
}

// nextID gives out a number that no other thing of the workspace has. The lock is held.
func (w *Workspace) nextID() int {
	w.lastID++
	return w.lastID
}

func formatTS(micros int64) string {
	return fmt.Sprintf("%d.%06d", micros/1e6, micros%1e6)
}

// parseTS reads a timestamp as microseconds; whole seconds are fine too.
func parseTS(ts string) (int64, bool) {
	whole, fraction, _ := strings.Cut(ts, ".")
	if len(fraction) > 6 {
		return 0, false
	}
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0, false
	}
	micros, err := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	return seconds*1e6 + micros, err == nil
}
