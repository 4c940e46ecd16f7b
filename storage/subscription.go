package storage

import (
	"strings"
	"time"
)

// Subscriptions holds the subscriptions of channels, by ChannelKey.
var Subscriptions = newTable[Subscription]("subscriptions").counted()

// Subscription informs a channel of every matching deployment, whoever started it.
type Subscription struct {
	ID      string    `json:"id"`
	Channel string    `json:"channel"`
	Stacks  string    `json:"stacks"`            // a glob, as typed
	Events  []string  `json:"events,omitempty"`  // states or Reverted; empty for all
	By      string    `json:"by,omitempty"`      // case-insensitive substring of the starter's name
	Via     []string  `json:"via,omitempty"`     // web, api, hook; empty for all
	Types   []string  `json:"types,omitempty"`   // codes of deploy types; empty for all
	Mention string    `json:"mention,omitempty"` // whom to mention on a failure: users (U…, W…), groups (S…) and Author, separated by commas
	Author  string    `json:"author"`            // Slack user id; limits the stacks to those that the author may subscribe to
	At      time.Time `json:"at"`
	// Lock is set for the channel of a lock, which hears of what begins on its stacks in spite of it; it is not stored.
	Lock *Lock `json:"-"`
}

// Mentions returns whom a failure mentions.
func (s Subscription) Mentions() []string {
	if s.Mention == "" {
		return nil
	}
	return strings.Split(s.Mention, ",")
}

// Author is, among the mentions of a subscription, whoever started the deployment.
const Author = "author"

// Reverted is the event of a deployment that was rolled back. All other events are named like states.
const Reverted = "reverted"

// Positions holds the processing position of each watched stack, by stack UID.
var Positions = newTable[Position]("positions")

// Position is the point up to which the changes of a watched stack were processed. It is committed before later changes are
// announced.
type Position struct {
	Stack    StackRef  `json:"stack"`
	Mark     string    `json:"mark"`               // the stack's state in the list of stacks that the last poll followed up
	Newest   int64     `json:"newest,omitempty"`   // id of the newest deployment seen; 0 if its list was never read
	Seen     []int64   `json:"seen,omitempty"`     // ids of the newest deployments seen, ascending; a number between them may be hidden
	Since    time.Time `json:"since,omitzero"`     // if its list was never read: later deployments, by Cloud 66's clock, are new
	Open     []int64   `json:"open,omitempty"`     // unfinished deployments
	Reverted []int64   `json:"reverted,omitempty"` // rolled-back deployments on the newest page
	// Began is when the bot observed the start of deployments in Open, by its own clock.
	Began map[int64]time.Time `json:"began,omitempty"`
	At    time.Time           `json:"at"`
	// Healthy is whether the stack was healthy when the list of stacks last showed it idle and with a known health.
	Healthy bool `json:"healthy,omitempty"`
	// Missing is since when the list of stacks does not show the stack.
	Missing time.Time `json:"missing,omitzero"`
}
