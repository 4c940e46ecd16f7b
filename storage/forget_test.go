package storage_test

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

// keys are the keys of a table, in order.
func keys[T any](tx storage.Tx, table storage.Table[T]) []string {
	found := map[string]bool{}
	if err := table.Scan(tx, "", func(key string, _ T) error { found[key] = true; return nil }); err != nil {
		return []string{err.Error()}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestOldRecordsAreForgottenAndOthersKept(t *testing.T) {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const day = 24 * time.Hour
	young, month := ago(29*day), ago(31*day)
	err = db.Update(t.Context(), func(tx storage.Tx) error {
		errs := []error{
			storage.Rules.Put(tx, "C/ended", storage.Rule{Until: ago(25 * time.Hour)}),
			storage.Rules.Put(tx, "C/ended lately", storage.Rule{Until: ago(23 * time.Hour)}),
			storage.Rules.Put(tx, "C/ends", storage.Rule{Until: now.Add(time.Hour)}),
			storage.Rules.Put(tx, "C/stays", storage.Rule{At: month}),
			storage.Requests.Put(tx, "C/old", storage.Request{At: ago(26 * time.Hour)}),
			storage.Requests.Put(tx, "C/young", storage.Request{At: ago(24 * time.Hour)}),
			storage.Audit.Put(tx, "1", storage.AuditEntry{At: ago(11 * day)}),
			storage.Audit.Put(tx, "2", storage.AuditEntry{At: ago(9 * day)}),
			storage.Audit.Put(tx, "3", storage.AuditEntry{At: ago(11 * day)}), // not read
			storage.Follows.Put(tx, "old", storage.Follow{Phase: storage.PhaseEnded, EndedAt: month}),
			storage.Follows.Put(tx, "open", storage.Follow{Phase: storage.PhaseFollowing, EndedAt: month}),
			storage.Follows.Put(tx, "young", storage.Follow{Phase: storage.PhaseEnded, EndedAt: young}),
			storage.Operations.Put(tx, "old", storage.Operation{At: ago(8 * day)}),
			storage.Operations.Put(tx, "young", storage.Operation{At: ago(6 * day)}),
			storage.Cancels.Put(tx, "old", storage.Cancel{At: month}),
			storage.Cancels.Put(tx, "young", storage.Cancel{At: young}),
			storage.Wishes.Put(tx, "old", storage.WishOf{At: month}),
			storage.Wishes.Put(tx, "young", storage.WishOf{At: young}),
			storage.Heard.Put(tx, "old", storage.WishOf{At: month, Follow: "old"}),
			storage.Heard.Put(tx, "of an open follow", storage.WishOf{At: month, Follow: "open"}),
			storage.Heard.Put(tx, "young", storage.WishOf{At: young, Follow: "gone"}),
		}
		for key, m := range map[string]storage.Message{
			"old":              {Last: true, UpdatedAt: ago(25 * time.Hour)},
			"refused":          {Refused: "channel_not_found", UpdatedAt: ago(25 * time.Hour)},
			"young":            {Last: true, UpdatedAt: ago(23 * time.Hour)},
			"not the last":     {UpdatedAt: month},
			"not delivered":    {Last: true, UpdatedAt: month, Revision: 1},
			"in doubt":         {Last: true, UpdatedAt: month, Doubt: month},
			"a parent":         {Last: true, UpdatedAt: month},
			"a reply":          {Last: true, UpdatedAt: month, Revision: 1, Parent: "a parent"},
			"a reply, done":    {Last: true, UpdatedAt: month, Parent: "another parent"},
			"another parent":   {Last: true, UpdatedAt: month},
			"a never sent one": {Last: true, UpdatedAt: month, TS: "none"},
		} {
			if m.Key = key; m.TS == "" {
				m.TS = "1.1"
			} else {
				m.TS = ""
			}
			errs = append(errs, storage.Messages.Put(tx, key, m))
		}
		return errors.Join(errs...)
	})
	if err := errors.Join(err, storage.Forget(t.Context(), db, 10*day), storage.Forget(t.Context(), db, 10*day)); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	err = db.View(t.Context(), func(tx storage.Tx) error {
		got = map[string][]string{
			"rules": keys(tx, storage.Rules), "requests": keys(tx, storage.Requests), "audit": keys(tx, storage.Audit),
			"follows": keys(tx, storage.Follows), "operations": keys(tx, storage.Operations), "cancels": keys(tx, storage.Cancels),
			"wishes": keys(tx, storage.Wishes), "heard": keys(tx, storage.Heard), "messages": keys(tx, storage.Messages),
		}
		return nil
	})
	want := map[string][]string{
		"rules": {"C/ended lately", "C/ends", "C/stays"}, "requests": {"C/young"}, "audit": {"2", "3"}, "follows": {"open", "young"},
		"operations": {"young"}, "cancels": {"young"}, "wishes": {"young"}, "heard": {"of an open follow", "young"},
		"messages": {"a never sent one", "a parent", "a reply", "in doubt", "not delivered", "not the last", "young"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("left: %v (-want +got):\n%s", err, diff)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
