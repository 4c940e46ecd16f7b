package storage

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Follows holds the followed deployments, one for each card, by Follow.ID. PutFollow writes it.
var Follows = newTable[Follow]("follows")

// Open indexes the follows that have not ended: their phase, by the UID of the stack, a slash and Follow.ID.
var Open = newTable[Phase]("open")

// Unlisted indexes the follows that have ended without a deployment that Cloud 66 shows, by the UID of the stack, a slash and Follow.ID: it
// may show it yet.
var Unlisted = newTable[WishOf]("unlisted")

// PutFollow stores a follow and its entries in Open and Unlisted.
func PutFollow(tx Tx, f Follow) error {
	err, key := Follows.Put(tx, f.ID, f), f.Stack.UID+"/"+f.ID
	if f.Unlisted() {
		err = errors.Join(err, Unlisted.Put(tx, key, WishOf{Follow: f.ID, At: f.EndedAt}))
	} else {
		err = errors.Join(err, Unlisted.Delete(tx, key))
	}
	if f.Phase == PhaseEnded {
		return errors.Join(err, Open.Delete(tx, key))
	}
	return errors.Join(err, Open.Put(tx, key, f.Phase))
}

// Unlisted reports whether the follow has ended without a deployment that Cloud 66 shows.
func (f Follow) Unlisted() bool {
	if f.Phase != PhaseEnded || f.State == Refused || f.State == Unposted {
		return false
	}
	return f.State == Vanished || f.Wish != nil && (f.Deployment == 0 || f.Wish.Action != nil)
}

// OpenFollows returns the open follows of a stack, or of all stacks if stackUID is empty, in the given phases or in any, oldest first. A
// damaged one is left out and reported in the error.
func OpenFollows(tx Tx, stackUID string, in ...Phase) (follows []Follow, err error) {
	prefix := ""
	if stackUID != "" {
		prefix = stackUID + "/"
	}
	var ids []string
	err = Open.Scan(tx, prefix, func(key string, phase Phase) error {
		if len(in) == 0 || slices.Contains(in, phase) {
			ids = append(ids, key[strings.LastIndexByte(key, '/')+1:])
		}
		return nil
	})
	for _, id := range ids {
		f, wrong := Follows.Get(tx, id)
		if err = errors.Join(err, wrong); wrong == nil {
			follows = append(follows, f)
		}
	}
	return follows, err
}

// Sought returns the redeploys of a stack whose deployment is not known yet, oldest first.
func Sought(tx Tx, stackUID string) (sought []Follow, err error) {
	open, err := OpenFollows(tx, stackUID)
	for _, f := range open {
		if f.Wish != nil && f.Deployment == 0 {
			sought = append(sought, f)
		}
	}
	return sought, err
}

// Follow is a card in a channel, which shows a deployment until it ends.
type Follow struct {
	ID          string    `json:"id"`
	Stack       StackRef  `json:"stack"`
	Deployment  int64     `json:"deployment,omitempty"` // 0 until known
	Channel     string    `json:"channel"`
	Asker       string    `json:"asker"` // Slack user id
	AskedAt     time.Time `json:"asked_at"`
	Operation   string    `json:"operation,omitempty"` // of its redeploy, whose result the end is
	Phase       Phase     `json:"phase"`
	Wish        *Wish     `json:"wish,omitempty"`        // the redeploy request; nil if the deployment was not started by this bot
	State       State     `json:"state"`                 // as shown on the card
	Told        []State   `json:"told,omitempty"`        // states already posted in the thread, oldest first
	SilentSince time.Time `json:"silent_since,omitzero"` // since when polls have failed, once that was announced
	Missing     int       `json:"missing,omitempty"`     // consecutive polls that did not find the deployment
	MissedSince time.Time `json:"missed_since,omitzero"` // time of the first of them
	StartedAt   time.Time `json:"started_at,omitzero"`
	Usual       int64     `json:"usual_seconds,omitempty"` // the stack's usual deployment time at the last poll
	EndedAt     time.Time `json:"ended_at,omitzero"`
	Subscribed  bool      `json:"subscribed,omitempty"` // the card was created by a subscription
	Healthy     bool      `json:"healthy,omitempty"`    // the stack was healthy when the deployment was asked for
	Said        string    `json:"said,omitempty"`       // Cloud 66's explanation of a failure or of a failed request
	// Untold is what is to be told of the end, in PhaseUntold.
	Untold json.RawMessage `json:"untold,omitempty"`
}

// Phase is the progress of a follow.
type Phase string

// The phases of a follow, in the order of a redeploy.
const (
	PhaseCarded    Phase = "carded"    // the card is queued; nothing was sent to Cloud 66
	PhaseSending   Phase = "sending"   // the POST is about to be made or its result is unknown
	PhaseFinding   Phase = "finding"   // the request arrived, or may have; the bot is looking for its deployment
	PhaseFollowing Phase = "following" // the deployment is known and has not ended
	PhaseUntold    Phase = "untold"    // the deployment ended while nobody could look; its end is to be told together with others
	PhaseEnded     Phase = "ended"     // every final message is in the outbox
)

// State is the state of a followed deployment, as shown to people.
type State string

// The states. Succeeded and those after it are final.
const (
	Asked     State = "asked"
	Queued    State = "queued"
	Waits     State = "waits" // still queued, though a newer deployment has ended
	Started   State = "started"
	Slow      State = "slow"
	Lost      State = "lost"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Cancelled State = "cancelled"
	Over      State = "over"      // it ended with an outcome that the bot does not know
	Refused   State = "refused"   // Cloud 66 certainly did not accept the request
	Unclear   State = "unclear"   // it cannot be determined whether Cloud 66 accepted the request
	Unposted  State = "unposted"  // nothing was sent, because the card was posted too late
	Vanished  State = "vanished"  // the deployment or its stack no longer exists
	Unhealthy State = "unhealthy" // it succeeded, and its stack fell ill after it went live
	Recovered State = "recovered" // its stack fell ill, and is healthy again
)

// End reports whether the state is final.
func (s State) End() bool {
	return slices.Contains([]State{Succeeded, Failed, Cancelled, Over, Refused, Unclear, Unposted, Vanished, Unhealthy, Recovered}, s)
}

// Deployed returns the end of the deployment itself, whatever the health of its stack became.
func (s State) Deployed() State {
	if s == Unhealthy || s == Recovered {
		return Succeeded
	}
	return s
}

// Wish is a redeploy request and the state of its submission to Cloud 66.
type Wish struct {
	Reference string `json:"user_reference"` // generated by the bot; identifies the stack action
	Ref       string `json:"ref,omitempty"`
	Services  string `json:"services,omitempty"` // "name:tag,name"
	Profile   string `json:"profile,omitempty"`
	// Origin is the deployment whose version a rollback or a promotion brings, From the stack of a promotion's, as name@environment.
	Origin       int64  `json:"origin,omitempty"`
	From         string `json:"from,omitempty"`
	Reason       string `json:"reason,omitempty"`
	NewestBefore int64  `json:"newest_before"` // the id of the newest deployment before the POST
	// Overrides are the locks that it was begun in spite of.
	Overrides []Overridden `json:"overrides,omitempty"`
	SentAt    time.Time    `json:"sent_at,omitzero"`
	Arrived   bool         `json:"arrived,omitempty"` // confirmed by the stack action or by a response
	Claimed   int64        `json:"claimed,omitempty"` // the deployment id from the response, until a list confirms it
	Warning   string       `json:"warning,omitempty"` // from Cloud 66's response
	Late      bool         `json:"late,omitempty"`    // the card says that its deployment is not known yet
	Looks     int          `json:"looks,omitempty"`   // searches for the deployment so far
	// Guess is the likely deployment of the wish where that is not certain; 0 if there is none.
	Guess       int64     `json:"guess,omitempty"`
	Doubted     time.Time `json:"doubted,omitzero"`      // since when its stack action contradicts the guess that is followed
	ActionEnded time.Time `json:"action_ended,omitzero"` // when its stack action was first seen to have ended
	Action      *Action   `json:"action,omitempty"`      // that told the end, where its deployment did not show
}

// Overridden is a lock that an admin overrode: its id, its holder, and the channel where it was made.
type Overridden struct {
	Lock    string `json:"lock"`
	Holder  string `json:"holder"`
	Channel string `json:"channel"`
}

// Action is a stack action that has ended. Its times are by Cloud 66's clock.
type Action struct {
	ID         int64     `json:"id"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
}

// Wishes maps a deployment to the follow whose redeploy started it, by DeploymentKey.
var Wishes = newTable[WishOf]("wishes")

// Heard maps a deployment and a channel to the follow that informs the channel, by HeardKey.
var Heard = newTable[WishOf]("heard")

// WishOf is a reference from a deployment to a follow.
type WishOf struct {
	Follow string    `json:"follow"`
	At     time.Time `json:"at"`
}

// HeardKey returns the key of a deployment in a channel.
func HeardKey(stackUID string, id int64, channel string) string {
	return DeploymentKey(stackUID, id) + "/" + channel
}
