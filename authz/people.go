package authz

import (
	"context"
	"errors"
	"time"
)

// Negative answers of Slack, for errors.Is.
var (
	// ErrNoPerson means that no user has this id, or none that Slack shows to this workspace.
	ErrNoPerson = errors.New("no user with this id is known to Slack")
	// ErrNoGroup means that no user group has this id.
	ErrNoGroup = errors.New("no user group with this id is known to Slack")
	// ErrNoChannel means that Slack shows the bot no channel with this id: it does not exist, or the bot is not a member.
	ErrNoChannel = errors.New("no channel with this id is shown to the bot")
	// ErrNoGroups means that the workspace's plan does not include user groups.
	ErrNoGroups = errors.New("this workspace's plan has no user groups")
)

// Person is a Slack user.
type Person struct {
	ID, Name    string
	Zone        string // time zone, as in Europe/Berlin; "" if unknown
	Deactivated bool
	Bot         bool
	Outsider    bool // a member of another organisation
	Guest       bool // of this workspace, but no full member
}

// Group is a Slack user group.
type Group struct {
	ID, Handle string
	Disabled   bool
	Changed    time.Time // when it or its members were last changed; zero if unknown
}

// People answers the Slack queries that decisions depend on, usually from a cache.
type People interface {
	// Person returns a user, or ErrNoPerson.
	Person(ctx context.Context, id string) (Person, error)
	// GroupsOf returns the ids of the enabled groups that contain the user.
	GroupsOf(ctx context.Context, user string) ([]string, error)
	// Inside reports whether the channel's rules for groups and everyone apply to the user; in a private channel they apply to
	// members only. It returns ErrNoChannel if Slack does not show the channel to the bot.
	Inside(ctx context.Context, channel, user string) (bool, error)
}

// strange explains why only rules for this individual user apply to a person. It returns "" for a member of this
// workspace, guests included.
func (p Person) strange() string {
	switch {
	case p.Bot:
		return "a bot"
	case p.Outsider:
		return "from another organisation"
	case p.Deactivated:
		return "deactivated"
	default:
		return ""
	}
}
