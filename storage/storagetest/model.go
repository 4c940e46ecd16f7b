package storagetest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"c66bot/storage"
)

// agreesWithMap runs random transactions, some of which fail, beside a map and compares all that can be read.
func agreesWithMap(t *testing.T, open Opener) {
	db := fresh(t, open)
	model := map[string]string{} // It goes on through all runs, as the database does.
	keys := rapid.StringMatching(`[ab/\x00]{1,3}`)
	failed := errors.New("failed")
	rapid.Check(t, func(rt *rapid.T) {
		puts := rapid.MapOfN(keys, rapid.StringN(0, 5, -1), 0, 8).Draw(rt, "puts")
		deletes := rapid.SliceOfN(keys, 0, 4).Draw(rt, "deletes")
		fail := rapid.Bool().Draw(rt, "fail")
		err := db.Update(t.Context(), func(tx storage.Tx) error {
			return errors.Join(apply(tx, puts, deletes), map[bool]error{true: failed}[fail])
		})
		if fail != errors.Is(err, failed) || !fail && err != nil {
			rt.Fatalf("update: %v", err)
		}
		if !fail {
			maps.Copy(model, puts)
			maps.DeleteFunc(model, func(key, _ string) bool { return slices.Contains(deletes, key) })
		}
		compare(t, rt, db, model, rapid.StringMatching(`[ab/]{0,2}`).Draw(rt, "prefix"))
	})
}

func apply(tx storage.Tx, puts map[string]string, deletes []string) error {
	var errs []error
	for key, value := range puts {
		errs = append(errs, tx.Put("model", key, []byte(value)))
	}
	for _, key := range deletes {
		errs = append(errs, tx.Delete("model", key))
	}
	return errors.Join(errs...)
}

func compare(t *testing.T, rt *rapid.T, db storage.DB, model map[string]string, prefix string) {
	t.Helper()
	var want, got []string
	for _, key := range slices.Sorted(maps.Keys(model)) {
		if strings.HasPrefix(key, prefix) {
			want = append(want, key, model[key])
		}
	}
	err := db.View(t.Context(), func(tx storage.Tx) (err error) {
		got, err = pairsOf(tx, "model", prefix)
		return err
	})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		rt.Fatalf("scan with prefix %q: %v (-want +got):\n%s", prefix, err, diff)
	}
}
