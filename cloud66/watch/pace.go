package watch

import (
	"errors"
	"math"
	"time"

	"c66bot/cloud66"
)

const (
	throttled = time.Minute      // pause after a throttled request if the answer gives none
	horizon   = 20 * time.Minute // the rest of the budget is spread over this time
	counted   = 62 * time.Minute // how long the client counts a request
	evenedOut = 5 * time.Minute  // the sweep recovers an overspent budget within this time
	spareMost = 10               // requests that may be used at once after a lull
	fullShare = 5 * time.Second  // shortest time between two readings of a page at the documented budget
)

// pace is the rate limiter of all requests. Watcher.mu guards its fields.
type pace struct {
	free         time.Time // earliest time of the next look
	cut          bool      // Cloud 66 or the budget refuses requests: one a minute probes whether it still does
	next         time.Time // earliest time of the next probe
	looks, pages recent    // requests
	even         float64   // requests saved compared with an even use of the budget; negative after a rush
	evenAt       time.Time
}

// spent counts requests.
func (p *pace) spent(now time.Time, n int, of *recent) {
	of.add(now, n)
	p.even -= float64(n)
}

// pause returns how long no request may be sent at all.
func (p *pace) pause(now time.Time) time.Duration {
	if !p.cut {
		return 0
	}
	return p.next.Sub(now)
}

// sent records a request: while requests are refused, none follows until it is answered or a minute has passed.
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

// served ends a refusal, and reports whether there was one.
func (p *pace) served(now time.Time) bool {
	if !p.cut {
		return false
	}
	p.cut, p.free = false, now
	return true
}

// look returns the time between two looks. It spreads the rest of the budget over the horizon: a short rush is served at once, and a long
// one settles below the budget, since requests expire after an hour. The sweep yields: its requests count as rest.
func (p *pace) look(now time.Time, budget cloud66.BudgetState) time.Duration {
	if budget.BackgroundRest < 1 {
		return throttled
	}
	return min(horizon/time.Duration(budget.BackgroundRest+p.pages.last(now)), throttled)
}

// page returns the time between two pages of a sweep. It spreads what the looks leave of the background budget, less a margin, evenly over
// the hour, and saves in the minutes after a rush what the rush used. A round never takes less than the shortest interval.
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

// evened returns the number of requests saved compared with an even use of the budget.
func (p *pace) evened(now time.Time, limit int) float64 {
	if !p.evenAt.IsZero() {
		p.even += float64(limit) * float64(now.Sub(p.evenAt)) / float64(counted)
	}
	p.evenAt = now
	p.even = min(p.even, spareMost)
	return p.even
}

// shareOf returns the time between two readings of one page that uses a quarter of the budget.
func shareOf(perHour int) time.Duration {
	if perHour < 1 {
		return 0
	}
	return time.Hour * 25 / 6 / time.Duration(perHour)
}

// recent is a decaying counter of about the events of one horizon.
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
