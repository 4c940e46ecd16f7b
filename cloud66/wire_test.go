package cloud66

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"c66bot/cloud66/secret"
)

func clientOf(t *testing.T, base string, transport http.RoundTripper) *Client {
	t.Helper()
	return newClientWith(t, Config{BaseURL: base, Token: secret.New(testToken), RequestsPerHour: 1000, Transport: transport})
}

// closing answers the first request of each connection and cuts it at the second, which it counts by method, as a server
// does that drops idle connections.
type closing struct {
	net.Listener
	wg    sync.WaitGroup
	fresh atomic.Bool // cut at the first one too
	mu    sync.Mutex
	cut   map[string]int
}

func newClosing(t *testing.T) *closing {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &closing{Listener: l, cut: map[string]int{}}
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); s.wg.Wait() })
	return s
}

func (s *closing) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for first := !s.fresh.Load(); ; first = false {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		s.mu.Lock()
		if !first {
			s.cut[req.Method]++
		}
		s.mu.Unlock()
		if !first {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n"+`{"response":{"uid":"a"}}`)
	}
}

func (s *closing) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]int{"GET": s.cut["GET"], "POST": s.cut["POST"], "DELETE": s.cut["DELETE"]}
}

func TestTheTransportSendsNothingTwice(t *testing.T) {
	s := newClosing(t)
	keeping := &http.Transport{}
	defer keeping.CloseIdleConnections()
	c := clientOf(t, "http://"+s.Addr().String(), keeping)
	warm := func() {
		keeping.CloseIdleConnections()
		if _, err := c.once(t.Context(), request{method: "GET", path: "/warm"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		warm()
		r := request{method: method, path: "/stacks/a/deployments"}
		if method == "POST" {
			r.body = []byte(`{}`)
		}
		_, err := c.once(t.Context(), r)
		if !errors.Is(err, ErrNoAnswer) || NothingDone(err) {
			t.Errorf("%s: got %v", method, err)
		}
	}
	diff(t, map[string]int{"GET": 1, "POST": 1, "DELETE": 1}, s.counts())
	diff(t, 6, c.Budget().Used)
}

func TestWritesGoOverAFreshConnection(t *testing.T) {
	s := newClosing(t)
	c := clientOf(t, "http://"+s.Addr().String(), nil)
	for range 2 {
		if _, err := c.once(t.Context(), request{method: http.MethodDelete, path: "/x"}); err != nil {
			t.Errorf("a write met a closing connection: %v", err)
		}
	}
	s.fresh.Store(true)
	for _, write := range []error{
		second(c.Redeploy(t.Context(), "a", RedeployRequest{})), second(c.Cancel(t.Context(), "a", 1)),
	} {
		if !errors.Is(write, ErrNoAnswer) {
			t.Errorf("got %v", write)
		}
	}
	diff(t, map[string]int{"GET": 0, "POST": 1, "DELETE": 1}, s.counts())
}

func TestAnEmptyBodyIsNotOnTheWire(t *testing.T) {
	for _, method := range []string{"GET", "DELETE"} {
		var body, length, encoding string
		ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			data, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			body, length, encoding = string(data), r.Header.Get("Content-Length"), strings.Join(r.TransferEncoding, " ")
			says(200, `{}`)(w, r)
		}))
		_, err := clientOf(t, ts.URL, nil).once(t.Context(), request{method: method, path: "/x"})
		ts.Close()
		diff(t, []any{nil, "", "", ""}, []any{err, body, length, encoding})
	}
}

func TestNoConnectionMeansNothingDone(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	_ = l.Close()
	untrusted := httptest.NewUnstartedServer(says(200, `{}`))
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	untrusted.StartTLS()
	defer untrusted.Close()
	for _, base := range []string{closed, untrusted.URL} {
		_, err := clientOf(t, base, nil).Redeploy(t.Context(), "a", RedeployRequest{})
		if !errors.Is(err, ErrUnreachable) || !NothingDone(err) {
			t.Errorf("got %v", err)
		}
	}
}

func TestRedirectionsAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other host was asked") }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		ts := httptest.NewServer(http.RedirectHandler(other.URL+"/x?token=1", status))
		c := clientOf(t, ts.URL, nil)
		for _, err := range []error{second(c.Stack(t.Context(), "a")), second(c.Redeploy(t.Context(), "a", RedeployRequest{}))} {
			if !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), other.URL) || strings.Contains(err.Error(), "token=1") {
				t.Errorf("status %d gives %v", status, err)
			}
		}
		ts.Close()
	}
}

func TestOnlyTheFirstVersionOfHTTPIsSpoken(t *testing.T) {
	var spoken string
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		spoken = r.Proto
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer func() { _ = z.Close() }()
		_, _ = io.WriteString(z, `{"response":{"uid":"a","ok":true}}`)
	}))
	ts.EnableHTTP2 = true
	ts.StartTLS()
	defer ts.Close()
	c := clientOf(t, ts.URL, nil)
	for _, carrier := range []http.RoundTripper{c.reads, c.writes} {
		//nolint:errcheck // they are what New makes
		carrier.(*http.Transport).TLSClientConfig = ts.Client().Transport.(*http.Transport).TLSClientConfig
	}
	s, err := c.Stack(t.Context(), "a")
	diff(t, []any{nil, "a", "HTTP/1.1"}, []any{err, s.UID, spoken})
	spoken = ""
	_, err = c.Cancel(t.Context(), "a", 1)
	diff(t, []any{nil, "HTTP/1.1"}, []any{err, spoken})
}
