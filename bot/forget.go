package bot

import (
	"context"
	"time"

	"c66bot/storage"
)

// forget removes old records, at once and every hour, until the context ends.
func (b *Bot) forget(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := storage.Forget(ctx, b.records, b.auditKeep); err != nil && ctx.Err() == nil {
			b.log.Error("old records could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
