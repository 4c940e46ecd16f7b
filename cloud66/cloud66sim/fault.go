package cloud66sim

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is something that goes wrong with requests. The first added fault that matches a request is the one it meets.
//
// Without a Status a request is carried out and Body, ContentType and Header, where given, replace parts of its answer. With one
// it is not carried out, unless After or CutAfter is set.
type Fault struct {
	Match    func(*http.Request) bool // Match says which requests meet it; nil is all. Method and PathPart must fit too.
	Method   string                   // Method narrows it to one method; empty is any.
	PathPart string                   // PathPart narrows it to paths that contain it.
	Times    int                      // Times is how many requests meet it; 0 means all until it is removed.

	Delay time.Duration   // Delay is how long the request waits, in real time.
	Block <-chan struct{} // Block holds the request until the channel is closed or gives a value. A synctest bubble makes its own.
	After bool            // After carries the request out first: Delay, Block and Status then concern the answer.

	Status      int               // Status is the status to answer with.
	Body        string            // Body is the body to answer with.
	ContentType string            // ContentType is the type to answer with.
	Header      map[string]string // Header are headers to set on the answer.

	CutBefore bool // CutBefore cuts the connection before anything is done.
	CutAfter  bool // CutAfter carries the request out and cuts the connection before the answer.
	Truncate  bool // Truncate cuts the connection in the middle of the answer's body.
}

type activeFault struct {
	Fault

	met int
}

// AddFault makes requests fail and returns what ends that.
func (s *Sim) AddFault(fault Fault) (remove func()) {
	active := &activeFault{Fault: fault}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, active)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dropFault(active)
	}
}

func (s *Sim) dropFault(active *activeFault) {
	s.faults = slices.DeleteFunc(s.faults, func(other *activeFault) bool { return other == active })
}

// takeFault is the fault that a request meets; the zero Fault does nothing.
func (s *Sim) takeFault(r *http.Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, active := range s.faults {
		if !active.matches(r) {
			continue
		}
		active.met++
		if active.met == active.Times {
			s.dropFault(active)
		}
		return active.Fault
	}
	return Fault{}
}

func (f Fault) matches(r *http.Request) bool {
	return (f.Method == "" || f.Method == r.Method) && strings.Contains(r.URL.Path, f.PathPart) && (f.Match == nil || f.Match(r))
}

func (f Fault) carriesOut() bool {
	return f.Status == 0 || f.After || f.CutAfter
}

// hold waits as the fault demands and tells whether the client is still there.
func (f Fault) hold(ctx context.Context) bool {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	if f.Block != nil {
		select {
		case <-f.Block:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// alter puts what the fault has of an answer in place of the real one's.
func (f Fault) alter(a answer) answer {
	if f.Status != 0 {
		a = answer{status: f.Status}
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	if f.Body != "" {
		a.body = []byte(f.Body)
	}
	if f.ContentType != "" {
		a.header.Set("Content-Type", f.ContentType)
	}
	for name, value := range f.Header {
		a.header.Set(name, value)
	}
	return a
}
