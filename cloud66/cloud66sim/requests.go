package cloud66sim

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"time"
)

// keptRequests bounds the log of requests. The oldest are dropped first.
const keptRequests = 100_000

// Request records a received request.
type Request struct {
	Method string
	Path   string // Path is the escaped path, as sent.
	Query  url.Values
	Body   string
	Header http.Header // Header does not contain the token: Authorization is "Bearer ***".
	Time   time.Time   // Time is the arrival.
	Status int         // Status is the status of the response, 0 without one (yet).
}

// Requests returns the newest requests, up to 100,000, oldest first.
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, 0, len(s.requests))
	for _, r := range s.requests {
		requests = append(requests, *r)
	}
	return requests
}

// Count returns the number of all requests so far.
func (s *Sim) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requestCount
}

func (s *Sim) record(r *http.Request, body []byte) *Request {
	record := &Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Body: string(body), Header: withoutToken(r.Header), Time: time.Now(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == keptRequests {
		s.requests = slices.Delete(s.requests, 0, keptRequests/10)
	}
	s.requests = append(s.requests, record)
	s.requestCount++
	return record
}

// settle records the status of the response.
func (s *Sim) settle(record *Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record.Status = status
}

// RoundTripper returns a transport that serves requests to any host in the caller's goroutine, without sockets. A cut connection is an
// error that wraps io.EOF, or io.ErrUnexpectedEOF in the middle of a body.
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

// serve runs the handler and reports whether it cut the connection.
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

// serverSide converts a client's request to the form that a server sees.
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

// cutReader ends the body of a cut connection.
type cutReader struct{}

// Read implements io.Reader.
func (cutReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
