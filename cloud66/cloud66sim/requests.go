package cloud66sim

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// keptRequests bounds the memory of requests; the oldest are forgotten first.
const keptRequests = 100_000

// Request is a request that arrived.
type Request struct {
	Method string
	Path   string // Path is as it was sent, with its escapes.
	Query  url.Values
	Body   string
	Header http.Header // Header is without the token: Authorization is "Bearer ***" where there was one.
	Time   time.Time   // Time is when it arrived.
	Status int         // Status is what was answered, 0 where nothing was (yet).
}

// Requests are the newest requests, 100,000 at most, oldest first.
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, 0, len(s.requests))
	for _, r := range s.requests {
		requests = append(requests, *r)
	}
	return requests
}

// Count is the number of all requests that ever arrived.
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

// settle notes what a request was answered with.
func (s *Sim) settle(record *Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record.Status = status
}
