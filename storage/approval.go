package storage

import (
	"errors"
	"time"
)

// Protections holds the protections of all channels, by Protection.ID.
var Protections = newTable[Protection]("protections").counted()

// Protection has changes of stacks wait for approval, or admits only what was live elsewhere before.
type Protection struct {
	ID        string    `json:"id"`      // short, unique
	Channel   string    `json:"channel"` // where it was made
	Stacks    string    `json:"stacks"`  // a glob, as typed
	Approvals int       `json:"approvals"`
	Group     string    `json:"group,omitempty"` // the user group whose members may approve; "" for whoever has the right
	After     string    `json:"after,omitempty"` // the environment on whose stack of that name a commit must have been live
	By        string    `json:"by"`              // Slack user id of the author
	At        time.Time `json:"at"`
}

// Approvals holds the changes that wait for approval, or waited, by Approval.ID.
var Approvals = newTable[Approval]("approvals")

// Approval is a redeploy that waits for the approval of others.
type Approval struct {
	ID        string       `json:"id"`
	Channel   string       `json:"channel"`
	Operation string       `json:"operation"` // by which it was asked for
	Asked     string       `json:"asked"`     // the request as a command line
	At        time.Time    `json:"at"`
	Until     time.Time    `json:"until"`
	Follow    Follow       `json:"follow"` // what begins when it is approved
	Live      int64        `json:"live,omitempty"`
	LiveHash  string       `json:"live_hash,omitempty"`
	LivePage  string       `json:"live_page,omitempty"` // the page of its commit
	Overrides []string     `json:"overrides,omitempty"` // the locks that the asker, an admin, overrides
	Needs     []Protection `json:"needs"`               // as they were when it was asked for
	// GroupChanged is when the group of approvers was changed, if that was within the last day.
	GroupChanged time.Time `json:"group_changed,omitzero"`
	Given        []Given   `json:"given,omitempty"`
	Changed      string    `json:"changed,omitempty"` // why approval is asked for again
	State        Verdict   `json:"state"`
	By           string    `json:"by,omitempty"`     // who rejected it
	Reason       string    `json:"reason,omitempty"` // why
	EndedAt      time.Time `json:"ended_at,omitzero"`
	Told         bool      `json:"told,omitempty"` // its message shows how it ended
}

// PutApproval stores a request, and in the audit how it stands.
func PutApproval(tx Tx, a Approval) error {
	return errors.Join(Approvals.Put(tx, a.ID, a), PutResult(tx, a.Operation, Result{Outcome: State(a.State)}))
}

// Given is one person's approval.
type Given struct {
	User string    `json:"user"`
	At   time.Time `json:"at"`
}

// Verdict is what became of an approval.
type Verdict string

// The verdicts. Waiting alone is not final.
const (
	Waiting   Verdict = "waiting"
	Approved  Verdict = "approved"
	Rejected  Verdict = "rejected"
	Expired   Verdict = "expired"
	Withdrawn Verdict = "withdrawn"
)
