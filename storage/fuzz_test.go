package storage_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"c66bot/storage"
)

// FuzzRecord has every table read what is not a record of it, with a wrong checksum and with a right one: it is read or
// damaged, never a panic, and a record that is read is damaged as soon as a bit of it or of its key is another.
func FuzzRecord(f *testing.F) {
	names := []string{"follows", "operations", "cancels", "wishes", "pending", "messages", "rules", "audit", "counters", "", "meta"}
	for i := range names {
		f.Add(uint8(i), "k", []byte(`{"id":"k","at":"2026-01-02T03:04:05Z","told":["asked"]}`), uint(i))
		f.Add(uint8(i), "C0/\xff\x00", []byte(`5`), uint(100+i))
	}
	f.Fuzz(func(t *testing.T, which uint8, key string, text []byte, bit uint) {
		table := names[int(which)%len(names)]
		sum := crc32.Checksum(fmt.Appendf(nil, "%s/%s %s", table, key, text), crc32.MakeTable(crc32.Castagnoli))
		record := fmt.Appendf(nil, "%08x %s", sum, text)
		for _, value := range [][]byte{text, record} {
			if err := storage.CheckRecord(table, key, value); err != nil &&
				(!errors.Is(err, storage.ErrDamaged) || !strings.Contains(err.Error(), table)) {
				t.Errorf("%q of %q: %v", key, table, err)
			}
		}
		bit %= uint(8 * (len(record) + len(key)))
		flipped := slices.Concat(record, []byte(key))
		flipped[bit/8] ^= 1 << (bit % 8)
		value, key := flipped[:len(record)], string(flipped[len(record):])
		if storage.CheckRecord(table, key, value) == nil {
			t.Errorf("%q of %q was read with bit %d flipped: %q", key, table, bit, value)
		}
	})
}
