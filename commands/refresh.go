package commands

import (
	"context"
	"errors"

	"c66bot/authz"
	"c66bot/storage"
)

// prepareRefresh has a card look at its deployment now. A card whose deployment has ended is drawn again, and the deployment is shown
// too. A hidden stack has no card.
func (h *Handler) prepareRefresh(ctx context.Context, req Request, standing authz.Standing) (run, Reply, error) {
	inv := req.Invocation
	if !standing.Some(authz.View) {
		reply, err := h.refuse(ctx, req, noneAtAll)
		return nil, reply, err
	}
	follow, err := h.followOf(ctx, inv.Follow)
	if err != nil {
		return nil, nil, err
	}
	seen := follow.ID != "" && standing.Decide(authz.View, follow.Stack).Allowed
	if seen && follow.Phase != storage.PhaseEnded {
		return func(ctx context.Context) (Reply, error) { return h.refresh(ctx, req) }, nil, nil
	}
	show, reply, err := h.showInstead(ctx, req, standing)
	if !seen || show == nil {
		return show, reply, err
	}
	return func(ctx context.Context) (Reply, error) {
		if _, err := h.Progress.Refresh(ctx, follow.ID); err != nil {
			return nil, err
		}
		return show(ctx)
	}, nil, nil
}

// followOf gives the follow of an id, or the zero value.
func (h *Handler) followOf(ctx context.Context, id string) (follow storage.Follow, err error) {
	if id == "" {
		return follow, nil
	}
	err = h.Records.View(ctx, func(tx storage.Tx) error {
		var err error
		follow, err = storage.Follows.Get(tx, id)
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Follow{}, nil
	}
	return follow, err
}

func (h *Handler) refresh(ctx context.Context, req Request) (Reply, error) {
	followed, err := h.Progress.Refresh(ctx, req.Invocation.Follow)
	if err != nil || followed {
		return nil, err // the card itself is the answer
	}
	return Notice("That card is not followed any more: it shows how the deployment ended."), nil
}

// showInstead shows the deployment of a card that is not followed any more.
func (h *Handler) showInstead(ctx context.Context, req Request, standing authz.Standing) (run, Reply, error) {
	ended := ProblemReply{
		What: "That card is not followed any more.", Do: "Ask for its stack anew.", Command: h.Command, Example: "list " + exampleStack,
	}
	if req.Invocation.UID == "" {
		return nil, ended, nil
	}
	stack, reply, err := h.target(ctx, req, standing)
	switch {
	case err != nil || reply != nil:
		return nil, reply, err
	case req.Invocation.Deployment == 0:
		return nil, ended, nil
	}
	return func(ctx context.Context) (Reply, error) { return h.show(ctx, stack, req) }, nil, nil
}
