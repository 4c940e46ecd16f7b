package slacksim

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// The kinds of events that consumers look for. The workspace records others too: acts of people, deliveries, acknowledgements, violations.
const (
	KindConnected    = "connected"    // a socket said hello
	KindDisconnected = "disconnected" // a socket is gone
	KindClick        = "click"        // a person clicked; Text is the label
	KindSaid         = "said"         // a person posted a message
	KindViewClosed   = "view_closed"
	KindNack         = "nack" // a command, click or event failed; Text is the error code
	KindPosted       = "posted"
	KindUpdated      = "updated"
	KindEphemeral    = "ephemeral" // shown to User alone
	KindDeleted      = "deleted"
)

// Event is one entry of the workspace's log.
type Event struct {
	Time     time.Time
	Kind     string // one of the constants, the type of a channel event, or another name
	Channel  string
	User     string
	TS       string
	Envelope string   // envelope_id, if any
	Socket   int      // number of the socket, if any
	Text     string   // the text typed, clicked or said, or the reason
	Message  *Message // snapshot of the message after the event, if any
	View     *View    // snapshot of the view after the event, if any
}

// Call records one call of the Web API or of a response_url.
type Call struct {
	Time   time.Time
	Method string            // ResponseURL for a response_url
	Args   map[string]string // JSON values as text; without the token
	Status int               // HTTP status, 0 if the connection was cut
	Error  string            // Slack's error code, "" for a success
}

// Log returns all events in order.
func (w *Workspace) Log() []Event {
	defer w.lock()()
	return slices.Clone(w.events)
}

// Calls returns the calls of one method in order, or of all methods for "".
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

// Violations returns all breaches of the protocol so far. A correct app causes none.
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
