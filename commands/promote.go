package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands/versions"
	"c66bot/storage"
)

// Promote brings what is live on a stack to the stack of the same name in another environment.
const Promote Verb = "promote"

var promoteSpec = Spec{
	Verb: Promote, group: toDeploy, Right: authz.Redeploy, Changes: true, Writes: true, Begins: true,
	Args: []Arg{argStack, {
		Word: "<environment>", Missing: "To which environment? Write it after the stack of a %s.", opt: Environment,
	}},
	Options: pick(Reason, Override),
	Summary: "Brings exactly what is live on a stack to the stack of that name in another environment. It shows the difference, and asks.",
	Examples: []string{
		"promote mystack@staging production", `promote mystack@staging production --reason "release 1.4"`,
		`promote mystack@staging production --override --reason "hotfix of the outage"`,
	},
	asks: func(i Invocation) bool { return i.Fill || !i.Yes }, // a button that overrides a lock still lacks the reason
	check: func(_ Spec, i Invocation) error {
		if i.Yes && (i.UID == "" || i.Onto == "" || i.Sight == "") {
			return errors.New("a yes to a promotion does not say of what")
		}
		return nil
	},
	gate: (*Handler).gatePromote,
	run:  (*Handler).promote,
}

// gatePromote finds the stack whose version goes on, of which the user needs no more than to see it, and authorizes the request on the
// stack that it goes to.
func (h *Handler) gatePromote(ctx context.Context, c *call) error {
	source, err := h.visible(ctx, c)
	if err != nil {
		return err
	}
	if err := renamed(c.Invocation, source); err != nil {
		return err
	}
	c.source = source
	if c.stack, err = h.onto(ctx, c); err != nil {
		return err
	}
	return h.authorize(ctx, c, RefOf(c.stack))
}

// onto finds the stack that a version goes to, among the visible ones that have the name of the stack that it comes from.
func (h *Handler) onto(ctx context.Context, c *call) (none cloud66.Stack, err error) {
	inv, source := c.Invocation, c.source
	others, err := h.siblings(ctx, c.standing, source)
	if err != nil {
		return none, err
	}
	wanted := authz.Fold(inv.Options[Environment])
	if name, environment, ok := strings.Cut(wanted, "@"); ok && name == authz.Fold(source.Name) { // typed as a stack
		wanted = environment
	}
	var found []cloud66.Stack
	for _, fits := range []func(s cloud66.Stack) bool{
		func(s cloud66.Stack) bool { return s.UID == inv.Onto },
		func(s cloud66.Stack) bool { return inv.Onto == "" && authz.Fold(s.Environment) == wanted },
		func(s cloud66.Stack) bool {
			return inv.Onto == "" && strings.HasPrefix(authz.Fold(s.Environment), wanted) && authz.Fold(source.Environment) != wanted
		},
	} {
		if found = only(others, fits); len(found) > 0 {
			break
		}
	}
	if len(found) == 1 {
		if found, err = h.Directory.asNow(ctx, found, may(c.standing, authz.View)); err != nil {
			return none, err
		}
	}
	inv = inv.once()
	inv.Stack, inv.UID, inv.Shown = "", source.UID, ShownAs(RefOf(source).String())
	choices := func(stacks []cloud66.Stack) []Choice {
		return each(stacks[:min(maxOptions, len(stacks))], func(s cloud66.Stack) Choice {
			inv.Onto, inv.Options[Environment] = s.UID, s.Environment
			return Choice{RefOf(s).Label(), inv}
		})
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return none, h.noSuchEnvironment(ctx, c, choices(others))
	}
	what := fmt.Sprintf("%s matches %d stacks. Which one?", quoted(c.Invocation.Options[Environment]), len(found))
	return none, instead(choiceOf(what, choices(found)))
}

// siblings returns the visible stacks of a stack's name in other environments.
func (h *Handler) siblings(ctx context.Context, standing authz.Standing, of cloud66.Stack) ([]cloud66.Stack, error) {
	all, err := h.Directory.visible(ctx, may(standing, authz.View))
	found := slices.DeleteFunc(all, func(s cloud66.Stack) bool {
		return s.UID == of.UID || authz.Fold(s.Name) != authz.Fold(of.Name) || s.Environment == ""
	})
	sortStacks(found)
	return found, err
}

// noSuchEnvironment says that a stack is not there in an environment, and offers those in which it is. To whom some stacks may be hidden,
// that is a refusal.
func (h *Handler) noSuchEnvironment(ctx context.Context, c *call, others []Choice) error {
	typed, from := c.Invocation.Options[Environment], RefOf(c.source)
	if !c.standing.All(authz.View) {
		if err := h.Authz.Refuse(ctx, c.asked(storage.StackRef{Name: from.Name, Environment: typed}), noneSuch); err != nil {
			return err
		}
	}
	what := fmt.Sprintf("I know no other stack of this name in the environment %s.", quoted(typed))
	p := ProblemReply{Stack: &from, What: what, State: "Nothing was done.", Choices: others}
	if len(others) == 0 {
		p.Do = "There is none of its name in another environment that you may see."
	}
	return instead(p)
}

// forth is a promotion as its question shows it.
type forth struct {
	source, onto past
	from, to     cloud66.Stack
	by           bringing
}

func (h *Handler) promote(ctx context.Context, c *call) (Reply, error) {
	return h.bring(ctx, c, h.planForth)
}

// planForth plans a promotion.
func (h *Handler) planForth(ctx context.Context, c *call) (p plan, err error) {
	f, err := h.forthOf(ctx, c)
	if err != nil {
		return p, err
	}
	from, to := RefOf(f.from), RefOf(f.to)
	what := fmt.Sprintf("something here or on %s has changed since the question was shown. %s On %[1]s: %s.", from, f.onto.isLive(),
		f.source.nowLive())
	moved := h.problemOn(f.to, what, "Look at it, then ask again.", "")
	moved.State, moved.Example = "Nothing was done.", c.asked(to).Asked
	return plan{
		by: &f.by, question: f.question, sight: f.sight(), listed: f.onto.listed,
		yes:  Invocation{UID: from.UID, Onto: to.UID, Options: Options{Environment: to.Environment}},
		wish: storage.Wish{Origin: f.source.live.ID(), From: from.String()}, moved: instead(moved),
	}, nil
}

func (f forth) sight() string {
	now, on := f.source.live, f.onto.live
	return sight(RefOf(f.from).String(), RefOf(f.to).String(), now.ID(), f.by.ref, f.by.services, on.ID(), on.Commit, on.Services,
		f.onto.newest())
}

// forthOf finds what is live on both stacks of a promotion, and what brings it from one to the other.
func (h *Handler) forthOf(ctx context.Context, c *call) (f forth, err error) {
	f.from, f.to = c.source, c.stack
	from, to := RefOf(f.from), RefOf(f.to)
	if f.from.Docker() != f.to.Docker() {
		kind := map[bool]string{true: "images", false: "commits"}
		what := fmt.Sprintf("%s deploys %s and %s deploys %s, so what is live on one cannot go to the other.", from, kind[f.from.Docker()], to,
			kind[f.to.Docker()])
		return f, notDone(what, "Redeploy each by itself.")
	}
	if f.source, err = h.pastOf(ctx, f.from, hasLive); err != nil {
		return f, err
	}
	if f.source.live.ID() == 0 {
		return f, h.notDoneOn(f.from, "nothing is live here that could be promoted.", "", "list %s")
	}
	if f.onto, err = h.pastOf(ctx, f.to, hasLive); err != nil {
		return f, err
	}
	if f.by, err = h.bringingOf(ctx, f.to, f.source.live); err != nil {
		return f, err
	}
	on := f.onto.live
	same := f.by.ref != "" && strings.EqualFold(on.Commit, f.by.ref) || f.by.services != "" && versions.Holds(on.Services, f.by.services)
	if on.ID() != 0 && same {
		return f, h.notDoneOn(f.to, fmt.Sprintf("what is live on %s is live here already: #%d.", from, on.ID()), "", "show %s live")
	}
	return f, nil
}

func hasLive(p past) bool { return p.live.ID() != 0 }

// question shows both versions and the difference, and asks.
func (f *forth) question(yes Invocation) doc.Document {
	from, to := RefOf(f.from), RefOf(f.to)
	now, on := f.source.live, f.onto.live
	facts := []markup.Text{markup.Format("Live on %s: %s", wording.Stack(from), describe(now, true))}
	if on.ID() == 0 {
		facts = append(facts, markup.Format("On %s Cloud 66 tells of nothing that is live.", wording.Stack(to)))
	} else {
		facts = append(facts, markup.Format("Replaces on %s: %s", wording.Stack(to), describe(on, true)))
	}
	if page := wording.Compare(now.Page, on.Commit, now.Commit); !page.Empty() {
		facts = append(facts, markup.Format("This brings: %s", wording.WhatChanges(page)))
	}
	facts = append(facts, f.by.notes...)
	if d := f.source.open(); d != nil {
		facts = append(facts, markup.Format("On %s #%d has not ended: what goes is #%d.", wording.Stack(from), d.ID, now.ID()))
	}
	facts = append(append(facts, f.onto.waits()...), because(yes))
	head := markup.Format("%s: promote #%d from %s?", wording.Stack(to), now.ID(), wording.Stack(from))
	return asked(string(Promote), head, facts, Button("Yes, promote", yes, "yes").As(doc.Primary), yes.Nonce)
}
