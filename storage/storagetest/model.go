package storagetest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"c66bot/storage"
)

// agreesWithMap runs random transactions, some failing, against the database and a map, and compares their contents.
func agreesWithMap(t *testing.T, open Opener) {
	db := fresh(t, open)
	model := map[string]string{} // Shared by all runs, like the database.
	keys := rapid.StringMatching(`[ab/\x00]{1,3}`)
	failed := errors.New("failed")
	rapid.Check(t, func(rt *rapid.T) {
		puts := rapid.MapOfN(keys, rapid.StringN(0, 5, -1), 0, 8).Draw(rt, "puts")
		deletes := rapid.SliceOfN(keys, 0, 4).Draw(rt, "deletes")
		fail := rapid.Bool().Draw(rt, "fail")
		err := db.Update(t.Context(), func(tx storage.Tx) error {
			var errs []error
			for key, value := range puts {
				errs = append(errs, tx.Put("model", key, []byte(value)))
			}
			for _, key := range deletes {
				errs = append(errs, tx.Delete("model", key))
			}
			if fail {
				errs = append(errs, failed)
			}
			return errors.Join(errs...)
		})
		if fail != errors.Is(err, failed) || !fail && err != nil {
			rt.Fatalf("update: %v", err)
		}
		if !fail {
			maps.Copy(model, puts)
			maps.DeleteFunc(model, func(key, _ string) bool { return slices.Contains(deletes, key) })
		}
		prefix := rapid.StringMatching(`[ab/]{0,2}`).Draw(rt, "prefix")
		var want []string
		for _, key := range slices.Sorted(maps.Keys(model)) {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key, model[key])
			}
		}
		wantPairs(t, db, "model", prefix, want...)
	})
}
