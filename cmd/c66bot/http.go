package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// shutdownTimeout leaves running requests this long once the program is told to end.
	shutdownTimeout = 2 * time.Second
	// maxConns bounds the open connections to the endpoints.
	maxConns = 128
)

// newHTTPHandler serves /healthz, /readyz and /metrics to GET and HEAD.
// An error of ready is the reason why the bot is not ready; its text is shown to whoever asks.
func newHTTPHandler(ready func() error, registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			writeText(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		writeText(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	return mux
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // A client that went away needs no answer.
}

// privateDomains are those under which nobody can have a name in public: of the machine itself, of local networks and clusters, and of the
// services of Kubernetes.
var privateDomains = []string{"localhost", "local", "internal", "svc"}

// onlyOwnNames answers requests for names that the bot can have, and no others: a page in a browser could have its own name resolve to the
// bot's address (DNS rebinding) and read the endpoints. The bot can have any IP address, as a probe of Kubernetes uses it, any name without
// a dot, as in a compose network, those of private domains, and the one that it is configured to listen on.
func onlyOwnNames(addr string, next http.Handler) http.Handler {
	own, _, _ := net.SplitHostPort(addr) // It was parsed before; without a host there is no name.
	own = strings.TrimSuffix(own, ".")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil { // It has no port, or is missing, as HTTP/1.0 allows.
			host = strings.TrimSuffix(strings.TrimPrefix(r.Host, "["), "]")
		}
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		_, err = netip.ParseAddr(host)
		dot := strings.LastIndex(host, ".")
		if err != nil && dot >= 0 && !slices.Contains(privateDomains, host[dot+1:]) && !strings.EqualFold(host, own) {
			writeText(w, http.StatusMisdirectedRequest,
				"not one of my names: ask by an IP address, localhost, a name without a dot, or the host of "+label(httpAddr))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// listenHTTP takes the address of the endpoints, so that one in use is a fault of the start.
func listenHTTP(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s %s is in use: stop the program that listens there (perhaps another c66bot), "+
			"choose another address, or set it empty to do without the endpoints: %w", label(httpAddr), addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s %s: %w", label(httpAddr), addr, err)
	}
	return listener, nil
}

// connections are the open ones of a server, from the oldest on.
type connections struct {
	mu   sync.Mutex
	open []net.Conn
}

// changed keeps a bounded number of connections open. For one more it closes the oldest: whoever holds many open and says nothing keeps
// nobody out, and a question is answered long before its connection is the oldest.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open = append(c.open, conn)
		if len(c.open) > maxConns {
			_ = c.open[0].Close() // Nobody waits for what comes of it.
			c.open = c.open[1:]
		}
	case http.StateClosed:
		c.open = slices.DeleteFunc(c.open, func(open net.Conn) bool { return open == conn })
	}
}

// serveHTTP answers on listener until ctx ends, then lets running requests finish for shutdownTimeout.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ConnState:         new(connections).changed,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving HTTP on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close() // Requests that take longer are cut off.
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	if err != nil {
		return fmt.Errorf("stopping the HTTP endpoints: %w", err)
	}
	return nil
}
