// Package authz decides who may do what on which stack, and records the decision: no audit entry, no action. It knows subject,
// channel, action and stack as values; of Slack it asks only who people are (People), of the database the rules and the audit.
//
// The default is deny. Rules of a channel allow and deny, and a deny beats an allow. Admins from the configuration, named as users
// or by user group, may do everything everywhere. A rule names a user, a group or everyone; groups and everyone mean colleagues who
// are in the channel if that is private.
//
// A command gets its rights from one Standing: the rules that apply to one person in one channel, evaluated once and then asked for
// any number of stacks. The rules of up to 1,000 channels are cached. Changed, which every change of a rule calls after its
// transaction, invalidates a channel.
package authz

import (
	"errors"
	"slices"
	"strings"

	"c66bot/storage"
)

// Everyone is the subject of a rule that applies to all users.
const Everyone = "everyone"

// ErrUnknown wraps the error that prevented a decision. Nothing is allowed then.
var ErrUnknown = errors.New("it cannot be found out who may do this")

// Subject is who asks, and where, as Slack ids.
type Subject struct{ User, Channel string }

// Direct reports whether the channel is a direct message with the bot.
func (s Subject) Direct() bool { return strings.HasPrefix(s.Channel, "D") }

// Decision says whether something is allowed, and why.
type Decision struct {
	Allowed bool
	Rule    *storage.Rule // that decided; nil where none did
	Reason  string        // in words for the log and the audit
}

// Config is what an Authorizer works with.
type Config struct {
	Admins  []string // user ids (U…, W…) and user-group ids (S…)
	People  People
	Records storage.DB
}

// Authorizer decides by the configured admins and by the rules of channels.
type Authorizer struct {
	users, groups []string // the admins
	people        People
	records       storage.DB
	rulebook      rulebook
}

// New makes an Authorizer.
func New(cfg Config) *Authorizer {
	a := &Authorizer{people: cfg.People, records: cfg.Records, rulebook: rulebook{records: cfg.Records}}
	for _, id := range cfg.Admins {
		if isGroup(id) {
			a.groups = append(a.groups, id)
		} else {
			a.users = append(a.users, id)
		}
	}
	return a
}

// Admins returns the configured admins: users and groups.
func (a *Authorizer) Admins() (users, groups []string) {
	return slices.Clone(a.users), slices.Clone(a.groups)
}

// isGroup reports whether a Slack id is a user group's.
func isGroup(id string) bool { return strings.HasPrefix(id, "S") }
