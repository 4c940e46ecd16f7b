// Package storagetest is the conformance suite of storage backends, including concurrency. Every backend must pass it.
package storagetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/storage"
)

// An Opener opens the database in dir: it creates it on the first call and reopens it after a Close. It runs inside and outside
// of testing/synctest bubbles, so waiting updates must block on a channel.
type Opener func(t *testing.T, dir string) storage.DB

// Run checks the whole contract of storage.DB against the databases that open returns.
func Run(t *testing.T, open Opener) {
	t.Helper()
	suite := map[string]func(*testing.T, Opener){
		"values come back as they were put":                valuesComeBack,
		"a missing key is not an empty value":              missingIsNotEmpty,
		"what the caller changes later is not stored":      valuesAreCopied,
		"an empty bucket name or key is refused":           emptyNamesAreRefused,
		"a scan gives the keys of its prefix in order":     scanIsOrdered,
		"a scan ends as its function says":                 scanEnds,
		"a view takes no writes":                           viewTakesNoWrites,
		"a view does not see what is written beside it":    viewIsIsolated,
		"an error undoes its own update only":              errorUndoes,
		"a panic undoes its update and reaches its caller": panicUndoes,
		"updates beside failures lose nothing":             updatesLoseNothing,
		"a context that is done begins nothing":            doneContextBeginsNothing,
		"a waiting update gives up with its context":       waitingUpdateGivesUp,
		"what was committed is there after reopening":      reopeningKeepsAll,
		"a closed database says so":                        closedSaysSo,
		"a number tells changes":                           numberTellsChanges,
		"random operations agree with a map":               agreesWithMap,
	}
	for name, check := range suite {
		t.Run(name, func(t *testing.T) { check(t, open) })
	}
}

func fresh(t *testing.T, open Opener) storage.DB {
	t.Helper()
	db := open(t, t.TempDir())
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func update(t *testing.T, db storage.DB, fn func(storage.Tx) error) {
	t.Helper()
	must(t, db.Update(t.Context(), fn))
}

func view(t *testing.T, db storage.DB, fn func(storage.Tx) error) {
	t.Helper()
	must(t, db.View(t.Context(), fn))
}

func put(t *testing.T, db storage.DB, bucket string, pairs ...string) {
	t.Helper()
	update(t, db, func(tx storage.Tx) error {
		var errs []error
		for i := 0; i < len(pairs); i += 2 {
			errs = append(errs, tx.Put(bucket, pairs[i], []byte(pairs[i+1])))
		}
		return errors.Join(errs...)
	})
}

// pairsOf returns the keys and values with the prefix as one flat list.
func pairsOf(tx storage.Tx, bucket, prefix string) (pairs []string, err error) {
	err = tx.Scan(bucket, prefix, func(key string, value []byte) error {
		pairs = append(pairs, key, string(value))
		return nil
	})
	return pairs, err
}

func wantPairs(t *testing.T, db storage.DB, bucket, prefix string, want ...string) {
	t.Helper()
	view(t, db, func(tx storage.Tx) error {
		got, err := pairsOf(tx, bucket, prefix)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("scan of %s with prefix %q (-want +got):\n%s", bucket, prefix, diff)
		}
		return err
	})
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}
