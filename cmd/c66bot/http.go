package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// shutdownTimeout leaves running requests this long once the program is told to end.
const shutdownTimeout = 2 * time.Second

// newHTTPHandler serves /healthz, /readyz and /metrics to GET and HEAD.
// An error of ready is the reason why the bot is not ready; its text is shown to whoever asks.
func newHTTPHandler(ready func() error, registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusOK, "ok")
	})
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

// listenHTTP takes the address of the endpoints, so that one in use is a fault of the start.
func listenHTTP(ctx context.Context, addr string) (*fewConns, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s %s is in use: stop the program that listens there (perhaps another c66bot), "+
			"choose another address, or set it empty to do without the endpoints: %w", label("http.addr"), addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s %s: %w", label("http.addr"), addr, err)
	}
	return &fewConns{Listener: listener, most: maxConns}, nil
}

// serveHTTP answers on listener until ctx ends, then lets running requests finish for shutdownTimeout.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
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
	err := stopHTTP(ctx, server)
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serving HTTP on %s: %w", listener.Addr(), ended))
	}
	return err
}

func stopHTTP(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close() // Requests that take longer are cut off.
	}
	if err != nil {
		return fmt.Errorf("stopping the HTTP endpoints: %w", err)
	}
	return nil
}
