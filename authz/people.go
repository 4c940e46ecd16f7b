package authz

import (
	"context"
	"errors"
)

// What Slack may answer instead of what was asked for; test for them with errors.Is.
var (
	// ErrNoPerson says that Slack knows no user with that id, or shows this workspace none.
	ErrNoPerson = errors.New("no user with this id is known to Slack")
	// ErrNoGroup says that Slack knows no user group with that id.
	ErrNoGroup = errors.New("no user group with this id is known to Slack")
	// ErrNoChannel says that Slack shows the bot no channel with that id: the bot is not in it, or there is none.
	ErrNoChannel = errors.New("no channel with this id is shown to the bot")
	// ErrNoGroups says that this workspace's plan has no user groups.
	ErrNoGroups = errors.New("this workspace's plan has no user groups")
)

// Person is what Slack knows of a user.
type Person struct {
	ID, Name    string
	Deactivated bool
	Bot         bool
	Outsider    bool // of another organisation
}

// Group is what Slack knows of a user group.
type Group struct {
	ID, Handle string
	Disabled   bool
}

// People answers what decisions need to know of Slack, usually from a cache.
type People interface {
	// Person returns one user, or ErrNoPerson.
	Person(ctx context.Context, id string) (Person, error)
	// GroupsOf returns the ids of the enabled groups of a user.
	GroupsOf(ctx context.Context, user string) ([]string, error)
	// Inside reports whether a channel's rules for groups and for everyone apply to a user: in a private channel to members only. It
	// returns ErrNoChannel if Slack shows the bot no such channel.
	Inside(ctx context.Context, channel, user string) (bool, error)
}

// strange says why only rules with the very user's name apply to a person; it is empty for a colleague.
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
