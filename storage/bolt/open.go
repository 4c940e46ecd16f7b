// Package bolt keeps the storage contract in one bbolt file that belongs to one process at a time.
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

// lockTimeout is how long Open waits for another process to let go of the file.
const lockTimeout = time.Second

// mappedSize is the address space in bytes that is reserved for the file. To grow beyond it bbolt holds up all
// writing until no view is running; within it views and updates never wait for each other.
const mappedSize = 256 << 20

// growth is the step in bytes in which the file gets larger.
const growth = 1 << 20

// DB is an open database file.
type DB struct {
	path  string
	bolt  *bbolt.DB
	queue queue
}

var _ storage.DB = (*DB)(nil)

// Open opens the database file, which it creates with mode 0600 when it is missing; its directory must exist.
// It fails with *LockedError, ErrForeign, ErrNewer or storage.ErrDamaged and then leaves a file that was there as it was.
func Open(path string) (*DB, error) {
	return open(path, migrations)
}

func open(path string, steps []migration) (*DB, error) {
	if err := inspect(path, steps); err != nil {
		return nil, err
	}
	file, err := openFile(path, false)
	if err != nil {
		return nil, err
	}
	file.AllocSize = growth
	db := &DB{path: path, bolt: file, queue: newQueue()}
	if err := db.takeOver(steps); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return db, nil
}

// Close ends the use of the file and gives it free for another process.
func (db *DB) Close() error {
	db.queue.turn <- struct{}{}
	defer func() { <-db.queue.turn }()
	if db.bolt.Path() == "" {
		return nil
	}
	err := removePID(db.path)
	return errors.Join(err, wrap("close database "+db.path, db.bolt.Close()))
}

// inspect looks at an existing file without writing to it: even an opening for writing may change a foreign file.
func inspect(path string, steps []migration) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return inspectDirectory(path)
	}
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("open database %s: %w: it is not a regular file", path, ErrForeign)
	}
	if info.Size() == 0 {
		return nil
	}
	file, err := openFile(path, true)
	if err != nil {
		return err
	}
	db := &DB{path: path, bolt: file}
	err = db.transact(false, func(tx *tx) error {
		_, err := formatOf(tx, steps)
		return err
	})
	return errors.Join(wrap("open database "+path, err), file.Close())
}

func inspectDirectory(path string) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil {
		return fmt.Errorf("create database %s: its directory must exist: %w", path, err)
	} else if !info.IsDir() {
		return fmt.Errorf("create database %s: %s is not a directory", path, dir)
	}
	return nil
}

// openFile opens and locks the file. bbolt panics on some damage and would leave the file open and locked.
func openFile(path string, readOnly bool) (db *bbolt.DB, err error) {
	var opened *os.File
	options := &bbolt.Options{
		Timeout:         lockTimeout,
		ReadOnly:        readOnly,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: mappedSize,
		OpenFile: func(name string, flag int, mode os.FileMode) (file *os.File, err error) {
			opened, err = os.OpenFile(name, flag, mode)
			return opened, err
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
		err = errors.Join(err, opened.Close())
	case errors.Is(err, berrors.ErrTimeout):
		return nil, &LockedError{Path: path, PID: readPID(path)}
	case errors.Is(err, berrors.ErrChecksum):
		err = fmt.Errorf("%w: %w", storage.ErrDamaged, err)
	default:
		err = fmt.Errorf("%w: no bbolt database: %w", ErrForeign, err)
	}
	return db, wrap("open database "+path, err)
}

// takeOver makes the locked file this process's own: its mode, its format, the note of the process id.
func (db *DB) takeOver(steps []migration) error {
	info, err := os.Stat(db.path)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if err := db.transact(true, func(tx *tx) error { return migrate(tx, steps) }); err != nil {
		return fmt.Errorf("open database %s: %w", db.path, err)
	}
	if info.Mode().Perm()&^0o600 != 0 {
		if err := os.Chmod(db.path, 0o600); err != nil {
			return fmt.Errorf("let only the owner read database %s: %w", db.path, err)
		}
	}
	return writePID(db.path)
}

// wrap says what failed, when something did.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
