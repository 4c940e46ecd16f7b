package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
)

const token = "c66-secret-token"

// fault makes an error of Cloud 66's as the client does, with a cause whose text is for the log alone.
func fault(method string, kind error, status int, message string) *cloud66.Error {
	return &cloud66.Error{
		Kind:    kind,
		Method:  method,
		Path:    "/stacks/web1",
		Status:  status,
		Message: message,
		Err:     errors.New("Bearer " + token),
	}
}

func TestEveryErrorIsToldInWords(t *testing.T) {
	throttled := fault("POST", cloud66.ErrThrottled, 503, "throttled")
	throttled.RetryAfter = 400 * time.Millisecond
	budget := fault("GET", cloud66.ErrBudget, 0, "")
	budget.RetryAfter = 3 * time.Minute
	const (
		nothing = "Nothing was done."
		unclear = "Whether it was done is not clear"
	)
	for name, test := range map[string]struct {
		err             error
		what, state, do string
	}{
		"a refused token": {fault("POST", cloud66.ErrUnauthenticated, 401, "Invalid token"), "refuses the bot's token. It says: " +
			"Invalid token", nothing, "C66BOT_CLOUD66_TOKEN"},
		"a missing scope": {fault("POST", cloud66.ErrMissingScope, 403, "redeploy needed"), "lacks a scope for this. It says: " +
			"redeploy needed", nothing, "scopes public and redeploy"},
		"an ended trial": {fault("POST", cloud66.ErrTrialExpired, 402, ""), "the account's trial has ended", nothing,
			"choose a plan"},
		"not found": {fault("GET", cloud66.ErrNotFound, 404, ""), "does not find that", nothing, "no longer see it"},
		"a conflict": {fault("POST", cloud66.ErrConflict, 409, "Application Protection"), "as things stand. It says: " +
			"Application Protection", nothing, "See what is deploying"},
		"throttled":                {throttled, "hourly number of Cloud 66 requests is used up", nothing, "Try again in 1 s."},
		"throttled without a time": {fault("GET", cloud66.ErrThrottled, 503, ""), "is used up", nothing, "Try again in a few minutes."},
		"the bot's own budget":     {budget, "is used up", nothing, "Try again in 3 min."},
		"a person's share": {fault("GET", cloud66.ErrShare, 0, ""), "Your share of the hourly number", nothing,
			"Try again in a few minutes."},
		"too many stacks": {fault("GET", cloud66.ErrTooLarge, 200, ""), "lists more than I can work with, which is 30,000 stacks",
			nothing, "C66BOT_CLOUD66_ACCOUNT"},
		"another address": {fault("GET", cloud66.ErrRedirected, 302, "it sends the request on to "+
			"https://x.test"), "leads to another one, where the bot's token is not sent. It says: it sends the request on to https://x.test",
			nothing, "C66BOT_CLOUD66_URL"},
		"another address for a write": {fault("POST", cloud66.ErrRedirected, 307, ""), "leads to another one", nothing,
			"C66BOT_CLOUD66_URL"},
		"refused": {fault("POST", cloud66.ErrRefused, 400, "no such profile"), "Cloud 66 refused it. It says: no such " +
			"profile", nothing, "Mend what it names"},
		"out of reach": {fault("POST", cloud66.ErrUnreachable, 0, ""), "cannot be reached", nothing, "status page"},
		"a fault while reading": {fault("GET", cloud66.ErrServer, 502, "Bad Gateway"), "has a fault (HTTP 502). It says: Bad " +
			"Gateway", nothing, "Try again in a minute"},
		"a fault while redeploying": {fault("POST", cloud66.ErrServer, 500, ""), "has a fault (HTTP 500)", unclear, "Look what is deploying"},
		"a fault while cancelling":  {Begun(fault("DELETE", cloud66.ErrServer, 500, "")), "has a fault", unclear, "Look what is deploying"},
		"HTML while reading":        {fault("GET", cloud66.ErrUnreadable, 200, ""), "not its API's language", nothing, "C66BOT_CLOUD66_URL"},
		"HTML while redeploying": {fault("POST", cloud66.ErrUnreadable, 200, ""), "not its API's language", unclear,
			"Look what is deploying"},
		"no answer while reading":     {fault("GET", cloud66.ErrNoAnswer, 0, ""), "did not answer", nothing, "status page"},
		"no answer while redeploying": {fault("POST", cloud66.ErrNoAnswer, 0, ""), "did not answer", unclear, "Look what is deploying"},
		"a list that took too long":   {fmt.Errorf("list the stacks: %w", context.DeadlineExceeded), "did not answer", nothing, "status page"},
		"a shutdown": {&cloud66.Error{Kind: cloud66.ErrUnreachable, Method: "GET", Err: context.Canceled},
			"I am shutting down", nothing, "Try again"},
		"a shutdown in the middle": {Begun(context.Canceled), "I am shutting down", unclear, "Look what is deploying"},
		"records that fail":        {errors.New("disk full"), "its own records or program failed", nothing, "Show the reference"},
		"records that fail midway": {Begun(errors.New("disk full")), "its own records or program failed", unclear, "Look what is deploying"},
		"a refusal and a failed record": {Begun(errors.Join(fault("POST", cloud66.ErrRefused, 400, "no"), errors.New("disk full"))),
			"refused it. It says: no", nothing, "Mend"},
	} {
		t.Run(name, func(t *testing.T) {
			p := explain(test.err)
			for part, want := range map[string]string{p.What: test.what, p.State: test.state, p.Do: test.do} {
				if !strings.Contains(part, want) {
					t.Errorf("%q is not in %q", want, part)
				}
			}
			if all := fmt.Sprint(p); strings.Contains(all, token) || strings.Contains(all, "/stacks/") || strings.Contains(all, "disk full") {
				t.Errorf("what is for the log is told: %s", all)
			}
		})
	}
}

// kinds are all the kinds of error that the client has.
var kinds = []error{
	cloud66.ErrUnauthenticated, cloud66.ErrTrialExpired, cloud66.ErrMissingScope, cloud66.ErrNotFound, cloud66.ErrConflict,
	cloud66.ErrThrottled,
	cloud66.ErrRefused, cloud66.ErrServer, cloud66.ErrUnreadable, cloud66.ErrUnreachable, cloud66.ErrNoAnswer, cloud66.ErrBudget,
}

func TestAnErrorOfARedeployHasAReferenceThatTheLogHasWithItsCause(t *testing.T) {
	for _, kind := range kinds {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cloud.has("web1", 3)
			r.progress.err = &cloud66.Error{Kind: kind, Method: http.MethodPost, Path: "/stacks/web1/deployments", Message: "as Cloud 66 puts it"}
			p := problemThat(t, r.say(lin, "redeploy web@production --now"), "Cloud 66", "as Cloud 66 puts it")
			if p.What == "" || p.State == "" || p.Do == "" || p.Ref == "" {
				t.Errorf("%v is told incompletely: %+v", kind, p)
			}
			for _, part := range []string{"ref=" + p.Ref, kind.Error(), "user=U0LIN", "verb=redeploy"} {
				if !strings.Contains(r.log.String(), part) {
					t.Errorf("the log lacks %q: %s", part, r.log)
				}
			}
		})
	}
}

func TestWhatCannotBeSaidInItsChannelIsNotDone(t *testing.T) {
	for name, test := range map[string]struct {
		card     CardError
		what, do string
	}{
		"a reason": {CardError{What: "the channel is archived", Do: "Ask in another channel."}, "The channel is archived.",
			"another channel"},
		"a slow Slack": {CardError{}, "did not take the message in time", "Try again"},
	} {
		t.Run(name, func(t *testing.T) {
			for right, why := range map[authz.Action]string{authz.Redeploy: "a deployment is never started where nobody can watch it",
				authz.Admin: "what changes something is said in its channel"} {
				p := noCard(&test.card, right)
				for part, want := range map[string]string{p.What: test.what, p.State: "Nothing was done: " + why, p.Do: test.do} {
					if !strings.Contains(part, want) {
						t.Errorf("%s: %q is not in %q", right, want, part)
					}
				}
			}
		})
	}
}
