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
	// shutdownTimeout bounds the requests in flight during a shutdown.
	shutdownTimeout = 2 * time.Second
	// maxConns bounds the open connections to the endpoints.
	maxConns = 128
)

// newHTTPHandler serves /healthz, /readyz and /metrics to GET and HEAD.
// The error of ready is the body of /readyz, so it must hold no secret.
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
	_, _ = fmt.Fprintln(w, text) // The client may be gone.
}

// privateDomains are the top-level domains without public names: of the host itself, of local networks and clusters, and of Kubernetes
// services.
var privateDomains = []string{"localhost", "local", "internal", "svc"}

// onlyOwnNames refuses requests with a foreign Host by 421, against DNS rebinding: a web page could resolve its own name to the bot's
// address and read the endpoints. Allowed are IP addresses (Kubernetes probes), names without a dot (compose networks), names in private
// domains, and the configured host of addr.
func onlyOwnNames(addr string, next http.Handler) http.Handler {
	own, _, _ := net.SplitHostPort(addr) // addr is validated; its host may be empty.
	own = strings.TrimSuffix(own, ".")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil { // No port, or no Host at all, as HTTP/1.0 allows.
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

// listenHTTP opens the listener of the endpoints, so that an address in use fails the start.
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

// connections tracks the open connections of a server, oldest first.
type connections struct {
	mu   sync.Mutex // guards open
	open []net.Conn
}

// changed is a ConnState hook that limits the open connections to maxConns. A further one closes the oldest, so that idle connections
// cannot lock out other clients; a request is answered long before its connection is the oldest.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open = append(c.open, conn)
		if len(c.open) > maxConns {
			_ = c.open[0].Close() // Its error is irrelevant.
			c.open = c.open[1:]
		}
	case http.StateClosed:
		c.open = slices.DeleteFunc(c.open, func(open net.Conn) bool { return open == conn })
	}
}

// serveHTTP serves on listener until ctx ends, then shuts down within shutdownTimeout.
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
		err = server.Close() // Aborts the remaining requests.
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	if err != nil {
		return fmt.Errorf("stopping the HTTP endpoints: %w", err)
	}
	return nil
}
