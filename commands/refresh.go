package commands

import (
	"context"

	"c66bot/authz"
	"c66bot/storage"
)

// Refresh polls the deployment of a card.
const Refresh Verb = "refresh"

var refreshSpec = Spec{
	Verb: Refresh, Button: true, Right: authz.View,
	Args: []Arg{{Word: "[<stack>]", show: argStack.show}, argID},
	gate: (*Handler).gateRefresh,
	run:  (*Handler).refresh,
}

// gateRefresh authorizes the refresh of a card. For an ended deployment, whose card is edited again, it finds the stack, since the
// deployment is shown too. A user who may not see the stack gets the answer for a missing card.
func (h *Handler) gateRefresh(ctx context.Context, c *call) error {
	if err := h.gateSome(ctx, c); err != nil {
		return err
	}
	if id := c.Invocation.Follow; id != "" {
		follow, _, err := storage.Follows.Look(ctx, h.Records, id)
		if err != nil {
			return err
		}
		if follow.ID != "" && c.standing.Decide(authz.View, follow.Stack).Allowed {
			c.follow = follow
		}
	}
	if c.follow.ID != "" && c.follow.Phase != storage.PhaseEnded {
		return nil
	}
	if c.Invocation.UID != "" {
		if err := h.gateStack(ctx, c); err != nil {
			return err
		}
	}
	if c.Invocation.UID == "" || c.Invocation.Deployment == 0 {
		return instead(ProblemReply{
			What: "That card is not followed any more.", Do: "Look at its stack anew.", Command: h.Command, Example: string(Stacks),
		})
	}
	return nil
}

func (h *Handler) refresh(ctx context.Context, c *call) (Reply, error) {
	followed := false
	if c.follow.ID != "" {
		var err error
		if followed, err = h.Progress.Refresh(ctx, c.follow.ID); err != nil {
			return nil, err
		}
	}
	switch {
	case c.stack.UID != "":
		return h.show(ctx, c)
	case followed:
		return nil, nil // the updated card is the answer
	default:
		return Notice("That card is not followed any more: it shows how the deployment ended."), nil
	}
}
