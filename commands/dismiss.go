package commands

import (
	"context"

	"c66bot/storage"
)

// Dismiss is a No.
const Dismiss Verb = "dismiss"

var dismissSpec = Spec{Verb: Dismiss, Button: true, run: (*Handler).dismiss}

// dismiss takes a No. A Yes to the same question counts no more.
func (h *Handler) dismiss(ctx context.Context, c *call) (Reply, error) {
	err := h.Records.Update(ctx, func(tx storage.Tx) error { return Take(tx, c.Operation, c.User) })
	if err != nil {
		return nil, err
	}
	return Notice("All right. Nothing was done."), nil
}
