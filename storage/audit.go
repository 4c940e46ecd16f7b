package storage

import "time"

// Audit holds decisions by NewID, hence in order of time.
var Audit = newTable[AuditEntry]("audit")

// AuditEntry records one decision: the asker, the request, the channel and the deciding rule.
type AuditEntry struct {
	At        time.Time `json:"at"`
	User      string    `json:"user"`
	Channel   string    `json:"channel"`
	Action    string    `json:"action"`         // the required right
	Asked     string    `json:"asked"`          // the request as a command line
	Stack     StackRef  `json:"stack,omitzero"` // zero if none was found or the action concerns none
	Operation string    `json:"operation"`
	Allowed   bool      `json:"allowed"`
	Rule      string    `json:"rule,omitempty"` // the id of the deciding rule
	Reason    string    `json:"reason"`
}
