package storage

import "time"

// Rules holds the rules of channels, by ChannelKey.
var Rules = newTable[Rule]("rules")

// Rule allows or denies actions on stacks to a user, a group or everyone in one channel.
type Rule struct {
	ID      string    `json:"id"` // short, unique among all channels
	Channel string    `json:"channel"`
	Who     string    `json:"who"` // Slack id of a user (U…, W…) or of a user group (S…), or "everyone"
	Deny    bool      `json:"deny,omitempty"`
	Actions []string  `json:"actions"`
	Stacks  string    `json:"stacks"`          // a glob, as typed
	UID     string    `json:"uid,omitempty"`   // the only stack that it is about, whatever its name; "" for those that Stacks matches
	Shown   string    `json:"shown,omitempty"` // that stack as it was named
	By      string    `json:"by"`              // Slack user id of the author
	At      time.Time `json:"at"`
	Until   time.Time `json:"until,omitzero"` // expiry; zero for none
}

// Denied holds the stacks that a deny by name covers, by UID, under the names that they had when they were last seen.
var Denied = newTable[StackRef]("denied")

// ChannelKey returns the key of a record of a channel: a rule or a subscription by its id, a request by its user. With an empty
// id it returns the prefix of all of them.
func ChannelKey(channel, id string) string { return channel + "/" + id }

// Requests holds each user's latest request for rights in each channel, by ChannelKey.
var Requests = newTable[Request]("requests")

// Request is a user's request for rights to the admins of a channel, shown in one message.
type Request struct {
	ID      string      `json:"id"` // of the message
	Channel string      `json:"channel"`
	User    string      `json:"user"`
	At      time.Time   `json:"at"` // when the message was created
	Wishes  []Asking    `json:"wishes"`
	Made    []time.Time `json:"made"`            // creation times of the messages of the last hour
	First   bool        `json:"first,omitempty"` // the channel had no rules
}

// Asking is one requested right.
type Asking struct {
	Action string    `json:"action"`
	Stacks string    `json:"stacks"`          // a glob
	UID    string    `json:"uid,omitempty"`   // as in a Rule
	Shown  string    `json:"shown,omitempty"` // as in a Rule
	Typed  string    `json:"typed,omitempty"` // the name of the one stack that is meant, if the user sees none of that name
	Then   string    `json:"then,omitempty"`  // what it is needed for, as a button's value
	Nonce  string    `json:"nonce"`           // of the button that grants it
	At     time.Time `json:"at"`
	Given  *Rule     `json:"given,omitempty"` // the rule that granted it; nil until granted
}
