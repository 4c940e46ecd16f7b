// Package webapi is the bot's access to Slack's Web API: the HTTP client of all calls, retries, Slack's clock, and the meaning of Slack's
// error codes. No other package knows the error codes.
//
// The client drops connections that may be dead, follows no redirects and bounds response sizes. Judge turns an error into a Fault: its
// kind, whether the call was certainly not executed, and whether the fault is transient. Unknown codes count as transient. Clock estimates
// Slack's time from the timestamps of new messages or, until there is one, from Date headers.
package webapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// Timeout bounds one call. slack-go's own client has no timeout.
	Timeout = 20 * time.Second
	// maxAnswer bounds a response body, in bytes.
	maxAnswer = 16 << 20
	// An HTTP/2 connection that received nothing for pingAfter is pinged, and closed if no reply comes within pingWait. Otherwise the kernel
	// keeps a dead connection for a quarter of an hour, and every call uses it.
	pingAfter = 10 * time.Second
	pingWait  = 10 * time.Second
)

// Dial opens a network connection.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// NewClient makes the HTTP client of all calls to Slack, response_urls included. It logs redirects but does not follow them, since that
// would disclose the token, and it detects dead connections. A nil dial means the net package's. The clock learns from the responses.
func NewClient(dial Dial, clock *Clock, log *slog.Logger) (*http.Client, error) {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("http.DefaultTransport is not the standard library's")
	}
	base := standard.Clone()
	base.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingWait}
	if dial != nil {
		base.DialContext = dial
	}
	return &http.Client{Transport: transport{base, clock, log}, Timeout: Timeout}, nil
}

// transport rejects redirects, bounds responses, drops connections that may be dead, and passes Date headers to the clock.
type transport struct {
	base  *http.Transport
	clock *Clock
	log   *slog.Logger
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := time.Now()
	response, err := t.base.RoundTrip(r)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			t.base.CloseIdleConnections() // the same failure may have hit all connections
		}
		return nil, err
	}
	t.clock.dated(response.Header, sent, time.Now())
	if to := response.Header.Get("Location"); response.StatusCode/100 == 3 && to != "" {
		_ = response.Body.Close() // its body is not read
		err := redirected(r.URL, to)
		t.log.ErrorContext(r.Context(), "Slack's answer leads to another address", "error", err)
		return nil, err
	}
	response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
	return response, nil
}

// CloseIdleConnections makes the next calls open new connections. http.Client also calls it.
func (t transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// RedirectError says that a server responded with a redirect, which was not followed.
type RedirectError struct{ From, To string } // host and port

func (e *RedirectError) Error() string {
	const words = "%s redirects to %s, which is not followed since the token would go along: " +
		"correct the address (C66BOT_SLACK_API_URL) or the proxy"
	return fmt.Sprintf(words, e.From, e.To)
}

// redirected reports hosts only, because a path or a query may hold a secret.
func redirected(from *url.URL, location string) error {
	e := &RedirectError{From: from.Host, To: "an address that cannot be read"}
	if to, err := from.Parse(location); err == nil && to.Host != "" {
		e.To = to.Host
	}
	return e
}

// WithoutURL strips the address from a net/http error, because it may hold a secret.
func WithoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
