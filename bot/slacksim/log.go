package slacksim

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Kinds of events that the workspace records.
const (
	KindConnected    = "connected"    // a socket said hello
	KindDisconnected = "disconnected" // a socket is gone
	KindAnnounced    = "announced"    // a disconnect frame was sent; Text is the reason
	KindCommand      = "command"      // a person sent a slash command; Text is the command
	KindClick        = "click"        // a person clicked; Text is the label
	KindSaid         = "said"         // a person posted a message
	KindSubmitted    = "submitted"    // a person submitted a view; Text is its callback_id
	KindSearched     = "searched"     // a person typed into an external select; Text is what
	KindShortcut     = "shortcut"     // a person used a shortcut; Text is its callback_id
	KindViewOpened   = "view_opened"  // Text is the title
	KindViewUpdated  = "view_updated" // a view shows something else
	KindViewClosed   = "view_closed"
	KindDelivered    = "delivered" // an envelope went to a socket
	KindAcked        = "acked"     // an envelope was acknowledged
	KindNack         = "nack"      // a command, click or event was not acknowledged; Text says why
	KindPosted       = "posted"
	KindUpdated      = "updated"
	KindEphemeral    = "ephemeral" // shown to User alone
	KindDeleted      = "deleted"
	KindViolation    = "violation" // the app broke the protocol; Text says how
)

// Event is one thing that happened in the workspace.
type Event struct {
	Time     time.Time
	Kind     string // one of the Kind constants, or the name of a channel event
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
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// Calls returns the calls of one method in order; "" means of all methods.
func (w *Workspace) Calls(method string) []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
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
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.violations)
}

// record appends an event and wakes whoever waits. The lock is held.
func (w *Workspace) record(e Event) {
	e.Time = time.Now()
	w.events = append(w.events, e)
	w.touch()
}

// violate records a breach of the protocol. The lock is held.
func (w *Workspace) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.violations = append(w.violations, text)
	w.record(Event{Kind: KindViolation, Text: text})
}

// log records a call.
func (w *Workspace) log(c *apiCall, status int, code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, Call{Time: time.Now(), Method: c.name, Args: c.args, Status: status, Error: code})
	w.touch()
}
