package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/storage"
)

func valuesComeBack(t *testing.T, open Opener) {
	db := fresh(t, open)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	values := map[string][]byte{"text": []byte("hello"), "big": big, "\x00odd\xff/ key": {0, 255, 10}, "empty": {}, "none": nil}
	read := func(tx storage.Tx) error {
		for key, value := range values {
			if got, err := tx.Get("b", key); err != nil || !bytes.Equal(got, value) {
				t.Errorf("%q is %.40q, %v", key, got, err)
			}
		}
		return nil
	}
	update(t, db, func(tx storage.Tx) error {
		var errs []error
		for key, value := range values {
			errs = append(errs, tx.Put("b", key, value))
		}
		return errors.Join(append(errs, read(tx))...)
	})
	view(t, db, read)
	put(t, db, "b", "text", "bye")
	wantPairs(t, db, "b", "te", "text", "bye")
}

func missingIsNotEmpty(t *testing.T, open Opener) {
	db := fresh(t, open)
	put(t, db, "b", "empty", "", "gone", "x")
	update(t, db, func(tx storage.Tx) error {
		return errors.Join(tx.Delete("b", "gone"), tx.Delete("b", "never was"), tx.Delete("no bucket", "k"))
	})
	view(t, db, func(tx storage.Tx) error {
		for _, at := range [][2]string{{"b", "gone"}, {"b", "never was"}, {"b", "empt"}, {"b", ""}, {"no bucket", "k"}, {"no bucket", ""}} {
			value, err := tx.Get(at[0], at[1])
			wantError(t, fmt.Sprintf("get %q (value %q)", at, value), err, storage.ErrNotFound)
		}
		_, err := tx.Get("b", "empty")
		return err
	})
	wantPairs(t, db, "b", "", "empty", "")
	wantPairs(t, db, "no bucket", "")
}

func valuesAreCopied(t *testing.T, open Opener) {
	db := fresh(t, open)
	given := []byte("one")
	update(t, db, func(tx storage.Tx) error {
		err := tx.Put("b", "k", given)
		copy(given, "two")
		return err
	})
	view(t, db, func(tx storage.Tx) error {
		got, err := tx.Get("b", "k")
		copy(got, "xxx")
		return err
	})
	wantPairs(t, db, "b", "", "k", "one")
}

func emptyNamesAreRefused(t *testing.T, open Opener) {
	db := fresh(t, open)
	for _, at := range [][2]string{{"b", ""}, {"", "k"}} {
		err := db.Update(t.Context(), func(tx storage.Tx) error { return tx.Put(at[0], at[1], []byte("v")) })
		if err == nil {
			t.Errorf("put into bucket %q, key %q: no error", at[0], at[1])
		}
	}
}

func scanIsOrdered(t *testing.T, open Opener) {
	db := fresh(t, open)
	put(t, db, "b", "b", "1", "a/2", "2", "a/10", "3", "a", "4", "a\xff", "5", "a\x00", "6", "ä", "7", "A", "8", "\xff\xff", "9")
	put(t, db, "bb", "a", "other bucket")
	for prefix, want := range map[string][]string{
		"":      {"A", "8", "a", "4", "a\x00", "6", "a/10", "3", "a/2", "2", "a\xff", "5", "b", "1", "ä", "7", "\xff\xff", "9"},
		"a/":    {"a/10", "3", "a/2", "2"},
		"a\xff": {"a\xff", "5"},
		"\xff":  {"\xff\xff", "9"},
		"a/3":   nil,
		"zz":    nil,
	} {
		wantPairs(t, db, "b", prefix, want...)
	}
}

func scanEnds(t *testing.T, open Opener) {
	db := fresh(t, open)
	put(t, db, "b", "1", "", "2", "", "3", "")
	broken := errors.New("broken")
	for name, c := range map[string]struct{ returned, want error }{
		"ErrStop":         {storage.ErrStop, nil},
		"wrapped ErrStop": {fmt.Errorf("enough: %w", storage.ErrStop), nil},
		"another error":   {broken, broken},
	} {
		var seen []string
		err := db.View(t.Context(), func(tx storage.Tx) error {
			return tx.Scan("b", "", func(key string, _ []byte) error {
				if seen = append(seen, key); key == "2" {
					return c.returned
				}
				return nil
			})
		})
		wantError(t, name, err, c.want)
		if diff := cmp.Diff([]string{"1", "2"}, seen); diff != "" {
			t.Errorf("%s: keys seen (-want +got):\n%s", name, diff)
		}
	}
}
