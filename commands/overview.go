package commands

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"c66bot/authz"
	"c66bot/cloud66"
)

// How the newest deployments of a page of stacks are read: so many at once, and no longer than people wait for the page.
const (
	newestAtOnce = 5
	newestWait   = 4 * time.Second
)

// stacks lists the stacks that the person may see, a page of them with their newest deployments.
func (h *Handler) stacks(ctx context.Context, req Request, standing authz.Standing) (Reply, error) {
	inv := req.Invocation
	told := func(s cloud66.Stack) bool { return holds(s, inv.Text) && standing.Decide(authz.View, refOf(s)).Allowed }
	seen, err := h.Directory.told(ctx, told)
	if err != nil {
		return nil, err
	}
	sortStacks(seen)
	p := pageOf(inv.Page, rowsPerPage, len(seen))
	shown, err := h.Directory.asNow(ctx, seen[p.from:p.to], told)
	if err != nil {
		return nil, err
	}
	entries, err := h.newest(ctx, shown)
	if err != nil {
		return nil, err
	}
	return StacksReply{page: p, Text: inv.Text, Stacks: entries, At: time.Now()}, nil
}

// holds reports whether a stack's name@environment holds a text, or fits it where it is a glob.
func holds(s cloud66.Stack, text string) bool {
	if strings.ContainsAny(text, "*?[") {
		if pattern, err := authz.ParsePattern(text); err == nil {
			return pattern.Match(refOf(s))
		}
	}
	return strings.Contains(authz.Fold(refOf(s).String()), authz.Fold(text))
}

// newest adds to stacks their newest deployments. What cannot be read in time is left out: the stack's own state is there. That the budget
// is used up is an error.
func (h *Handler) newest(ctx context.Context, stacks []cloud66.Stack) ([]StackEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, newestWait)
	defer cancel()
	entries := make([]StackEntry, len(stacks))
	var reads errgroup.Group
	reads.SetLimit(newestAtOnce)
	for i, s := range stacks {
		entries[i].Stack = s
		reads.Go(func() error {
			got, err := h.Cloud.DeploymentRange(ctx, s.UID, 0, 1)
			switch {
			case errors.Is(err, cloud66.ErrBudget):
				return err
			case err != nil:
				h.Log.DebugContext(ctx, "the newest deployment could not be read", "stack", s.UID, "error", err)
			case len(got.Deployments) == 0:
				entries[i].Never = true
			default:
				entries[i].Newest = &got.Deployments[0]
			}
			return nil
		})
	}
	return entries, reads.Wait()
}
