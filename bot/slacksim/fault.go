package slacksim

import (
	"fmt"
	"net/http"
	"time"
)

// ResponseURL stands for the response_urls where a method is asked for.
const ResponseURL = "response_url"

// fault is what goes wrong with the next calls of a method.
type fault struct {
	method      string
	channel     string // the only one that meets it, "" for all
	times       int
	status      int    // HTTP status of an answer that is not Slack's
	contentType string // and what it holds
	body        string
	retryAfter  time.Duration // with the status 429
	code        string        // Slack's error
	afterEffect bool          // carried out, then cut
	delay       time.Duration // before it is carried out
	late        time.Duration // carried out so much later, whether or not the caller is still there
}

// Throttle answers the next calls of a method with 429 and the given Retry-After.
func (w *Workspace) Throttle(method string, retryAfter time.Duration, times int) {
	w.ThrottleIn("", method, retryAfter, times)
}

// ThrottleIn is Throttle for the calls that name one channel.
func (w *Workspace) ThrottleIn(channel, method string, retryAfter time.Duration, times int) {
	w.addFault(fault{method: method, channel: channel, times: times, status: http.StatusTooManyRequests, retryAfter: retryAfter})
}

// FailCall fails the next calls of a method with Slack's error code. With afterEffect they are carried out and the connection is cut.
func (w *Workspace) FailCall(method, code string, times int, afterEffect bool) {
	w.addFault(fault{method: method, times: times, code: code, afterEffect: afterEffect})
}

// FailIn is FailCall for the calls that name one channel.
func (w *Workspace) FailIn(channel, method, code string, times int) {
	w.addFault(fault{method: method, channel: channel, times: times, code: code})
}

// BreakCall answers the next calls of a method with an HTTP status and a page of HTML, as a proxy in trouble does.
func (w *Workspace) BreakCall(method string, status, times int) {
	page := fmt.Sprintf("<html><body><h1>%s</h1></body></html>", http.StatusText(status))
	w.addFault(fault{method: method, times: times, status: status, contentType: "text/html; charset=utf-8", body: page})
}

// AnswerCall answers the next calls of a method with a text instead of what Slack documents.
func (w *Workspace) AnswerCall(method, body string, times int) {
	w.addFault(fault{method: method, times: times, status: http.StatusOK, contentType: "application/json; charset=utf-8", body: body})
}

// SlowCall delays the next calls of a method before they are carried out.
func (w *Workspace) SlowCall(method string, delay time.Duration, times int) {
	w.addFault(fault{method: method, times: times, delay: delay})
}

// LateCall carries the next calls of a method out after a delay, also where the caller has given up or died meanwhile.
func (w *Workspace) LateCall(method string, delay time.Duration, times int) {
	w.addFault(fault{method: method, times: times, late: delay})
}

// ClearFaults ends all faults of calls.
func (w *Workspace) ClearFaults() {
	defer w.lock()()
	clear(w.faults)
}

// RefuseBlocks refuses every message that has blocks, by whatever way it comes.
func (w *Workspace) RefuseBlocks(code string) {
	defer w.lock()()
	w.noBlocks = code
}

// RepeatPages has lists that are read in pages never end: the last page names another one, which is the first again.
func (w *Workspace) RepeatPages() {
	defer w.lock()()
	w.endless = true
}

func (w *Workspace) addFault(f fault) {
	defer w.lock()()
	w.faults[f.method] = append(w.faults[f.method], &f)
}

// nextFault takes the fault that the next call of a method meets; the zero fault is none.
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

// pause waits; it ends early when the caller or the workspace is gone.
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
