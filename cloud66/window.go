package cloud66

import "time"

const (
	slot = time.Minute
	// slots cover an hour, the begun minute at either end, and one more for requests that wait on their way.
	slots = 62
)

// window counts the requests of the last hour by the minute, never too few.
type window struct {
	start  time.Time
	newest int // the slot that add counts in, from start
	counts [slots]int
	sum    int
}

// used returns the requests that count at now.
func (w *window) used(now time.Time) int {
	current := int(now.Sub(w.start) / slot)
	w.newest = max(w.newest, current-slots)
	for w.newest < current {
		w.newest++
		w.sum -= w.counts[w.newest%slots]
		w.counts[w.newest%slots] = 0
	}
	return w.sum
}

// add counts a request at now.
func (w *window) add(now time.Time) {
	w.used(now)
	w.counts[w.newest%slots]++
	w.sum++
}

// below returns when fewer than limit requests will count, if none is added. It follows a call of used.
func (w *window) below(limit int) time.Time {
	sum := w.sum
	oldest := w.newest - slots + 1
	for i := max(oldest, 0); i <= w.newest; i++ {
		sum -= w.counts[i%slots]
		if sum < limit {
			return w.start.Add(time.Duration(i+slots) * slot)
		}
	}
	return w.start.Add(time.Duration(w.newest+slots) * slot)
}
