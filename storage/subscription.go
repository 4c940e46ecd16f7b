package storage

import "time"

// Subscriptions holds the subscriptions of channels, by ChannelKey.
var Subscriptions = newTable[Subscription]("subscriptions").counted()

// Subscription tells a channel of every matching deployment, whoever started it.
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

// Reverted is the event of a deployment that was rolled back. The other events are named like their states.
const Reverted = "reverted"

// Positions holds how far the deployments of each watched stack were handled, by the stack's UID.
var Positions = newTable[Position]("positions")

// Position is how far the changes of a watched stack were handled. It is written before anybody is told of more.
type Position struct {
	Stack    StackRef  `json:"stack"`
	Mark     string    `json:"mark"`               // what the list of stacks showed of it last, where a look has followed that
	Newest   int64     `json:"newest,omitempty"`   // the newest deployment that was seen; 0 where its list was never read
	Since    time.Time `json:"since,omitzero"`     // of a stack whose list was never read: what started later, by Cloud 66's clock, is news
	Open     []int64   `json:"open,omitempty"`     // deployments that had not ended
	Reverted []int64   `json:"reverted,omitempty"` // those of the newest page that were rolled back
	// Began is when the bot saw deployments of Open begin, by its own clock.
	Began map[int64]time.Time `json:"began,omitempty"`
	At    time.Time           `json:"at"`
}
