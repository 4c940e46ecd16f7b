package cloud66sim

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
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
	w := &recorder{header: http.Header{}}
	cut := p.serve(w, serverSide(r))
	if err := r.Context().Err(); err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	if cut && w.status == 0 {
		return nil, fmt.Errorf("%s %s: connection cut: %w", r.Method, r.URL.Path, io.EOF)
	}
	return w.response(r, cut), nil
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

// recorder is the http.ResponseWriter of a request in process.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) { w.status = status }

func (w *recorder) Write(data []byte) (int, error) { return w.body.Write(data) }

// Flush does nothing: what was written is already there.
func (*recorder) Flush() {}

func (w *recorder) response(r *http.Request, cut bool) *http.Response {
	length := int64(w.body.Len())
	var body io.Reader = &w.body
	if cut {
		length, body = -1, io.MultiReader(&w.body, cutReader{})
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(body), ContentLength: length, Request: r,
	}
}

// cutReader is the end of a body whose connection was cut.
type cutReader struct{}

// Read implements io.Reader.
func (cutReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
