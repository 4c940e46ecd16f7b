package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// prepareRule decides on what makes a rule or takes one back.
func (h *Handler) prepareRule(ctx context.Context, req Request, standing authz.Standing) (run, Reply, error) {
	if req.subject().Direct() && standing.Configured() {
		return nil, ProblemReply{
			What: "Rules belong to a channel, and this is a direct message.", State: "Nothing was done.", Do: "Give the command in the channel that it is for.",
		}, nil
	}
	decision, err := h.Authz.Authorize(ctx, req.asked(storage.StackRef{}))
	if err != nil {
		return nil, nil, err
	}
	if !decision.Allowed {
		reply, _, err := h.refusal(ctx, req)
		h.offer(ctx, &reply, req, "*")
		return nil, reply, err
	}
	do := h.makeRule
	switch req.Invocation.Verb {
	case Revoke:
		do = h.revoke
	case Grant:
		do = h.grant
	}
	return func(ctx context.Context) (Reply, error) { return do(ctx, req, standing) }, nil, nil
}

// makeRule allows or denies something.
func (h *Handler) makeRule(ctx context.Context, req Request, standing authz.Standing) (Reply, error) {
	inv := req.Invocation
	who, reply, err := h.who(ctx, inv.Who)
	if err != nil || reply != nil {
		return reply, err
	}
	if err := h.member(ctx, req); err != nil {
		return nil, err
	}
	rule := storage.Rule{
		Channel: req.Channel, Who: inv.Who, Deny: inv.Verb == Deny, Actions: strings.Split(inv.Actions, ","), Stacks: inv.Glob, By: req.User, At: time.Now(),
	}
	key := "rule/" + storage.NewID(rule.At) // a rule's own id may be another one's later
	err = h.Channels.Announce(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		made, err := authz.AddRule(tx, rule)
		return []Announcement{{Key: key, Reply: RuleReply{Rule: made, Handle: who.handle, By: req.User}}}, err
	})
	h.Authz.Changed(req.Channel)
	if reply := ruleProblem(err); reply != nil {
		return reply, nil
	}
	if err != nil {
		return nil, err
	}
	return h.hints(ctx, req, who, standing)
}

// member fails where the channel cannot be told of what is changed in it.
func (h *Handler) member(ctx context.Context, req Request) error {
	err := h.Channels.Member(ctx, req.Channel, req.User)
	if _, ok := errors.AsType[*CardError](err); ok {
		return err
	}
	return fromSlack(err)
}

// cardless fails where the bot certainly can post nothing in the channel. Where Slack does not tell, the card shows it, before anything is
// done.
func (h *Handler) cardless(ctx context.Context, req Request) error {
	if card, ok := errors.AsType[*CardError](h.Channels.Member(ctx, req.Channel, req.User)); ok {
		return card
	}
	return nil
}

// ruleProblem says why a rule was not made, where it is not a fault.
func ruleProblem(err error) Reply {
	if exists, ok := errors.AsType[*authz.ExistsError](err); ok {
		return Notice(fmt.Sprintf("That rule stands already: it is %s. Nothing was changed.", exists.ID))
	}
	if errors.Is(err, authz.ErrTooMany) {
		return ProblemReply{What: "This channel has as many rules as there can be.", State: "Nothing was done.", Do: "Take some back, or make one for a group instead of many for people."}
	}
	return nil
}

// party is whom a rule is for.
type party struct {
	handle string // of a group
	person authz.Person
}

// who looks whom a rule is for. A Reply says why nobody can be.
func (h *Handler) who(ctx context.Context, id string) (party, Reply, error) {
	nobody := func(what, do string) (party, Reply, error) {
		return party{}, ProblemReply{What: what, State: "Nothing was done.", Do: do}, nil
	}
	switch {
	case id == authz.Everyone:
		return party{}, nil, nil
	case groupID.MatchString(id):
		group, err := h.People.Group(ctx, id)
		switch {
		case errors.Is(err, authz.ErrNoGroups):
			return nobody("This workspace's Slack plan has no user groups.", "Name the people one by one, or everyone.")
		case errors.Is(err, authz.ErrNoGroup):
			return nobody("Slack knows no such group.", "It was deleted, or it belongs to another organisation. Name another one.")
		case err == nil && group.Disabled:
			return nobody(fmt.Sprintf("The group @%s is disabled, so that nobody is in it.", group.Handle), "Enable it in Slack, or name another one.")
		}
		return party{handle: group.Handle}, nil, fromSlack(err)
	default:
		person, err := h.People.Person(ctx, id)
		switch {
		case errors.Is(err, authz.ErrNoPerson):
			return nobody("Slack knows no such person.", "Choose the name from the list that Slack shows while you type it.")
		case err == nil && person.Deactivated:
			return nobody(fmt.Sprintf("The account of %s is deactivated.", person.Name), "Name somebody else.")
		}
		return party{person: person}, nil, fromSlack(err)
	}
}

func fromSlack(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errSlack, err)
}

// hints tells the one who made a rule alone what might surprise them. It is nil where there is nothing.
func (h *Handler) hints(ctx context.Context, req Request, who party, standing authz.Standing) (Reply, error) {
	inv := req.Invocation
	var hints []string
	switch {
	case who.person.Outsider:
		hints = append(hints, who.person.Name+" is of another organisation: the rule counts, since it names this very person.")
	case who.person.Bot:
		hints = append(hints, who.person.Name+" is a bot: the rule counts, since it names this very bot.")
	}
	if users, groups := h.Authz.Admins(); inv.Verb == Deny && slices.Contains(slices.Concat(users, groups), inv.Who) {
		hints = append(hints, "The bot's own admins may do everything all the same: their names are in its configuration.")
	}
	pattern, err := authz.ParsePattern(inv.Glob)
	if err != nil {
		return nil, err
	}
	stacks, err := h.Directory.told(ctx, sees(standing, authz.View))
	if err != nil { // the rule stands; that Cloud 66 does not answer is no fault of it
		h.Log.WarnContext(ctx, "which stacks a rule fits could not be looked up", "glob", inv.Glob, "error", err)
		return asNotice(hints), nil
	}
	hints = append(hints, h.stillDenied(ctx, req, who.person, stacks)...)
	if inv.Verb != Grant && !pattern.Everything() && !slices.ContainsFunc(stacks, func(s cloud66.Stack) bool { return pattern.Match(refOf(s)) }) {
		hint := fmt.Sprintf("The rule stands, but no stack that you see fits %s yet.", quoted(inv.Glob))
		if near := nearestStacks(stacks, inv.Glob); len(near) > 0 {
			hint += " Near it: " + joinQuoted(near) + "."
		}
		hints = append(hints, hint)
	}
	return asNotice(hints), nil
}

// stillDenied says that a rule denies a person all the same what was allowed them just now. It speaks of stacks that the one who allowed sees.
func (h *Handler) stillDenied(ctx context.Context, req Request, person authz.Person, stacks []cloud66.Stack) []string {
	inv := req.Invocation
	pattern, err := authz.ParsePattern(inv.Glob)
	if err != nil || person.ID == "" || inv.Verb == Deny {
		return nil
	}
	standing, err := h.Authz.Standing(ctx, authz.Subject{User: person.ID, Channel: req.Channel})
	if err != nil {
		h.Log.WarnContext(ctx, "whether a rule denies somebody what was allowed could not be found out", "user", person.ID, "error", err)
		return nil
	}
	for _, s := range stacks {
		if !pattern.Match(refOf(s)) {
			continue
		}
		for right := range strings.SplitSeq(inv.Actions, ",") {
			if d := standing.Decide(authz.Action(right), refOf(s)); !d.Allowed && d.Rule != nil {
				return []string{fmt.Sprintf("Rule %s denies it all the same, on %s for one: a deny beats every allow.", d.Rule.ID, quoted(refOf(s).String()))}
			}
		}
	}
	return nil
}

func asNotice(hints []string) Reply {
	if len(hints) == 0 {
		return nil
	}
	return Notice(strings.Join(hints, " "))
}

// revoke takes a rule of this channel back.
func (h *Handler) revoke(ctx context.Context, req Request, _ authz.Standing) (Reply, error) {
	if err := h.member(ctx, req); err != nil {
		return nil, err
	}
	handles, key := h.handles(ctx, req.Channel), "revoked/"+storage.NewID(time.Now())
	err := h.Channels.Announce(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		rule, err := authz.RemoveRule(tx, req.Channel, req.Invocation.Rule)
		return []Announcement{{Key: key, Reply: RuleReply{Rule: rule, Handle: handles[rule.Who], By: req.User, Revoked: true}}}, err
	})
	h.Authz.Changed(req.Channel)
	if errors.Is(err, storage.ErrNotFound) {
		return ProblemReply{
			What: fmt.Sprintf("This channel has no rule %s.", quoted(req.Invocation.Rule)), State: "Nothing was done.",
			Do: "Look which rules it has; those of another channel are taken back there.", Command: h.Command, Example: "access",
		}, nil
	}
	return nil, err
}

// handles names the groups of a channel's rules, as far as Slack tells them.
func (h *Handler) handles(ctx context.Context, channel string) map[string]string {
	rules, err := h.Authz.Rules(ctx, channel)
	if err != nil {
		h.Log.WarnContext(ctx, "the rules of a channel could not be read", "channel", channel, "error", err)
	}
	names := map[string]string{}
	for _, r := range rules {
		if !groupID.MatchString(r.Who) || names[r.Who] != "" {
			continue
		}
		group, err := h.People.Group(ctx, r.Who)
		if err != nil {
			h.Log.WarnContext(ctx, "a group could not be looked up", "group", r.Who, "error", err)
			break
		}
		names[r.Who] = group.Handle
	}
	return names
}
