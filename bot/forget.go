package bot

import (
	"context"
	"errors"
	"time"

	"c66bot/authz"
	"c66bot/commands"
	"c66bot/storage"
)

// forget removes the rules that have ended and the entries of the audit that are old, at once and every day, until the context ends.
func (b *Bot) forget(ctx context.Context) {
	tick := time.NewTicker(24 * time.Hour)
	defer tick.Stop()
	for {
		err := b.records.Update(ctx, func(tx storage.Tx) error {
			now := time.Now()
			return errors.Join(authz.ForgetRules(tx, now), commands.ForgetRequests(tx, now), authz.ForgetAudit(tx, now.Add(-b.auditKeep)))
		})
		if err != nil && ctx.Err() == nil {
			b.log.Error("old records could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
