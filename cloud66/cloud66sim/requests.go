package cloud66sim

import (
	"net/http"
	"net/url"
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

// requestLog is a ring of the newest requests.
type requestLog struct {
	total int
	ring  []*Request
}

// Requests are the newest 100,000 requests, oldest first.
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.requests.ring
	requests := make([]Request, 0, len(kept))
	for i := range kept {
		requests = append(requests, *kept[(s.requests.total+i)%len(kept)])
	}
	return requests
}

// Count is the number of all requests that ever arrived.
func (s *Sim) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests.total
}

func (s *Sim) record(r *http.Request, body []byte) *Request {
	record := &Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Body: string(body), Header: withoutToken(r.Header), Time: time.Now(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	log := &s.requests
	if len(log.ring) < keptRequests {
		log.ring = append(log.ring, record)
	} else {
		log.ring[log.total%keptRequests] = record
	}
	log.total++
	return record
}

// settle notes what a request was answered with.
func (s *Sim) settle(record *Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record.Status = status
}
