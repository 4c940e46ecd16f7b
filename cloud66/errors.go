package cloud66

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The kinds of [Error], to be tested with [errors.Is].
var (
	ErrUnauthenticated = errors.New("the token was refused")
	ErrTrialExpired    = errors.New("the account's trial has expired")
	ErrMissingScope    = errors.New("the token lacks the scope, or the right, for this")
	ErrNotFound        = errors.New("not found")
	ErrConflict        = errors.New("it conflicts with the present state")
	ErrThrottled       = errors.New("throttled for too many requests")                     // by the server
	ErrRefused         = errors.New("refused")                                             // for any other reason
	ErrServer          = errors.New("the server failed")                                   // statuses from 500
	ErrUnreadable      = errors.New("the answer cannot be read")                           // no JSON, or of another shape
	ErrUnreachable     = errors.New("the server cannot be reached")                        // the request was certainly not sent
	ErrNoAnswer        = errors.New("no answer came")                                      // it was sent and may have been carried out; also status 408
	ErrBudget          = errors.New("the budget of requests is used up, nothing was sent") // by the client itself

	// ErrTooLarge is an [ErrUnreadable] with more in it than this program takes, ErrRedirected one that leads elsewhere.
	ErrTooLarge   = fmt.Errorf("it is too large: %w", ErrUnreadable)
	ErrRedirected = fmt.Errorf("it leads to another address, which is not followed: %w", ErrUnreadable)

	// ErrShare is an [ErrBudget] of one person alone.
	ErrShare = fmt.Errorf("one person's share of it: %w", ErrBudget)
)

// Error is what went wrong with one call of the API. It unwraps to its kind and to its cause.
type Error struct {
	Kind       error         // one of the sentinels of this package
	Method     string        // of the request
	Path       string        // of the request, below the base address and without its query
	Status     int           // of the answer; 0 where there was none
	Message    string        // what the server said: one short line, to be shown as text
	RetryAfter time.Duration // when to try again; 0 where nothing is known
	Err        error         // the cause, where there is one beside the answer
}

// Error tells what was tried, on what, and what came of it.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Cloud 66: %s %s: %v", e.Method, e.Path, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; try again in %s", max(e.RetryAfter.Round(time.Second), time.Second))
	}
	return b.String()
}

// Unwrap returns the kind and, where there is one, the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// NothingDone reports whether err proves that the write it came from was not carried out, so that it may be sent again: it
// never left, or was plainly refused. Statuses 408 and from 500, an answer that cannot be read and none at all prove nothing.
func NothingDone(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	return !errors.Is(e.Kind, ErrServer) && !errors.Is(e.Kind, ErrUnreadable) && !errors.Is(e.Kind, ErrNoAnswer)
}

// kinds gives the kind of each status that has its own (Cloud 66 API, Transport).
var kinds = map[int]error{
	http.StatusUnauthorized:    ErrUnauthenticated,
	http.StatusPaymentRequired: ErrTrialExpired,
	http.StatusForbidden:       ErrMissingScope,
	http.StatusNotFound:        ErrNotFound,
	http.StatusRequestTimeout:  ErrNoAnswer,
	http.StatusConflict:        ErrConflict,
	http.StatusTooManyRequests: ErrThrottled,
}
