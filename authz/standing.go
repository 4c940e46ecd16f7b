package authz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"c66bot/storage"
)

// Reasons of refusals that no deny rule decided.
const (
	noSubject = "nobody is named as the one who asks"
	noRule    = "no rule allows it"
	notDirect = "in a direct message only the configured admins may act"
	notShown  = "the bot is not in this channel, or it is none: its rules allow nobody anything"
	notInside = "not a member of this private channel, and no rule that names this very user allows it"
)

// Standing holds the rights of one user in one channel, computed once for any number of stacks. The zero Standing has no rights.
type Standing struct {
	admin          string // the reason why the user is a configured admin; "" if they are not
	refusal        string // the reason if no rule applies
	denies, allows []list
}

// Standing computes the standing of a subject. It queries Slack only if the answer can affect the result. If Slack fails, the
// error wraps ErrUnknown; any other error is the database's.
func (a *Authorizer) Standing(ctx context.Context, who Subject) (Standing, error) {
	rules, s := &ruleset{}, Standing{refusal: noRule}
	var err error
	switch {
	case who.User == "":
		return Standing{refusal: noSubject}, nil
	case slices.Contains(a.users, who.User):
		return Standing{admin: "an admin by the configuration"}, nil
	case who.Direct():
		s.refusal = notDirect
	default:
		if rules, err = a.rulebook.of(ctx, who.Channel); err != nil {
			return Standing{}, err
		}
	}
	at := time.Now()
	groups, err := a.groupsOf(ctx, who.User, rules.groups, at)
	if err != nil {
		return Standing{}, err
	}
	var named about
	if !isGroup(who.User) && who.User != Everyone {
		named = rules.about[who.User]
	}
	s.denies = append(s.denies, named.denies)
	var shared []list // allow rules of the groups, then those of everyone
	for _, id := range append(groups, Everyone) {
		s.denies, shared = append(s.denies, rules.about[id].denies), append(shared, rules.about[id].allows)
	}
	adminBy := slices.IndexFunc(a.groups, func(group string) bool { return slices.Contains(groups, group) })
	if adminBy >= 0 || anyHolds(at, shared...) {
		person, strange, err := a.person(ctx, who.User)
		switch {
		case err != nil:
			return Standing{}, err
		case strange != "":
			shared, strange = nil, strange+", and no rule that names this very user allows it"
		case adminBy >= 0:
			return Standing{admin: "in the admins' group " + a.groups[adminBy]}, nil
		case person.Guest:
			shared, strange = shared[:len(shared)-1], "a guest, and no rule that names them or a group of theirs allows it"
		}
		if s.refusal == noRule && strange != "" {
			s.refusal = strange
		}
	}
	allowed, shared, reason, err := a.inside(ctx, who, named.allows, shared, at)
	if err != nil {
		return Standing{}, err
	}
	s.refusal, s.allows = cmp.Or(reason, s.refusal), append([]list{allowed}, shared...)
	return s, nil
}

// groupsOf returns the user's groups. It skips the query if neither the rules nor the configuration refer to groups.
func (a *Authorizer) groupsOf(ctx context.Context, user string, rules about, at time.Time) ([]string, error) {
	if len(a.groups) == 0 && !anyHolds(at, rules.denies, rules.allows) {
		return nil, nil
	}
	groups, err := a.people.GroupsOf(ctx, user)
	// On a plan without groups an allow for a group applies to nobody, but a deny may have been meant for this user.
	if errors.Is(err, ErrNoGroups) && !anyHolds(at, rules.denies) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: find the user groups of %s: %w", ErrUnknown, user, err)
	}
	return slices.DeleteFunc(slices.Clone(groups), func(id string) bool { return !isGroup(id) }), nil
}

// inside drops the allow rules that channel membership excludes, and returns the reason. If Slack does not show the channel to
// the bot, it drops all of them; outside a private channel it keeps those that name the user.
func (a *Authorizer) inside(ctx context.Context, who Subject, named list, shared []list, at time.Time) (
	_ list, _ []list, reason string, err error,
) {
	byShare := anyHolds(at, shared...)
	if !byShare && !anyHolds(at, named) {
		return named, shared, "", nil
	}
	inside, err := a.people.Inside(ctx, who.Channel, who.User)
	switch {
	case errors.Is(err, ErrNoChannel) && who.Unshown:
	case errors.Is(err, ErrNoChannel):
		return list{}, nil, notShown, nil
	case err != nil && byShare:
		return list{}, nil, "", fmt.Errorf("%w: find out whether %s is in %s: %w", ErrUnknown, who.User, who.Channel, err)
	case err == nil && !inside:
		return named, nil, notInside, nil
	}
	return named, shared, "", nil
}

// person returns the user. For anyone but a member of this workspace it explains why rules for groups and everyone do not apply.
func (a *Authorizer) person(ctx context.Context, user string) (person Person, strange string, err error) {
	person, err = a.people.Person(ctx, user)
	if errors.Is(err, ErrNoPerson) {
		return person, "unknown to Slack", nil
	}
	if err != nil {
		return person, "", fmt.Errorf("%w: find out who %s is: %w", ErrUnknown, user, err)
	}
	return person, person.strange(), nil
}

// anyHolds reports whether one of the rules has not expired.
func anyHolds(at time.Time, lists ...list) bool {
	return slices.ContainsFunc(lists, func(l list) bool {
		return slices.ContainsFunc(l.rules, func(c *compiled) bool { return holds(c.Rule, at) })
	})
}

// Decide reports whether the action is allowed on the stack. The zero stack is matched only by rules for all stacks. Admin does
// not depend on the stack; see Standing.Admin.
func (s Standing) Decide(action Action, stack storage.StackRef) Decision {
	if action == Admin {
		return s.Admin()
	}
	f := fold(stack)
	fits := func(c *compiled) bool { return c.pattern.match(&f) }
	return s.decide(action, func(l list) []*compiled { return l.near(stack, &f) }, fits, fits)
}

// Admin reports whether the user may manage the channel's rules. Any deny of Admin refuses it; only an allow on all stacks grants
// it.
func (s Standing) Admin() Decision { return s.decide(Admin, all, onSome, onAll) }

// decide looks for a matching deny, then for a matching allow. near, and then denies and allows, select the rules by their pattern. Every
// right on a stack includes View, as far as no rule denies that right itself; a deny of View takes all the others away.
func (s Standing) decide(action Action, near func(list) []*compiled, denies, allows func(*compiled) bool) Decision {
	if s.admin != "" {
		return Decision{Allowed: true, Reason: s.admin}
	}
	at, giving, decisive := time.Now(), setOf(action), setOf(action)
	if action == View {
		giving = onStacks
	} else if action != Admin {
		decisive |= setOf(View)
	}
	for _, l := range s.denies {
		for _, c := range near(l) {
			switch {
			case c.rights&(giving|decisive) == 0 || !denies(c) || !holds(c.Rule, at):
			case c.rights&decisive != 0:
				return Decision{Rule: c.Rule, Reason: "rule " + c.ID + " denies it"}
			default:
				giving &^= c.rights
			}
		}
	}
	for _, l := range s.allows {
		for _, c := range near(l) {
			if c.rights&giving != 0 && allows(c) && holds(c.Rule, at) {
				return Decision{Allowed: true, Rule: c.Rule, Reason: "rule " + c.ID + " allows it"}
			}
		}
	}
	return Decision{Reason: cmp.Or(s.refusal, noRule)}
}

func all(l list) []*compiled { return l.rules }

func onSome(*compiled) bool  { return true }
func onAll(c *compiled) bool { return c.pattern.Everything() }

// Configured reports whether the user is a configured admin.
func (s Standing) Configured() bool { return s.admin != "" }

// Some reports whether the user may have any of the rights on some stack, independent of the existing stacks. It is an upper
// bound: deny rules may still exclude every stack.
func (s Standing) Some(actions ...Action) bool {
	return slices.ContainsFunc(actions, func(action Action) bool {
		if action == Admin {
			return s.Admin().Allowed
		}
		return s.decide(action, all, onAll, onSome).Allowed
	})
}

// All reports whether the right covers every possible stack.
func (s Standing) All(action Action) bool { return s.decide(action, all, onSome, onAll).Allowed }
