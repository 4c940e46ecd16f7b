package storage_test

import (
	"errors"
	"hash/crc32"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

type person struct {
	Name string `json:"name"`
	Age  int    `json:"age"`
}

var people = storage.Table[person]{Name: "people"}

// inUpdate runs fn in one update of a new database.
func inUpdate(t *testing.T, fn func(storage.Tx) error) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(t.Context(), fn), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestARecordIsReadableBehindItsChecksum(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		if err := people.Put(tx, "ann", person{"Ann", 30}); err != nil {
			return err
		}
		value, err := tx.Get("people", "ann")
		if diff := cmp.Diff(`1499cfe3 {"name":"Ann","age":30}`, string(value)); diff != "" {
			t.Errorf("stored value (-want +got):\n%s", diff)
		}
		return err
	})
}

func TestTheChecksumIsCRC32C(t *testing.T) {
	// The check value of CRC-32C (Castagnoli) in the catalogue of parametrised CRC algorithms.
	if got := crc32.Checksum([]byte("123456789"), crc32.MakeTable(crc32.Castagnoli)); got != 0xe3069283 {
		t.Errorf("checksum %08x", got)
	}
}

func TestATableHoldsRecords(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		if _, err := people.Get(tx, "ann"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a record that is not there: %v", err)
		}
		err := errors.Join(
			people.Put(tx, "u/bob", person{"Bob", 40}), people.Put(tx, "u/ann", person{"Ann", 30}),
			people.Put(tx, "u/ann", person{"Ann", 31}), people.Put(tx, "v/cid", person{}),
			people.Put(tx, "u/dan", person{}), people.Delete(tx, "u/dan"),
		)
		got := map[string]person{}
		var order []string
		err = errors.Join(err, people.Scan(tx, "u/", func(key string, rec person) error {
			got[key], order = rec, append(order, key)
			return nil
		}))
		if diff := cmp.Diff(map[string]person{"u/ann": {"Ann", 31}, "u/bob": {"Bob", 40}}, got); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"u/ann", "u/bob"}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		ann, getErr := people.Get(tx, "u/ann")
		if diff := cmp.Diff(person{"Ann", 31}, ann); diff != "" {
			t.Errorf("one record (-want +got):\n%s", diff)
		}
		return errors.Join(err, getErr)
	})
}

func TestAScanOfATableEndsWithErrStop(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		count := 0
		err := errors.Join(people.Put(tx, "a", person{}), people.Put(tx, "b", person{}))
		err = errors.Join(err, people.Scan(tx, "", func(string, person) error {
			count++
			return storage.ErrStop
		}))
		if count != 1 {
			t.Errorf("the function ran %d times", count)
		}
		return err
	})
}

func TestDamageIsNoticed(t *testing.T) {
	for name, value := range map[string]string{
		"nothing there":                 "",
		"only half a checksum":          "cb55",
		"a bit of the JSON flipped":     `cb558bb2 {"name":"Anm","age":30}`,
		"the JSON cut":                  `cb558bb2 {"name":"Ann","age":30`,
		"a checksum in capital letters": `CB558BB2 {"name":"Ann","age":30}`,
		"no space":                      `cb558bb2_{"name":"Ann","age":30}`,
		"the record of another key":     `1499cfe3 {"name":"Ann","age":30}`,
		"no JSON under a right sum":     "d76267e2 123456789",
	} {
		t.Run(name, func(t *testing.T) {
			inUpdate(t, func(tx storage.Tx) error {
				if err := tx.Put("people", "u/ann", []byte(value)); err != nil {
					return err
				}
				rec, getErr := people.Get(tx, "u/ann")
				if rec != (person{}) {
					t.Errorf("a damaged record was read as %v", rec)
				}
				scanErr := people.Scan(tx, "", func(string, person) error {
					t.Error("a damaged record was scanned")
					return nil
				})
				for what, err := range map[string]error{"get": getErr, "scan": scanErr} {
					if !errors.Is(err, storage.ErrDamaged) || !strings.Contains(err.Error(), `"u/ann" of people`) {
						t.Errorf("%s: %v", what, err)
					}
				}
				return nil
			})
		})
	}
}

func TestARecordThatHasNoJSONIsNotPut(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		if err := (storage.Table[chan int]{Name: "b"}).Put(tx, "k", nil); err == nil || !strings.Contains(err.Error(), `"k" of b`) {
			t.Errorf("put of a channel: %v", err)
		}
		return nil
	})
}
