package commands

import (
	"context"

	"c66bot/authz"
	"c66bot/storage"
)

// Follow posts a card of a deployment in the channel.
const Follow Verb = "follow"

var followSpec = Spec{
	Verb: Follow, group: toHear, Right: authz.View, Changes: true, Begins: true,
	Args:     []Arg{argStack, argID},
	Summary:  "Follows a deployment in this channel, whoever started it.",
	Examples: []string{"follow mystack@production", "follow mystack@production 1042"},
	run:      (*Handler).follow,
}

// follow leaves the turn of its author's requests at once: the order of cards does not matter.
func (h *Handler) follow(_ context.Context, c *call) (Reply, error) {
	return c.then("", func(ctx context.Context) (Reply, error) {
		if err := h.cardless(ctx, c.Request); err != nil {
			return nil, err
		}
		deployment, err := h.unended(ctx, c.stack, c.Invocation)
		if err != nil {
			return nil, err
		}
		start := c.start(storage.Follow{Deployment: deployment.ID, StartedAt: deployment.StartedAt})
		start.Seen = &deployment
		return nil, h.Progress.Follow(ctx, start)
	})
}
