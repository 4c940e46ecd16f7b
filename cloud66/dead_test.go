package cloud66

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// cable is one connection through a network that may lose all that goes over it from some moment on, without a word.
type cable struct {
	net.Conn
	network *network
}

func (c *cable) Write(p []byte) (int, error) {
	if c.network.lost(c) {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// network carries connections between a client and a server.
type network struct {
	mu     sync.Mutex
	cables map[*cable]bool // false: lost
	once   sync.Once
	accept chan net.Conn
}

func newNetwork() *network { return &network{cables: map[*cable]bool{}, accept: make(chan net.Conn)} }

func (n *network) lost(c *cable) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.cables[c]
}

// lose drops the packets of every connection that is open.
func (n *network) lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.cables {
		n.cables[c] = false
	}
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	client, server := &cable{here, n}, &cable{there, n}
	n.mu.Lock()
	n.cables[client], n.cables[server] = true, true
	n.mu.Unlock()
	select {
	case n.accept <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) Accept() (net.Conn, error) {
	c, ok := <-n.accept
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (n *network) Close() error   { n.once.Do(func() { close(n.accept) }); return nil }
func (n *network) Addr() net.Addr { return &net.TCPAddr{} }

// The packets of all open connections, idle and busy ones, are dropped, while new connections work.
func TestReadsAreWellAgainAfterAllConnectionsWereLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second) // in simulated time
			says(200, `{"response":{"uid":"a"}}`)(w, r)
		})}
		var serving sync.WaitGroup
		serving.Go(func() { _ = srv.Serve(n) })
		c := clientOf(t, "http://cloud66.test", nil)
		reads := c.reads.(*http.Transport) //nolint:errcheck // it is what New makes
		reads.DialContext, reads.Proxy = n.dial, nil
		defer func() { reads.CloseIdleConnections(); _ = srv.Close(); serving.Wait() }()

		var all sync.WaitGroup
		read := func(within time.Duration) {
			all.Go(func() {
				start := time.Now()
				if _, err := c.Stack(t.Context(), "a"); err != nil || time.Since(start) > within {
					t.Errorf("%v after %s", err, time.Since(start))
				}
			})
		}
		for range 20 {
			read(2 * time.Second)
		}
		all.Wait() // twenty are idle
		for range 8 {
			read(35 * time.Second)
		}
		synctest.Wait() // and eight of them busy
		n.lose()
		lost := time.Now()
		for range 4 { // at once, and while the others wait
			read(35 * time.Second)
			time.Sleep(3 * time.Second)
		}
		for range 5 {
			read(2 * time.Second)
			time.Sleep(5 * time.Second)
		}
		all.Wait()
		if took := time.Since(lost); took > 45*time.Second {
			t.Errorf("it took %s until all was well", took)
		}
	})
}

func TestATokenFollowsNoRedirection(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another address was asked") }))
	defer elsewhere.Close()
	host := elsewhere.Listener.Addr().String()
	for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308, 399} {
		for location, says := range map[string]string{
			elsewhere.URL + "/x?token=hidden":          "it sends the request on to http://" + host,
			"http://user:hidden@" + host + "/x#hidden": "it sends the request on to http://" + host,
			"//" + host + "/hidden":                    "it sends the request on to " + host,
			"/hidden?next=http://" + host:              "it sends the request on to another path of the same host",
			"":                                         http.StatusText(status),
			"http://[hidden":                           http.StatusText(status),
		} {
			asked := 0
			ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				if location != "" {
					w.Header().Set("Location", location)
				}
				w.WriteHeader(status)
			}))
			c := clientOf(t, ts.URL, nil)
			for _, err := range []error{
				second(c.Stack(t.Context(), "a")), second(c.Redeploy(t.Context(), "a", RedeployRequest{})), second(c.Cancel(t.Context(), "a", 1)),
				c.CheckToken(t.Context()),
			} {
				e := faultOf(t, err)
				diff(t, []any{ErrRedirected.Error(), says}, []any{e.Kind.Error(), e.Message})
			}
			diff(t, 4, asked)
			ts.Close()
		}
	}
}

func faultOf(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	return e
}
