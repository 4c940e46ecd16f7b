package cloud66

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The kinds of [Error], for use with [errors.Is].
var (
	ErrUnauthenticated = errors.New("the token was refused")
	ErrTrialExpired    = errors.New("the account's trial has expired")
	ErrMissingScope    = errors.New("the token lacks the scope, or the right, for this")
	ErrNotFound        = errors.New("not found")
	ErrConflict        = errors.New("it conflicts with the present state")
	ErrThrottled       = errors.New("throttled for too many requests")                     // by the server
	ErrRefused         = errors.New("refused")                                             // for any other reason
	ErrServer          = errors.New("the server failed")                                   // status 500 and above
	ErrUnreadable      = errors.New("the answer cannot be read")                           // not JSON, or of an unexpected shape
	ErrUnreachable     = errors.New("the server cannot be reached")                        // the request was certainly not sent
	ErrNoAnswer        = errors.New("no answer came")                                      // it may have been carried out; also status 408
	ErrBudget          = errors.New("the budget of requests is used up, nothing was sent") // by the client itself

	// ErrTooLarge is an [ErrUnreadable] for an answer above this program's limits, ErrRedirected one for a redirect to another address.
	ErrTooLarge   = fmt.Errorf("it is too large: %w", ErrUnreadable)
	ErrRedirected = fmt.Errorf("it leads to another address, which is not followed: %w", ErrUnreadable)

	// ErrShare is an [ErrBudget] for one person's share.
	ErrShare = fmt.Errorf("one person's share of it: %w", ErrBudget)
)

// Error describes a failed API call. It unwraps to its kind and its cause.
type Error struct {
	Kind       error         // one of the sentinels of this package
	Method     string        // of the request
	Path       string        // of the request, relative to the base address, without the query
	Status     int           // of the answer; 0 without one
	Message    string        // the server's message: one short line of plain text
	RetryAfter time.Duration // delay before a retry makes sense; 0 if unknown
	Err        error         // the cause apart from the answer, if any
}

// Error describes the request and its failure.
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

// Unwrap returns the kind and the cause, if any.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// NothingDone reports whether err proves that the write was not carried out, so that it may be sent again: it was never sent, or was
// plainly refused, or redirected, which is not followed. Status 408, status 500 and above, an unreadable answer, and no answer prove
// nothing.
func NothingDone(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	return errors.Is(e.Kind, ErrRedirected) ||
		!errors.Is(e.Kind, ErrServer) && !errors.Is(e.Kind, ErrUnreadable) && !errors.Is(e.Kind, ErrNoAnswer)
}

// kinds maps the statuses that have a kind of their own (Cloud 66 API, Transport).
var kinds = map[int]error{
	http.StatusUnauthorized:    ErrUnauthenticated,
	http.StatusPaymentRequired: ErrTrialExpired,
	http.StatusForbidden:       ErrMissingScope,
	http.StatusNotFound:        ErrNotFound,
	http.StatusRequestTimeout:  ErrNoAnswer,
	http.StatusConflict:        ErrConflict,
	http.StatusTooManyRequests: ErrThrottled,
}

// kindsByName maps the names of errors to kinds, for successful answers that tell of an error.
var kindsByName = map[string]error{
	"unauthenticated": ErrUnauthenticated, "trial_expired": ErrTrialExpired, "forbidden": ErrMissingScope, "not_found": ErrNotFound,
	"time_out": ErrNoAnswer, "conflict": ErrConflict, "throttled": ErrThrottled,
}

// Words are the user-visible texts for one kind of error. An empty field means that there is no specific text.
type Words struct {
	kind error

	What, Do string // sentences: the problem and the remedy
	Refused  string // a clause: why a redeploy was not carried out
	Unasked  string // a clause: why a deployment could not be read
	Token    string // a clause for the operator: the fault of the token
}

const (
	noBudget  = "The hourly number of Cloud 66 requests is used up."
	fewMins   = "Try again in a few minutes."
	oneMinute = "Try again in a minute, or see its status page."
)

// texts is searched in order: a specific kind precedes the one that it wraps.
var texts = []Words{
	{
		kind: ErrUnauthenticated,
		What: "Cloud 66 refuses the bot's token.", Do: "An admin of the bot must give it a new one (C66BOT_CLOUD66_TOKEN).",
		Refused: "Cloud 66 refuses the bot's token", Unasked: "Cloud 66 refuses the bot's token",
		Token: "the Cloud 66 token (C66BOT_CLOUD66_TOKEN) is refused: give the bot a current one",
	},
	{
		kind:    ErrMissingScope,
		What:    "The bot's Cloud 66 token lacks a scope for this.",
		Do:      "It needs the scopes public and redeploy; an admin of the bot can make a new token.",
		Refused: "the bot's Cloud 66 token lacks the scope redeploy", Unasked: "the bot's Cloud 66 token lacks a scope",
		Token: "the Cloud 66 token (C66BOT_CLOUD66_TOKEN) lacks the scope public: make one with public and redeploy",
	},
	{
		kind: ErrTrialExpired,
		What: "Cloud 66 says that the account's trial has ended.", Do: "The account's owner can choose a plan in the Cloud 66 dashboard.",
		Refused: "the account's trial at Cloud 66 has ended",
	},
	{
		kind: ErrNotFound,
		What: "Cloud 66 does not find that.", Do: "It was deleted, or the bot's token may no longer see it.",
		Refused: "Cloud 66 does not find the stack",
	},
	{kind: ErrConflict, What: "Cloud 66 refuses it as things stand.", Do: "See what is deploying, then try again."},
	{
		kind: ErrShare,
		What: "Your share of the hourly number of Cloud 66 requests is used up; the rest is for the others.", Do: fewMins,
		Refused: "the hourly number of Cloud 66 requests is used up", Unasked: "the hourly number of requests is used up",
	},
	{
		kind: ErrBudget, What: noBudget, Do: fewMins,
		Refused: "the hourly number of Cloud 66 requests is used up", Unasked: "the hourly number of requests is used up",
	},
	{
		kind: ErrThrottled, What: noBudget, Do: fewMins,
		Refused: "the hourly number of Cloud 66 requests is used up", Unasked: "the hourly number of requests is used up",
	},
	{kind: ErrRefused, What: "Cloud 66 refused it.", Do: "Mend what it names, then try again."},
	{kind: ErrUnreachable, What: "Cloud 66 cannot be reached.", Do: oneMinute, Refused: "Cloud 66 could not be reached"},
	{kind: ErrServer, What: "Cloud 66 has a fault.", Do: oneMinute},
	{
		kind: ErrTooLarge,
		What: fmt.Sprintf("Cloud 66 lists more than I can work with, which is %d,%03d stacks.", MostStacks/1000, MostStacks%1000),
		Do:   "An admin of the bot can give it a token that reaches fewer, or name one account (C66BOT_CLOUD66_ACCOUNT).",
	},
	{
		kind: ErrRedirected, What: "Cloud 66's address leads to another one, where the bot's token is not sent.",
		Do:      "An admin of the bot can put the right address into C66BOT_CLOUD66_URL.",
		Refused: "Cloud 66's address leads to another one, where the bot's token is not sent",
	},
	{
		kind: ErrUnreadable, What: "Cloud 66 answered with something that is not its API's language.",
		Do: "Try again in a minute; if it stays so, C66BOT_CLOUD66_URL may be wrong.",
	},
	{kind: ErrNoAnswer, What: "Cloud 66 did not answer.", Do: oneMinute},
	{kind: context.DeadlineExceeded, What: "Cloud 66 did not answer.", Do: oneMinute},
}

// WordsFor returns the texts for an error. They are empty unless it comes from an API call.
func WordsFor(err error) Words {
	for _, w := range texts {
		if errors.Is(err, w.kind) {
			return w
		}
	}
	return Words{}
}
