package storage

import (
	"encoding/json"
	"time"
)

// Messages holds what ought to stand in Slack, by the message's key.
var Messages = newTable[Message]("messages")

// Message is what ought to stand in one place in Slack. The outbox brings Slack to it.
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
	// Tried is the revision of a post that was begun and whose result is not recorded: look before posting.
	Tried   int       `json:"tried,omitempty"`
	TriedAt time.Time `json:"tried_at,omitzero"` // when that post was begun
	// Doubt is when it was posted though an earlier try may show up yet: Slack is searched for a second one.
	Doubt     time.Time `json:"doubt,omitzero"`
	Refused   string    `json:"refused,omitempty"`  // why it is given up
	Refusing  string    `json:"refusing,omitempty"` // why Slack takes this revision not, which may pass
	Since     time.Time `json:"since,omitzero"`     // since when
	Missed    bool      `json:"missed,omitempty"`   // its last edit was given up
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Delivered reports whether nothing remains to be sent of it.
func (m Message) Delivered() bool { return m.Refused != "" || m.Sent >= m.Revision }

// Pending reports whether something is to be sent of it, or looked for in Slack.
func (m Message) Pending() bool {
	return m.Refused == "" && (m.TS == "" || !m.Delivered() || !m.Doubt.IsZero())
}

// Counters holds what was counted last, by the name of what is counted.
var Counters = newTable[int64]("counters")
