package storage

import (
	"encoding/json"
	"time"
)

// Messages holds the desired state of messages in Slack, by Message.Key.
var Messages = newTable[Message]("messages")

// Message is the desired state of a message in Slack. The outbox reconciles Slack with it.
type Message struct {
	Key       string          `json:"key"`
	Channel   string          `json:"channel"`
	Parent    string          `json:"parent,omitempty"`    // key of the thread's parent message
	Broadcast bool            `json:"broadcast,omitempty"` // a reply that is also shown in the channel
	Text      string          `json:"text"`
	Blocks    json.RawMessage `json:"blocks,omitempty"`
	Running   json.RawMessage `json:"running,omitempty"` // what the outbox draws it from whenever it sends it, if it shows a running time
	Urgent    bool            `json:"urgent,omitempty"`  // a change of state; progress updates wait behind it
	Last      bool            `json:"last,omitempty"`    // no further revision follows
	Tell      []string        `json:"tell,omitempty"`    // users to notify by direct message if the channel stops accepting it
	Order     int64           `json:"order"`             // sequence number; older messages are delivered first
	Revision  int             `json:"revision"`          // incremented by every change of the desired state
	Sent      int             `json:"sent"`              // the revision that Slack shows
	Plain     int             `json:"plain,omitempty"`   // the revision whose blocks Slack refused; only its text is sent
	TS        string          `json:"ts,omitempty"`      // Slack's timestamp of the message, once posted
	// Doubt is the time of a post whose earlier attempt may still appear: search Slack for a duplicate.
	Doubt     time.Time `json:"doubt,omitzero"`
	Refused   string    `json:"refused,omitempty"`  // why delivery was abandoned
	Refusing  string    `json:"refusing,omitempty"` // why Slack refuses the post at present; may be temporary
	Since     time.Time `json:"since,omitzero"`     // since when Slack has refused it
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Delivered reports whether nothing is left to send.
func (m Message) Delivered() bool { return m.Refused != "" || m.Sent >= m.Revision }

// Pending reports whether something is left to send, or to search for in Slack.
func (m Message) Pending() bool {
	return m.Refused == "" && (m.TS == "" || !m.Delivered() || !m.Doubt.IsZero())
}

// Counters holds counters by name.
var Counters = newTable[int64]("counters")
