package slacksim

import (
	"net/http"
	"time"
)

// ResponseURL stands for the response_urls where a method is asked for.
const ResponseURL = "response_url"

// fault is what goes wrong with the next calls of a method.
type fault struct {
	times       int
	status      int           // HTTP status of a broken answer
	retryAfter  time.Duration // for 429
	code        string        // Slack's error
	body        string        // the whole answer, with HTTP status 200
	afterEffect bool          // carried out, then cut
	delay       time.Duration
	late        time.Duration // carried out so much later, whether or not the caller is still there
	channel     string        // the only one that meets it, "" for all
}

// Throttle answers the next calls of a method with 429 and the given Retry-After.
func (w *Workspace) Throttle(method string, retryAfter time.Duration, times int) {
	w.fault(method, fault{times: times, status: http.StatusTooManyRequests, retryAfter: retryAfter})
}

// FailCall answers the next calls of a method with Slack's error code and does
// nothing. With afterEffect the call is carried out and its answer is lost: the connection is cut.
func (w *Workspace) FailCall(method, code string, times int, afterEffect bool) {
	w.fault(method, fault{times: times, code: code, afterEffect: afterEffect})
}

// BreakCall answers the next calls of a method with an HTTP status and a page of HTML, as a proxy in trouble does.
func (w *Workspace) BreakCall(method string, status, times int) {
	w.fault(method, fault{times: times, status: status})
}

// AnswerCall answers the next calls of a method with a text instead of what Slack documents.
func (w *Workspace) AnswerCall(method, body string, times int) {
	w.fault(method, fault{times: times, status: http.StatusOK, body: body})
}

// MessagesTab turns the app's Messages Tab on or off, which the manifest has set.
func (w *Workspace) MessagesTab(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.app.messages = on
}

// SlowCall delays the next calls of a method before they are carried out.
func (w *Workspace) SlowCall(method string, delay time.Duration, times int) {
	w.fault(method, fault{times: times, delay: delay})
}

// LateCall carries the next calls of a method out after a delay, also where the caller has given up or died meanwhile.
func (w *Workspace) LateCall(method string, delay time.Duration, times int) {
	w.fault(method, fault{times: times, late: delay})
}

// FailIn is FailCall for the calls that name one channel.
func (w *Workspace) FailIn(channel, method, code string, times int) {
	w.fault(method, fault{times: times, code: code, channel: channel})
}

// ThrottleIn is Throttle for the calls that name one channel.
func (w *Workspace) ThrottleIn(channel, method string, retryAfter time.Duration, times int) {
	w.fault(method, fault{times: times, status: http.StatusTooManyRequests, retryAfter: retryAfter, channel: channel})
}

// RefuseBlocks refuses every message that has blocks, by whatever way it comes.
func (w *Workspace) RefuseBlocks(code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noForm = code
}

// RepeatPages has lists that are read in pages never end: the last page names another one, which is the first again.
func (w *Workspace) RepeatPages() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endless = true
}

// SetClock sets the workspace's clock ahead of the caller's, or behind it. Timestamps and the header Date show it.
func (w *Workspace) SetClock(ahead time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead, w.lastTS = ahead, 0
}

// ClearFaults ends all faults of calls.
func (w *Workspace) ClearFaults() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.faults)
}

func (w *Workspace) fault(method string, f fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[method] = append(w.faults[method], &f)
}

// nextFault takes the fault that the next call of a method meets; the zero fault is none.
func (w *Workspace) nextFault(method, channel string) fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.faults[method] {
		if f.times > 0 && (f.channel == "" || f.channel == channel) {
			f.times--
			return *f
		}
	}
	return fault{}
}

// pause waits out the fault's delay; it ends early when the caller or the workspace is gone.
func (w *Workspace) pause(r *http.Request, f fault) {
	if f.delay == 0 {
		return
	}
	timer := time.NewTimer(f.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-w.done:
	}
}
