package bolt

import (
	"errors"
	"testing"
	"testing/synctest"

	"c66bot/storage"
)

// Of ten updates that wait together the fourth fails; the other nine share one transaction.
func TestUpdatesThatWaitTogetherShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := mustOpen(t, newPath(t))
		finish := make(chan struct{})
		outcomes := make(chan error, 11)
		start := func(fn func(storage.Tx) error) {
			go func() { outcomes <- db.Update(t.Context(), fn) }()
			synctest.Wait()
		}
		start(func(storage.Tx) error {
			<-finish
			return nil
		})
		broken := errors.New("broken")
		transactions := make([]int, 10)
		for i := range transactions {
			start(func(tx storage.Tx) error {
				transactions[i] = txID(t, tx)
				if i == 3 {
					return broken
				}
				return nil
			})
		}
		close(finish)
		failed := 0
		for range 11 {
			if err := <-outcomes; errors.Is(err, broken) {
				failed++
			} else if err != nil {
				t.Error(err)
			}
		}
		for i, id := range transactions {
			if (id == transactions[0]) != (i != 3) {
				t.Errorf("update %d ended in transaction %d, the first one in %d", i, id, transactions[0])
			}
		}
		if failed != 1 {
			t.Errorf("%d updates failed", failed)
		}
		mustClose(t, db)
	})
}

func txID(t *testing.T, of storage.Tx) int {
	t.Helper()
	own, ok := of.(*tx)
	if !ok {
		t.Fatalf("a transaction of type %T", of)
	}
	return own.bolt.ID()
}

func BenchmarkOneUpdateAtATime(b *testing.B) {
	db, err := Open(b.TempDir() + "/test.db")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := db.Update(b.Context(), func(tx storage.Tx) error { return tx.Put("b", "k", []byte("v")) }); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkUpdatesSideBySide(b *testing.B) {
	db, err := Open(b.TempDir() + "/test.db")
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := db.Update(b.Context(), func(tx storage.Tx) error { return tx.Put("b", "k", []byte("v")) }); err != nil {
				b.Error(err)
			}
		}
	})
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}
