package webapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
)

func TestWhatAFaultMeans(t *testing.T) {
	tests := map[string]struct {
		err  error
		want Fault
	}{
		"a limit": {&slack.RateLimitedError{RetryAfter: time.Minute},
			Fault{Kind: Limited, After: time.Minute, Untouched: true, Passes: true}},
		"a limit of no time": {&slack.RateLimitedError{}, Fault{Kind: Limited, After: time.Second, Untouched: true, Passes: true}},
		"a limit without time": {slack.StatusCodeError{Code: http.StatusTooManyRequests},
			Fault{Kind: Limited, After: unsaidLimit, Untouched: true, Passes: true}},
		"a limit as a code": {said("ratelimited"),
			Fault{Kind: Limited, Code: "ratelimited", After: unsaidLimit, Untouched: true, Passes: true}},
		"a broken proxy":      {slack.StatusCodeError{Code: http.StatusBadGateway}, Fault{Kind: NoAnswer, Passes: true}},
		"a cut connection":    {errors.New("EOF"), Fault{Kind: NoAnswer, Passes: true}},
		"no connection":       {fmt.Errorf("call: %w", &net.OpError{Op: "dial"}), Fault{Kind: NotSent, Untouched: true, Passes: true}},
		"Slack's own trouble": {said("internal_error"), Fault{Kind: Trouble, Code: "internal_error", Passes: true}},
		"a channel that moves": {said("external_channel_migrating"),
			Fault{Kind: Trouble, Code: "external_channel_migrating", Untouched: true, Passes: true}},
		"a code from nowhere": {said("flux_drained"), Fault{Kind: Unknown, Code: "flux_drained", Untouched: true, Passes: true}},
		"a final no":          {said("is_archived"), Fault{Kind: NoChannel, Code: "is_archived", Untouched: true}},
		"a missing scope": {
			slack.SlackErrorResponse{Err: "missing_scope", Needed: "chat:write"},
			Fault{Kind: NoScope, Code: "missing_scope", Scope: "chat:write", Untouched: true},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Judge(tt.err); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func said(code string) error { return slack.SlackErrorResponse{Err: code} }

func TestEveryCodeHasItsWords(t *testing.T) {
	for code, c := range codes {
		if c.words == "" || strings.Contains(c.words, "_") || c.kind == Unknown {
			t.Errorf("%s: kind %d, %q", code, c.kind, c.words)
		}
	}
	if words := Words("flux_drained"); !strings.Contains(words, "flux_drained") {
		t.Errorf("a code from nowhere: %q", words)
	}
}

func TestACallIsTriedAgainWithinItsTime(t *testing.T) {
	tests := map[string]struct {
		err    error
		faults int // before it succeeds
		calls  int
		fails  bool
		within time.Duration
	}{
		"a passing fault":              {said("internal_error"), 2, 3, false, time.Second},
		"a limit that ends in time":    {&slack.RateLimitedError{RetryAfter: 2 * time.Second}, 1, 2, false, 2500 * time.Millisecond},
		"a limit that ends too late":   {&slack.RateLimitedError{RetryAfter: 3 * time.Second}, 1, 1, true, 2500 * time.Millisecond},
		"a limit as a code":            {said("ratelimited"), 1, 2, false, 2500 * time.Millisecond},
		"a limit of no said time":      {slack.StatusCodeError{Code: 429}, 1, 2, false, 2500 * time.Millisecond},
		"a final no":                   {said("user_not_found"), 1, 1, true, 0},
		"a fault that does not pass":   {said("internal_error"), 99, 5, true, 2500 * time.Millisecond},
		"an HTTP status without words": {slack.StatusCodeError{Code: 500}, 1, 2, false, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, calls := time.Now(), 0
				err := Retry(t.Context(), max(tt.within, 2500*time.Millisecond), func(context.Context) error {
					if calls++; calls <= tt.faults {
						return tt.err
					}
					return nil
				})
				if (err != nil) != tt.fails || time.Since(start) > 2500*time.Millisecond {
					t.Errorf("%v after %s", err, time.Since(start))
				}
				if !tt.fails && calls != tt.calls || tt.fails && calls > tt.calls {
					t.Errorf("%d calls, want %d", calls, tt.calls)
				}
			})
		})
	}
}
