package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Table holds the records of one type in the bucket of its name. A stored record is a CRC-32C in eight hexadecimal digits, a
// space, and JSON. The checksum covers the table's name, a slash, the key, a space and the JSON, so it also detects a misplaced
// record.
type Table[T any] struct {
	Name string

	counts bool // every change increments the counter of the table's name
}

// counted makes every change of the table increment the counter of its name, so that a reader can detect a stale snapshot.
func (t Table[T]) counted() Table[T] {
	t.counts = true
	return t
}

// Get returns the record of the key, ErrNotFound or ErrDamaged.
func (t Table[T]) Get(tx Tx, key string) (T, error) {
	value, err := tx.Get(t.Name, key)
	if err != nil {
		return *new(T), err
	}
	return t.decode(key, value)
}

// Find is Get for an optional record: it reports a missing one by found instead of an error.
func (t Table[T]) Find(tx Tx, key string) (rec T, found bool, err error) {
	rec, err = t.Get(tx, key)
	if errors.Is(err, ErrNotFound) {
		return rec, false, nil
	}
	return rec, err == nil, err
}

// Look is Find in its own transaction.
func (t Table[T]) Look(ctx context.Context, db DB, key string) (rec T, found bool, err error) {
	err = db.View(ctx, func(tx Tx) (err error) {
		rec, found, err = t.Find(tx, key)
		return err
	})
	return rec, found, err
}

// ByKey returns all records by key, in their own transaction.
func (t Table[T]) ByKey(ctx context.Context, db DB) (all map[string]T, err error) {
	err = db.View(ctx, func(tx Tx) error {
		all = map[string]T{}
		return t.Scan(tx, "", func(key string, rec T) error { all[key] = rec; return nil })
	})
	return all, err
}

// Put stores a record and replaces an existing one.
func (t Table[T]) Put(tx Tx, key string, rec T) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encode record %q of %s: %w", key, t.Name, err)
	}
	if err := tx.Put(t.Name, key, append(t.sum(key, text), text...)); err != nil {
		return err
	}
	return t.count(tx)
}

func (t Table[T]) count(tx Tx) error {
	if !t.counts {
		return nil
	}
	n, _, err := Counters.Find(tx, t.Name)
	return errors.Join(err, Counters.Put(tx, t.Name, n+1))
}

// Delete removes a record if it exists.
func (t Table[T]) Delete(tx Tx, key string) error {
	if err := tx.Delete(t.Name, key); err != nil {
		return err
	}
	return t.count(tx)
}

// Scan calls fn for the records with a key prefix, like Tx.Scan. A damaged record stops it with ErrDamaged.
func (t Table[T]) Scan(tx Tx, prefix string, fn func(key string, rec T) error) error {
	return tx.Scan(t.Name, prefix, func(key string, value []byte) error {
		rec, err := t.decode(key, value)
		if err != nil {
			return err
		}
		return fn(key, rec)
	})
}

// All returns the records with a key prefix in the order of their keys. In front of a damaged one it ends, with ErrDamaged.
func (t Table[T]) All(tx Tx, prefix string) (all []T, err error) {
	err = t.Scan(tx, prefix, func(_ string, rec T) error {
		all = append(all, rec)
		return nil
	})
	return all, err
}

// sum returns the header of a record: the checksum and a space.
func (t Table[T]) sum(key string, text []byte) []byte {
	head := append(append(append(append(make([]byte, 0, 64), t.Name...), '/'), key...), ' ')
	sum := crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, text)
	return append(hex.AppendEncode(head[:0], binary.BigEndian.AppendUint32(nil, sum)), ' ')
}

func (t Table[T]) decode(key string, value []byte) (rec T, err error) {
	text, err := t.text(key, value)
	if err != nil {
		return rec, err
	}
	if err := json.Unmarshal(text, &rec); err != nil {
		return *new(T), fmt.Errorf("%w: record %q of %s: %w", ErrDamaged, key, t.Name, err)
	}
	return rec, nil
}

// text returns the JSON of a stored record, or ErrDamaged.
func (t Table[T]) text(key string, value []byte) ([]byte, error) {
	const head = len("1a2b3c4d ")
	if len(value) < head {
		return nil, fmt.Errorf("%w: record %q of %s is too short", ErrDamaged, key, t.Name)
	}
	text := value[head:]
	if !bytes.Equal(value[:head], t.sum(key, text)) {
		return nil, fmt.Errorf("%w: record %q of %s has a wrong checksum", ErrDamaged, key, t.Name)
	}
	return text, nil
}

// tables maps table names to the validation of their records.
var tables = map[string]func(key string, value []byte) error{}

// newTable creates a table and registers it for CheckRecord.
func newTable[T any](name string) Table[T] {
	t := Table[T]{Name: name}
	tables[name] = func(key string, value []byte) error {
		_, err := t.decode(key, value)
		return err
	}
	return t
}

// CheckRecord returns ErrDamaged, with table and key, for an unreadable record. An unknown table is an error too: its name may be
// the damaged part.
func CheckRecord(table, key string, value []byte) error {
	if check := tables[table]; check != nil {
		return check(key, value)
	}
	return fmt.Errorf("%w: there is no table %q, with the record %q", ErrDamaged, table, key)
}
