package commands

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands/typography"
	"c66bot/storage"
)

// maxOptions is the maximum number of buttons in a choice; Slack shows 25 in a block.
const maxOptions = 20

// Audit reasons for refusing a user who sees no matching stack.
const (
	noneAtAll = "no rule allows it on any stack"
	noneSuch  = "no stack of that name is for them"
)

// errNoStack means that the user sees no such stack, so that they can choose another one.
var errNoStack = errors.New("no such stack")

// target finds the stack of a request and authorizes the request on it. If there is no single authorized stack, the error carries a Reply:
// a refusal, a choice, or that there is none.
func (h *Handler) target(ctx context.Context, c *call) (cloud66.Stack, error) {
	found, err := h.visible(ctx, c)
	if err != nil {
		return found, err
	}
	return found, h.authorize(ctx, c, RefOf(found))
}

// visible finds the stack of a request. It considers only stacks that the user may see, so that a hidden stack gets the same answer as a
// missing one.
func (h *Handler) visible(ctx context.Context, c *call) (none cloud66.Stack, err error) {
	req, standing, inv := c.Request, c.standing, c.Invocation
	if !standing.Some(authz.View) {
		return none, h.refuse(ctx, req, noneAtAll)
	}
	found, near, err := h.Directory.find(ctx, inv, may(standing, authz.View))
	switch {
	case err != nil:
		return none, err
	case len(found) == 0:
		return none, fmt.Errorf("%w: %w", errNoStack, h.notFound(ctx, req, standing, near))
	case len(found) > 1:
		return none, instead(choice(inv, found))
	}
	return found[0], nil
}

// may returns a filter of the stacks on which the user has a right.
func may(standing authz.Standing, right authz.Action) func(cloud66.Stack) bool {
	return func(s cloud66.Stack) bool { return standing.Decide(right, RefOf(s)).Allowed }
}

// authorize decides on a stack visible to the user and records the decision, or leaves that to the transaction that begins the change.
func (h *Handler) authorize(ctx context.Context, c *call, stack storage.StackRef) error {
	asked := c.asked(stack)
	asked.Begins = c.spec.Begins
	decision, err := h.Authz.Authorize(ctx, c.standing, asked)
	switch {
	case err != nil:
		return err
	case decision.Allowed:
		c.judged, c.decision, c.decided = asked, decision, authz.Record(asked, decision)
		return nil
	}
	refused := RefusalReply{Stack: &stack}
	if decision.Rule != nil {
		refused.Denied = decision.Rule.ID
	}
	return h.refusal(ctx, c.Request, refused, authz.Exactly(stack))
}

// holders returns the subjects that the rules allow a right on a stack.
func holders(rules []storage.Rule, right authz.Action, stack storage.StackRef) []string {
	var found []string
	for _, r := range rules {
		pattern, err := authz.PatternOf(r)
		fits := err == nil && pattern.Match(stack) &&
			slices.ContainsFunc(r.Actions, func(held string) bool { return authz.Action(held).Includes(right) })
		if fits && !r.Deny && !slices.Contains(found, r.Who) {
			found = append(found, r.Who)
		}
	}
	return found
}

// refuse refuses a request that concerns no visible stack, and records it. A click on a card of this channel is offered
// the right on the stack that the card shows.
func (h *Handler) refuse(ctx context.Context, req Request, why string, near ...storage.StackRef) error {
	switch inv := req.Invocation; {
	case inv.Stack != "":
		return h.refuseOn(ctx, req, why, globOf(inv.Stack), near...)
	case inv.UID == "":
		return h.refuseOn(ctx, req, why, "*", near...)
	}
	card, err := h.cardOf(ctx, req)
	if err != nil || card.UID == "" {
		return errors.Join(err, h.refuseOn(ctx, req, why, ""))
	}
	if err := h.Authz.Refuse(ctx, req.asked(storage.StackRef{}), why); err != nil {
		return err
	}
	err = h.refusal(ctx, req, RefusalReply{Stack: &card}, authz.Exactly(card))
	answer, ok := errors.AsType[answerError](err)
	if refused, is := answer.Reply.(RefusalReply); ok && is { // only the request, which the channel sees, names the stack
		refused.Stack, refused.Holders = nil, nil
		return instead(refused)
	}
	return err
}

// cardOf returns the stack of the card in the request's channel to which a button belongs. It returns none if there is no such card or a
// rule denies the request.
func (h *Handler) cardOf(ctx context.Context, req Request) (none storage.StackRef, err error) {
	inv := req.Invocation
	f, err := storage.Read(ctx, h.Records, func(tx storage.Tx) (storage.Follow, error) {
		id := inv.Follow
		if id == "" && inv.Deployment != 0 {
			heard, _, err := storage.Heard.Find(tx, storage.HeardKey(inv.UID, inv.Deployment, req.Channel))
			if id = heard.Follow; err != nil || id == "" {
				return storage.Follow{}, err
			}
		}
		f, _, err := storage.Follows.Find(tx, id)
		return f, err
	})
	if err != nil || f.Channel != req.Channel || f.Stack.UID != inv.UID {
		return none, err
	}
	standing, err := h.Authz.Standing(ctx, req.subject())
	if err != nil || standing.Decide(inv.right(), f.Stack).Rule != nil {
		return none, err
	}
	return f.Stack, nil
}

// refuseOn is refuse with an offer of the right on the stacks of a glob; "" offers nothing.
func (h *Handler) refuseOn(ctx context.Context, req Request, why, glob string, near ...storage.StackRef) error {
	if err := h.Authz.Refuse(ctx, req.asked(storage.StackRef{}), why); err != nil {
		return err
	}
	var refused RefusalReply
	if why == noneSuch {
		refused.Typed, refused.Near, refused.Choices = req.Invocation.Stack, labelsOf(near), choices(req.Invocation, near)
	}
	return h.refusal(ctx, req, refused, glob)
}

// refusal completes the answer to a refused request: who can help, and the button that asks for the right, on its stack, which the request
// names by its UID or as it was typed, or on those of a glob. Against a deny no other rule helps; strangers and bots cannot ask.
func (h *Handler) refusal(ctx context.Context, req Request, r RefusalReply, glob string) error {
	rules, err := h.Authz.Rules(ctx, req.Channel)
	if err != nil {
		return err
	}
	r.Right, r.Does, r.Direct = req.Invocation.right(), adminDoes[req.Invocation.Verb], req.subject().Direct()
	if len(rules) > 0 && !r.Direct {
		inside, err := h.People.Inside(ctx, req.Channel, req.User)
		r.Outside = err == nil && !inside || errors.Is(err, authz.ErrNoChannel)
	}
	if r.Outside { // an outsider must not see the channel's rules
		rules = nil
	}
	r.Admins = h.adminsBy(rules)
	if r.Stack != nil {
		r.Holders = holders(rules, r.Right, *r.Stack)
	}
	if _, err := authz.ParsePattern(glob); err != nil || r.Direct || r.Outside || r.Denied != "" || req.Channel == "" {
		return instead(r)
	}
	if may, err := h.mayAsk(ctx, req); err == nil && may && r.Right != authz.Admin {
		ask := Invocation{Verb: Ask, Options: Options{Actions: string(r.Right), Glob: glob}}.once()
		switch typed := req.Invocation.Stack; {
		case r.Stack != nil:
			ask.UID, ask.Shown = r.Stack.UID, shownInRule(*r.Stack)
		case typed != "" && glob == globOf(typed):
			ask.Stack = typed
		}
		ask.Then = req.Invocation.resumed()
		if _, err := ask.Value(); err != nil { // too long with it
			ask.Then = ""
		}
		r.Ask = &ask
	}
	return instead(r)
}

// shownInRule is how the rule on one stack names it.
func shownInRule(stack storage.StackRef) string {
	return markup.Shorten(markup.OneLine(stack.Label()), wording.MaxName)
}

// mayAsk reports whether the user may ask the channel's admins for a right: as a member of the workspace, in a channel of theirs where the
// bot can say so.
func (h *Handler) mayAsk(ctx context.Context, req Request) (bool, error) {
	if req.subject().Direct() {
		return false, nil
	}
	person, err := h.People.Person(ctx, req.User)
	if errors.Is(err, authz.ErrNoPerson) || err == nil && (person.Bot || person.Outsider || person.Deactivated) {
		return false, nil
	}
	inside := false
	if err == nil {
		inside, err = h.People.Inside(ctx, req.Channel, req.User)
	}
	if errors.Is(err, authz.ErrNoChannel) {
		return false, nil
	}
	if err != nil {
		return false, fromSlack(err)
	}
	err = h.member(ctx, req)
	if _, ok := errors.AsType[*CardError](err); ok {
		return false, nil
	}
	return inside, err
}

// globOf returns the glob equivalent to a typed stack, whose environment may be a prefix.
func globOf(typed string) string {
	at := strings.LastIndexByte(typed, '@')
	if at < 0 {
		return authz.Literal(typed)
	}
	if strings.TrimSpace(typed[at+1:]) == "" { // stacks without an environment
		return authz.Literal(typed[:at]) + "@"
	}
	return authz.Literal(typed[:at]) + "@" + authz.Literal(typed[at+1:]) + "*"
}

// notFound reports that there is no such stack. If stacks may be hidden from the user, it says only that there is none for them.
func (h *Handler) notFound(ctx context.Context, req Request, standing authz.Standing, near []storage.StackRef) error {
	inv := req.Invocation
	if !standing.All(authz.View) {
		return h.refuse(ctx, req, noneSuch, near...)
	}
	if inv.UID != "" {
		return notDone("That stack is not there any more.", "It was deleted, or the bot's Cloud 66 token may no longer see it.")
	}
	p := ProblemReply{What: fmt.Sprintf("I know no stack %s.", quoted(inv.Stack)), Command: h.Command}
	switch {
	case len(near) == 0:
		p.Do = "Check its name in the Cloud 66 dashboard; the environment goes after an @, as in name@environment."
		return instead(p)
	case len(near) == 1:
		p.Do = fmt.Sprintf("Did you mean %s?", quoted(near[0].Label()))
	default:
		p.Do = "Did you mean one of these: " + joinQuoted(labelsOf(near)) + "?"
	}
	if p.Choices = choices(inv, near); slices.ContainsFunc(buttons(p.Choices), doc.Button.None) {
		p.Example = inv.line(typeable(near[0]))
	}
	return instead(p)
}

// choices are buttons that continue a request with another stack.
func choices(inv Invocation, near []storage.StackRef) []Choice {
	inv = inv.once()
	return each(near, func(ref storage.StackRef) Choice {
		if inv.Stack, inv.UID, inv.Shown = "", ref.UID, ShownAs(ref.String()); ref.UID == "" {
			inv.Stack, inv.Shown = ref.String(), ""
		}
		return Choice{ref.Label(), inv}
	})
}

// typeable returns how a stack can be typed: by its name and environment, or by its UID where these cannot be typed or are not enough.
func typeable(stack storage.StackRef) string {
	name := stack.String()
	words, err := splitWords(asTyped(shellWord(name)))
	if stack.UID != "" && (stack.Tag != "" || err != nil || len(words) != 1 || words[0].name() != typography.Normal(name) ||
		plain("name", name, maxStackName) != nil) {
		return stack.UID
	}
	return name
}

// TypedGlob returns the word that a rule is typed with to be about just this stack, or about those of its name.
func TypedGlob(stack storage.StackRef) string {
	if stack.Tag != "" {
		return stack.UID
	}
	return shellWord(authz.Exactly(stack))
}

// ShownAs returns what a button carries of a name that must still be the stack's when it is used: the name, or a digest of one that is too
// long or cannot be typed.
func ShownAs(name string) string {
	if plain("name", name, maxStackName) == nil {
		return name
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
}

// choice offers stacks of the same name as buttons that continue the request.
func choice(inv Invocation, found []cloud66.Stack) Reply {
	what := fmt.Sprintf("%s matches %d stacks. Which one?", quoted(inv.Stack), len(found))
	if len(found) > maxOptions {
		what = fmt.Sprintf("%s matches %d stacks; here are the first %d. Which one?", quoted(inv.Stack), len(found), maxOptions)
		found = found[:maxOptions]
	}
	tellApart(found)
	return choiceOf(what, choices(inv, refsOf(found)))
}

func (h *Handler) admins() Admins {
	users, groups := h.Authz.Admins()
	return Admins{Users: users, Groups: groups}
}

// adminsBy returns who can grant a right in a channel: the configured admins and the managers of its rules.
func (h *Handler) adminsBy(rules []storage.Rule) Admins {
	all := h.admins()
	for _, r := range rules {
		if r.Deny || !slices.Contains(r.Actions, string(authz.Admin)) {
			continue
		}
		switch {
		case groupID.MatchString(r.Who) && !slices.Contains(all.Groups, r.Who):
			all.Groups = append(slices.Clip(all.Groups), r.Who)
		case userID.MatchString(r.Who) && !slices.Contains(all.Users, r.Who):
			all.Users = append(slices.Clip(all.Users), r.Who)
		}
	}
	return all
}

// renamed reports that a stack's name has changed since the message or form was shown.
func renamed(inv Invocation, stack cloud66.Stack) error {
	now := RefOf(stack).String()
	if inv.Shown == "" || inv.Shown == ShownAs(now) {
		return nil
	}
	what := fmt.Sprintf("The stack that was %s when this was shown is %s now.", quoted(inv.Shown), quoted(now))
	return notDone(what, "Look at it, then ask again.")
}
