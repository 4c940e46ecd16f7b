// Package webapi is Slack's Web API as the bot uses it: the HTTP client of every call, calls that are tried again, Slack's clock, and what
// each of Slack's codes means for what is done next and in words. No other package knows an error code of Slack's.
//
// The client leaves connections that may be dead, follows no redirect and bounds what it reads. Judge turns the error of a call into a
// Fault: what kind it is, whether the call was certainly not carried out, and whether it may pass. A code that stands in no table may pass.
// Clock learns what time it is for Slack from the timestamps of new messages, or else from the headers of answers.
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
	// Timeout bounds one call: slack-go's own client waits for ever.
	Timeout = 20 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 16 << 20
	// An HTTP/2 connection on which nothing came for pingAfter is asked for a sign of life, and closed after pingWait without one. Without
	// that the kernel keeps a dead connection for a quarter of an hour, and every call goes over it.
	pingAfter = 10 * time.Second
	pingWait  = 10 * time.Second
)

// Dial opens a network connection.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// NewClient makes the HTTP client of every call to Slack, response_urls included. It logs redirects and does not follow them, since a token
// would go along, and notices dead connections. A nil dial is the net package's. The clock learns from the answers.
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

// transport refuses redirects, bounds answers, leaves connections that may be dead, and looks at the time of answers.
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
			t.base.CloseIdleConnections() // what cut this one may have cut them all
		}
		return nil, err
	}
	t.clock.dated(response.Header, sent, time.Now())
	if to := response.Header.Get("Location"); response.StatusCode/100 == 3 && to != "" {
		_ = response.Body.Close() // nothing of it is read
		err := redirected(r.URL, to)
		t.log.ErrorContext(r.Context(), "Slack's answer leads to another address", "error", err)
		return nil, err
	}
	response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
	return response, nil
}

// CloseIdleConnections has the next calls open connections of their own. http.Client calls it too.
func (t transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// RedirectError says that a server answered with a redirect, which is not followed.
type RedirectError struct{ From, To string } // hosts with their ports

func (e *RedirectError) Error() string {
	const words = "%s redirects to %s, which is not followed since the token would go along: " +
		"correct the address (C66BOT_SLACK_API_URL) or the proxy"
	return fmt.Sprintf(words, e.From, e.To)
}

// redirected names the hosts alone: a path or a query may hold a secret.
func redirected(from *url.URL, location string) error {
	e := &RedirectError{From: from.Host, To: "an address that cannot be read"}
	if to, err := from.Parse(location); err == nil && to.Host != "" {
		e.To = to.Host
	}
	return e
}

// WithoutURL takes the address out of an error of net/http's: it may hold a secret.
func WithoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
