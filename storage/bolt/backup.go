package bolt

import (
	"errors"
	"fmt"
	"io"

	"c66bot/storage"
)

// Backup writes a consistent copy of the database to what begin returns for the number of bytes that will come. Updates go on
// meanwhile, but the file cannot use again the space that they free, and where it outgrows what is mapped of it they wait: begin's
// writer must not take long.
func (db *DB) Backup(begin func(size int64) (io.Writer, error)) error {
	return db.transact(false, func(tx *tx) error {
		info, err := db.file.Stat() // Also where it has no name any more: a copy is then what saves it.
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

// BackupFile does the same with a file that no process has open for writing, else it fails with *LockedError. It reads the
// file without trusting it: whether the copy is whole, Check says.
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
