package slacksim

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Kinds of events that consumers look for. The workspace records more: what people do, what is delivered and acknowledged, and violations.
const (
	KindConnected    = "connected"    // a socket said hello
	KindDisconnected = "disconnected" // a socket is gone
	KindClick        = "click"        // a person clicked; Text is the label
	KindSaid         = "said"         // a person posted a message
	KindViewClosed   = "view_closed"
	KindNack         = "nack" // a command, click or event was not acknowledged; Text says why
	KindPosted       = "posted"
	KindUpdated      = "updated"
	KindEphemeral    = "ephemeral" // shown to User alone
	KindDeleted      = "deleted"
)

// Event is one thing that happened in the workspace.
type Event struct {
	Time     time.Time
	Kind     string // such as one of the constants, or the name of a channel event
	Channel  string
	User     string
	TS       string
	Envelope string   // envelope_id, where it is about one
	Socket   int      // number of the socket, where it is about one
	Text     string   // what was typed, clicked or said, or the reason
	Message  *Message // the message as it became, where it is about one
	View     *View    // the view as it became, where it is about one
}

// Call is one call of the Web API or of a response_url.
type Call struct {
	Time   time.Time
	Method string            // ResponseURL for those
	Args   map[string]string // JSON values as their text; no token
	Status int               // HTTP status, 0 where the connection was cut
	Error  string            // Slack's error code, "" for a success
}

// Log returns everything that happened, in order.
func (w *Workspace) Log() []Event {
	defer w.lock()()
	return slices.Clone(w.events)
}

// Calls returns the calls of one method in order; "" means of all methods.
func (w *Workspace) Calls(method string) []Call {
	defer w.lock()()
	var calls []Call
	for _, c := range w.calls {
		if method == "" || c.Method == method {
			c.Args = maps.Clone(c.Args)
			calls = append(calls, c)
		}
	}
	return calls
}

// Violations lists every breach of the protocol so far; a correct app causes none.
func (w *Workspace) Violations() []string {
	defer w.lock()()
	return slices.Clone(w.violations)
}

func (w *Workspace) record(e Event) {
	e.Time = time.Now()
	w.events = append(w.events, e)
	w.touch()
}

func (w *Workspace) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.violations = append(w.violations, text)
	w.record(Event{Kind: "violation", Text: text})
}

func (w *Workspace) log(c *apiCall, status int, code string) {
	defer w.lock()()
	w.calls = append(w.calls, Call{Time: time.Now(), Method: c.name, Args: c.args, Status: status, Error: code})
	w.touch()
}
