package cloud66sim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// redirected sends every request to one host.
type redirected struct {
	*http.Transport

	host string
}

func (r redirected) RoundTrip(req *http.Request) (*http.Response, error) {
	req.URL.Scheme, req.URL.Host = "http", r.host
	return r.Transport.RoundTrip(req)
}

// transports are the two ways to a Sim: in process and through a socket.
func transports(t *testing.T, s *Sim) map[string]http.RoundTripper {
	t.Helper()
	server := httptest.NewServer(s)
	bySocket := redirected{Transport: &http.Transport{}, host: server.Listener.Addr().String()}
	t.Cleanup(func() {
		bySocket.CloseIdleConnections()
		server.Close()
	})
	return map[string]http.RoundTripper{"in process": s.RoundTripper(), "by socket": bySocket}
}

// exchange makes a request and reads its answer, of which the status and the header are valid though the body was cut.
func exchange(transport http.RoundTripper, req *http.Request) (reply, error) {
	res, err := transport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	text, err := io.ReadAll(res.Body)
	return reply{status: res.StatusCode, header: res.Header, text: string(text)}, errors.Join(err, res.Body.Close())
}

func TestFaultsAlterAnswersOrCutConnections(t *testing.T) {
	tests := map[string]struct {
		fault  Fault
		status int   // 0: no answer
		err    error // of the answer or of its body
		text   string
		done   int // deployments begun
	}{
		"no fault fits":               {Fault{Method: "GET", Status: 500}, 200, nil, "scheduled", 1},
		"another path":                {Fault{PathPart: "/actions", Status: 500}, 200, nil, "scheduled", 1},
		"a match that declines":       {Fault{Match: func(*http.Request) bool { return false }, Status: 500}, 200, nil, "scheduled", 1},
		"a status alone is empty":     {Fault{Status: 503}, 503, nil, "", 0},
		"a body of another kind":      {Fault{Status: 502, Body: "<html>", ContentType: "text/html"}, 502, nil, "<html>", 0},
		"a status after it was done":  {Fault{Status: 500, After: true}, 500, nil, "", 1},
		"an unreadable answer":        {Fault{Body: "{"}, 200, nil, "{", 1},
		"a cut before anything":       {Fault{CutBefore: true}, 0, io.EOF, "", 0},
		"a cut after it was done":     {Fault{CutAfter: true}, 0, io.EOF, "", 1},
		"a cut in the answer's body":  {Fault{Truncate: true}, 200, io.ErrUnexpectedEOF, "", 1},
		"a header beside the answer":  {Fault{Header: map[string]string{"X-Cloud66-Warning": "careful"}}, 200, nil, "scheduled", 1},
		"a delay before it is served": {Fault{Delay: time.Nanosecond}, 200, nil, "scheduled", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := New(Options{})
			for way, transport := range transports(t, s) {
				s.AddStack(railsStack())
				remove := s.AddFault(test.fault)
				got, err := exchange(transport, newRequest(t, http.MethodPost, "http://cloud66.example/api/3/stacks/rails/deployments", ""))
				remove()
				if !errors.Is(err, test.err) || got.status != test.status {
					t.Errorf("%s: status %d, error %v", way, got.status, err)
				}
				if err == nil && got.text != test.text && (test.text == "" || !strings.Contains(got.text, test.text)) {
					t.Errorf("%s: body %q, want %q", way, got.text, test.text)
				}
				for name, want := range test.fault.Header {
					if got.header.Get(name) != want {
						t.Errorf("%s: %s is %q, want %q", way, name, got.header.Get(name), want)
					}
				}
				if got := len(s.Deployments("rails")); got != test.done {
					t.Errorf("%s: %d deployments, want %d", way, got, test.done)
				}
			}
		})
	}
}

func TestAFaultEndsAfterItsTimesOrWhenItIsRemoved(t *testing.T) {
	s := New(Options{})
	s.AddFault(Fault{Status: 500, Times: 2})
	remove := s.AddFault(Fault{Status: 502})
	var got []int
	for range 4 {
		got = append(got, get(t, s, "/stacks").status)
	}
	remove()
	got = append(got, get(t, s, "/stacks").status)
	expect(t, "statuses", []int{500, 500, 502, 502, 200}, got)
}

func TestAFaultDelaysTheRequestOrItsAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		fault Fault
		state []State // half-way
	}{
		"before it is carried out": {Fault{Delay: time.Minute}, nil},
		"after":                    {Fault{Delay: time.Minute, After: true}, []State{Running}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := withStack(Options{})
				s.AddFault(test.fault)
				done := make(chan time.Time)
				go func() {
					send(t, s, http.MethodPost, "/stacks/rails/deployments", "")
					done <- time.Now()
				}()
				begin := time.Now()
				pass(30 * time.Second)
				expect(t, "half-way", test.state, states(s, "rails"))
				if took := (<-done).Sub(begin); took != time.Minute {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestABlockedRequestWaitsForTheChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		block := make(chan struct{})
		s.AddFault(Fault{Block: block, Times: 1})
		done := make(chan int)
		go func() { done <- get(t, s, "/stacks").status }()
		pass(time.Hour)
		if got := s.Requests(); len(got) != 1 || got[0].Status != 0 {
			t.Errorf("while it waits: %+v", got)
		}
		close(block)
		if got := <-done; got != http.StatusOK {
			t.Errorf("status %d", got)
		}
	})
}

func TestAClientMayGiveUpOnAHeldRequest(t *testing.T) {
	for name, test := range map[string]struct {
		fault  Fault
		blocks bool
	}{
		"that is delayed":      {Fault{Delay: time.Hour}, false},
		"that is blocked":      {Fault{}, true},
		"whose answer is slow": {Fault{Delay: time.Hour, After: true}, false},
		"that is not answered": {Fault{After: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := withStack(Options{})
				if test.blocks {
					test.fault.Block = make(chan struct{})
				}
				s.AddFault(test.fault)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				req := newRequest(t, http.MethodPost, "http://cloud66.example/api/3/stacks/rails/deployments", "").WithContext(ctx)
				res, err := s.RoundTripper().RoundTrip(req)
				if err == nil {
					_ = res.Body.Close()
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				if done := len(s.Deployments("rails")) == 1; done != test.fault.After {
					t.Errorf("carried out: %v, want %v", done, test.fault.After)
				}
			})
		})
	}
}
