package cloud66sim

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
)

// RoundTripper serves requests in process, in the caller's goroutine and without sockets, whatever host they are for. A cut
// connection is an error that wraps io.EOF, or io.ErrUnexpectedEOF in the middle of a body.
func (s *Sim) RoundTripper() http.RoundTripper {
	return inProcess{s}
}

type inProcess struct {
	sim *Sim
}

// RoundTrip implements http.RoundTripper.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	if err := r.Context().Err(); err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	w := httptest.NewRecorder()
	cut := p.serve(w, serverSide(r))
	if err := r.Context().Err(); err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	if cut && !w.Flushed {
		return nil, fmt.Errorf("%s %s: connection cut: %w", r.Method, r.URL.Path, io.EOF)
	}
	res := w.Result()
	res.Request = r
	if cut {
		res.ContentLength, res.Body = -1, io.NopCloser(io.MultiReader(w.Body, cutReader{}))
	}
	return res, nil
}

// serve runs the handler and tells whether it cut the connection.
func (p inProcess) serve(w http.ResponseWriter, r *http.Request) (cut bool) {
	defer func() {
		switch reason := recover(); reason {
		case nil:
		case http.ErrAbortHandler:
			cut = true
		default:
			panic(reason)
		}
	}()
	p.sim.ServeHTTP(w, r)
	return false
}

// serverSide is a client's request as a server would see it.
func serverSide(r *http.Request) *http.Request {
	seen := r.Clone(r.Context())
	seen.RequestURI = r.URL.RequestURI()
	seen.RemoteAddr = "127.0.0.1:0"
	if seen.Host == "" {
		seen.Host = r.URL.Host
	}
	if seen.Body == nil {
		seen.Body = http.NoBody
	}
	return seen
}

// cutReader is the end of a body whose connection was cut.
type cutReader struct{}

// Read implements io.Reader.
func (cutReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
