// Package bolt implements the storage contract on a bbolt file that one process at a time may open. No other package refers to
// bbolt.
//
// Two locks keep other processes out: bbolt's lock on the file, and a lock on a PID note next to it, which still holds if the
// database file is deleted or replaced. Open waits a second for them, then returns *LockedError. Check verifies a file without
// trusting its content. Concurrent updates share group commits, since bbolt syncs twice a commit. Before and after each commit
// the file is compared with the state in which this process left it, so that no update is confirmed that a restart would not
// find. Watch repeats the comparison while nothing is written, and probes the disk. The file stores a format number, which
// selects the migrations.
package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"c66bot/storage"
)

// lockTimeout is how long Open waits for a lock held by another process.
const lockTimeout = time.Second

// mappedSize is the reserved address space in bytes. A file that outgrows it makes writers wait for all views; below it they
// never wait for each other.
const mappedSize = 256 << 20

// growth is the allocation step of the file, in bytes.
const growth = 1 << 20

// DB is an open database file.
type DB struct {
	path  string
	bolt  *bbolt.DB
	file  *os.File // bbolt's own
	note  *note
	queue queue
	health
}

var _ storage.DB = (*DB)(nil)

// Open opens the database file, or creates it with mode 0600 in an existing directory. It fails with *LockedError, ErrForeign,
// ErrNewer or storage.ErrDamaged, and then leaves an existing file unchanged.
func Open(path string) (*DB, error) {
	return open(path, migrations)
}

func open(path string, steps []migration) (*DB, error) {
	if err := inspectPlace(path); err != nil {
		return nil, err
	}
	note, err := takeNote(path) // First, so that no new file is created at the path of a deleted one that is still open.
	if err != nil {
		return nil, err
	}
	db, err := openNoted(path, note, steps)
	if err != nil {
		return nil, errors.Join(err, note.release())
	}
	return db, nil
}

// openNoted opens the file. The caller holds the note.
func openNoted(path string, note *note, steps []migration) (*DB, error) {
	format, err := inspect(path, steps)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err != nil && !isNew {
		return nil, err
	}
	bolt, file, err := openFile(path, false)
	if err != nil {
		if _, locked := errors.AsType[*LockedError](err); isNew && !locked {
			_ = os.Remove(path) // A full disk leaves a partial database, which would block the next start.
		}
		return nil, err
	}
	bolt.AllocSize = growth
	db := opened(path, bolt, file)
	db.note, db.queue = note, queue{turn: make(chan struct{}, 1)}
	if err := db.takeOver(format, steps); err != nil {
		return nil, errors.Join(wrap("open database "+path, err), bolt.Close())
	}
	return db, nil
}

// opened wraps an open bbolt file.
func opened(path string, bolt *bbolt.DB, file *os.File) *DB {
	return &DB{path: path, bolt: bolt, file: file, health: health{at: absolute(path), pageSize: bolt.Info().PageSize}}
}

// Close closes the file and releases its locks. It is idempotent.
func (db *DB) Close() error {
	db.queue.turn <- struct{}{}
	defer func() { <-db.queue.turn }()
	if db.bolt.Path() == "" {
		return nil
	}
	err := db.note.release()
	return errors.Join(err, wrap("close database "+db.path, db.bolt.Close()))
}

// inspect returns the format of an existing file, or 0 for an empty one. It opens the file read-only, since bbolt may modify even
// a foreign file that it opens for writing.
func inspect(path string, steps []migration) (format int, err error) {
	info, err := statFile(path)
	if err != nil || info.Size() == 0 {
		return 0, err
	}
	bolt, file, err := openFile(path, true)
	if err != nil {
		return 0, err
	}
	err = opened(path, bolt, file).transact(false, func(tx *tx) error {
		format, err = formatOf(tx, steps)
		return err
	})
	return format, errors.Join(wrap("open database "+path, err), bolt.Close())
}

// inspectPlace rejects a path where no database can exist.
func inspectPlace(path string) error {
	_, err := statFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("create database %s: its directory must exist: %w", path, err)
	}
	return nil
}

// statFile rejects everything but regular files; opening a pipe, for example, could block.
func statFile(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open database: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("open database %s: %w: it is a directory", path, ErrForeign)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("open database %s: %w: it is not a regular file", path, ErrForeign)
	}
	return info, nil
}

// openFile opens and locks the file. On some damage bbolt panics and leaves the file open; openFile closes it then.
func openFile(path string, readOnly bool) (db *bbolt.DB, file *os.File, err error) {
	options := &bbolt.Options{
		Timeout:         lockTimeout,
		ReadOnly:        readOnly,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: mappedSize,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	}
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, 0o600, options)
		return err
	})
	var system syscall.Errno
	switch {
	case err == nil, errors.As(err, &system):
	case errors.Is(err, storage.ErrDamaged):
		err = errors.Join(err, file.Close())
	case errors.Is(err, berrors.ErrTimeout):
		return nil, nil, &LockedError{Path: path, PID: holder(path)}
	case errors.Is(err, berrors.ErrChecksum), hasHead(path):
		err = fmt.Errorf("%w: %w", storage.ErrDamaged, err)
	default:
		err = fmt.Errorf("%w: no bbolt database: %w", ErrForeign, err)
	}
	return db, file, wrap("open database "+path, err)
}

// hasHead reports whether a file refused by bbolt was once a database.
func hasHead(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }() // Read-only.
	_, err = readHead(file, 0, 0)
	return err == nil
}

// takeOver sets the mode of the locked file and migrates it. It does not write to a file of the newest format.
func (db *DB) takeOver(format int, steps []migration) error {
	info, err := db.file.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&^0o600 != 0 {
		if err := db.file.Chmod(0o600); err != nil {
			return fmt.Errorf("let only the owner read it: %w", err)
		}
	}
	if err := db.remember(); err != nil || format == len(steps)+1 {
		return err
	}
	return db.transact(true, func(tx *tx) error { return migrate(tx, format, steps) })
}

// wrap adds context to an error, or returns nil.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
