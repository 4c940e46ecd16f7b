package storage_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

// TestADigestIsWhatItsDefinitionSays computes it by other means.
func TestADigestIsWhatItsDefinitionSays(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		err := errors.Join(storage.PutAudit(tx, decision(0, time.Now())), storage.PutAudit(tx, decision(1, time.Now())),
			storage.PutResult(tx, "op0", storage.Result{Outcome: storage.Succeeded, Deployment: 7}))
		var sum [32]byte
		var first, last string
		err = errors.Join(err, tx.Scan("audit", "", func(key string, value []byte) error {
			sum = sha256.Sum256([]byte(string(sum[:]) + key + " " + string(value[len("1a2b3c4d "):]) + "\n"))
			if last = key; first == "" {
				first = key
			}
			return nil
		}))
		all, wrong := storage.Verify(tx)
		want := storage.Seal{At: all.Now.At, Entries: 3, First: first, Last: last, Digest: fmt.Sprintf("%x", sum)}
		if all.Now != want || first == last {
			t.Errorf("%+v, want %+v", all.Now, want)
		}
		return errors.Join(err, wrong)
	})
}

func TestASealTellsWhetherSomethingWasChangedOrRemoved(t *testing.T) {
	now := time.Now()
	put := func(n ...int) func(tx storage.Tx) error {
		return func(tx storage.Tx) (err error) {
			for _, n := range n {
				err = errors.Join(err, storage.PutAudit(tx, decision(n, now.Add(time.Duration(n-20)*time.Hour))))
			}
			return err
		}
	}
	oldest := func(tx storage.Tx) string { return keys(tx, storage.Audit)[0] }
	for name, c := range map[string]struct {
		change func(tx storage.Tx) error
		forget time.Duration
		broken int // of two seals
	}{
		"nothing":             {put(), 0, 0},
		"entries come behind": {put(11, 12), 0, 0},
		"a result comes later": {func(tx storage.Tx) error {
			return storage.PutResult(tx, "op1", storage.Result{Outcome: storage.Failed})
		}, 0, 0},
		"the oldest are forgotten":           {put(), 17*time.Hour + time.Minute, 0},
		"all of the first seal is forgotten": {put(), 13*time.Hour + time.Minute, 0},
		"all is forgotten":                   {put(), time.Hour, 0},
		"the oldest is removed":              {func(tx storage.Tx) error { return storage.Audit.Delete(tx, oldest(tx)) }, 0, 2},
		"the newest is removed": {func(tx storage.Tx) error {
			all := keys(tx, storage.Audit)
			return storage.Audit.Delete(tx, all[len(all)-1])
		}, 0, 1},
		"one is changed": {func(tx storage.Tx) error {
			e, err := storage.Audit.Get(tx, oldest(tx))
			e.User = "U9"
			return errors.Join(err, storage.Audit.Put(tx, oldest(tx), e))
		}, 0, 2},
		"one is put between": {func(tx storage.Tx) error { return storage.Audit.Put(tx, oldest(tx)+"0", decision(1, now)) }, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"))
			if err != nil {
				t.Fatal(err)
			}
			seal := func(tx storage.Tx) error {
				all, err := storage.Verify(tx)
				return errors.Join(err, storage.PutSeal(tx, all.Now))
			}
			for _, step := range []func(storage.Tx) error{put(1, 2, 3, 4, 5), seal, put(6, 7, 8), seal, c.change} {
				if err := db.Update(t.Context(), step); err != nil {
					t.Fatal(err)
				}
			}
			if c.forget > 0 {
				if err := storage.Forget(t.Context(), db, c.forget); err != nil {
					t.Fatal(err)
				}
			}
			all, err := verified(t, db)
			if err := errors.Join(err, db.Close()); len(all.Broken) != c.broken || err != nil {
				t.Errorf("%d seals are broken, %v: %+v", len(all.Broken), err, all)
			}
			if c.forget > 0 && all.Forgotten.Entries == 0 {
				t.Error("nothing was forgotten")
			}
		})
	}
}

func TestADamagedEntryHasNoDigest(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		err := errors.Join(storage.PutAudit(tx, decision(1, time.Now())), tx.Put("audit", "zz", []byte("1a2b3c4d {}")))
		if _, wrong := storage.Verify(tx); !errors.Is(wrong, storage.ErrDamaged) || !strings.Contains(wrong.Error(), `"zz" of audit`) {
			t.Errorf("%v", wrong)
		}
		return err
	})
}

// million is a database with an audit of entries in all.
func million(b *testing.B, entries int) *bolt.DB {
	b.Helper()
	db, err := bolt.Open(filepath.Join(b.TempDir(), "test.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	const batch = 20_000
	for from := 0; from < entries; from += batch {
		err := db.Update(b.Context(), func(tx storage.Tx) error {
			for n := from; n < from+batch; n++ {
				e := decision(n, time.Now())
				e.Operation, e.User = "", "U1"
				if err := storage.PutAudit(tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return db
}

// BenchmarkAudit reads pages of an audit of a million entries, where they are the hardest to reach, and computes its digest.
func BenchmarkAudit(b *testing.B) {
	const entries = 1_000_000
	db := million(b, entries)
	for name, filter := range map[string]storage.AuditFilter{
		"all": {}, "a user": {User: "U1"}, "a stack": {Stack: "web1"},
		"both, since": {User: "U1", Stack: "web1", Since: time.Now().Add(-time.Hour)},
	} {
		for place, part := range map[string]int{"newest": 0, "middle": 2} {
			b.Run("page of "+name+"/"+place, func(b *testing.B) {
				for b.Loop() {
					err := db.View(b.Context(), func(tx storage.Tx) error {
						_, total, err := storage.AuditPage(tx, filter, 0, 1)
						if err != nil || total == 0 {
							return fmt.Errorf("%d in all: %w", total, err)
						}
						if part > 0 {
							_, _, err = storage.AuditPage(tx, filter, total/part, 10)
						}
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	b.Run("digest", func(b *testing.B) {
		for b.Loop() {
			if all, err := verified(b, db); err != nil || all.Now.Entries != entries {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	})
	b.Run("decision", func(b *testing.B) {
		err := db.Update(b.Context(), func(tx storage.Tx) error {
			for b.Loop() {
				if err := storage.PutAudit(tx, decision(3, time.Now())); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
}

func TestALaterSealHidesNoChange(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		seal := func() (storage.Seals, error) {
			all, err := storage.Verify(tx)
			return all, errors.Join(err, storage.PutSeal(tx, all.Now))
		}
		err := storage.PutAudit(tx, decision(1, time.Now()))
		first, wrong := seal()
		e, found := storage.Audit.Get(tx, first.Now.Last)
		e.User = "U9"
		err = errors.Join(err, wrong, found, storage.Audit.Put(tx, first.Now.Last, e))
		for range 3 {
			all, wrong := seal()
			if err = errors.Join(err, wrong); len(all.Broken) != 1 || all.Broken[0].Digest != first.Now.Digest {
				t.Errorf("broken are %+v", all.Broken)
			}
		}
		return err
	})
}

func TestTheLastSealIsThatOverTheMostEntries(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		now := time.Now()
		err := errors.Join(storage.PutSeal(tx, storage.Seal{At: now.AddDate(9, 0, 0), Last: "00000000001"}),
			storage.PutSeal(tx, storage.Seal{At: now, Last: "00000000002"}))
		last, wrong := storage.LastSeal(tx)
		if last.Last != "00000000002" {
			t.Errorf("it is %+v", last)
		}
		return errors.Join(err, wrong)
	})
}
