// Package authz decides who may do what. Deny is the default; the admins of the configuration, named one by one or by user group, may do
// everything everywhere.
package authz

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Action is a right that a command needs.
type Action string

// The rights.
const (
	View     Action = "view"
	Redeploy Action = "redeploy"
	Cancel   Action = "cancel"
)

// Subject is who asks, as a Slack user id.
type Subject struct {
	User string
}

// Decision says whether something is allowed, and why, in words for the log.
type Decision struct {
	Allowed bool
	Reason  string
	Err     error // what kept an admins' group from being read, where that may be why it is not allowed
}

// Groups knows who is in a user group and who belongs to the bot's own workspace.
type Groups interface {
	// Members gives the user ids of a group.
	Members(ctx context.Context, group string) ([]string, error)
	// Colleague reports whether a user is a person of the bot's own workspace: no bot, not deactivated, not from another organisation.
	Colleague(ctx context.Context, user string) (bool, error)
}

// Authorizer decides by the admins of the configuration.
type Authorizer struct {
	users  []string
	groups []string
	slack  Groups
}

// New makes an Authorizer from admins as the configuration has them: user ids (U…, W…) and user-group ids (S…).
func New(admins []string, slack Groups) *Authorizer {
	a := &Authorizer{slack: slack}
	for _, id := range admins {
		if strings.HasPrefix(id, "S") {
			a.groups = append(a.groups, id)
		} else {
			a.users = append(a.users, id)
		}
	}
	return a
}

// Admins gives the users and the groups that may do everything, as configured.
func (a *Authorizer) Admins() (users, groups []string) { return a.users, a.groups }

// Decide says whether the subject may do the action. An error of Slack's about a group denies: who cannot be shown to be an admin is none.
func (a *Authorizer) Decide(ctx context.Context, who Subject, action Action) Decision {
	if who.User == "" {
		return Decision{Reason: "nobody is named as the one who asks"}
	}
	if slices.Contains(a.users, who.User) {
		return Decision{Allowed: true, Reason: "an admin by the configuration"}
	}
	var faults []error
	for _, group := range a.groups {
		in, err := a.inGroup(ctx, who.User, group)
		if err != nil {
			faults = append(faults, fmt.Errorf("look for %s in the admins' group %s: %w", who.User, group, err))
		}
		if in {
			return Decision{Allowed: true, Reason: "in the admins' group " + group}
		}
	}
	if err := errors.Join(faults...); err != nil {
		return Decision{Reason: "an admins' group could not be read", Err: err}
	}
	return Decision{Reason: fmt.Sprintf("%s is for admins alone", action)}
}

// inGroup reports whether a user is in a group and a colleague: people from other organisations and bots are nobody, unless named themselves.
func (a *Authorizer) inGroup(ctx context.Context, user, group string) (bool, error) {
	members, err := a.slack.Members(ctx, group)
	if err != nil || !slices.Contains(members, user) {
		return false, err
	}
	return a.slack.Colleague(ctx, user)
}
