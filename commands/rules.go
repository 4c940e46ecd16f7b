package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Allow and Deny create a rule of a channel, and Revoke deletes one.
const (
	Allow  Verb = "allow"
	Deny   Verb = "deny"
	Revoke Verb = "revoke"
)

const threeWords = "%s takes three words: who, what they may do, and on which stacks."

var (
	ruleArgs = []Arg{
		{Word: "WHO", Missing: threeWords, opt: Who}, {Word: "ACTIONS", Missing: threeWords, opt: Actions},
		{Word: "<stacks>", Missing: threeWords, opt: Glob},
	}
	allowSpec = Spec{
		Verb: Allow, group: ofRights, Right: authz.Admin, Changes: true, Args: ruleArgs,
		Summary: "Allows somebody something in this channel. WHO is a person, a group or everyone. ACTIONS are " +
			joinActions(authz.Actions, ", ") + " or all, with commas between them. <stacks> may hold wildcards, and * is every stack.",
		Examples: []string{
			"allow @lin view,redeploy mystack@production", "allow @deployers all 'my*@staging'", "allow everyone view *", "allow @lin admin *",
		},
		asks: func(i Invocation) bool {
			return !i.Yes && i.Options[Who] == authz.Everyone && slices.Contains(wordsOf(i.Options[Actions]), string(authz.Admin))
		},
		check: adminEverywhere,
		run:   (*Handler).makeRule,
	}
	denySpec = Spec{
		Verb: Deny, group: ofRights, Right: authz.Admin, Changes: true, Args: ruleArgs,
		Summary:  "Denies somebody something in this channel. A deny beats every allow, but the bot's own admins.",
		Examples: []string{"deny everyone redeploy,cancel '*@production'", "deny @lin all *"},
		check:    adminEverywhere,
		run:      (*Handler).makeRule,
	}
	revokeSpec = Spec{
		Verb: Revoke, group: ofRights, Right: authz.Admin, Changes: true,
		Args:     []Arg{{Word: "RULE", Missing: "Which rule? Write its id after %s; access shows them.", opt: Rule}},
		Summary:  "Takes a rule of this channel back, by the id that access shows.",
		Examples: []string{"revoke k3f9"},
		run:      (*Handler).revoke,
	}
)

// adminEverywhere rejects the right Admin on some stacks only.
func adminEverywhere(s Spec, i Invocation) error {
	pattern, err := authz.ParsePattern(i.Options[Glob])
	if err == nil && slices.Contains(wordsOf(i.Options[Actions]), string(authz.Admin)) && !pattern.Everything() {
		return s.usage("admin *", "The right admin is about the channel's rules, not about stacks: it can be given on * only.")
	}
	return nil
}

// gateRules authorizes the creation and deletion of rules.
func (h *Handler) gateRules(ctx context.Context, c *call) error {
	if c.subject().Direct() && c.standing.Configured() {
		return notDone("Rules belong to a channel, and this is a direct message.", "Give the command in the channel that it is for.")
	}
	return h.gateAdmin(ctx, c)
}

func (h *Handler) gateAdmin(ctx context.Context, c *call) error {
	decision, err := h.Authz.Authorize(ctx, c.standing, c.asked(storage.StackRef{}))
	if err != nil || decision.Allowed {
		return err
	}
	return h.refusal(ctx, c.Request, RefusalReply{}, "*")
}

func (h *Handler) makeRule(ctx context.Context, c *call) (Reply, error) {
	inv, req := c.Invocation, c.Request
	switch {
	case inv.asks():
		yes := inv
		yes.Yes = true
		return question(markup.Format("Shall everyone make rules in this channel?"), "everyone", yes.once(),
			"Each full member of the workspace could then give every right here to anybody, and take it away."), nil
	case inv.AskedAt != 0 && inv.olderThan(inv.lasts()):
		return nil, tooOld(inv.lasts())
	}
	who, err := h.who(ctx, inv.Options[Who])
	if err != nil {
		return nil, err
	}
	rule := ruleOf(req, time.Now())
	key := "rule/" + storage.NewID(rule.At) // independent of the rule's id, which AddRule chooses
	err = h.changeRules(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		made, err := authz.AddRule(tx, rule)
		return []Announcement{{Key: key, Reply: ruleAnnounced(made, who.handle, req.User, false)}}, err
	})
	if err != nil {
		return nil, err
	}
	return h.hints(ctx, c, who)
}

// changeRules changes the rules of a channel and announces it there.
func (h *Handler) changeRules(ctx context.Context, req Request, change func(tx storage.Tx) ([]Announcement, error)) error {
	if err := h.member(ctx, req); err != nil {
		return err
	}
	err := h.Channels.Announce(ctx, req, change)
	h.Authz.Changed()
	if exists, ok := errors.AsType[*authz.ExistsError](err); ok {
		return instead(Notice(fmt.Sprintf("That rule stands already: it is %s. Nothing was changed.", exists.ID)))
	}
	if errors.Is(err, authz.ErrTooMany) {
		return notDone("This channel has as many rules as there can be.", "Take some back, or make one for a group instead of many for people.")
	}
	return err
}

func ruleOf(req Request, at time.Time) storage.Rule {
	inv := req.Invocation
	return storage.Rule{
		Channel: req.Channel, Who: inv.Options[Who], Deny: inv.Verb == Deny, Actions: wordsOf(inv.Options[Actions]), Stacks: inv.Options[Glob],
		UID: inv.UID, Shown: inv.Shown, By: req.User, At: at,
	}
}

// member fails if a change could not be announced in the channel.
func (h *Handler) member(ctx context.Context, req Request) error {
	err := h.Channels.Member(ctx, req.Channel, req.User)
	if _, ok := errors.AsType[*CardError](err); ok {
		return err
	}
	return fromSlack(err)
}

// cardless fails if the bot certainly cannot post in the channel. If Slack does not answer, posting the card will tell, before
// anything is done.
func (h *Handler) cardless(ctx context.Context, req Request) error {
	if err := h.member(ctx, req); !errors.Is(err, errSlack) {
		return err
	}
	return nil
}

type party struct {
	handle string // of a group
	person authz.Person
}

// who looks up the subject of a rule.
func (h *Handler) who(ctx context.Context, id string) (party, error) {
	if id == authz.Everyone {
		return party{}, nil
	}
	if groupID.MatchString(id) {
		group, err := h.People.Group(ctx, id)
		switch {
		case errors.Is(err, authz.ErrNoGroups):
			err = notDone("This workspace's Slack plan has no user groups.", "Name the people one by one, or everyone.")
		case errors.Is(err, authz.ErrNoGroup):
			err = notDone("Slack knows no such group.", "It was deleted, or it belongs to another organisation. Name another one.")
		case err == nil && group.Disabled:
			err = notDone("The group @"+group.Handle+" is disabled, so that nobody is in it.", "Enable it in Slack, or name another one.")
		default:
			err = fromSlack(err)
		}
		return party{handle: group.Handle}, err
	}
	person, err := h.People.Person(ctx, id)
	switch {
	case errors.Is(err, authz.ErrNoPerson):
		err = notDone("Slack knows no such person.", "Choose the name from the list that Slack shows while you type it.")
	case err == nil && person.Deactivated:
		err = notDone(fmt.Sprintf("The account of %s is deactivated.", person.Name), "Name somebody else.")
	default:
		err = fromSlack(err)
	}
	return party{person: person}, err
}

func fromSlack(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errSlack, err)
}

// hints warns the author of a rule about surprising effects, visible to the author only. It returns nil if there are none.
func (h *Handler) hints(ctx context.Context, c *call, who party) (Reply, error) {
	inv := c.Invocation
	var hints []string
	switch {
	case who.person.Outsider:
		hints = append(hints, who.person.Name+" is of another organisation: the rule counts, since it names this very person.")
	case who.person.Bot:
		hints = append(hints, who.person.Name+" is a bot: the rule counts, since it names this very bot.")
	}
	if users, groups := h.Authz.Admins(); inv.Verb == Deny && slices.Contains(slices.Concat(users, groups), inv.Options[Who]) {
		hints = append(hints, "The bot's own admins may do everything all the same: their names are in its configuration.")
	}
	pattern, err := authz.PatternOf(ruleOf(c.Request, time.Now()))
	if err != nil {
		return nil, err
	}
	on := h.covering(ctx, c, pattern)
	hints = append(hints, h.stillDenied(ctx, c.Request, who.person, on.mine)...)
	if inv.Verb == Grant {
		return asNotice(hints), nil
	}
	return on.notice("The rule stands, but no stack that you see", hints...), nil
}

// stillDenied reports that another rule still denies what was just allowed to a user. It names only stacks visible to the admin.
func (h *Handler) stillDenied(ctx context.Context, req Request, person authz.Person, stacks []cloud66.Stack) []string {
	inv := req.Invocation
	if person.ID == "" || inv.Verb == Deny {
		return nil
	}
	standing, err := h.Authz.Standing(ctx, authz.Subject{User: person.ID, Channel: req.Channel})
	if err != nil {
		h.Log.WarnContext(ctx, "whether a rule denies somebody what was allowed could not be found out", "user", person.ID, "error", err)
		return nil
	}
	for _, s := range stacks {
		for right := range strings.SplitSeq(inv.Options[Actions], ",") {
			if d := standing.Decide(authz.Action(right), RefOf(s)); !d.Allowed && d.Rule != nil {
				on := quoted(RefOf(s).Label())
				return []string{fmt.Sprintf("Rule %s denies it all the same, on %s for one: a deny beats every allow.", d.Rule.ID, on)}
			}
		}
	}
	return nil
}

func (h *Handler) revoke(ctx context.Context, c *call) (Reply, error) {
	req, id := c.Request, c.Invocation.Options[Rule]
	rules, _ := h.Authz.Rules(ctx, req.Channel) // a rule can be revoked even if another one is damaged
	handle, key := "", "revoked/"+storage.NewID(time.Now())
	if i := slices.IndexFunc(rules, func(r storage.Rule) bool { return r.ID == id && groupID.MatchString(r.Who) }); i >= 0 {
		handle = h.named(ctx, rules[i].Who)
	}
	err := h.changeRules(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		rule, err := authz.RemoveRule(tx, req.Channel, id)
		return []Announcement{{Key: key, Reply: ruleAnnounced(rule, handle, req.User, true)}}, err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return ProblemReply{
			What: fmt.Sprintf("This channel has no rule %s.", quoted(id)), State: "Nothing was done.",
			Do: "Look which rules it has; those of another channel are taken back there.", Command: h.Command, Example: "access",
		}, nil
	}
	return nil, err
}
