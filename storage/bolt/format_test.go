package bolt

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/storage"
)

func TestAnOldFormatIsMigratedStepByStep(t *testing.T) {
	path := newPath(t)
	mustClose(t, mustOpen(t, path)) // format 1
	var ran []string
	step := func(name string, err error) migration {
		return func(tx storage.Tx) error {
			ran = append(ran, name)
			return errors.Join(tx.Put("steps", name, nil), err)
		}
	}
	broken := errors.New("broken")
	if _, err := open(path, []migration{step("to 2", nil), step("to 3", broken)}); !errors.Is(err, broken) {
		t.Fatalf("a migration that fails: %v", err)
	}
	for range 2 {
		db, err := open(path, []migration{step("to 2", nil), step("to 3", nil)})
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
	}
	if diff := cmp.Diff([]string{"to 2", "to 3", "to 2", "to 3"}, ran); diff != "" {
		t.Errorf("steps of the failed and of the good migration (-want +got):\n%s", diff)
	}
	if _, err := Open(path); !errors.Is(err, ErrNewer) {
		t.Errorf("open by the old version: %v", err)
	}
}

func TestTheDatabasesOwnBucketTakesNoWrites(t *testing.T) {
	db := mustOpen(t, newPath(t))
	err := db.Update(t.Context(), func(tx storage.Tx) error {
		if tx.Put(metaBucket, formatKey, []byte("9")) == nil || tx.Delete(metaBucket, formatKey) == nil {
			t.Error("a write to the bucket was taken")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
}
