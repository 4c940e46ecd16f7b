package bolt

import (
	"errors"
	"fmt"
	"io"

	"c66bot/storage"
)

// Backup writes a consistent copy of the database to the writer returned by begin, which gets the size in bytes. Meanwhile
// updates continue, but cannot reuse freed pages and block if the file outgrows its mapping: the writer must be fast.
func (db *DB) Backup(begin func(size int64) (io.Writer, error)) error {
	return db.transact(false, func(tx *tx) error {
		info, err := db.file.Stat() // Works for an unlinked file too, which only a backup can save.
		if err != nil {
			return err
		}
		size := tx.bolt.Size()
		if info.Size() < size {
			return damaged("the file is cut short: it has %d bytes of at least %d", info.Size(), size)
		}
		w, err := begin(size)
		if err != nil {
			return err
		}
		_, err = tx.bolt.WriteTo(w)
		return err
	})
}

// BackupFile copies a file that no process has open for writing; otherwise it returns *LockedError. It does not verify the copy;
// use Check.
func BackupFile(path string, begin func(size int64) (io.Writer, error)) error {
	info, err := statFile(path)
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return fmt.Errorf("database %s: %w: it is empty", path, storage.ErrNotFound)
	}
	bolt, file, err := openFile(path, true)
	if err != nil {
		return err
	}
	return errors.Join(opened(path, bolt, file).Backup(begin), bolt.Close())
}
