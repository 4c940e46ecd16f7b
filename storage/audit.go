package storage

import "time"

// Audit holds decisions by an id that sorts by time.
var Audit = newTable[AuditEntry]("audit")

// AuditEntry is one decision: who asked for what, where, and which rule decided.
type AuditEntry struct {
	At        time.Time `json:"at"`
	User      string    `json:"user"`
	Channel   string    `json:"channel"`
	Action    string    `json:"action"`         // the right that was needed
	Asked     string    `json:"asked"`          // what was asked for, in the words of a command
	Stack     StackRef  `json:"stack,omitzero"` // zero where none was found, or none is concerned
	Operation string    `json:"operation"`
	Allowed   bool      `json:"allowed"`
	Rule      string    `json:"rule,omitempty"` // the id of the rule that decided
	Reason    string    `json:"reason"`
}
