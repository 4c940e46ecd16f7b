package commands

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/storage"
)

// reader determines what a user may see of rules, locks, protections and subscriptions.
type reader struct {
	user     string
	standing authz.Standing
	stacks   []storage.StackRef // visible to the user
	seen     *authz.Catalogue   // of these stacks
	listed   bool               // the list of stacks could be read
}

func (h *Handler) reader(ctx context.Context, c *call) reader {
	stacks, listed := h.listed(ctx, may(c.standing, authz.View))
	r := reader{user: c.User, standing: c.standing, stacks: refsOf(stacks), listed: listed}
	r.seen = authz.NewCatalogue(r.stacks)
	return r
}

// sees reports whether the user may see something about the stacks of a pattern: it is their own or reveals no hidden stack.
func (r reader) sees(owner string, about authz.Pattern) bool {
	return owner == r.user || r.standing.All(authz.View) || about.Everything() && r.standing.Some(authz.View) || r.seen.Any(about)
}

// with returns the visible stacks on which the user has a right.
func (r reader) with(right authz.Action) *authz.Catalogue {
	return authz.NewCatalogue(slices.DeleteFunc(slices.Clone(r.stacks), func(s storage.StackRef) bool {
		return !r.standing.Decide(right, s).Allowed
	}))
}

// named returns those of some records that an invocation refers to: the one of a button, else all with the same pattern, else the one with
// that id.
func named[T any](inv Invocation, all []T, of func(T) (id, glob string)) []T {
	id, glob := inv.Options[Rule], inv.Options[Glob]
	fits := func(t T) bool { _, other := of(t); return id == "" && authz.SamePattern(other, glob) }
	if !slices.ContainsFunc(all, fits) {
		id = cmp.Or(id, strings.ToLower(glob))
		fits = func(t T) bool { other, _ := of(t); return other == id }
	}
	return slices.DeleteFunc(slices.Clone(all), func(t T) bool { return !fits(t) })
}
