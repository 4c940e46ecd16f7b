package storage_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

func TestTheOpenFollowsOfAStackAreThoseThatHaveNotEnded(t *testing.T) {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	put := func(id, stack string, phase storage.Phase) {
		t.Helper()
		f := storage.Follow{ID: id, Stack: storage.StackRef{UID: stack}, Phase: phase}
		if err := db.Update(t.Context(), func(tx storage.Tx) error { return storage.PutFollow(tx, f) }); err != nil {
			t.Fatal(err)
		}
	}
	open := func(stack string, in ...storage.Phase) (ids []string) {
		t.Helper()
		err := db.View(t.Context(), func(tx storage.Tx) error {
			follows, err := storage.OpenFollows(tx, stack, in...)
			for _, f := range follows {
				ids = append(ids, f.ID)
			}
			return err
		})
		if err != nil && !errors.Is(err, storage.ErrDamaged) {
			t.Error(err)
		}
		return ids
	}
	put("a", "s1", storage.PhaseCarded)
	put("b", "s1", storage.PhaseFollowing)
	put("c", "s10", storage.PhaseFollowing)
	put("d", "s1", storage.PhaseEnded)
	put("a", "s1", storage.PhaseUntold)
	put("b", "s1", storage.PhaseEnded)
	put("e", "s1", storage.PhaseFollowing)
	for _, test := range []struct {
		got, want []string
	}{
		{open("s1"), []string{"a", "e"}}, {open("s10"), []string{"c"}}, {open("s2"), nil}, {open(""), []string{"a", "e", "c"}},
		{open("", storage.PhaseUntold), []string{"a"}},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
	if err := db.Update(t.Context(), func(tx storage.Tx) error { return tx.Put(storage.Follows.Name, "a", []byte("damaged")) }); err != nil {
		t.Fatal(err)
	}
	if got := open("s1"); !slices.Equal(got, []string{"e"}) {
		t.Errorf("beside a damaged one: %q", got)
	}
}
