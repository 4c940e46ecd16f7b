package cloud66sim

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// basePath is the only prefix that the API is served at.
const basePath = "/api/3/"

// maxBody bounds the request bodies, in bytes.
const maxBody = 1 << 20

// ServeHTTP serves one request: it is recorded, meets the fault that matches it, is answered from the state, and the answer is sent.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	record := s.record(r, body)
	fault := s.takeFault(r)
	if !fault.After && !fault.hold(r.Context()) || fault.CutBefore {
		panic(http.ErrAbortHandler)
	}
	var a answer
	switch tooLarge := new(http.MaxBytesError); {
	case errors.As(err, &tooLarge):
		a = refuse(http.StatusRequestEntityTooLarge, "bad_request", "The request is too large", nil)
	case err != nil:
		panic(http.ErrAbortHandler)
	case fault.carriesOut():
		a = s.answer(r, body)
	}
	a = fault.alter(a)
	if fault.After && !fault.hold(r.Context()) || fault.CutAfter {
		panic(http.ErrAbortHandler)
	}
	s.settle(record, a.status)
	if err := a.write(w, fault.Truncate); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// call is one request on its way to its handler.
type call struct {
	*http.Request

	body []byte
	now  time.Time
	vars map[string]string
}

// answer answers a request from the state, and says whatever holds for every request.
func (s *Sim) answer(r *http.Request, body []byte) answer {
	segments, found := apiSegments(r.URL)
	if !found {
		return htmlNotFound()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.dispatch(&call{Request: r, body: body, now: s.advance()}, segments)
	if id := r.Header.Get("Request-Id"); id != "" {
		a.header.Set("Request-Id", id)
	}
	return a
}

func (s *Sim) dispatch(c *call, segments []string) answer {
	matched, vars := matchRoute(c.Method, segments)
	if matched == nil {
		return notFound("The path was")
	}
	c.vars = vars
	if matched.scope == scopeNone {
		return matched.serve(s, c)
	}
	return s.authorised(c, matched)
}

// apiSegments are the decoded segments of a path below the base, without the optional ".json" at its end.
func apiSegments(u *url.URL) ([]string, bool) {
	path, found := strings.CutPrefix(u.EscapedPath(), basePath)
	if !found {
		return nil, false
	}
	segments := strings.Split(strings.TrimSuffix(path, ".json"), "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			return nil, false
		}
		segments[i] = decoded
	}
	return segments, true
}
