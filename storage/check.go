package storage

import "fmt"

// checked is a table of whatever type, for a look at each of its records.
type checked interface {
	name() string
	check(key string, value []byte) error
}

// tables are all tables of the database.
var tables = []checked{Follows, Journal, Operations, Cancels, Wishes, Subscriptions, Positions, Heard, Messages, Rules, Requests, Audit,
	Channels, Counters}

// CheckRecord returns ErrDamaged, with the table and the key, for a stored record that its table could not read. A table
// that nobody knows is damaged too: its name may be what was damaged, and what it holds would be lost without a word.
func CheckRecord(table, key string, value []byte) error {
	for _, t := range tables {
		if t.name() == table {
			return t.check(key, value)
		}
	}
	return fmt.Errorf("%w: there is no table %q, with the record %q", ErrDamaged, table, key)
}

func (t Table[T]) name() string { return t.Name }

func (t Table[T]) check(key string, value []byte) error {
	_, err := t.decode(key, value)
	return err
}
