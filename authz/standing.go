package authz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"c66bot/storage"
)

// Why something is refused that no rule forbids.
const (
	noSubject = "nobody is named as the one who asks"
	noRule    = "no rule allows it"
	notDirect = "in a direct message only the configured admins may act"
	notShown  = "the bot is not in this channel, or it is none: its rules allow nobody anything"
	notInside = "not a member of this private channel, and no rule that names this very user allows it"
)

// Standing is what one person may do in one channel, found out once for many stacks. The zero Standing may nothing.
type Standing struct {
	admin   string // why they are an admin by the configuration; "" for one who is none
	refusal string // why they may not where no rule allows it
	denies  []*pile
	allows  []*pile // that count for this person
	outside bool    // not a member of the channel, which is private, or which the bot is not in
}

// Standing finds out what one person may do in one channel. Slack is asked for nothing that makes no difference. The error is ErrUnknown where
// Slack cannot tell what would make one, or the database's.
func (a *Authorizer) Standing(ctx context.Context, who Subject) (Standing, error) {
	switch {
	case who.User == "":
		return Standing{refusal: noSubject}, nil
	case slices.Contains(a.users, who.User):
		return Standing{admin: "an admin by the configuration"}, nil
	}
	rules, refusal := &index{}, noRule
	if who.Direct() {
		refusal = notDirect
	} else {
		var err error
		if rules, err = a.rulebook.of(ctx, who.Channel); err != nil {
			return Standing{}, err
		}
	}
	at := now()
	var groups []string
	if len(a.groups) > 0 || at < rules.groupsUntil {
		var err error
		groups, err = a.people.GroupsOf(ctx, who.User)
		if errors.Is(err, ErrNoGroups) && at >= rules.groupDeniesUntil {
			groups, err = nil, nil // nobody is in a group, and nothing was denied to one
		}
		if err != nil {
			return Standing{}, fmt.Errorf("%w: find the user groups of %s: %w", ErrUnknown, who.User, err)
		}
	}
	named, shared := rules.concern(who.User, groups, at)
	admin := a.adminGroup(groups)
	strange := ""
	if admin != "" || slices.ContainsFunc(shared, func(s shelf) bool { return at < s.allow.until }) {
		var err error
		if strange, err = a.strange(ctx, who.User); err != nil {
			return Standing{}, err
		}
	}
	if admin != "" && strange == "" {
		return Standing{admin: "in the admins' group " + admin}, nil
	}
	s := newStanding(named, shared, strange, refusal)
	if !slices.ContainsFunc(s.allows, func(p *pile) bool { return at < p.until }) {
		return s, nil
	}
	return a.inside(ctx, who, s, named, at)
}

// inside takes away what the rules of a channel allow to people who are in it alone. Of a channel that Slack does not show the bot nothing
// is left; to somebody who is not in a private one, what names the user.
func (a *Authorizer) inside(ctx context.Context, who Subject, s Standing, named []shelf, at instant) (Standing, error) {
	inside, err := a.people.Inside(ctx, who.Channel, who.User)
	switch {
	case errors.Is(err, ErrNoChannel):
		s.allows, s.refusal, s.outside = nil, notShown, true
	case err != nil && slices.ContainsFunc(s.allows[len(named):], func(p *pile) bool { return at < p.until }):
		return Standing{}, fmt.Errorf("%w: find out whether %s is in %s: %w", ErrUnknown, who.User, who.Channel, err)
	case err == nil && !inside:
		s.allows, s.refusal, s.outside = s.allows[:len(named)], notInside, true
	}
	return s, nil
}

// concern gives the rules that name the user, and those that name a group of theirs or everyone. What has ended is left out.
func (ix *index) concern(user string, groups []string, at instant) (named, shared []shelf) {
	add := func(list []shelf, who string) []shelf {
		if s, ok := ix.shelves[who]; ok && at < max(s.deny.until, s.allow.until) {
			return append(list, s)
		}
		return list
	}
	if !isGroup(user) && user != Everyone {
		named = add(nil, user)
	}
	for _, group := range groups {
		if isGroup(group) {
			shared = add(shared, group)
		}
	}
	return named, add(shared, Everyone)
}

// adminGroup gives the first of the admins' groups that is among the groups; "" where none is.
func (a *Authorizer) adminGroup(groups []string) string {
	for _, group := range a.groups {
		if slices.Contains(groups, group) {
			return group
		}
	}
	return ""
}

// strange says why neither groups nor everyone count for the user; "" for a colleague.
func (a *Authorizer) strange(ctx context.Context, user string) (string, error) {
	person, err := a.people.Person(ctx, user)
	switch {
	case errors.Is(err, ErrNoPerson):
		return "unknown to Slack", nil
	case err != nil:
		return "", fmt.Errorf("%w: find out who %s is: %w", ErrUnknown, user, err)
	default:
		return person.strange(), nil
	}
}

func newStanding(named, shared []shelf, strange, refusal string) Standing {
	s := Standing{refusal: refusal}
	for _, shelf := range named {
		s.denies, s.allows = append(s.denies, shelf.deny), append(s.allows, shelf.allow)
	}
	for _, shelf := range shared {
		s.denies = append(s.denies, shelf.deny)
		if strange == "" {
			s.allows = append(s.allows, shelf.allow)
		}
	}
	if strange != "" && refusal == noRule {
		s.refusal = strange + ", and no rule that names this very user allows it"
	}
	return s
}

// Decide says whether the action on the stack is allowed. A zero stack is one of which nothing is known: only what is said of all stacks holds
// for it. Admin is on no stack.
func (s Standing) Decide(action Action, stack storage.StackRef) Decision {
	if action == Admin {
		return s.Admin()
	}
	f, actions, at := foldStack(stack), setOf(action), now()
	return s.decide(
		func(p *pile) *compiled { return p.find(&f, actions, at) },
		func(p *pile) *compiled { return p.find(&f, actions, at) },
	)
}

// Admin says whether the person may make rules in the channel.
func (s Standing) Admin() Decision {
	actions, at := setOf(Admin), now()
	return s.decide(
		func(p *pile) *compiled { return p.about(actions, false, at) },
		func(p *pile) *compiled { return p.about(actions, true, at) },
	)
}

// decide looks for a rule that denies, then for one that allows.
func (s Standing) decide(denies, allows func(*pile) *compiled) Decision {
	if s.admin != "" {
		return Decision{Allowed: true, Reason: s.admin}
	}
	for _, p := range s.denies {
		if c := denies(p); c != nil {
			return Decision{Rule: c.rule, Reason: "rule " + c.rule.ID + " denies it"}
		}
	}
	for _, p := range s.allows {
		if c := allows(p); c != nil {
			return Decision{Allowed: true, Rule: c.rule, Reason: "rule " + c.rule.ID + " allows it"}
		}
	}
	return Decision{Reason: cmp.Or(s.refusal, noRule)}
}

// Outside reports whether the person is kept from what a channel's rules allow others, since they are not in it.
func (s Standing) Outside() bool { return s.outside }

// Configured reports whether the person is an admin by the configuration.
func (s Standing) Configured() bool { return s.admin != "" }

// Some reports whether the person has any of these rights on some stack, whichever stacks exist. It may be true where other rules deny, one by
// one, all that is allowed; never the other way round.
func (s Standing) Some(actions ...Action) bool {
	at := now()
	for _, action := range actions {
		if action == Admin {
			if s.Admin().Allowed {
				return true
			}
			continue
		}
		allowed := s.admin != "" || about(s.allows, action, false, at)
		if allowed && !about(s.denies, action, true, at) {
			return true
		}
	}
	return false
}

// All reports whether no stack, whichever exist, can be outside the person's right to the action.
func (s Standing) All(action Action) bool {
	if action == Admin {
		return s.Admin().Allowed
	}
	at := now()
	return s.admin != "" || about(s.allows, action, true, at) && !about(s.denies, action, false, at)
}

func about(piles []*pile, action Action, everything bool, at instant) bool {
	return slices.ContainsFunc(piles, func(p *pile) bool { return p.about(setOf(action), everything, at) != nil })
}

// Rules gives the rules that count for this person, oldest first. For an admin by the configuration none does.
func (s Standing) Rules() []storage.Rule {
	at := now()
	var rules []storage.Rule
	for _, p := range slices.Concat(s.denies, s.allows) {
		for _, c := range p.rules {
			if at < c.until {
				rules = append(rules, *c.rule)
			}
		}
	}
	slices.SortFunc(rules, older)
	return rules
}
