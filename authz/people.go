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

// Person is what Slack tells of a user.
type Person struct {
	ID, Name    string
	Deactivated bool
	Bot         bool
	Outsider    bool // of another organisation
}

// Group is what Slack tells of a user group.
type Group struct {
	ID, Handle string
	Disabled   bool
}

// People is what decisions need of Slack. All answer from memory as a rule.
type People interface {
	// Person tells of one user; ErrNoPerson where there is none.
	Person(ctx context.Context, id string) (Person, error)
	// GroupsOf gives the ids of the enabled groups that a user is in. The slice is only read.
	GroupsOf(ctx context.Context, user string) ([]string, error)
	// Inside reports whether the rules of a channel can mean a user as one of a group or of everyone: in a private channel only its members.
	// ErrNoChannel where the bot is shown no such channel.
	Inside(ctx context.Context, channel, user string) (bool, error)
}

// strange says why a person is nobody as long as no rule names that very user; "" for a colleague.
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
