package watch

import (
	"errors"
	"time"

	"c66bot/cloud66"
)

const (
	throttled = time.Minute      // pause after a refused request, if the answer gives none, and the longest between two requests
	horizon   = 20 * time.Minute // a rush is spread over this time
	counted   = 62 * time.Minute // how long the client counts a request
	spareMost = 10               // requests that may be used at once after a lull
	leastPart = 0.1              // the part of the rate that the sweep keeps in deep debt
	slowShare = 50               // 1/slowShare of the budget is for unchanged stacks
	slowEvery = 30 * time.Second // shortest time between two looks at unchanged stacks
)

// limiter spaces the requests. It earns credit at the rate that uses the background budget evenly, less a margin, and each request costs
// one. Looks go first: some at once go into debt, and a rush of them is spread over the horizon as what is left of the budget allows. The
// deeper the debt, the slower follow the pages of the sweep, which pays it.
type limiter struct {
	credit  float64 // negative after a rush
	at      time.Time
	sent    time.Time // the last request
	page    time.Time // the last page
	slow    time.Time // earliest time of the next look at an unchanged stack
	blocked time.Time // while requests are refused, the earliest time of the next, which probes whether they still are; else zero
}

// free returns the earliest time of the next request. A request that yields waits for a credit.
func (l *limiter) free(now time.Time, budget cloud66.BudgetState, yields bool) time.Time {
	if !l.blocked.IsZero() {
		return l.blocked
	}
	at := l.sent.Add(throttled)
	rate, debt := l.earn(now, budget)
	sooner := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	switch {
	case yields && rate > 0:
		sooner(l.page.Add(seconds(1 / (rate * max(1+l.credit/debt, leastPart)))))
	case rate > 0:
		sooner(now.Add(seconds((1 - l.credit - debt) / rate)))
		fallthrough
	case budget.BackgroundRest > 0:
		sooner(l.sent.Add(horizon / time.Duration(budget.BackgroundRest)))
	}
	return at
}

func seconds(n float64) time.Duration { return time.Duration(n*float64(time.Second)) + 1 }

// earn adds the credit since the last call, and returns the rate per second and the debt that looks may always make. The rate falls with
// the rest of the budget below the margin.
func (l *limiter) earn(now time.Time, budget cloud66.BudgetState) (rate, debt float64) {
	limit := float64(budget.PerHour) * 4 / 5
	margin := max(limit/50, 1)
	rate = max(limit-margin, 0) / counted.Seconds() * min(float64(budget.BackgroundRest)/margin, 1)
	if !l.at.IsZero() {
		l.credit = min(l.credit+rate*now.Sub(l.at).Seconds(), spareMost)
	}
	l.at = now
	return rate, margin / 2
}

// take counts a request that is sent now. While requests are refused, no other follows until it is answered or a minute has passed.
func (l *limiter) take(now time.Time, page bool) {
	l.credit--
	l.sent = now
	if page {
		l.page = now
	}
	if !l.blocked.IsZero() {
		l.blocked = now.Add(throttled)
	}
}

func (l *limiter) refused(now time.Time, err error) {
	pause := throttled
	if api, ok := errors.AsType[*cloud66.Error](err); ok && api.RetryAfter > 0 {
		pause = min(pause, max(api.RetryAfter, time.Second))
	}
	l.blocked = now.Add(pause)
}

func (l *limiter) served() { l.blocked = time.Time{} }

// isRefusal reports whether an error means that no request at all is served at present.
func isRefusal(err error) bool {
	return errors.Is(err, cloud66.ErrThrottled) || errors.Is(err, cloud66.ErrBudget)
}
