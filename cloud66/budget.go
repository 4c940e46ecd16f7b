package cloud66

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	probeEvery = time.Minute // interval of probes while Cloud 66 throttles
	documented = 3000        // requests per hour if no answer tells the limit (Cloud 66 API, Transport)

	peopleReserve  = 5  // 1/peopleReserve of the budget is reserved for users
	changesReserve = 10 // 1/changesReserve of the budget, within that, is reserved for changes
	personShare    = 5  // a person's reads, and changes, may each use at most 1/personShare
	leastShare     = 10 // minimum share of a person, however small the budget is
)

// BudgetState is a snapshot of the request budget.
type BudgetState struct {
	PerHour        int       // the budget
	Used           int       // requests counted for the last hour
	Rest           int       // requests that can be sent now for changes
	ReadingRest    int       // requests that can be sent now for users' reads
	BackgroundRest int       // requests that can be sent now as background work
	ServerRest     *int      // Cloud 66's last count of what is left, less the requests since; nil if unknown
	Blocked        bool      // Cloud 66 throttles
	NextTry        time.Time // when the next request is allowed if Rest is 0; else zero
}

// class is the priority of a request, lowest first. A class cannot use the reserves of higher classes.
type class int

const (
	background class = iota
	looking          // reads for users
	changing         // changes, including the reads that they need
)

// purpose is the class of a context's requests, and the person who asked for them.
type purpose struct {
	class  class
	person string // "" for no person: no share is counted
}

type purposeKey struct{}

// Background marks the requests of the context as background work: they cannot use the reserve for users.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, purposeKey{}, purpose{class: background})
}

// Reading marks the requests of the context as reads for a person: they cannot use the reserve for changes, nor exceed the person's share.
// The empty person means all users and has no share.
func Reading(ctx context.Context, person string) context.Context {
	return context.WithValue(ctx, purposeKey{}, purpose{class: looking, person: person})
}

// Changing marks the requests of the context as a person's change, including the reads that it needs. Changes have a share of their own.
// Requests of an unmarked context are changes without a person.
func Changing(ctx context.Context, person string) context.Context {
	return context.WithValue(ctx, purposeKey{}, purpose{class: changing, person: person})
}

// ForAll keeps the class of the context's requests and removes the person.
func ForAll(ctx context.Context) context.Context {
	return context.WithValue(ctx, purposeKey{}, purpose{class: purposeOf(ctx).class})
}

func purposeOf(ctx context.Context) purpose {
	if p, ok := ctx.Value(purposeKey{}).(purpose); ok {
		return p
	}
	return purpose{class: changing}
}

// budget decides which requests may be sent, by its own count, and by Cloud 66's if that leaves less.
type budget struct {
	mu       sync.Mutex // guards the fields below
	perHour  int
	window   window
	persons  map[purpose]*window // per purpose, for the last hour
	number   int                 // number of the last request
	inFlight int

	throttled   bool
	throttledBy int       // requests up to this number were sent before Cloud 66 throttled
	probeAt     time.Time // blocked requests must wait until then

	serverKnown bool
	serverRest  int // the server's rest if it has not counted the requests in flight
	serverLimit int
	restFrom    int // the newest request whose answer reported the server's rest
}

func newBudget(perHour int) *budget {
	return &budget{perHour: perHour, window: window{start: time.Now()}, persons: map[purpose]*window{}, serverLimit: documented}
}

// reading is the part of an answer that concerns the budget; the zero value means no answer.
type reading struct {
	served    bool // the server handled the request, so it does not throttle
	throttled bool
	rest      int
	restKnown bool
	limit     int
}

func readingOf(ans answer, fault *Error) reading {
	r := reading{throttled: fault != nil && errors.Is(fault.Kind, ErrThrottled)}
	r.served = !r.throttled && ans.status != 0 && ans.status < http.StatusInternalServerError
	rest, err := strconv.Atoi(ans.header.Get("X-RateLimit-Remaining"))
	r.rest, r.restKnown = max(rest, 0), err == nil
	if limit, err := strconv.Atoi(ans.header.Get("X-RateLimit-Limit")); err == nil {
		r.limit = limit
	}
	return r
}

// take counts one request and returns its number, or the reason to refuse it.
func (b *budget) take(p purpose) (number int, refusal *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	limit := b.perHour - reserve(p.class, b.perHour)
	if b.window.used(now) >= limit {
		return 0, &Error{Kind: ErrBudget, RetryAfter: b.window.below(limit).Sub(now)}
	}
	own, refusal := b.share(p, now)
	if refusal != nil {
		return 0, refusal
	}
	if b.blocked(p.class) {
		if wait := b.probeAt.Sub(now); wait > 0 {
			return 0, &Error{Kind: b.reason(), RetryAfter: wait}
		}
		b.probeAt = now.Add(probeEvery)
	}
	b.window.add(now)
	if own != nil {
		own.add(now)
	}
	b.serverRest--
	b.inFlight++
	b.number++
	return b.number, nil
}

// share returns the window that counts the person's requests, or nil without a person. It refuses a request above the person's share, or
// one after which the others would have less left than that person has used.
func (b *budget) share(p purpose, now time.Time) (*window, *Error) {
	if p.person == "" {
		return nil, nil
	}
	own := b.persons[p]
	if own == nil {
		for who, w := range b.persons {
			if w.used(now) == 0 {
				delete(b.persons, who)
			}
		}
		own = &window{start: now}
		b.persons[p] = own
	}
	rest := b.rest(p.class, b.window.used(now))
	limit := max(min(b.perHour/personShare, rest), leastShare)
	if rest > 0 && own.used(now) >= limit {
		return nil, &Error{Kind: ErrShare, RetryAfter: own.below(limit).Sub(now)}
	}
	return own, nil
}

// reserve returns the part of a budget that a class cannot use; changes can use all of it.
func reserve(c class, of int) int {
	switch c {
	case background:
		return of / peopleReserve
	case looking:
		return of / changesReserve
	default:
		return 0
	}
}

// blocked reports whether Cloud 66 has nothing left for a class of requests.
func (b *budget) blocked(c class) bool {
	return b.throttled || b.serverKnown && b.serverRest <= reserve(c, min(b.perHour, b.serverLimit))
}

func (b *budget) reason() error {
	if b.throttled {
		return ErrThrottled
	}
	return ErrBudget
}

// done records the answer to the request with the number.
func (b *budget) done(number int, r reading) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	if r.limit > 0 {
		b.serverLimit = r.limit
	}
	b.noteRest(number, r)
	switch {
	case r.throttled:
		b.throttled, b.throttledBy = true, b.number
	case r.served && number > b.throttledBy:
		b.throttled = false
	}
	if r.throttled || r.restKnown && b.blocked(changing) {
		b.probeAt = time.Now().Add(probeEvery)
	}
}

// noteRest records the server's rest. It assumes that the server has not counted the requests in flight yet. The answer to an older request
// than restFrom can only lower the rest.
func (b *budget) noteRest(number int, r reading) {
	if !r.restKnown {
		return
	}
	rest := r.rest - b.inFlight
	if number < b.restFrom {
		b.serverRest = min(b.serverRest, rest)
		return
	}
	b.serverKnown, b.serverRest, b.restFrom = true, rest, number
}

func (b *budget) state() BudgetState {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	used := b.window.used(now)
	s := BudgetState{
		PerHour: b.perHour, Used: used, Blocked: b.throttled,
		Rest: b.rest(changing, used), ReadingRest: b.rest(looking, used), BackgroundRest: b.rest(background, used),
	}
	if b.serverKnown {
		rest := max(b.serverRest, 0)
		s.ServerRest = &rest
	}
	if s.Rest == 0 {
		s.NextTry = b.nextTry(now, used)
	}
	return s
}

// rest returns how many requests of a class can be sent now.
func (b *budget) rest(c class, used int) int {
	if b.throttled {
		return 0
	}
	rest := b.perHour - reserve(c, b.perHour) - used
	if b.serverKnown {
		rest = min(rest, b.serverRest-reserve(c, min(b.perHour, b.serverLimit)))
	}
	return max(rest, 0)
}

func (b *budget) nextTry(now time.Time, used int) time.Time {
	next := now
	if b.blocked(changing) && b.probeAt.After(next) {
		next = b.probeAt
	}
	if used >= b.perHour {
		if free := b.window.below(b.perHour); free.After(next) {
			next = free
		}
	}
	return next
}

const (
	slot = time.Minute
	// An hour touches 61 slots; one more covers requests that are delayed on their way.
	slots = 62
)

// window counts the requests of the last hour by the minute. It never undercounts.
type window struct {
	start  time.Time
	newest int // the slot that add counts in, from start
	counts [slots]int
	sum    int
}

// used returns the number of requests that count at now.
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

// below returns when fewer than limit requests will count, if none is added. Call used first.
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
