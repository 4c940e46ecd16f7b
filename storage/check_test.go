package storage_test

import (
	"errors"
	"strings"
	"testing"

	"c66bot/storage"
)

func TestARecordIsCheckedByItsTable(t *testing.T) {
	for name, c := range map[string]struct {
		table, value string
		want         string // A part of the error; empty for a sound one.
	}{
		"a sound record":                      {"follows", `fe44188f {}`, ""},
		"a number":                            {"counters", "4bb3a547 5", ""},
		"the same in another table":           {"cancels", `fe44188f {}`, `record "k" of cancels has a wrong checksum`},
		"a damaged one":                       {"follows", `fe44188f {]`, `record "k" of follows has a wrong checksum`},
		"one whose JSON is of another type":   {"audit", `74448ad5 {"at":1}`, `record "k" of audit`},
		"one of a table that is not there":    {"fellows", `fe44188f {}`, `there is no table "fellows", with the record "k"`},
		"one of the database's own, as it is": {"meta", "1", `there is no table "meta"`},
	} {
		t.Run(name, func(t *testing.T) {
			key := "k"
			if c.table == "counters" {
				key = "messages"
			}
			err := storage.CheckRecord(c.table, key, []byte(c.value))
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, storage.ErrDamaged) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
