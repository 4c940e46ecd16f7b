package bolt

import (
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"

	"c66bot/storage"
)

// Check reads a whole file without changing it, an empty one included, and returns what Open would, or storage.ErrDamaged: first its
// structure, by reads that no damage can lead astray, then bbolt's own check of it, then each record of each table.
func Check(path string, record func(table, key string, value []byte) error) (err error) {
	if info, err := statFile(path); err != nil || info.Size() == 0 {
		return err
	}
	if err := inUse(path); err != nil {
		return err
	}
	bolt, file, err := openFile(path, true) // It is locked from here on.
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(wrap("check database "+path, err), bolt.Close()) }()
	if err := checkStructure(path); err != nil {
		return err
	}
	db := opened(path, bolt, file)
	return db.transact(false, func(tx *tx) error {
		if _, err := formatOf(tx, migrations); err != nil {
			return err
		}
		if err := secondOpinion(tx.bolt); err != nil {
			return err
		}
		return guard(func() error { return checkRecords(tx.bolt, record) })
	})
}

func checkStructure(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // Nothing was written to it.
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return walkFile(file, info.Size())
}

// secondOpinion is bbolt's own check. It runs on a goroutine of bbolt's, where a memory fault would end the process, so it comes after walkFile.
func secondOpinion(tx *bbolt.Tx) error {
	var first error
	for err := range tx.Check() { // To its end, as it waits for who reads.
		if first == nil {
			first = fmt.Errorf("%w: %w", storage.ErrDamaged, err)
		}
	}
	return first
}

func checkRecords(tx *bbolt.Tx, record func(table, key string, value []byte) error) error {
	return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		if b == nil {
			return damaged("the table %q is none", name)
		}
		if string(name) == metaBucket {
			return nil
		}
		return b.ForEach(func(key, value []byte) error {
			if value == nil {
				return damaged("record %q of %s is none", key, name)
			}
			return record(string(name), string(key), value)
		})
	})
}
