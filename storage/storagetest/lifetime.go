package storagetest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"c66bot/storage"
)

func doneContextBeginsNothing(t *testing.T, open Opener) {
	db := fresh(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := func(storage.Tx) error {
		t.Error("the function ran")
		return nil
	}
	wantError(t, "update", db.Update(ctx, began), context.Canceled)
	wantError(t, "view", db.View(ctx, began), context.Canceled)
}

func waitingUpdateGivesUp(t *testing.T, open Opener) {
	synctest.Test(t, func(t *testing.T) {
		db := fresh(t, open)
		finish := make(chan struct{})
		held, gaveUp := make(chan error, 1), make(chan error, 1)
		go func() {
			held <- db.Update(t.Context(), func(tx storage.Tx) error {
				<-finish
				return tx.Put("b", "held", nil)
			})
		}()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			gaveUp <- db.Update(ctx, func(tx storage.Tx) error { return tx.Put("b", "given up", nil) })
		}()
		synctest.Wait()
		cancel()
		wantError(t, "the waiting update", <-gaveUp, context.Canceled)
		close(finish)
		wantError(t, "the update that it waited for", <-held, nil)
		put(t, db, "b", "later", "")
		wantPairs(t, db, "b", "", "held", "", "later", "")
	})
}

func reopeningKeepsAll(t *testing.T, open Opener) {
	dir := t.TempDir()
	db := open(t, dir)
	put(t, db, "b", "k", "v", "gone", "")
	put(t, db, "c", "k", "w")
	update(t, db, func(tx storage.Tx) error { return tx.Delete("b", "gone") })
	must(t, db.Close())
	again := open(t, dir)
	wantPairs(t, again, "b", "", "k", "v")
	wantPairs(t, again, "c", "", "k", "w")
	must(t, again.Close())
}

func closedSaysSo(t *testing.T, open Opener) {
	db := open(t, t.TempDir())
	var kept storage.Tx
	view(t, db, func(tx storage.Tx) error {
		kept = tx
		return nil
	})
	must(t, errors.Join(db.Close(), db.Close()))
	nothing := func(storage.Tx) error { return nil }
	wantError(t, "view", db.View(t.Context(), nothing), storage.ErrClosed)
	wantError(t, "update", db.Update(t.Context(), nothing), storage.ErrClosed)
	if _, err := kept.Get("b", "k"); err == nil || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrDamaged) {
		t.Errorf("get in a transaction that has ended: %v", err)
	}
}
