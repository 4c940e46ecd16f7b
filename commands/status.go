package commands

import (
	"context"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// status says how the bot is. Where it could not be found out what the person may see, it shows no deployment.
func (h *Handler) status(ctx context.Context, standing authz.Standing, unknown error) (Reply, error) {
	reply := StatusReply{BotStatus: h.Status(), Unknown: unknown != nil, At: time.Now()}
	if unknown != nil {
		h.Log.WarnContext(ctx, "what somebody may see could not be found out", "error", unknown)
		return reply, nil
	}
	err := h.Records.View(ctx, func(tx storage.Tx) error {
		return storage.Follows.Scan(tx, "", func(_ string, f storage.Follow) error {
			if f.Phase != storage.PhaseEnded && standing.Decide(authz.View, f.Stack).Allowed {
				reply.Follows = append(reply.Follows, f)
			}
			return nil
		})
	})
	slices.Reverse(reply.Follows) // their ids sort by age
	if h.Watch != nil {
		reply.Watch = h.Watch()
		hidden := func(s storage.StackRef) bool { return !standing.Decide(authz.View, s).Allowed }
		reply.Watch.Stacks = slices.DeleteFunc(slices.Clone(reply.Watch.Stacks), hidden)
		reply.Watch.Unreadable = slices.DeleteFunc(slices.Clone(reply.Watch.Unreadable), hidden)
	}
	return reply, err
}
