package watch

import (
	"errors"
	"math"
	"time"

	"c66bot/cloud66"
)

const (
	throttled = time.Minute      // the pause after a throttled request, where the answer names none
	horizon   = 20 * time.Minute // the rest of the budget is spread over this time
	counted   = 62 * time.Minute // the client counts a request for this long
	evenedOut = 5 * time.Minute  // the sweep saves within this time what was used too fast
	spareMost = 10               // requests that may be used at once after a lull
	fullShare = 5 * time.Second  // the shortest time between two readings of a page at the documented budget
)

// pace is the limiter: it says when requests may be sent. The watcher's lock guards its fields.
type pace struct {
	free         time.Time // of the next look, at the earliest
	cut          bool      // Cloud 66 or the budget refuses requests: one a minute probes whether it still does
	next         time.Time // of the next probe, at the earliest
	looks, pages recent    // requests
	even         float64   // requests that an even use of the budget has left over; negative after a rush
	evenAt       time.Time
}

// spent counts requests.
func (p *pace) spent(now time.Time, n int, of *recent) {
	of.add(now, n)
	p.even -= float64(n)
}

// pause is the time in which no request may be sent at all.
func (p *pace) pause(now time.Time) time.Duration {
	if !p.cut {
		return 0
	}
	return p.next.Sub(now)
}

// sent notes a request: while requests are refused, none follows until it is answered or a minute has passed.
func (p *pace) sent(now time.Time) {
	if p.cut {
		p.next = now.Add(throttled)
	}
}

// refused stops all requests for a while.
func (p *pace) refused(now time.Time, err error) {
	pause := throttled
	if api, ok := errors.AsType[*cloud66.Error](err); ok && api.RetryAfter > 0 {
		pause = min(pause, max(api.RetryAfter, time.Second))
	}
	p.cut, p.next = true, now.Add(pause)
}

// served ends that, and reports whether it had to.
func (p *pace) served(now time.Time) bool {
	if !p.cut {
		return false
	}
	p.cut, p.free = false, now
	return true
}

// look is the time between two looks. It spreads the rest of the budget over the horizon: a short rush is served at once, and a long one
// settles below the budget, since requests of an hour ago come back. The sweep gives way: its requests count as rest.
func (p *pace) look(now time.Time, budget cloud66.BudgetState) time.Duration {
	if budget.BackgroundRest < 1 {
		return throttled
	}
	return min(horizon/time.Duration(budget.BackgroundRest+p.pages.last(now)), throttled)
}

// page is the time between two pages of a sweep. It spreads what the looks leave of the background's budget, but for a margin, evenly over
// the hour: what a rush uses is saved in the minutes after it. No round takes less than the shortest interval.
func (p *pace) page(now time.Time, budget cloud66.BudgetState, pages int, shortest time.Duration) time.Duration {
	gap := max(shortest, min(fullShare, shareOf(budget.PerHour))) / time.Duration(max(pages, 1))
	limit := budget.PerHour * 4 / 5
	if limit == 0 {
		return gap
	}
	margin := max(limit/50, 1)
	looks := p.looks.last(now) * int(counted/time.Minute) / int(horizon/time.Minute)
	saved := p.evened(now, limit-margin) * float64(counted) / float64(evenedOut)
	spare := max(limit-margin-looks+int(saved), limit/10, 1)
	gap = max(gap, counted/time.Duration(spare))
	if rest := max(budget.BackgroundRest, 1); rest < margin {
		gap = gap * time.Duration(margin) / time.Duration(rest)
	}
	return min(gap, throttled)
}

// evened is the number of requests that an even use of the budget has left over.
func (p *pace) evened(now time.Time, limit int) float64 {
	if !p.evenAt.IsZero() {
		p.even += float64(limit) * float64(now.Sub(p.evenAt)) / float64(counted)
	}
	p.evenAt = now
	p.even = min(p.even, spareMost)
	return p.even
}

// shareOf is the time between two readings of one page that costs a quarter of the budget.
func shareOf(perHour int) time.Duration {
	if perHour < 1 {
		return 0
	}
	return time.Hour * 25 / 6 / time.Duration(perHour)
}

// recent is a fading counter: about the events of one horizon.
type recent struct {
	n  float64
	at time.Time
}

func (r *recent) add(now time.Time, n int) {
	r.fade(now)
	r.n += float64(n)
}

func (r *recent) last(now time.Time) int {
	r.fade(now)
	return int(r.n)
}

func (r *recent) fade(now time.Time) {
	if !r.at.IsZero() {
		r.n *= math.Exp(-float64(now.Sub(r.at)) / float64(horizon))
	}
	r.at = now
}
