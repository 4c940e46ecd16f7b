package storage

import (
	"encoding/json"
	"time"
)

// Messages holds the desired state of messages in Slack, by the message's key.
var Messages = newTable[Message]("messages")

// Message is the desired state of one message in Slack. The outbox makes Slack match it.
type Message struct {
	Key       string          `json:"key"`
	Channel   string          `json:"channel"`
	Parent    string          `json:"parent,omitempty"`    // the key of the message whose thread this belongs in
	Broadcast bool            `json:"broadcast,omitempty"` // a reply that the channel sees too
	Text      string          `json:"text"`
	Blocks    json.RawMessage `json:"blocks,omitempty"`
	Urgent    bool            `json:"urgent,omitempty"` // a change of state; progress waits behind it
	Last      bool            `json:"last,omitempty"`   // no later revision will come
	Tell      []string        `json:"tell,omitempty"`   // the users who are told in direct messages where the channel takes it no more
	Order     int64           `json:"order"`            // counts the messages: an older one is delivered first
	Revision  int             `json:"revision"`         // counts what it ought to be
	Sent      int             `json:"sent"`             // the revision that Slack has
	Plain     int             `json:"plain,omitempty"`  // the revision whose blocks Slack refused: its text goes alone
	TS        string          `json:"ts,omitempty"`     // Slack's name for the message, once it stands there
	// Tried is the revision of a post that was begun and whose result is not recorded: search before posting.
	Tried   int       `json:"tried,omitempty"`
	TriedAt time.Time `json:"tried_at,omitzero"` // when that post was begun
	// Doubt is the time of a post whose earlier try may still show up: Slack is searched for a duplicate.
	Doubt     time.Time `json:"doubt,omitzero"`
	Refused   string    `json:"refused,omitempty"`  // why it is given up
	Refusing  string    `json:"refusing,omitempty"` // why Slack takes this revision not, which may pass
	Since     time.Time `json:"since,omitzero"`     // since when
	Missed    bool      `json:"missed,omitempty"`   // its last edit was given up
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
