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

// gateRefresh authorizes the refresh of a card. For an ended deployment it edits the card again and also shows the deployment. A
// user who may not see the stack gets the answer for a missing card.
func (h *Handler) gateRefresh(ctx context.Context, c *call) error {
	if err := h.gateSome(ctx, c); err != nil {
		return err
	}
	follow, err := h.followOf(ctx, c.Invocation.Follow)
	if err != nil {
		return err
	}
	seen := follow.ID != "" && c.standing.Decide(authz.View, follow.Stack).Allowed
	if seen && follow.Phase != storage.PhaseEnded {
		return nil
	}
	c.run = func(ctx context.Context) (Reply, error) {
		if seen {
			if _, err := h.Progress.Refresh(ctx, follow.ID); err != nil {
				return nil, err
			}
		}
		return h.show(ctx, c)
	}
	if c.Invocation.UID != "" {
		if c.stack, err = h.target(ctx, c.Request, c.standing); err != nil {
			return err
		}
	}
	if c.Invocation.UID == "" || c.Invocation.Deployment == 0 {
		return instead(ProblemReply{
			What: "That card is not followed any more.", Do: "Ask for its stack anew.", Command: h.Command, Example: "list " + exampleStack,
		})
	}
	return nil
}

// followOf returns a follow, or the zero value if the id is unknown.
func (h *Handler) followOf(ctx context.Context, id string) (follow storage.Follow, err error) {
	if id == "" {
		return follow, nil
	}
	follow, _, err = storage.Follows.Look(ctx, h.Records, id)
	return follow, err
}

func (h *Handler) refresh(ctx context.Context, c *call) (Reply, error) {
	followed, err := h.Progress.Refresh(ctx, c.Invocation.Follow)
	if err != nil || followed {
		return nil, err // the updated card is the answer
	}
	return Notice("That card is not followed any more: it shows how the deployment ended."), nil
}
