package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

func TestTheEndpointsAnswer(t *testing.T) {
	ready := func() error { return nil }
	notReady := func() error { return errors.New("Cloud 66 refuses the token") }
	tests := []struct {
		name, method, path string
		ready              func() error
		wantStatus         int
		wantBody           string
	}{
		{"healthz is ok while the process lives", "GET", "/healthz", notReady, 200, "ok\n"},
		{"readyz is ready", "GET", "/readyz", ready, 200, "ready\n"},
		{"readyz tells why it is not", "GET", "/readyz", notReady, 503, "Cloud 66 refuses the token\n"},
		{"HEAD works", "HEAD", "/readyz", notReady, 503, ""},
		{"metrics are the registry's", "GET", "/metrics", ready, 200, "c66bot_test_total 1\n"},
		{"POST is not allowed", "POST", "/readyz", ready, 405, ""},
		{"other paths do not exist", "GET", "/", ready, 404, ""},
		{"nor do paths below", "GET", "/healthz/x", ready, 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "c66bot_test_total", Help: "Is counted once."})
			registry.MustRegister(counter)
			counter.Inc()
			server := httptest.NewServer(newHTTPHandler(tt.ready, registry))
			defer server.Close()

			status, contentType, body := fetch(t, tt.method, server.URL+tt.path)
			if status != tt.wantStatus || !strings.Contains(body, tt.wantBody) {
				t.Errorf("got %d %q, want %d %q", status, body, tt.wantStatus, tt.wantBody)
			}
			if !strings.HasPrefix(contentType, "text/plain") {
				t.Errorf("the content type is %q", contentType)
			}
		})
	}
}

func fetch(t *testing.T, method, url string) (status int, contentType, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := newHealthClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(content)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := listenHTTP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func TestTheEndpointsEndWithTheContextAfterTheRequestsThatRun(t *testing.T) {
	listener := listen(t)
	entered, release := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "done")
	})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serveHTTP(ctx, listener, handler, slog.New(slog.DiscardHandler)) }()
	go func() {
		<-entered
		cancel()
		close(release)
	}()

	if _, _, body := fetch(t, "GET", "http://"+listener.Addr().String()); body != "done" {
		t.Errorf("the running request got %q", body)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("something still listens")
	}
}

func TestAListenerThatFailsIsToldAtOnce(t *testing.T) {
	listener := listen(t)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	err := serveHTTP(t.Context(), listener, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAnAddressInUseIsAFaultOfTheStart(t *testing.T) {
	listener := listen(t)
	defer func() { _ = listener.Close() }()
	addr := listener.Addr().String()
	_, err := listenHTTP(t.Context(), addr)
	if want := "C66BOT_HTTP_ADDR (http.addr) " + addr + " is in use"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q…", err, want)
	}
}

func TestTheEndpointsAnswerToNamesOfTheirOwn(t *testing.T) {
	for addr, hosts := range map[string]map[string]bool{
		"127.0.0.1:8067": {
			"127.0.0.1:8067": true, "127.0.0.1": true, "[::1]:8067": true, "[::1]": true, "10.2.3.4:8067": true, "[fe80::1%eth0]:8067": true,
			"":               true,
			"localhost:8067": true, "LOCALHOST": true, "localhost.": true, "bot.localhost:1": true, "c66bot:8067": true, "c66bot": true,
			"c66bot.monitoring.svc:8067": true, "c66bot.monitoring.svc.cluster.local.": true, "bot.corp.internal": true,
			"evil.example": false, "evil.example:8067": false, "evil.example.": false, "127.0.0.1.evil.example": false,
			"localhost.evil.example:8067": false,
			"127.0.0.1.nip.io":            false, "evil.local.example": false, "svc.example": false, "127.1": false, "10.2.3.4.5": false,
			"evil.":     true,
			"x.evilsvc": false,
		},
		":8067":                 {"10.2.3.4:8067": true, "c66bot:8067": true, "evil.example": false},
		"bot.acme.example:8067": {"bot.acme.example:8067": true, "BOT.acme.example.": true, "other.acme.example": false},
		"[::1]:8067":            {"[::1]:8067": true, "evil.example": false},
	} {
		handler := onlyOwnNames(addr, newHTTPHandler(func() error { return nil }, prometheus.NewRegistry()))
		for host, own := range hosts {
			for _, path := range []string{"/readyz", "/healthz", "/metrics"} {
				request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
				request.Host = host
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, request)
				if own != (answer.Code == http.StatusOK) || !own && answer.Code != http.StatusMisdirectedRequest {
					t.Errorf("listening on %q, %s of host %q is answered with %d", addr, path, host, answer.Code)
				}
				if !own && strings.Contains(answer.Body.String(), "evil") {
					t.Errorf("the name is repeated: %s", answer.Body)
				}
			}
		}
	}
}

// holdOpen opens connections that say no more than this.
func holdOpen(t *testing.T, addr string, n int, said string) {
	t.Helper()
	for range n {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, said) // It may be closed already.
	}
}

// countedListener counts its open connections.
type countedListener struct {
	net.Listener
	open atomic.Int64
}

func (l *countedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.open.Add(1)
	return &countedConn{Conn: conn, closed: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

func TestWhoHoldsManyConnectionsOpenKeepsNobodyOut(t *testing.T) {
	for name, said := range map[string]string{
		"idle ones":              "",
		"half a request":         "GET /readyz HT",
		"headers that never end": "GET /readyz HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n",
		"a body that never ends": "GET /readyz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx",
		"requests and no end":    "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener := &countedListener{Listener: listen(t)}
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() {
				served <- serveHTTP(ctx, listener, newHTTPHandler(func() error { return nil }, prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
			}()
			for range 3 {
				holdOpen(t, listener.Addr().String(), 2*maxConns, said)
				if status, _, body := fetch(t, "GET", "http://"+listener.Addr().String()+"/readyz"); status != http.StatusOK || body != "ready\n" {
					t.Errorf("a probe got %d %q", status, body)
				}
			}
			if open := listener.open.Load(); open > maxConns {
				t.Errorf("%d connections are open", open)
			}
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestServeAnswersToItsOwnNamesAndWhileOthersHoldConnectionsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	s := w.serve(t)
	w.readyz(t, s, http.StatusOK)
	holdOpen(t, w.addr, 1000, "GET /readyz HTTP/1.1\r\n")
	for host, want := range map[string]int{"localhost:8067": http.StatusOK, "evil.example": http.StatusMisdirectedRequest} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.addr+"/readyz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		answer, err := newHealthClient().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != want {
			t.Errorf("host %s is answered with %d, %v", host, answer.StatusCode, err)
		}
	}
	health := program(t, []string{"C66BOT_HTTP_ADDR=" + w.addr}, "health")
	if text, err := health.CombinedOutput(); err != nil {
		t.Errorf("c66bot health: %v\n%s", err, text)
	}
	s.end(t, syscall.SIGTERM, 8*time.Second, exitOK)
}
