package storage

import (
	"encoding/json"
	"fmt"
	"time"
)

// The tables of the database. A key is written so that a scan reads it in the order that is wanted.
var (
	// Follows holds every card's deployment by the follow's id.
	Follows = Table[Follow]{Name: "follows"}
	// Journal holds the changes that were asked for and are not settled, by operation key.
	Journal = Table[Entry]{Name: "journal"}
	// Operations holds the wishes that are settled, by operation key, so that the same wish delivered twice is one.
	Operations = Table[Operation]{Name: "operations"}
	// Cancels holds who asked for the end of a deployment, by DeploymentKey.
	Cancels = Table[Cancel]{Name: "cancels"}
	// Wishes names the follow that carries the redeploy which became a deployment, by DeploymentKey.
	Wishes = Table[WishOf]{Name: "wishes"}
	// Subscriptions holds what each channel wants to hear of, by SubscriptionKey.
	Subscriptions = Table[Subscription]{Name: "subscriptions"}
	// Positions holds how far the deployments of each watched stack were told, by the stack's UID.
	Positions = Table[Position]{Name: "positions"}
	// Heard names the follow by which a channel hears or heard of a deployment, by HeardKey.
	Heard = Table[WishOf]{Name: "heard"}
	// Messages holds what ought to stand in Slack, by the message's key.
	Messages = Table[Message]{Name: "messages"}
	// Rules holds who may do what in a channel, by RuleKey.
	Rules = Table[Rule]{Name: "rules"}
	// Requests holds what somebody has asked the admins of a channel for last, by RequestKey.
	Requests = Table[Request]{Name: "requests"}
	// Audit holds what was decided on, by an id that sorts by time.
	Audit = Table[AuditEntry]{Name: "audit"}
	// Channels holds what is known of channels' ids that do not lead to them any more, by the id.
	Channels = Table[Channel]{Name: "channels"}
	// Counters holds what was counted last, by the name of what is counted.
	Counters = Table[int64]{Name: "counters"}
)

// DeploymentKey is the key under which what is known of one deployment is kept.
func DeploymentKey(stackUID string, id int64) string { return fmt.Sprintf("%s/%020d", stackUID, id) }

// HeardKey is the key under which it is kept that a channel hears of a deployment.
func HeardKey(stackUID string, id int64, channel string) string {
	return DeploymentKey(stackUID, id) + "/" + channel
}

// SubscriptionKey is the key of a subscription of a channel.
func SubscriptionKey(channel, id string) string { return SubscriptionsOf(channel) + id }

// SubscriptionsOf is the prefix of the keys of a channel's subscriptions.
func SubscriptionsOf(channel string) string { return channel + "/" }

// RuleKey is the key of a rule of a channel.
func RuleKey(channel, id string) string { return RulesOf(channel) + id }

// RulesOf is the prefix of the keys of a channel's rules.
func RulesOf(channel string) string { return channel + "/" }

// RequestKey is the key of what somebody has asked the admins of a channel for.
func RequestKey(channel, user string) string { return RequestsOf(channel) + user }

// RequestsOf is the prefix of the keys of what the admins of a channel were asked for.
func RequestsOf(channel string) string { return channel + "/" }

// Request is what somebody has asked the admins of a channel for, in one message.
type Request struct {
	ID      string      `json:"id"` // of the message
	Channel string      `json:"channel"`
	User    string      `json:"user"`
	At      time.Time   `json:"at"` // when the message was made
	Wishes  []Asking    `json:"wishes"`
	Made    []time.Time `json:"made"` // when the messages of the last hour were
}

// Asking is one right that somebody asks for.
type Asking struct {
	Action string    `json:"action"`
	Stacks string    `json:"stacks"` // a glob
	Nonce  string    `json:"nonce"`  // of the button that gives it
	At     time.Time `json:"at"`
	Given  *Rule     `json:"given,omitempty"` // once an admin has
}

// Rule says who may, or may not, do what to which stacks in one channel.
type Rule struct {
	ID      string    `json:"id"` // short, and of this rule alone among those of all channels
	Channel string    `json:"channel"`
	Who     string    `json:"who"` // Slack id of a user (U…, W…) or of a user group (S…), or "everyone"
	Deny    bool      `json:"deny,omitempty"`
	Actions []string  `json:"actions"`
	Stacks  string    `json:"stacks"` // a glob, as it was typed
	By      string    `json:"by"`     // Slack user id of who made it
	At      time.Time `json:"at"`
	Until   time.Time `json:"until,omitzero"` // when it ends; zero for one that stays
}

// Subscription has a channel hear of every deployment that fits it, whoever started it.
type Subscription struct {
	ID        string    `json:"id"`
	Channel   string    `json:"channel"`
	Stacks    string    `json:"stacks"`            // a glob, as it was typed
	Events    []string  `json:"events,omitempty"`  // states, or Reverted; none for all
	By        string    `json:"by,omitempty"`      // a part of who triggered it, in any case
	Via       []string  `json:"via,omitempty"`     // web, api, hook; none for all
	Types     []string  `json:"types,omitempty"`   // codes of deploy types; none for all
	Mention   string    `json:"mention,omitempty"` // the user (U…, W…) or group (S…) that a failure mentions
	Author    string    `json:"author"`            // Slack user id; it tells of no stack that he may not subscribe to
	At        time.Time `json:"at"`
	Suspended string    `json:"suspended,omitempty"` // Slack's code why nothing can be posted there at present
	Powerless bool      `json:"powerless,omitempty"` // the channel was told that its author may subscribe to nothing there any more
}

// Reverted is the event of a deployment that was rolled back off the servers. The other events bear the names of the states that they are.
const Reverted = "reverted"

// Position is how far what happens on a watched stack was told. It is written before anybody is told of more.
type Position struct {
	Stack    StackRef  `json:"stack"`
	Mark     string    `json:"mark"`               // what the list of stacks showed of it last, where a look has followed that
	Newest   int64     `json:"newest,omitempty"`   // the newest deployment that was seen; 0 where its list was never read
	Since    time.Time `json:"since,omitzero"`     // of a stack whose list was never read: what started later, by Cloud 66's clock, is news
	Open     []int64   `json:"open,omitempty"`     // deployments that had not ended
	Reverted []int64   `json:"reverted,omitempty"` // those of the newest page that were rolled back
	// Began says when the bot saw those of Open begin that it saw begin, by its own clock.
	Began map[int64]time.Time `json:"began,omitempty"`
	At    time.Time           `json:"at"`
}

// AuditEntry is one decision: who asked for what, where, what was decided by which rule.
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

// StackRef names a stack as people see it, beside the UID that the API wants.
type StackRef struct {
	UID         string `json:"uid"`
	Name        string `json:"name"`
	Environment string `json:"environment"`
}

// String gives the form that can be typed: name@environment.
func (s StackRef) String() string {
	if s.Environment == "" {
		return s.Name
	}
	return s.Name + "@" + s.Environment
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

// Follow is one card in one channel: a deployment, asked for here or elsewhere, that is told to its end.
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

// State is where a followed deployment stands, as people are told it.
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

// End reports whether nothing follows this state.
func (s State) End() bool {
	switch s {
	case Succeeded, Failed, Cancelled, Refused, Unclear, Unposted, Vanished:
		return true
	default:
		return false
	}
}

// Wish is a redeploy as it was asked for and what is known of its way to Cloud 66.
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

// Entry is a change that somebody asked for and that is not settled: it was neither done nor told to its author as not done.
type Entry struct {
	Operation  string    `json:"operation"`
	User       string    `json:"user"`
	Channel    string    `json:"channel"`
	What       string    `json:"what"`              // as it can be typed, as in "redeploy web --now"
	Deliveries []string  `json:"deliveries"`        // Slack's ids of what brought it, the newest last
	At         time.Time `json:"at"`                // when it was received
	Claimed    bool      `json:"claimed,omitempty"` // it was acknowledged in time, and the work on it has begun
}

// Operation is a wish that is settled, kept for as long as Slack may deliver it again.
type Operation struct {
	Key        string    `json:"key"`
	User       string    `json:"user"`
	At         time.Time `json:"at"`
	Void       bool      `json:"void,omitempty"`       // nothing came of it, so that it may be asked for again
	Deliveries []string  `json:"deliveries,omitempty"` // of a void one: what brought it, which brings it no more
}

// Cancel says who asked for the end of a deployment through this bot, and when.
type Cancel struct {
	User   string    `json:"user"`
	At     time.Time `json:"at"`
	Follow string    `json:"follow"`          // the follow whose card shows what becomes of it
	Sent   bool      `json:"sent,omitempty"`  // Cloud 66 has taken it
	Told   bool      `json:"told,omitempty"`  // whoever asked was told that it is not clear whether Cloud 66 has taken it
	Again  *Again    `json:"again,omitempty"` // a later wish for the same, of which it is not known what became
}

// Again is a later wish to cancel what somebody has wished to be cancelled before.
type Again struct {
	User   string    `json:"user"`
	At     time.Time `json:"at"`
	Follow string    `json:"follow"`
}

// Explains reports whether a deployment that failed at a time did so because of the cancel. One that fails long after failed by itself.
func (c *Cancel) Explains(failed time.Time) bool {
	const soon, taken = 5 * time.Minute, 30 * time.Minute
	if c == nil {
		return false
	}
	after := failed.Sub(c.At)
	return failed.IsZero() || after < soon || (c.Sent && after < taken)
}

// WishOf leads from a deployment to the follow whose wish it was.
type WishOf struct {
	Follow string    `json:"follow"`
	At     time.Time `json:"at"`
}

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
