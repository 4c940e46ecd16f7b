package webapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"c66bot/bot/slacksim/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network is a way to a server on which a test can have open connections fall silent: their packets are lost, and nothing tells.
type network struct {
	listener *memnet.Listener
	dials    atomic.Int32
	silent   atomic.Int32 // connections up to this number lose what is written
	log      bytes.Buffer // what the client logs
}

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := n.listener.DialContext(ctx, network, address)
	return &silenced{Conn: c, of: n, number: n.dials.Add(1)}, err
}

type silenced struct {
	net.Conn
	of     *network
	number int32
}

func (c *silenced) Write(p []byte) (int, error) {
	if c.number <= c.of.silent.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// serve runs a server with TLS in memory, in a bubble, and gives its network with a client of ours that trusts it.
func serve(t *testing.T, http2 bool, handler http.HandlerFunc) (*network, *http.Client) {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	_ = certified.Listener.Close() // only its certificate is wanted
	n := &network{listener: memnet.Listen()}
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server := &httptest.Server{Listener: n.listener, EnableHTTP2: http2, Config: &http.Server{Handler: handler, ErrorLog: quiet}}
	server.StartTLS()
	client, err := NewClient(n.dial, nil, slog.New(slog.NewTextHandler(&n.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ours, ok := client.Transport.(transport)
	trusting, also := server.Client().Transport.(*http.Transport)
	if !ok || !also {
		t.Fatalf("the transports are a %T and a %T", client.Transport, server.Client().Transport)
	}
	ours.base.TLSClientConfig = &tls.Config{RootCAs: trusting.TLSClientConfig.RootCAs, ServerName: "example.com"}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		n.listener.CloseAll()
		server.Close()
	})
	return n, client
}

// TestADeadConnectionIsLeft has the packets of all open connections lost, while new connections work.
func TestADeadConnectionIsLeft(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/2": true, "HTTP/1.1": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, client := serve(t, http2, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })
				call := func() (string, error) {
					req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://slack.example/api/", nil)
					if err != nil {
						return "", err
					}
					res, err := client.Do(req)
					if err != nil {
						return "", err
					}
					defer func() { _ = res.Body.Close() }()
					body, err := io.ReadAll(res.Body)
					return string(body), err
				}
				if proto, err := call(); err != nil || strings.HasPrefix(proto, "HTTP/2") != http2 {
					t.Fatal(proto, err)
				}
				n.silent.Store(n.dials.Load())
				cut := time.Now()
				for {
					if _, err := call(); err == nil {
						break
					}
					if time.Since(cut) > time.Minute {
						t.Fatal("no call has come through for a minute")
					}
				}
				if took := time.Since(cut); took > 25*time.Second {
					t.Errorf("the first call came through after %s", took)
				}
			})
		})
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for location, names := range map[string]string{
			"https://evil.example:8443/api/chat.postMessage?token=hush": "evil.example:8443",
			"//evil.example/": "evil.example",
			"/elsewhere":      "slack.example",
			"http://[::1":     "an address that cannot be read",
		} {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				n, client := serve(t, true, func(w http.ResponseWriter, _ *http.Request) {
					calls++
					w.Header().Set("Location", location)
					w.WriteHeader(status)
				})
				const address = "https://slack.example/api/chat.postMessage"
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("token=hush"))
				if err != nil {
					t.Fatal(err)
				}
				res, err := client.Do(req)
				if err == nil {
					_ = res.Body.Close()
				}
				redirect, ok := errors.AsType[*RedirectError](err)
				if !ok || redirect.To != names || calls != 1 || strings.Contains(err.Error(), "hush") {
					t.Errorf("%d to %s: %v after %d calls", status, location, err, calls)
				}
				if said := n.log.String(); !strings.Contains(said, "level=ERROR") || !strings.Contains(said, names) || strings.Contains(said, "hush") {
					t.Errorf("%d to %s is logged as %q", status, location, said)
				}
			})
		}
	}
}
