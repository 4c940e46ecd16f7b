package commands

import (
	"context"

	"c66bot/storage"
)

// Dismiss answers a question with No.
const Dismiss Verb = "dismiss"

var dismissSpec = Spec{Verb: Dismiss, Button: true, run: (*Handler).dismiss}

// dismiss records a No, which invalidates a later Yes to the same question.
func (h *Handler) dismiss(ctx context.Context, c *call) (Reply, error) {
	err := h.Records.Update(ctx, func(tx storage.Tx) error { return Take(tx, c.Operation, c.User) })
	if err != nil {
		return nil, err
	}
	return Notice("All right. Nothing was done."), nil
}
