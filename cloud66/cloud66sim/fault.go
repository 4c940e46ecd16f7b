package cloud66sim

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is a failure of matching requests. The first added fault that matches a request applies to it.
//
// Without Status the request is executed; Body, Edit, ContentType and Header, if set, replace parts of the response. With Status it is not
// executed unless After or CutAfter is set.
type Fault struct {
	Match    func(*http.Request) bool // Match selects requests, in addition to Method and PathPart; nil matches all.
	Method   string                   // Method limits it to a method; empty is any.
	PathPart string                   // PathPart limits it to paths that contain it.
	Times    int                      // Times is the number of affected requests; 0 means all until removal.

	Delay time.Duration   // Delay holds the request, in real time.
	Block <-chan struct{} // Block holds the request until a receive succeeds. In a synctest bubble, make the channel inside it.
	After bool            // After executes the request first; Delay, Block and Status then apply to the response.

	Status      int               // Status replaces the status of the response.
	Body        string            // Body replaces the body.
	Edit        func(Object)      // Edit changes the JSON object in the body. Each makes one for the records in it.
	ContentType string            // ContentType replaces the media type.
	Header      map[string]string // Header is added to the headers.

	CutBefore bool // CutBefore cuts the connection before the execution.
	CutAfter  bool // CutAfter executes the request and cuts the connection before the response.
	Truncate  bool // Truncate cuts the connection in the middle of the response's body.
}

// Object is a decoded JSON object.
type Object = map[string]any

// Each returns a Fault.Edit that changes every record of a response: the one object, or the items of a list.
func Each(edit func(record Object)) func(answer Object) {
	return func(answer Object) {
		records, _ := answer["response"].([]any)
		for _, record := range append(records, answer["response"]) {
			if record, ok := record.(Object); ok {
				edit(record)
			}
		}
	}
}

type activeFault struct {
	Fault

	met int
}

// AddFault adds a fault and returns the function that removes it.
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

// takeFault consumes one use of the first fault that matches a request. The zero Fault does nothing.
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

// hold waits for Delay and Block. It returns false if the client is gone first.
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

// alter replaces the parts of a response that the fault sets.
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
	if answered := (Object{}); f.Edit != nil && json.Unmarshal(a.body, &answered) == nil {
		f.Edit(answered)
		a.body = marshal(answered)
	}
	if f.ContentType != "" {
		a.header.Set("Content-Type", f.ContentType)
	}
	for name, value := range f.Header {
		a.header.Set(name, value)
	}
	return a
}
