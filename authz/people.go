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

// People is what decisions need of Slack. Both answer from memory as a rule.
type People interface {
	// Person tells of one user; ErrNoPerson where there is none.
	Person(ctx context.Context, id string) (Person, error)
	// GroupsOf gives the ids of the enabled groups that a user is in. The slice is only read.
	GroupsOf(ctx context.Context, user string) ([]string, error)
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
