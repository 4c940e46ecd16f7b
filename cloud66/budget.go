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
	probeEvery = time.Minute // how often one request is let through while Cloud 66 throttles
	documented = 3000        // requests an hour, where no answer tells the limit (Cloud 66 API, Transport)

	peopleReserve  = 5  // one part in so many is kept for people
	changesReserve = 10 // one in so many of it only for what changes something
	personShare    = 5  // nobody reads, or changes, with more than one part in so many
	leastShare     = 10 // requests that anybody has, however small the budget is
)

// BudgetState is how much of the request budget is left at one moment.
type BudgetState struct {
	PerHour        int       // the budget
	Used           int       // requests counted for the last hour
	Rest           int       // requests that can be sent now for what changes something
	ReadingRest    int       // requests that can be sent now for what people look at
	BackgroundRest int       // requests that can be sent now as background work
	ServerRest     *int      // what Cloud 66 said is left, less what was sent since; nil where it said nothing
	Blocked        bool      // Cloud 66 throttles
	NextTry        time.Time // when a request will be let through again, where Rest is 0; else zero
}

// class is what a request is for. A class cannot use what is kept for those after it.
type class int

const (
	background class = iota
	looking          // at something, for people
	changing         // something, with the look-ups for it
)

// purpose is what the requests of a context are for, and who asked for them.
type purpose struct {
	class  class
	person string // "" for nobody, whose share would be counted
}

type purposeKey struct{}

// Background marks the requests made with the context as background work: they cannot use the part of the budget that is
// kept for people.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, purposeKey{}, purpose{class: background})
}

// Reading marks the requests made with the context as what a person only looks at: they cannot use the part of the budget that is kept for
// changes, nor more than one person's share. The empty person stands for all people, and has no share.
func Reading(ctx context.Context, person string) context.Context {
	return context.WithValue(ctx, purposeKey{}, purpose{class: looking, person: person})
}

// Changing marks the requests made with the context as what changes something for a person, with all that has to be looked up for it. That
// has a share of its own. Requests of a context that is not marked are such ones of nobody.
func Changing(ctx context.Context, person string) context.Context {
	return context.WithValue(ctx, purposeKey{}, purpose{class: changing, person: person})
}

// ForAll marks the requests made with the context as for whoever asks, of the same class as they are.
func ForAll(ctx context.Context) context.Context {
	return context.WithValue(ctx, purposeKey{}, purpose{class: purposeOf(ctx).class})
}

func purposeOf(ctx context.Context) purpose {
	if p, ok := ctx.Value(purposeKey{}).(purpose); ok {
		return p
	}
	return purpose{class: changing}
}

// budget decides which requests may be sent. Its own count always holds; Cloud 66's, where it is smaller, too.
type budget struct {
	mu       sync.Mutex
	perHour  int
	window   window
	persons  map[purpose]*window // of the requests of the last hour
	number   int                 // of the request sent last
	inFlight int

	throttled   bool
	throttledBy int       // requests up to this one were sent before Cloud 66 throttled
	probeAt     time.Time // before it, nothing that is blocked is let through

	serverKnown bool
	serverRest  int // what is left at the server, if whatever is in flight was not counted yet
	serverLimit int
	heard       int // the newest request whose answer told the server's rest
}

func newBudget(perHour int) *budget {
	return &budget{perHour: perHour, window: window{start: time.Now()}, persons: map[purpose]*window{}, serverLimit: documented}
}

// reading is what an answer tells about the budget; the zero value is no answer at all.
type reading struct {
	served    bool // the server took the request up, so it does not throttle
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

// take counts one request and returns its number, or the reason why it must not be sent.
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

// share gives where the requests of a person are counted, nil for nobody's. It refuses what is above one person's share, or what would
// leave less to all others than that person has used.
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

// reserve is the part of a budget that a class cannot use; changes can use all of it.
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

// blocked reports whether Cloud 66 has nothing left for this kind of request.
func (b *budget) blocked(c class) bool {
	return b.throttled || b.serverKnown && b.serverRest <= reserve(c, min(b.perHour, b.serverLimit))
}

func (b *budget) reason() error {
	if b.throttled {
		return ErrThrottled
	}
	return ErrBudget
}

// done takes account of the answer to a request, whose number it gives.
func (b *budget) done(number int, r reading) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	if r.limit > 0 {
		b.serverLimit = r.limit
	}
	b.hear(number, r)
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

// hear notes the server's rest. Requests still in flight are taken as not counted by the server, and an answer that comes
// after that of a later request may only lower the rest.
func (b *budget) hear(number int, r reading) {
	if !r.restKnown {
		return
	}
	rest := r.rest - b.inFlight
	if number < b.heard {
		b.serverRest = min(b.serverRest, rest)
		return
	}
	b.serverKnown, b.serverRest, b.heard = true, rest, number
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

// rest is how many requests of a kind can be sent now.
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
