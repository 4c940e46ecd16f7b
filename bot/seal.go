package bot

import (
	"context"
	"time"

	"c66bot/bot/routine"
	"c66bot/storage"
)

const (
	sealEvery = 24 * time.Hour
	sealLook  = time.Hour
)

// sealAudit logs the digest of the audit once a day, until the context ends.
func (b *Bot) sealAudit(ctx context.Context) {
	for wait := time.Minute; routine.Sleep(ctx, wait); wait = sealLook {
		if err := b.sealOnce(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("the digest of the audit could not be made; it is tried again in an hour", "error", err)
		}
	}
}

// sealOnce logs the digest if the last one is a day old, or of a time that is yet to come, since the clock was put back. It is logged
// before it is kept, so that no crash loses the line.
func (b *Bot) sealOnce(ctx context.Context) error {
	var all storage.Seals
	due := false
	err := b.records.View(ctx, func(tx storage.Tx) error {
		last, err := storage.LastSeal(tx)
		age := time.Since(last.At)
		if due = err == nil && (age >= sealEvery || age < 0); !due {
			return err
		}
		all, err = storage.Verify(tx)
		return err
	})
	if err != nil || !due || all.Now.Entries == 0 {
		return err
	}
	if n := len(all.Broken); n > 0 {
		b.log.Error("entries of the audit were changed or removed: digests that were logged do not hold any more", "digests", n,
			"first", all.Broken[0].Last)
	}
	s := all.Now
	b.log.Info("the audit so far", "entries", s.Entries, "first", s.First, "last", s.Last, "digest", s.Digest,
		"forgotten", all.Forgotten.Entries)
	return b.records.Update(ctx, func(tx storage.Tx) error { return storage.PutSeal(tx, s) })
}
