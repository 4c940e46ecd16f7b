package storage

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Table holds the records of one type in the bucket with its name. A record is stored as the CRC-32C of its JSON in
// eight hexadecimal digits, a space, and the JSON, so that a person can read it and damage is noticed.
type Table[T any] struct{ Name string }

// Get returns the record with the key, ErrNotFound, or ErrDamaged.
func (t Table[T]) Get(tx Tx, key string) (T, error) {
	value, err := tx.Get(t.Name, key)
	if err != nil {
		var none T
		return none, err
	}
	return t.decode(key, value)
}

// Put stores the record under the key, in place of one that is there.
func (t Table[T]) Put(tx Tx, key string, rec T) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encode record %q of %s: %w", key, t.Name, err)
	}
	return tx.Put(t.Name, key, fmt.Appendf(nil, "%08x %s", crc32.Checksum(text, castagnoli), text))
}

// Delete removes the record with the key, if there is one.
func (t Table[T]) Delete(tx Tx, key string) error {
	return tx.Delete(t.Name, key)
}

// Scan calls fn for the records whose keys have the prefix, as Tx.Scan does. A damaged record ends it with ErrDamaged.
func (t Table[T]) Scan(tx Tx, prefix string, fn func(key string, rec T) error) error {
	return tx.Scan(t.Name, prefix, func(key string, value []byte) error {
		rec, err := t.decode(key, value)
		if err != nil {
			return err
		}
		return fn(key, rec)
	})
}

func (t Table[T]) decode(key string, value []byte) (rec T, err error) {
	const head = len("1a2b3c4d ")
	if len(value) < head {
		return rec, fmt.Errorf("%w: record %q of %s is too short", ErrDamaged, key, t.Name)
	}
	text := value[head:]
	if string(value[:head]) != fmt.Sprintf("%08x ", crc32.Checksum(text, castagnoli)) {
		return rec, fmt.Errorf("%w: record %q of %s has a wrong checksum", ErrDamaged, key, t.Name)
	}
	if err := json.Unmarshal(text, &rec); err != nil {
		var none T
		return none, fmt.Errorf("%w: record %q of %s: %w", ErrDamaged, key, t.Name, err)
	}
	return rec, nil
}
