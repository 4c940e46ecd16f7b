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
	"testing"

	"github.com/prometheus/client_golang/prometheus"
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
