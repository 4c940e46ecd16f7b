package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/storage"
)

// Access shows the rules of a channel.
const Access Verb = "access"

var accessSpec = Spec{
	Verb: Access, group: ofRights, Right: authz.View,
	Args: []Arg{
		{Word: "[why", Example: "why", take: takeWhy, show: showWhy},
		{Word: "ACTION", Missing: "%s why takes a right, such as redeploy, and a stack.", Example: "why", opt: Actions},
		{Word: "<stack>", Missing: "%s why takes a right, such as redeploy, and a stack.", Example: "why", take: takeStack, show: argStack.show},
		{Word: "[@user]]", Example: "@lin", opt: Asker},
	},
	Summary:  "Shows who may do what in this channel; with why, the rule that decides.",
	Examples: []string{"access", "access why redeploy mystack@production", "access why cancel mystack@production @lin"},
	check:    checkWhy,
	gate:     (*Handler).gateAccess,
	run:      (*Handler).access,
}

func takeWhy(_ *Invocation, word string) error {
	if strings.ToLower(word) != "why" {
		//nolint:staticcheck // people read it as a sentence
		return fmt.Errorf("I don't understand %s after access; only why can stand there", quoted(word))
	}
	return nil
}

func showWhy(i Invocation) string {
	if i.why() {
		return "why"
	}
	return ""
}

// why reports whether the request asks for the deciding rule.
func (i Invocation) why() bool { return i.Options[Actions] != "" }

// checkWhy requires one right and a stack; the user is optional.
func checkWhy(s Spec, i Invocation) error {
	if i.why() && (strings.Contains(i.Options[Actions], ",") || strings.TrimSpace(i.Stack+i.UID) == "") {
		return s.usage("why", "access why takes one right at a time.")
	}
	return nil
}

// gateAccess admits anyone who may view some stack, and the managers of the rules. The question which rule decides is
// authorized on its stack.
func (h *Handler) gateAccess(ctx context.Context, c *call) error {
	switch {
	case c.Invocation.why():
		return h.gateStack(ctx, c)
	case c.standing.Admin().Allowed:
		return nil
	default:
		return h.gateSome(ctx, c)
	}
}

const rulesPerPage = 15

// rights holds phrases to follow "may" or "may not": without a stack, and before one.
var rights = map[authz.Action][2]string{
	authz.View:      {"look at stacks", "look at"},
	authz.Redeploy:  {"redeploy", "redeploy"},
	authz.Cancel:    {"cancel deployments", "cancel deployments of"},
	authz.Subscribe: {"subscribe this channel", "subscribe this channel to"},
	authz.Lock:      {"lock stacks", "lock"},
	authz.Approve:   {"approve redeploys", "approve redeploys of"},
	authz.Admin:     {"make rules", "make rules for"},
}

// access shows the channel's rules that do not reveal a stack hidden from the asker, or the rule that decides.
func (h *Handler) access(ctx context.Context, c *call) (Reply, error) {
	req, standing := c.Request, c.standing
	if req.Invocation.why() {
		return h.why(ctx, c)
	}
	rules, err := h.Authz.Rules(ctx, req.Channel)
	if err != nil {
		return nil, err
	}
	if !standing.Admin().Allowed && !standing.All(authz.View) {
		seen, err := h.Directory.visible(ctx, may(standing, authz.View))
		if err != nil {
			return nil, err
		}
		catalogue := authz.NewCatalogue(refsOf(seen))
		rules = slices.DeleteFunc(rules, func(r storage.Rule) bool { // one that matches no visible stack might reveal a hidden one
			pattern, err := authz.PatternOf(r)
			return err != nil || !pattern.Everything() && !catalogue.Any(pattern)
		})
	}
	p := pageOf(req.Invocation.Number(Page), rulesPerPage, len(rules))
	return rulesPage(p, rules[p.from:p.to], h.admins()), nil
}

// rulesPage shows a page of a channel's rules, one line each, with the id that users type.
func rulesPage(p page, rules []storage.Rule, admins Admins) doc.Document {
	if p.total == 0 {
		return doc.Say("access",
			markup.Format("There is no rule that you can see here. The bot's admins may do everything: %s.", admins.names()))
	}
	lines := make([]markup.Text, len(rules))
	for i, rule := range rules {
		sign := "✅"
		if rule.Deny {
			sign = "⛔"
		}
		what := terms(rule, wording.Party(rule.Who))
		lines[i] = markup.Format("%s %s %s · by %s%s", sign, markup.Code(rule.ID), what, markup.User(rule.By), until(rule))
	}
	foot := markup.Format("A deny beats every allow. The bot's admins may do everything: %s.", admins.names())
	return doc.Document{Kind: "access", Blocks: []doc.Block{
		doc.Lines(markup.Format("*Who may do what in this channel*: rules %s", p)), doc.Lines(lines...), doc.Small(foot),
		p.pageButtons(Invocation{Verb: Access}),
	}}
}

// terms describes a rule, as in "allow @lin redeploy, cancel on web*".
func terms(r storage.Rule, who markup.Text) markup.Text {
	verb := "allow"
	if r.Deny {
		verb = "deny"
	}
	on := markup.Code(r.Stacks)
	if r.UID != "" {
		on = wording.Scope(r.Stacks, r.UID, r.Shown)
	}
	return markup.Format("%s %s %s on %s", verb, who, strings.Join(r.Actions, ", "), on)
}

func until(r storage.Rule) markup.Text {
	if r.Until.IsZero() {
		return markup.Text{}
	}
	return markup.Format(" · until %s", markup.When(r.Until))
}

// why shows the deciding rule for the asker or for another user.
func (h *Handler) why(ctx context.Context, c *call) (Reply, error) {
	inv, stack, req := c.Invocation, c.stack, c.Request
	about := req.subject()
	if inv.Options[Asker] != "" {
		about.User = inv.Options[Asker]
		if _, err := h.who(ctx, about.User); err != nil {
			return nil, err
		}
	}
	standing, err := h.Authz.Standing(ctx, about)
	if err != nil {
		return nil, err
	}
	right := authz.Action(inv.Options[Actions])
	decision := standing.Decide(right, RefOf(stack))
	d := decided(right, RefOf(stack), about.User, decision)
	if right != authz.Redeploy || !decision.Allowed {
		return d, nil
	}
	held, err := h.whyHeld(ctx, RefOf(stack))
	return d.With(held...), err
}

// whyHeld tells which locks and protections hold a redeploy back that a rule allows, and what would change that.
func (h *Handler) whyHeld(ctx context.Context, stack storage.StackRef) (blocks []doc.Block, err error) {
	locks, err := h.HeldBy(ctx, stack)
	if err != nil {
		return nil, err
	}
	for _, l := range locks {
		window := markup.Text{}
		if l.Every != "" {
			window = lockTime(l)
		}
		blocks = append(blocks, doc.Lines(markup.Format("🔒 lock %s of %s on %s%s%s holds it: “%s”. "+
			"Its holder can unlock it; an admin can override it.",
			markup.Code(l.ID), markup.User(l.Holder), wording.Stacks(l.Stacks), window, untilWhen(l.Until), l.Reason)))
	}
	book, err := h.book(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range book.Over(stack) {
		blocks = append(blocks, doc.Lines(markup.Format("🔐 protection %s on %s: %s. An admin can take it back: unprotect.",
			markup.Code(p.ID), wording.Stacks(p.Stacks), protects(p.Protection, h.named(ctx, p.Group)))))
	}
	return blocks, nil
}

// decided describes a decision and its rule.
func decided(right authz.Action, stack storage.StackRef, user string, d authz.Decision) doc.Document {
	sign, may := "✅", "may"
	if !d.Allowed {
		sign, may = "⛔", "may not"
	}
	what := markup.Format("%s %s", rights[right][1], wording.Stack(stack))
	if right == authz.Admin {
		what = markup.Format("%s", rights[right][0])
	}
	reason := markup.Format("%s", d.Reason)
	if rule := d.Rule; rule != nil {
		reason = markup.Format("rule %s, %s%s", markup.Code(rule.ID), terms(*rule, wording.Party(rule.Who)), until(*rule))
	}
	return doc.Say("why", markup.Format("%s %s %s %s here: %s", sign, markup.User(user), may, what, reason))
}

// ruleAnnounced tells a channel that a user created or revoked a rule. It mentions the user of the rule, but never a group: that is shown
// by its handle.
func ruleAnnounced(rule storage.Rule, handle, by string, revoked bool) doc.Document {
	who, id := wording.Party(rule.Who), markup.Code(rule.ID)
	if strings.HasPrefix(rule.Who, "S") {
		who = markup.Format("@%s", cmp.Or(handle, rule.Who))
	}
	if !revoked && !rule.Until.IsZero() { // in the thread of the request, which has the details
		return doc.Say("rule",
			markup.Format("🔑 %s, that is granted until %s. It is rule %s, which revoke takes back.", who, markup.When(rule.Until), id))
	}
	did := "made a rule for"
	if revoked {
		did = "took back a rule of"
	}
	return doc.Say("rule", markup.Format("🔑 %s %s this channel: %s (rule %s)", markup.User(by), did, terms(rule, who), id))
}
