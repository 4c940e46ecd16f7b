package storage

import (
	"slices"
	"time"
)

// Follows holds the followed deployments, one for each card, by the follow's id.
var Follows = newTable[Follow]("follows")

// Follow is one card in one channel: a deployment that is followed to its end.
type Follow struct {
	ID          string    `json:"id"`
	Stack       StackRef  `json:"stack"`
	Deployment  int64     `json:"deployment,omitempty"` // 0 until it is known
	Channel     string    `json:"channel"`
	Asker       string    `json:"asker"` // Slack user id
	AskedAt     time.Time `json:"asked_at"`
	Phase       Phase     `json:"phase"`
	Wish        *Wish     `json:"wish,omitempty"`        // what was asked of Cloud 66; nil where somebody else started the deployment
	State       State     `json:"state"`                 // what the card shows
	Told        []State   `json:"told,omitempty"`        // the states that the thread has heard of, oldest first
	SilentSince time.Time `json:"silent_since,omitzero"` // since when looks have failed, where that was told
	Missing     int       `json:"missing,omitempty"`     // looks in a row that did not find the deployment
	MissedSince time.Time `json:"missed_since,omitzero"` // when the first of them was
	StartedAt   time.Time `json:"started_at,omitzero"`
	Usual       int64     `json:"usual_seconds,omitempty"` // the stack's usual time when last looked
	EndedAt     time.Time `json:"ended_at,omitzero"`
	Subscribed  bool      `json:"subscribed,omitempty"` // a subscription has brought the card
	Said        string    `json:"said,omitempty"`       // what Cloud 66 said of a wish that came to nothing
}

// Phase is how far a follow has come.
type Phase string

// The phases of a follow, in the order in which a redeploy runs through them.
const (
	PhaseCarded    Phase = "carded"    // the card is asked for, nothing was sent to Cloud 66
	PhaseSending   Phase = "sending"   // the POST is about to be made or was made: its result is not known
	PhaseFinding   Phase = "finding"   // the wish has arrived or may have: its deployment is looked for
	PhaseFollowing Phase = "following" // the deployment is known and has not ended
	PhaseEnded     Phase = "ended"     // all that is to be told is in the outbox
)

// State is the state of a followed deployment, as shown to people.
type State string

// The states. From Succeeded on they are ends.
const (
	Asked     State = "asked"
	Queued    State = "queued"
	Started   State = "started"
	Slow      State = "slow"
	Lost      State = "lost"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Cancelled State = "cancelled"
	Refused   State = "refused"  // Cloud 66 certainly did not take the wish
	Unclear   State = "unclear"  // whether it took the wish cannot be found out
	Unposted  State = "unposted" // nothing was sent, because the card came too late
	Vanished  State = "vanished" // the deployment or its stack is not there any more
)

// End reports whether the state is final.
func (s State) End() bool {
	return slices.Contains([]State{Succeeded, Failed, Cancelled, Refused, Unclear, Unposted, Vanished}, s)
}

// Wish is a redeploy as it was asked for, and what is known of its way to Cloud 66.
type Wish struct {
	Reference    string    `json:"user_reference"` // our own, by which the stack action is found again
	Ref          string    `json:"ref,omitempty"`
	Services     string    `json:"services,omitempty"` // "name:tag,name"
	Profile      string    `json:"profile,omitempty"`
	Reason       string    `json:"reason,omitempty"`
	NewestBefore int64     `json:"newest_before"` // the newest deployment's id before the POST
	SentAt       time.Time `json:"sent_at,omitzero"`
	Arrived      bool      `json:"arrived,omitempty"` // the stack action or an answer proves that it did
	Claimed      int64     `json:"claimed,omitempty"` // the deployment id that the answer gave, until a list shows it
	Warning      string    `json:"warning,omitempty"` // what Cloud 66 had to say beside its answer
	Looks        int       `json:"looks,omitempty"`   // how often the deployment was looked for
}

// Wishes holds the follow whose redeploy became a deployment, by DeploymentKey.
var Wishes = newTable[WishOf]("wishes")

// Heard holds the follow by which a channel hears of a deployment, by HeardKey.
var Heard = newTable[WishOf]("heard")

// WishOf refers from a deployment to a follow.
type WishOf struct {
	Follow string    `json:"follow"`
	At     time.Time `json:"at"`
}

// HeardKey is the key of a deployment in a channel.
func HeardKey(stackUID string, id int64, channel string) string {
	return DeploymentKey(stackUID, id) + "/" + channel
}
