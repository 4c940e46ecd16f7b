package storage

import "time"

// Rules holds the rules of channels, by ChannelKey.
var Rules = newTable[Rule]("rules")

// Rule allows or denies actions on stacks to somebody in one channel.
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

// ChannelKey is the key of a channel's own record: a rule or a subscription by its id, a request by its user. Without an id it is
// the prefix of all.
func ChannelKey(channel, id string) string { return channel + "/" + id }

// Requests holds the latest request for rights of each user in each channel, by ChannelKey.
var Requests = newTable[Request]("requests")

// Request is what a user asked a channel's admins for, in one message.
type Request struct {
	ID      string      `json:"id"` // of the message
	Channel string      `json:"channel"`
	User    string      `json:"user"`
	At      time.Time   `json:"at"` // when the message was made
	Wishes  []Asking    `json:"wishes"`
	Made    []time.Time `json:"made"` // when the messages of the last hour were
}

// Asking is one right of a request.
type Asking struct {
	Action string    `json:"action"`
	Stacks string    `json:"stacks"` // a glob
	Nonce  string    `json:"nonce"`  // of the button that gives it
	At     time.Time `json:"at"`
	Given  *Rule     `json:"given,omitempty"` // once an admin has
}
