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

func panicUndoes(t *testing.T, open Opener) {
	db := fresh(t, open)
	caught := func(run func(context.Context, func(storage.Tx) error) error, write bool) (p any) {
		defer func() { p = recover() }()
		err := run(t.Context(), func(tx storage.Tx) error {
			if write {
				if err := tx.Put("b", "k", nil); err != nil {
					return err
				}
			}
			panic("out of cheese")
		})
		t.Errorf("the panic became %v", err)
		return nil
	}
	if p := caught(db.Update, true); p != "out of cheese" {
		t.Errorf("update: recovered %v", p)
	}
	if p := caught(db.View, false); p != "out of cheese" {
		t.Errorf("view: recovered %v", p)
	}
	wantPairs(t, db, "b", "")
	put(t, db, "b", "next", "v")
	wantPairs(t, db, "b", "", "next", "v")
}

// increment adds one to the counter under the key, in one transaction.
func increment(tx storage.Tx, key string) error {
	value, err := tx.Get("counters", key)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	count := 0
	if err == nil {
		if count, err = strconv.Atoi(string(value)); err != nil {
			return err
		}
	}
	return tx.Put("counters", key, []byte(strconv.Itoa(count+1)))
}

func updatesLoseNothing(t *testing.T, open Opener) {
	db := fresh(t, open)
	const writers, rounds = 64, 5
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range rounds {
				err := db.Update(t.Context(), func(tx storage.Tx) error {
					return errors.Join(increment(tx, "shared"), increment(tx, fmt.Sprintf("writer %02d", i)))
				})
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	want := []string{"shared", strconv.Itoa(writers * rounds)}
	for i := range writers {
		want = append(want, fmt.Sprintf("writer %02d", i), strconv.Itoa(rounds))
	}
	wantPairs(t, db, "counters", "", want...)
}

func failuresDoNotDisturb(t *testing.T, open Opener) {
	db := fresh(t, open)
	broken := errors.New("broken")
	const writers = 60
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			defer func() {
				if p := recover(); (p != nil) != (i%3 == 2) {
					t.Errorf("writer %d: recovered %v", i, p)
				}
			}()
			err := db.Update(t.Context(), func(tx storage.Tx) error {
				if err := increment(tx, "shared"); err != nil {
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
			if want := map[int]error{1: broken}[i%3]; !errors.Is(err, want) {
				t.Errorf("writer %d: got error %v, want %v", i, err, want)
			}
		})
	}
	wg.Wait()
	wantPairs(t, db, "counters", "", "shared", strconv.Itoa(writers/3))
}
