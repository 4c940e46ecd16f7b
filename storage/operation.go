package storage

import "time"

// Journal holds requested but unsettled changes, by operation key.
var Journal = newTable[Entry]("journal")

// Entry is an unsettled change: neither executed nor reported to its author as not done.
type Entry struct {
	Operation  string    `json:"operation"`
	User       string    `json:"user"`
	Channel    string    `json:"channel"`
	What       string    `json:"what"`       // as it can be typed, as in "redeploy web --now"
	Deliveries []string  `json:"deliveries"` // Slack ids of its deliveries, newest last
	At         time.Time `json:"at"`         // time of receipt
}

// Operations holds settled changes by operation key, to detect a repeated delivery.
var Operations = newTable[Operation]("operations")

// Operation is a settled change, kept while Slack may deliver it again.
type Operation struct {
	Key        string    `json:"key"`
	User       string    `json:"user"`
	At         time.Time `json:"at"`
	Void       bool      `json:"void,omitempty"`       // it had no effect and may be requested again
	Deliveries []string  `json:"deliveries,omitempty"` // of a void one: Slack ids of its deliveries, which are not accepted again
}

// Cancels holds the cancellation requests, by DeploymentKey.
var Cancels = newTable[Cancel]("cancels")

// Cancel is a request through this bot to cancel a deployment.
type Cancel struct {
	User   string    `json:"user"`
	At     time.Time `json:"at"`
	Follow string    `json:"follow"`          // the follow whose card shows the outcome
	Sent   bool      `json:"sent,omitempty"`  // Cloud 66 accepted it
	Told   bool      `json:"told,omitempty"`  // the asker was told that it is unclear whether Cloud 66 accepted it
	Again  *Again    `json:"again,omitempty"` // a later request for the same cancellation, outcome unknown
	// Ended is how the deployment ended, as it was told; "" until then.
	Ended State `json:"ended,omitempty"`
	// Operations are those of the requests that were not refused. The deployment's end is their result.
	Operations []string `json:"operations,omitempty"`
}

// Again is a later request for the same cancellation.
type Again struct {
	User   string    `json:"user"`
	At     time.Time `json:"at"`
	Follow string    `json:"follow"`
}

// Explains reports whether the cancellation is the cause of a failure at that time, which Cloud 66 may tell in whole seconds. A failure
// before the request, or long after it, has another cause. What was told of the end is not judged again.
func (c *Cancel) Explains(failed time.Time) bool {
	const soon, taken = 5 * time.Minute, 30 * time.Minute
	switch {
	case c == nil:
		return false
	case c.Ended != "": // by both clocks
		return c.Ended == Cancelled
	}
	after := failed.Sub(c.At)
	return failed.IsZero() || !failed.Before(c.At.Truncate(time.Second)) && (after < soon || c.Sent && after < taken)
}
