package progress

import (
	"context"
	"fmt"
	"time"

	"c66bot/storage"
)

// MoveChannel moves all records of a channel to its new id, as of a time; see storage.MoveChannel.
func (p *Progress) MoveChannel(ctx context.Context, from, to string, at time.Time) error {
	if err := p.ready(ctx); err != nil {
		return err
	}
	err := p.Records.Update(ctx, func(tx storage.Tx) error { return storage.MoveChannel(tx, from, to, at) })
	if err != nil {
		return fmt.Errorf("move what channel %s has to %s: %w", from, to, err)
	}
	return p.SubscriptionsChanged(ctx)
}
