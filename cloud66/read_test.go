package cloud66

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// brokenBody gives some of an answer, then fails.
type brokenBody struct{ rest string }

func (b *brokenBody) Read(p []byte) (int, error) {
	if b.rest == "" {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (*brokenBody) Close() error { return nil }

func TestReadsAreTriedAgainAndWritesAreNot(t *testing.T) {
	status := func(code int, body string) carrier {
		return func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader(body))}, nil
		}
	}
	fails := func(err error) carrier { return func(*http.Request) (*http.Response, error) { return nil, err } }
	hangs := carrier(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
	tests := map[string]struct {
		transport carrier
		tries     int
		kind      error
		safe      bool
	}{
		"no connection":       {fails(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), 3, ErrUnreachable, true},
		"a cut":               {fails(io.EOF), 3, ErrNoAnswer, false},
		"a reset":             {fails(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), 3, ErrNoAnswer, false},
		"silence":             {hangs, 3, ErrNoAnswer, false},
		"status 500":          {status(500, ``), 3, ErrServer, false},
		"status 408":          {status(408, ``), 3, ErrNoAnswer, false},
		"a 503 of a page":     {status(503, `<html>`), 3, ErrServer, false},
		"a 503 for throttled": {status(503, `{"error":"throttled"}`), 1, ErrThrottled, true},
		"a 503 for nothing":   {status(503, `{"error":"not_implemented"}`), 1, ErrRefused, true},
		"status 429":          {status(429, ``), 1, ErrThrottled, true},
		"status 404":          {status(404, ``), 1, ErrNotFound, true},
		"no JSON":             {status(200, `<html>`), 1, ErrUnreadable, false},
		"too much":            {status(200, strings.Repeat(" ", thingLimit+1)), 1, ErrUnreadable, false},
		"a cut answer": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: &brokenBody{`{"response":`}}, nil
		}, 3, ErrNoAnswer, false},
		"a cut refusal": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 404, Body: &brokenBody{`{"error":`}}, nil
		}, 1, ErrNotFound, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tried := 0
				c := newTestClient(t, carrier(func(r *http.Request) (*http.Response, error) { tried++; return tt.transport(r) }))
				start := time.Now()
				_, err := c.Stack(t.Context(), "a")
				if !errors.Is(err, tt.kind) || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a read gives %v", err)
				}
				diff(t, tt.tries, tried)
				if took := time.Since(start); took > 3*readTimeout+2*time.Second || tt.tries == 3 && took < 700*time.Millisecond {
					t.Errorf("a read takes %s", took)
				}
				for _, write := range []func() error{
					func() error { _, err := c.Redeploy(t.Context(), "a", RedeployRequest{}); return err },
					func() error { _, err := c.Cancel(t.Context(), "a", 1); return err },
				} {
					tried, start = 0, time.Now()
					if err := write(); !errors.Is(err, tt.kind) && !errors.Is(err, ErrThrottled) {
						t.Errorf("a write gives %v", err)
					} else if NothingDone(err) != tt.safe {
						t.Errorf("that nothing was done is %v after %v", !tt.safe, err)
					}
					if tried > 1 || time.Since(start) > writeTimeout {
						t.Errorf("a write is tried %d times in %s", tried, time.Since(start))
					}
				}
			})
		})
	}
}

func TestAReadThatWorksTheThirdTimeIsFine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		s := &server{handler: func(w http.ResponseWriter, r *http.Request) {
			tried++
			says(map[bool]int{true: 200, false: 502}[tried == 3], `{"response":{"id":4}}`)(w, r)
		}}
		d, err := newTestClient(t, s).Deployment(t.Context(), "a", 4)
		diff(t, int64(4), d.ID)
		diff(t, nil, err)
	})
}

func TestAServerThatAsksForAPauseGetsIt(t *testing.T) {
	for header, want := range map[string]struct {
		tries int
		least time.Duration
	}{"3": {3, 6 * time.Second}, "600": {1, 0}, "-1": {3, 0}, "x": {3, 0}} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{handler: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", header)
				says(503, `<html>`)(w, r)
			}}
			start := time.Now()
			_, err := newTestClient(t, s).Stack(t.Context(), "a")
			if !errors.Is(err, ErrServer) || len(s.requests()) != want.tries || time.Since(start) < want.least {
				t.Errorf("Retry-After %s: %v after %d tries and %s", header, err, len(s.requests()), time.Since(start))
			}
		})
	}
}

func TestACancelledContextEndsACallAtOnce(t *testing.T) {
	hangs := carrier(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
	tests := map[string]struct {
		transport carrier
		after     time.Duration
		kind      error
	}{
		"before it is sent":     {hangs, 0, ErrUnreachable},
		"while it is under way": {hangs, 10 * time.Second, ErrNoAnswer},
		"between two tries":     {func(*http.Request) (*http.Response, error) { return nil, io.EOF }, 100 * time.Millisecond, ErrNoAnswer},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				if tt.after == 0 {
					cancel()
				}
				defer time.AfterFunc(tt.after, cancel).Stop()
				start := time.Now()
				c := newTestClient(t, tt.transport)
				_, err := c.Stack(ctx, "a")
				if !errors.Is(err, context.Canceled) || !errors.Is(err, tt.kind) {
					t.Errorf("got %v", err)
				}
				diff(t, tt.after, time.Since(start))
				diff(t, min(int(tt.after), 1), c.Budget().Used)
			})
		})
	}
}

func TestAWriteCancelledUnderWayMayHaveArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := carrier(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := newTestClient(t, hangs).Redeploy(ctx, "a", RedeployRequest{})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrNoAnswer) || NothingDone(err) {
			t.Errorf("got %v", err)
		}
	})
}
