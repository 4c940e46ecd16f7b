package commands

import (
	"context"
	"slices"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// rulesPerPage is how many rules are shown at once.
const rulesPerPage = 15

// access shows the rules of the channel, to each those that they may know of.
func (h *Handler) access(ctx context.Context, req Request, standing authz.Standing) (Reply, error) {
	rules, err := h.Authz.Rules(ctx, req.Channel)
	if err != nil {
		return nil, err
	}
	if !standing.Admin().Allowed && !standing.All(authz.View) {
		seen, err := h.Directory.told(ctx, sees(standing, authz.View))
		if err != nil {
			return nil, err
		}
		catalogue := authz.NewCatalogue(refsOf(seen))
		rules = slices.DeleteFunc(rules, func(r storage.Rule) bool { return !takesIn(r, catalogue) })
	}
	page, from, to := pageOf(req.Invocation.Page, rulesPerPage, len(rules))
	return AccessReply{Rules: rules[from:to], Page: page, Offset: from, Total: len(rules), Admins: h.admins()}, nil
}

// takesIn reports whether a rule is about a stack that is seen, so that it tells of no other one.
func takesIn(r storage.Rule, seen *authz.Catalogue) bool {
	pattern, err := authz.ParsePattern(r.Stacks)
	return err == nil && (pattern.Everything() || seen.Any(pattern))
}

func refsOf(stacks []cloud66.Stack) []storage.StackRef {
	refs := make([]storage.StackRef, len(stacks))
	for i, s := range stacks {
		refs[i] = refOf(s)
	}
	return refs
}

// pageOf cuts a page out of so many things, the last one where there are not so many pages.
func pageOf(page, size, total int) (number, from, to int) {
	last := max(1, (total+size-1)/size)
	number = min(max(1, page), last)
	from = (number - 1) * size
	return number, from, min(from+size, total)
}

// why shows the rule that decides, for the one who asks or for somebody else.
func (h *Handler) why(ctx context.Context, stack cloud66.Stack, req Request) (Reply, error) {
	inv := req.Invocation
	about := req.subject()
	if inv.Who != "" {
		about.User = inv.Who
		if _, reply, err := h.who(ctx, inv.Who); err != nil || reply != nil {
			return reply, err
		}
	}
	standing, err := h.Authz.Standing(ctx, about)
	if err != nil {
		return nil, err
	}
	right := authz.Action(inv.Actions)
	reply := WhyReply{Right: right, Stack: refOf(stack), User: about.User, Decision: standing.Decide(right, refOf(stack))}
	if right == authz.Admin {
		reply.Decision = standing.Admin()
	}
	return reply, nil
}
