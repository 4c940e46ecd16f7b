package mortal

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"
)

// Client is an HTTP client of the process on a network where a handler serves every request.
func (p *Process) Client(h http.Handler) *http.Client {
	return &http.Client{Transport: p.RoundTripper(Handler(h)), Timeout: 20 * time.Second}
}

// Handler is a network on which a handler serves every request in the caller's goroutine. A handler that aborts cuts the connection.
func Handler(h http.Handler) http.RoundTripper { return inProcess{h} }

type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (p inProcess) RoundTrip(r *http.Request) (res *http.Response, err error) {
	served := r.Clone(r.Context())
	served.Host = r.URL.Host
	if served.Body == nil {
		served.Body = http.NoBody
	}
	defer func() { _ = served.Body.Close() }() // it was read as far as the handler cared
	w := httptest.NewRecorder()
	defer func() {
		switch reason := recover(); reason {
		case nil:
		case http.ErrAbortHandler:
			res, err = nil, fmt.Errorf("%s %s: connection cut: %w", r.Method, r.URL.Path, io.EOF)
		default:
			panic(reason)
		}
	}()
	p.handler.ServeHTTP(w, served)
	if err := r.Context().Err(); err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	res = w.Result()
	res.Request = r
	return res, nil
}
