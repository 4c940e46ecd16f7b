// Package authz decides who may do what, and records it. Deny is the default; rules of a channel allow and deny, a deny beats an allow; the
// admins of the configuration, named one by one or by user group, may do everything everywhere.
package authz

import (
	"errors"
	"slices"
	"strings"

	"c66bot/storage"
)

// Everyone is whom a rule concerns that concerns all.
const Everyone = "everyone"

// ErrUnknown wraps what kept it from being known whether somebody may. Nothing is allowed then.
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

// Authorizer decides by the admins of the configuration and by the rules of channels.
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

// Admins gives the users and the groups that may do everything, as configured.
func (a *Authorizer) Admins() (users, groups []string) {
	return slices.Clone(a.users), slices.Clone(a.groups)
}

// isGroup reports whether a Slack id is a user group's.
func isGroup(id string) bool { return strings.HasPrefix(id, "S") }
