// Package authz decides whether a user may perform an action on a stack, and records the decision in the same call: without an
// audit entry there is no action. Subject, channel, action and stack are plain values. The package queries Slack only about
// users, groups and channel membership (People), and the database only for the rules and the audit.
//
// The default is deny. The rules of a channel allow and deny; a deny overrides every allow. The admins from the configuration,
// given as users or user groups, may do everything everywhere. A rule applies to a user, a group or everyone. Allow rules for
// groups apply only to people of the workspace, those for everyone only to its full members, and both in a private channel only to those
// in it. A deny applies to all whom it concerns.
//
// A command gets its rights from a Standing, which evaluates the rules for one user in one channel once and then answers for any
// number of stacks. The parsed rules of up to 1,000 channels are cached. Every change of a rule calls Changed after its
// transaction to invalidate them.
package authz

import (
	"errors"
	"slices"
	"strings"

	"c66bot/storage"
)

// Everyone is the subject of a rule for every full member of the workspace.
const Everyone = "everyone"

// ErrUnknown wraps the error that prevented a decision. Such a request is not allowed.
var ErrUnknown = errors.New("it cannot be found out who may do this")

// Subject is the asker and the channel of a request, as Slack ids.
type Subject struct {
	User, Channel string
	// Unshown has the rules of the channel allow what they do though Slack does not show the channel to the bot, where that keeps others from
	// something.
	Unshown bool
}

// Direct reports whether the channel is a direct message with the bot.
func (s Subject) Direct() bool { return strings.HasPrefix(s.Channel, "D") }

// Decision is the result of evaluating a request, with its reason.
type Decision struct {
	Allowed bool
	Rule    *storage.Rule   // the deciding rule; nil if none decided
	By      storage.Decider // what decided above the rules; zero if nothing did
	Reason  string          // for the log and the audit
}

// Config holds the dependencies of an Authorizer.
type Config struct {
	Admins  []string // user ids (U…, W…) and user-group ids (S…)
	People  People
	Records storage.DB
}

// Authorizer decides requests by the configured admins and the rules of channels. It is safe for concurrent use.
type Authorizer struct {
	users, groups []string // the configured admins
	people        People
	records       storage.DB
	rulebook      rulebook
}

// New returns an Authorizer for the configuration.
func New(cfg Config) *Authorizer {
	a := &Authorizer{people: cfg.People, records: cfg.Records}
	a.rulebook.records = cfg.Records
	for _, id := range cfg.Admins {
		if isGroup(id) {
			a.groups = append(a.groups, id)
		} else {
			a.users = append(a.users, id)
		}
	}
	return a
}

// Admins returns the user and group ids of the configured admins.
func (a *Authorizer) Admins() (users, groups []string) {
	return slices.Clone(a.users), slices.Clone(a.groups)
}

// isGroup reports whether a Slack id belongs to a user group.
func isGroup(id string) bool { return strings.HasPrefix(id, "S") }
