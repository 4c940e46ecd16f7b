package storage

import "time"

// Rules holds who may do what in a channel, by RuleKey.
var Rules = newTable[Rule]("rules")

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

// ChannelKey is the key of what belongs to a channel alone: a rule or a subscription by its id, a request by its user. With no id it
// is the prefix of all.
func ChannelKey(channel, id string) string { return channel + "/" + id }

// Requests holds what somebody has asked the admins of a channel for last, by RequestKey.
var Requests = newTable[Request]("requests")

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
