package storage

import "time"

// Journal holds changes that were asked for and are not settled, by operation key.
var Journal = newTable[Entry]("journal")

// Entry is an unsettled change: neither carried out nor reported to its author as not done.
type Entry struct {
	Operation  string    `json:"operation"`
	User       string    `json:"user"`
	Channel    string    `json:"channel"`
	What       string    `json:"what"`       // as it can be typed, as in "redeploy web --now"
	Deliveries []string  `json:"deliveries"` // Slack's ids of what brought it, the newest last
	At         time.Time `json:"at"`         // when it was received
}

// Operations holds settled changes, by operation key, so that a second delivery is recognised.
var Operations = newTable[Operation]("operations")

// Operation is a settled change, kept while Slack may deliver it again.
type Operation struct {
	Key        string    `json:"key"`
	User       string    `json:"user"`
	At         time.Time `json:"at"`
	Void       bool      `json:"void,omitempty"`       // nothing came of it, so that it may be asked for again
	Deliveries []string  `json:"deliveries,omitempty"` // of a void one: what brought it, which brings it no more
}

// Cancels holds who asked for the cancellation of a deployment, by DeploymentKey.
var Cancels = newTable[Cancel]("cancels")

// Cancel is a request to cancel a deployment through this bot.
type Cancel struct {
	User   string    `json:"user"`
	At     time.Time `json:"at"`
	Follow string    `json:"follow"`          // the follow whose card shows what becomes of it
	Sent   bool      `json:"sent,omitempty"`  // Cloud 66 has taken it
	Told   bool      `json:"told,omitempty"`  // whoever asked was told that it is not clear whether Cloud 66 has taken it
	Again  *Again    `json:"again,omitempty"` // a later wish for the same, of which it is not known what became
}

// Again is a later request for the same cancellation.
type Again struct {
	User   string    `json:"user"`
	At     time.Time `json:"at"`
	Follow string    `json:"follow"`
}

// Explains reports whether the cancel is the reason why a deployment failed at that time. One that fails long after failed by
// itself.
func (c *Cancel) Explains(failed time.Time) bool {
	const soon, taken = 5 * time.Minute, 30 * time.Minute
	if c == nil {
		return false
	}
	after := failed.Sub(c.At)
	return failed.IsZero() || after < soon || (c.Sent && after < taken)
}
