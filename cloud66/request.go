package cloud66

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	readTimeout  = 30 * time.Second // for one try
	writeTimeout = 60 * time.Second

	thingLimit = 1 << 20   // bytes of an answer about one thing, its strings cut
	listLimit  = 2 << 20   // of a page of a list
	faultLimit = 64 << 10  // of an answer that is an error
	leftLimit  = 256 << 10 // what is read to the end of an answer so that its connection can be used again
)

// limits are the sizes of the largest answers in bytes; tests make them smaller.
type limits struct {
	body   int // of any answer, before its strings are cut
	stacks int // of a page of stacks, after that: some servers have all stacks on one page
}

var usualLimits = limits{body: 64 << 20, stacks: 32 << 20}

// request is one call: path is below the base address and escaped, body is JSON or nil.
type request struct {
	method, path string
	query        url.Values
	body         []byte
	limit        int                        // bytes of the answer; 0 is thingLimit
	take         func(body io.Reader) error // reads the answer where it succeeded, perhaps again at another try; nil keeps it as it is
}

func (r request) timeout() time.Duration {
	if r.method == http.MethodGet {
		return readTimeout
	}
	return writeTimeout
}

// answer is an HTTP answer, its body read to the end.
type answer struct {
	status int
	header http.Header
	body   []byte // nil where it was taken
}

// unusable is an answer that came and says nothing usable.
type unusable struct{ error }

func (u unusable) Unwrap() error { return u.error }

// once sends a request a single time, if the budget allows it, and judges the answer.
func (c *Client) once(ctx context.Context, r request) (answer, error) {
	release, err := c.place(ctx, r)
	if err != nil {
		return answer{}, &Error{Kind: ErrUnreachable, Method: r.method, Path: r.path, Err: err}
	}
	defer release()
	sent, refusal := c.budget.take(purposeOf(ctx))
	if refusal != nil {
		refusal.Method, refusal.Path = r.method, r.path
		return answer{}, refusal
	}
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, r.timeout())
	defer cancel()
	ans, connected, err := c.exchange(limited, r)
	if err != nil && limited.Err() != nil {
		err = cmp.Or(ctx.Err(), fmt.Errorf("none within %s", r.timeout()))
	}
	var fault *Error
	if ans.status != 0 {
		fault = c.judge(r, ans)
	}
	c.budget.done(sent, readingOf(ans, fault))
	c.log.DebugContext(ctx, "called Cloud 66", "method", r.method, "path", r.path, "status", ans.status, "took", time.Since(start))
	switch {
	case fault != nil:
		return ans, fault // the status says it all, even where the rest of the answer is missing
	case isUnusable(err):
		return ans, c.unreadable(r, ans, err)
	case err != nil:
		return ans, c.lost(r, ans.status, connected, err)
	}
	return ans, nil
}

// place waits until fewer reads are under way than there are connections for, so that a request's own time and its place in the budget
// begin when it is sent. Writes never wait behind reads.
func (c *Client) place(ctx context.Context, r request) (release func(), err error) {
	if err := ctx.Err(); err != nil || r.method != http.MethodGet {
		return func() {}, err
	}
	select {
	case c.places <- struct{}{}:
		return func() { <-c.places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lost is the error for a request without an answer.
func (c *Client) lost(r request, status int, connected bool, err error) *Error {
	e := &Error{Kind: ErrNoAnswer, Method: r.method, Path: r.path, Status: status, Err: c.tokenless(err)}
	if !connected {
		e.Kind = ErrUnreachable
	}
	return e
}

// exchange sends the request and reads the answer. It also tells whether the request may have reached the server: it did
// not where no connection was made.
func (c *Client) exchange(ctx context.Context, r request) (ans answer, connected bool, err error) {
	var asked, got atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	})
	req, err := c.build(ctx, r)
	if err != nil {
		return answer{}, false, err
	}
	carrier := c.writes
	if r.method == http.MethodGet {
		carrier = c.reads
	}
	res, err := carrier.RoundTrip(req) // not an http.Client: redirections are not followed, nothing is sent twice
	if err != nil {
		return answer{}, !dialFailed(err) && (got.Load() || !asked.Load()), err
	}
	ans = answer{status: res.StatusCode, header: res.Header}
	err = ans.read(res.Body, r, c.limits.body)
	return ans, true, errors.Join(err, res.Body.Close())
}

// read reads the body of an answer, or has it taken.
func (a *answer) read(body io.Reader, r request, most int) (err error) {
	if a.status < 200 || a.status > 299 {
		a.body, err = io.ReadAll(newCutter(body, most, faultLimit))
		return err
	}
	in := newCutter(body, most, cmp.Or(r.limit, thingLimit))
	if r.take == nil {
		a.body, err = io.ReadAll(in)
	} else if err = r.take(in); err != nil && in.err == nil {
		return unusable{err}
	}
	if err == nil {
		_, err = io.CopyN(io.Discard, in.from, leftLimit)
	}
	if errors.Is(err, io.EOF) && in.err == nil {
		return nil
	}
	return cmp.Or(in.err, err)
}

// isUnusable reports whether an answer came, though not one that can be used.
func isUnusable(err error) bool {
	_, tooLong := errors.AsType[tooLongError](err)
	_, other := errors.AsType[unusable](err)
	return tooLong || other
}

// dialFailed reports whether err says that no connection was made.
func dialFailed(err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	return ok && failed.Op == "dial"
}

// build makes the HTTP request. Its body is never nil and cannot be rewound, because net/http sends on its own a second
// time what it can, out of sight of the budget; an empty one is left out on the wire.
func (c *Client) build(ctx context.Context, r request) (*http.Request, error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, io.NopCloser(bytes.NewReader(r.body)))
	if err != nil {
		return nil, err
	}
	req.ContentLength = int64(len(r.body))
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Request-Id", requestID())
	req.Header.Set("User-Agent", c.userAgent)
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.account != "" {
		req.Header.Set("X-Account", c.account)
	}
	return req, nil
}

// requestID returns a random UUID.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// stackPath is the path of a stack, with what is below it. Each segment stays one, whatever it holds.
func stackPath(uid string, below ...string) (string, error) {
	if uid == "" || uid == "." || uid == ".." {
		return "", &Error{Kind: ErrNotFound, Method: http.MethodGet, Path: "/stacks", Message: "no stack has the UID " + strconv.Quote(uid)}
	}
	return "/stacks/" + strings.Join(append([]string{url.PathEscape(uid)}, below...), "/"), nil
}
