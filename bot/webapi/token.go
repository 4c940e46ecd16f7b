package webapi

import (
	"cmp"
	"fmt"
	"time"
)

// TokenError says that a token was refused or lacks a scope.
type TokenError struct{ text string }

func (e *TokenError) Error() string { return e.text }

// ExplainToken turns an error from Slack into a user-facing error. It returns a *TokenError if Slack refused the token.
func ExplainToken(which, scope string, err error) error {
	if err == nil {
		return nil
	}
	switch fault := Judge(err); fault.Kind {
	case NoScope:
		return &TokenError{fmt.Sprintf("Slack's %s lacks the scope %s: add it in the app's settings and give the bot the new token", which,
			cmp.Or(fault.Scope, scope))}
	case WrongToken:
		return &TokenError{fmt.Sprintf("Slack's %s is of another kind: an app-level token begins with xapp-, a bot token with xoxb-", which)}
	case Token, Setting:
		return &TokenError{fmt.Sprintf("Slack refuses the %s (%s): take a current one from the app's settings", which, fault.Code)}
	default:
		return fmt.Errorf("could not check Slack's %s: %w", which, WithoutURL(err))
	}
}

// The delay between two checks of a refused token grows from firstDoubt to longestDoubt.
const (
	firstDoubt   = 5 * time.Second
	longestDoubt = time.Minute
)

// believedAfter is the number of consecutive refusals after which an Accepted token counts as bad.
const believedAfter = 3

// Trust counts the refusals of a token.
type Trust struct {
	Accepted bool
	refusals int // consecutive
}

// Accept ends the refusals.
func (t *Trust) Accept() { *t = Trust{Accepted: true} }

// Refuse records a refusal. It returns whether the refusal is believed, and the delay until the next check.
func (t *Trust) Refuse() (believed bool, again time.Duration) {
	again = min(firstDoubt<<min(t.refusals, 5), longestDoubt)
	t.refusals++
	t.Accepted = t.Accepted && t.refusals < believedAfter
	return !t.Accepted, again
}
