package slacksim

import (
	"fmt"
	"net/http"
	"time"
)

// ResponseURL is the method name that stands for calls of response_urls.
const ResponseURL = "response_url"

// fault is a failure of the next calls of a method.
type fault struct {
	method      string
	channel     string // limits it to one channel; "" is all
	times       int
	status      int    // HTTP status of a reply that is not Slack's
	contentType string // of body
	body        string
	retryAfter  time.Duration // with status 429
	code        string        // Slack's error code
	afterEffect bool          // execute the call, then cut the connection
	delay       time.Duration // before execution
	late        time.Duration // execute the call this much later, even if the caller is gone
}

// Throttle makes the next calls of a method fail with 429 and the given Retry-After.
func (w *Workspace) Throttle(method string, retryAfter time.Duration, times int) {
	w.ThrottleIn("", method, retryAfter, times)
}

// ThrottleIn is Throttle limited to the calls that name a channel.
func (w *Workspace) ThrottleIn(channel, method string, retryAfter time.Duration, times int) {
	w.addFault(fault{method: method, channel: channel, times: times, status: http.StatusTooManyRequests, retryAfter: retryAfter})
}

// FailCall makes the next calls of a method fail with Slack's error code. With afterEffect they are executed and the connection is cut.
func (w *Workspace) FailCall(method, code string, times int, afterEffect bool) {
	w.addFault(fault{method: method, times: times, code: code, afterEffect: afterEffect})
}

// FailIn is FailCall, without afterEffect, limited to the calls that name a channel.
func (w *Workspace) FailIn(channel, method, code string, times int) {
	w.addFault(fault{method: method, channel: channel, times: times, code: code})
}

// BreakCall answers the next calls of a method with an HTTP status and an HTML page, as a failing proxy does.
func (w *Workspace) BreakCall(method string, status, times int) {
	page := fmt.Sprintf("<html><body><h1>%s</h1></body></html>", http.StatusText(status))
	w.addFault(fault{method: method, times: times, status: status, contentType: "text/html; charset=utf-8", body: page})
}

// AnswerCall answers the next calls of a method with status 200 and an arbitrary body.
func (w *Workspace) AnswerCall(method, body string, times int) {
	w.addFault(fault{method: method, times: times, status: http.StatusOK, contentType: "application/json; charset=utf-8", body: body})
}

// SlowCall delays the execution of the next calls of a method.
func (w *Workspace) SlowCall(method string, delay time.Duration, times int) {
	w.addFault(fault{method: method, times: times, delay: delay})
}

// LateCall executes the next calls of a method after a delay, even if the caller has given up or died meanwhile.
func (w *Workspace) LateCall(method string, delay time.Duration, times int) {
	w.addFault(fault{method: method, times: times, late: delay})
}

// ClearFaults removes all faults of calls.
func (w *Workspace) ClearFaults() {
	defer w.lock()()
	clear(w.faults)
}

// RefuseBlocks refuses every message of the app that has blocks, in a call or acknowledgement, with an error code. An empty code ends it.
func (w *Workspace) RefuseBlocks(code string) {
	defer w.lock()()
	w.noBlocks = code
}

// RepeatPages makes message lists endless: every page names a next one, which starts with the same message again.
func (w *Workspace) RepeatPages() {
	defer w.lock()()
	w.endless = true
}

func (w *Workspace) addFault(f fault) {
	defer w.lock()()
	w.faults[f.method] = append(w.faults[f.method], &f)
}

// nextFault consumes one use of the first fault that matches a call. The zero fault does nothing.
func (w *Workspace) nextFault(method, channel string) fault {
	defer w.lock()()
	for _, f := range w.faults[method] {
		if f.times > 0 && (f.channel == "" || f.channel == channel) {
			f.times--
			return *f
		}
	}
	return fault{}
}

// pause waits for d, or until the caller is gone or the workspace is closed.
func (w *Workspace) pause(r *http.Request, d time.Duration) {
	if d == 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	case <-w.done:
	}
}
