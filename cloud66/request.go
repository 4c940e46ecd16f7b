package cloud66

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

const (
	readTimeout  = 30 * time.Second // per try
	writeTimeout = 60 * time.Second

	thingLimit = 1 << 20   // bytes of an answer about one object, with its strings cut
	listLimit  = 2 << 20   // of a page of a list
	faultLimit = 64 << 10  // of an error answer
	leftLimit  = 256 << 10 // maximum rest of an answer that is drained to reuse its connection
)

// limits are the maximum sizes of answers in bytes; tests lower them.
type limits struct {
	body   int // of any answer, before its strings are cut
	stacks int // of a page of stacks, after cutting: some servers list all stacks on one page
}

var usualLimits = limits{body: 64 << 20, stacks: 32 << 20}

// request is one API call. path is escaped and relative to the base address; body is JSON or nil.
type request struct {
	method, path string
	query        url.Values
	body         []byte
	limit        int                        // maximum answer in bytes; 0 means thingLimit
	take         func(body io.Reader) error // decodes a successful answer, once per try; nil keeps the body
}

func (r request) timeout() time.Duration {
	if r.method == http.MethodGet {
		return readTimeout
	}
	return writeTimeout
}

// answer is an HTTP response with its body.
type answer struct {
	status int
	header http.Header
	body   []byte // nil if request.take has read it
}

// unusable is the error of a response with unusable content.
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
		return ans, fault // the status is enough, even if the rest of the answer is missing
	case isUnusable(err):
		return ans, c.unreadable(r, ans, err)
	case err != nil:
		return ans, c.lost(r, ans.status, connected, err)
	}
	return ans, nil
}

// place waits for a connection slot for a read, so that its timeout starts, and the budget counts it, when it is sent. Writes never wait
// behind reads.
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

// lost returns the error for a request without an answer.
func (c *Client) lost(r request, status int, connected bool, err error) *Error {
	e := &Error{Kind: ErrNoAnswer, Method: r.method, Path: r.path, Status: status, Err: c.tokenless(err)}
	if !connected {
		e.Kind = ErrUnreachable
	}
	return e
}

// exchange sends the request and reads the answer. If connected is false, the request certainly did not reach the server.
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
	res, err := carrier.RoundTrip(req) // not an http.Client, which follows redirects and may resend
	if err != nil {
		return answer{}, !dialFailed(err) && (got.Load() || !asked.Load()), err
	}
	ans = answer{status: res.StatusCode, header: res.Header}
	err = ans.read(res.Body, r, c.limits.body)
	return ans, true, errors.Join(err, res.Body.Close())
}

// read reads the body of an answer, or passes it to request.take.
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

// isUnusable reports whether an error means that the response had unusable content.
func isUnusable(err error) bool {
	_, tooLong := errors.AsType[tooLongError](err)
	_, other := errors.AsType[unusable](err)
	return tooLong || other
}

// dialFailed reports whether err means that no connection was made.
func dialFailed(err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	return ok && failed.Op == "dial"
}

// build makes the HTTP request. Its body is never nil and cannot be rewound, because net/http resends a rewindable request behind the
// budget's back. An empty body is omitted on the wire.
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

// stackPath returns the path of a stack or of a resource below it. The UID is escaped to one segment.
func stackPath(uid string, below ...string) (string, error) {
	if uid == "" || uid == "." || uid == ".." {
		return "", &Error{Kind: ErrNotFound, Method: http.MethodGet, Path: "/stacks", Message: "no stack has the UID " + strconv.Quote(uid)}
	}
	return "/stacks/" + strings.Join(append([]string{url.PathEscape(uid)}, below...), "/"), nil
}

const (
	tries    = 3                      // of a read, in total
	pause    = 500 * time.Millisecond // before the second try, doubled before each later one
	maxPause = 5 * time.Second        // if the server asks for a longer pause, the call fails instead
)

// read sends a read, and retries it after a network or server fault.
func (c *Client) read(ctx context.Context, r request) (answer, error) {
	for try := 1; ; try++ {
		ans, err := c.once(ctx, r)
		if err == nil {
			return ans, nil
		}
		if idle, ok := c.reads.(interface{ CloseIdleConnections() }); ok && errors.Is(err, ErrNoAnswer) {
			idle.CloseIdleConnections() // whatever broke one connection may have broken them all
		}
		wait, again := nextTry(try, err)
		if !again {
			return answer{}, err
		}
		select {
		case <-ctx.Done():
			return answer{}, fmt.Errorf("%w, after: %w", ctx.Err(), err)
		case <-time.After(wait):
		}
	}
}

// nextTry reports whether a read is retried, and the delay before that.
func nextTry(try int, err error) (time.Duration, bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok || try == tries || e.RetryAfter > maxPause {
		return 0, false
	}
	if !errors.Is(e.Kind, ErrUnreachable) && !errors.Is(e.Kind, ErrNoAnswer) && !errors.Is(e.Kind, ErrServer) {
		return 0, false
	}
	full := pause << (try - 1)
	return max(e.RetryAfter, full/2+mathrand.N(full/2)), true
}

// fetchOne reads one object below a stack.
func fetchOne[T any](ctx context.Context, c *Client, convert func(record) (T, error), uid string, below ...string) (thing T, err error) {
	path, err := stackPath(uid, below...)
	if err != nil {
		return thing, err
	}
	r := request{method: http.MethodGet, path: path}
	ans, err := c.read(ctx, r)
	if err != nil {
		return thing, err
	}
	got, refused, err := single(ans.body)
	if err == nil {
		thing, err = convert(got)
	}
	if err != nil {
		return thing, c.unreadable(r, ans, cmp.Or(refused, err))
	}
	return thing, nil
}

const (
	// longestText is the number of bytes kept of a JSON string. Documented strings have at most 255 characters, or are addresses.
	longestText = 2 << 10

	ellipsis = "…"
	escaped  = -1 // the next byte tells the length of an escape sequence
)

// tooLongError is the error of an answer above the limits.
type tooLongError struct{ limit int }

func (e tooLongError) Error() string { return fmt.Sprintf("it is longer than %d kB", e.limit>>10) }

// cutter is a JSON reader that cuts strings at longestText and marks the cut. It bounds the memory for an answer, whatever its content.
type cutter struct {
	from *bufio.Reader
	most int   // limit on input bytes, before strings are cut
	keep int   // limit on output bytes
	err  error // why it ended early: too long, or the connection's error

	came, passed int
	pending      string // output that precedes the next byte
	inString     bool
	length       int  // of the string so far
	escape       int  // remaining bytes of an escape sequence, or escaped
	cut          bool // the rest of the string is dropped
}

func newCutter(body io.Reader, most, keep int) *cutter {
	return &cutter{from: bufio.NewReaderSize(body, 16<<10), most: most, keep: keep}
}

// Read implements io.Reader.
func (c *cutter) Read(p []byte) (n int, err error) {
	for n < len(p) && c.err == nil {
		if c.pending != "" {
			k := copy(p[n:], c.pending)
			n, c.pending = n+k, c.pending[k:]
			continue
		}
		if n > 0 && c.from.Buffered() == 0 {
			break // the next read may block
		}
		if k := c.copyPlain(p[n:]); k > 0 {
			n += k
			continue
		}
		b, err := c.from.ReadByte()
		if err == io.EOF {
			return n, err
		}
		if c.err = err; err != nil {
			break
		}
		if c.came++; c.came > c.most {
			c.err = tooLongError{c.most}
			break
		}
		if c.pass(b) {
			p[n] = b
			n++
		}
	}
	if c.passed += n; c.err == nil && c.passed > c.keep {
		c.err = tooLongError{c.keep}
	}
	return n, c.err
}

// copyPlain copies those of the bytes already read that change no state and pass for certain, and returns how many they are.
func (c *cutter) copyPlain(p []byte) (n int) {
	next, _ := c.from.Peek(min(c.from.Buffered(), len(p), c.most-c.came))
	special := `"`
	if c.inString {
		if c.escape != 0 || c.cut {
			return 0
		}
		special, next = `"\`, next[:min(len(next), max(longestText-c.length, 0))]
	}
	if n = bytes.IndexAny(next, special); n < 0 {
		n = len(next)
	}
	if c.inString {
		c.length += n
	}
	n = copy(p, next[:n])
	c.came += n
	_, _ = c.from.Discard(n)
	return n
}

// pass consumes the next byte of the answer, and reports whether to output it. It never cuts a string inside a character or an escape
// sequence.
func (c *cutter) pass(b byte) bool {
	if !c.inString {
		c.inString, c.length, c.cut = b == '"', 0, false
		return true
	}
	c.length++
	switch {
	case c.escape == escaped && b == 'u':
		c.escape = 4
	case c.escape == escaped:
		c.escape = 0
	case c.escape > 0:
		c.escape--
	case b == '"' && c.cut:
		c.inString, c.pending = false, ellipsis+`"`
		return false
	case b == '"':
		c.inString = false
	default:
		c.cut = c.cut || c.length > longestText && utf8.RuneStart(b)
		if b == '\\' {
			c.escape = escaped
		}
	}
	return !c.cut
}
