package commands

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/storage"
)

// coverage is what a subscription, a lock, a protection or a rule is about when it is made.
type coverage struct {
	pattern authz.Pattern
	known   []cloud66.Stack // visible to the user
	mine    []cloud66.Stack // matching stacks, on which the user has the right
	listed  bool            // the list of stacks could be read
}

// covering returns what is about the visible stacks that match a pattern.
func (h *Handler) covering(ctx context.Context, c *call, pattern authz.Pattern) coverage {
	known, listed := h.listed(ctx, may(c.standing, authz.View))
	return coverage{pattern, known, only(known, func(s cloud66.Stack) bool { return pattern.Match(RefOf(s)) }), listed}
}

// fits is the number of stacks, -1 if that is unknown.
func (on coverage) fits() int {
	if !on.listed {
		return -1
	}
	return len(on.mine)
}

// notice tells who made it what they may not have meant, such as that it matches no stack yet; nil for nothing.
func (on coverage) notice(butNone string, hints ...string) Reply {
	if on.listed && len(on.mine) == 0 && !on.pattern.Everything() {
		none := butNone + " matches " + quoted(on.pattern.String()) + " yet."
		if near := nearestStacks(on.known, on.pattern.String()); len(near) > 0 {
			none += " Near it: " + joinQuoted(labelsOf(near)) + "."
		}
		hints = append(hints, none)
	}
	return asNotice(hints, patternHints(on.pattern, on.known)...)
}

// gateCovered authorizes what is about the stacks of a pattern. The right on some stacks suffices for any pattern: it covers only those
// stacks.
func (h *Handler) gateCovered(ctx context.Context, c *call) error {
	right := c.spec.Right
	if !c.standing.Some(right) {
		return h.refuseOn(ctx, c.Request, noneAtAll, c.Invocation.Options[Glob])
	}
	pattern, err := authz.ParsePattern(c.Invocation.Options[Glob])
	if err != nil {
		return err
	}
	c.covered = h.covering(ctx, c, pattern)
	on, matches := &c.covered, c.covered.mine
	on.mine = only(matches, may(c.standing, right))
	asked, reason := c.asked(storage.StackRef{}), "they may "+string(right)+" some stacks here"
	switch {
	case len(on.mine) == 0 && len(matches) > 0: // the refusal names the first
		return h.authorize(ctx, c, RefOf(matches[0]))
	case len(on.mine) > 0:
		reason = c.standing.Decide(right, RefOf(on.mine[0])).Reason
	}
	if len(on.mine) == 1 {
		asked.Stack = RefOf(on.mine[0])
	}
	return h.Authz.Permit(ctx, asked, reason)
}

// listWait is how long a hint waits for the list of stacks.
const listWait = 4 * time.Second

// listed returns the visible stacks and whether the list of stacks could be read.
func (h *Handler) listed(ctx context.Context, visible func(cloud66.Stack) bool) ([]cloud66.Stack, bool) {
	ctx, cancel := context.WithTimeout(ctx, listWait)
	defer cancel()
	stacks, err := h.Directory.visible(ctx, visible)
	if err != nil {
		h.Log.WarnContext(ctx, "which stacks there are could not be looked up", "error", err)
	}
	return stacks, err == nil
}

// patternHints tells what a pattern does that its author may not have meant: it leaves out stacks without an environment, it has special
// characters that a name has too, or its name is that of several stacks.
func patternHints(pattern authz.Pattern, stacks []cloud66.Stack) (hints []markup.Text) {
	var without, twins []string
	example := ""
	for _, s := range stacks {
		ref := RefOf(s)
		if means := pattern.Means(ref); means != "" {
			hints = append(hints, markup.Format("To name the stack %s itself, write %s.", quoted(ref.Label()), markup.Code(inQuotes(means))))
		}
		if pattern.LeavesOut(ref) {
			without, example = append(without, ref.Label()), cmp.Or(example, authz.Literal(s.Name)+"@")
		}
		if ref.Tag != "" && pattern.Literal() && pattern.Match(ref) {
			twins = append(twins, ref.Label())
		}
	}
	if len(without) > 0 {
		hints = append(hints, markup.Format("It leaves out what has no environment: %s. Write %s for that one, or %s for all of them.",
			someQuoted(without), markup.Code(inQuotes(example)), markup.Code("'*@'")))
	}
	if len(twins) > 1 {
		hints = append(hints, markup.Format("It takes in %d stacks of that name: %s. A UID names one alone.", len(twins), someQuoted(twins)))
	}
	return hints
}

// inQuotes quotes a pattern as it can be typed.
func inQuotes(pattern string) string {
	if strings.ContainsRune(pattern, '\'') {
		return shellWord(pattern)
	}
	return "'" + pattern + "'"
}

// someQuoted quotes the first few words of a list and counts the others.
func someQuoted(words []string) string {
	const most = 3
	if len(words) <= most {
		return joinQuoted(words)
	}
	return fmt.Sprintf("%s and %d more", joinQuoted(words[:most]), len(words)-most)
}

func asNotice(hints []string, more ...markup.Text) Reply {
	if len(hints)+len(more) == 0 {
		return nil
	}
	said := markup.Format("%s", strings.Join(hints, " "))
	return doc.Say(kindNotice, markup.Join(append([]markup.Text{said}, more...), " "))
}
