package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"c66bot/storage"
)

func viewTakesNoWrites(t *testing.T, open Opener) {
	db := fresh(t, open)
	put(t, db, "b", "k", "v")
	view(t, db, func(tx storage.Tx) error {
		if tx.Put("b", "k", []byte("w")) == nil || tx.Put("new", "k", nil) == nil {
			t.Error("put in a view: no error")
		}
		if tx.Delete("b", "k") == nil || tx.Delete("new", "k") == nil {
			t.Error("delete in a view: no error")
		}
		return nil
	})
	wantPairs(t, db, "b", "", "k", "v")
}

func viewIsIsolated(t *testing.T, open Opener) {
	db := fresh(t, open)
	put(t, db, "b", "k", "before")
	began, written := make(chan struct{}), make(chan struct{})
	var views sync.WaitGroup
	views.Go(func() {
		view(t, db, func(tx storage.Tx) error {
			close(began)
			<-written
			if got, err := tx.Get("b", "k"); string(got) != "before" || err != nil {
				t.Errorf("the view sees %q, %v", got, err)
			}
			return nil
		})
	})
	<-began
	put(t, db, "b", "k", "after")
	close(written)
	views.Wait()
	wantPairs(t, db, "b", "", "k", "after")
}

func errorUndoes(t *testing.T, open Opener) {
	db := fresh(t, open)
	put(t, db, "b", "kept", "v")
	broken := errors.New("broken")
	err := db.Update(t.Context(), func(tx storage.Tx) error {
		return errors.Join(tx.Put("b", "new", nil), tx.Put("new", "k", nil), tx.Delete("b", "kept"), broken)
	})
	wantError(t, "update", err, broken)
	wantError(t, "view", db.View(t.Context(), func(storage.Tx) error { return broken }), broken)
	wantPairs(t, db, "b", "", "kept", "v")
	wantPairs(t, db, "new", "")
}

func numberTellsChanges(t *testing.T, open Opener) {
	db := fresh(t, open)
	seen := map[uint64]bool{db.Changes(): true}
	for i := range 10 {
		put(t, db, "b", "k", string(rune('a'+i)))
		n := db.Changes()
		if seen[n] {
			t.Errorf("after change %d the number is %d as before", i+1, n)
		}
		seen[n] = true
		wantPairs(t, db, "b", "", "k", string(rune('a'+i)))
		if now := db.Changes(); now != n {
			t.Errorf("a view changed the number from %d to %d", n, now)
		}
	}
}

func panicUndoes(t *testing.T, open Opener) {
	db := fresh(t, open)
	for name, run := range map[string]func(context.Context, func(storage.Tx) error) error{"update": db.Update, "view": db.View} {
		func() {
			defer func() {
				if p := recover(); p != "out of cheese" {
					t.Errorf("%s: recovered %v", name, p)
				}
			}()
			err := run(t.Context(), func(tx storage.Tx) error {
				_ = tx.Put("b", "k", nil) // Fails in a view.
				panic("out of cheese")
			})
			t.Errorf("%s: the panic became %v", name, err)
		}()
	}
	wantPairs(t, db, "b", "")
	put(t, db, "b", "next", "v")
	wantPairs(t, db, "b", "", "next", "v")
}

// increment adds one to the counter of the key.
func increment(tx storage.Tx, key string) error {
	value, err := tx.Get("counters", key)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	count, _ := strconv.Atoi(string(value))
	return tx.Put("counters", key, []byte(strconv.Itoa(count+1)))
}

// updatesLoseNothing runs concurrent writers of which every third fails and every third panics; the updates of the others must
// all persist.
func updatesLoseNothing(t *testing.T, open Opener) {
	db := fresh(t, open)
	broken := errors.New("broken")
	const writers, rounds = 90, 3
	write := func(i int) {
		defer func() {
			if p := recover(); (p != nil) != (i%3 == 2) {
				t.Errorf("writer %d: recovered %v", i, p)
			}
		}()
		err := db.Update(t.Context(), func(tx storage.Tx) error {
			if err := errors.Join(increment(tx, "shared"), increment(tx, fmt.Sprintf("writer %02d", i))); err != nil {
				return err
			}
			switch i % 3 {
			case 1:
				return broken
			case 2:
				panic(broken)
			}
			return nil
		})
		wantError(t, fmt.Sprintf("writer %d", i), err, map[int]error{1: broken}[i%3])
	}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range rounds {
				write(i)
			}
		})
	}
	wg.Wait()
	want := []string{"shared", strconv.Itoa(writers / 3 * rounds)}
	for i := 0; i < writers; i += 3 {
		want = append(want, fmt.Sprintf("writer %02d", i), strconv.Itoa(rounds))
	}
	wantPairs(t, db, "counters", "", want...)
}
