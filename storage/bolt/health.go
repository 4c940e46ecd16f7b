package bolt

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"c66bot/storage"
)

// slowWrite is for how long a write may be under way before the disk is taken for one that takes nothing.
const slowWrite = 10 * time.Second

// health is what is known of whether the file can be written, and would be found again after a restart.
type health struct {
	at       string // the absolute path at which the open file has to stand
	pageSize int

	mu          sync.Mutex
	size        int64  // of the file, after our last commit
	transaction uint64 // the last one that stands in the file
	lost        error  // the open file is not what stands at its path, or was changed by others
	unnoted     error  // the note of the process id is not there, and cannot be made
	failed      error  // the last commit
	cramped     error  // the last look for room on the disk
	writing     int    // writes that are under way, the first of them since
	since       time.Time
}

func absolute(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}

// Fault says why nothing that is written now would be there after a restart, as far as that is known; nil where nothing is wrong.
func (db *DB) Fault() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	_, taken := errors.AsType[*LockedError](db.unnoted)
	failed := cmp.Or(db.failed, db.cramped)
	switch {
	case db.lost != nil && taken:
		return errors.Join(db.lost, db.unnoted)
	case db.lost != nil:
		return db.lost
	case db.writing > 0 && time.Since(db.since) > slowWrite:
		return fmt.Errorf("database %s: a write has not ended for more than %v, and nothing is confirmed meanwhile: look whether "+
			"its disk is frozen or its mount gone; when it takes writes again I go on by myself", db.path, slowWrite)
	case failed != nil:
		return fmt.Errorf("database %s cannot be written (%w), and what cannot be written is not done: make room on its disk, "+
			"or put its mount or limits right; when it can be written again I go on by myself", db.path, failed)
	default:
		return db.unnoted
	}
}

// timed does what waits for the disk.
func (db *DB) timed(do func() error) error {
	db.mu.Lock()
	if db.writing++; db.writing == 1 {
		db.since = time.Now()
	}
	db.mu.Unlock()
	defer func() {
		db.mu.Lock()
		db.writing--
		db.mu.Unlock()
	}()
	return do()
}

// commit commits a transaction, and tells whether its file will be found again. Its caller has the turn.
func (db *DB) commit(btx *bbolt.Tx) error {
	err := guard(btx.Commit)
	db.mu.Lock()
	db.failed = err
	db.mu.Unlock()
	// What a failed commit has left is known by the file alone. Where it cannot be read it is found out at the next look.
	if remembered := db.remember(); err == nil {
		err = remembered
	}
	return errors.Join(wrap("commit transaction", err), db.look())
}

// remember takes note of the file as this process has left it. Its caller has the turn.
func (db *DB) remember() error {
	info, err := db.file.Stat()
	if err != nil {
		return fmt.Errorf("look at database %s: %w", db.path, err)
	}
	last, err := readHeads(db.file)
	if err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.size, db.transaction = info.Size(), last.transaction
	return nil
}

// readable refuses a file that bbolt would fall over, and keep its locks: one that is closed, was cut short, or has no head any more.
func (db *DB) readable() error {
	info, err := db.file.Stat()
	if errors.Is(err, os.ErrClosed) {
		return storage.ErrClosed
	}
	if err != nil {
		return fmt.Errorf("look at database %s: %w", db.path, err)
	}
	db.mu.Lock()
	size := db.size
	db.mu.Unlock()
	if info.Size() < size {
		return damaged("the file is cut short: it has %d bytes of at least %d", info.Size(), size)
	}
	first, err := readHead(db.file, 0, 0)
	if err != nil { // As at the moment when it is written.
		first, err = readHead(db.file, 1, uint64(db.pageSize))
	}
	if err == nil && first.pageSize != uint64(db.pageSize) {
		err = damaged("the head has a page size of %d", first.pageSize)
	}
	if errors.Is(err, os.ErrClosed) {
		return storage.ErrClosed
	}
	return err
}

// look finds out whether what is in the file stays: it stands at its path, and is as this process has left it. Its caller has the turn.
func (db *DB) look() error {
	err := db.misplaced()
	if err == nil {
		err = db.changed()
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.lost = err
	return err
}

// rescue is what to do about a file that only this process still has.
const rescue = `or, where it is gone, save what I have of it by "c66bot backup FILE", stop me, put that copy in its place, ` +
	`and start me again`

// misplaced says that another file than the open one stands at its path, or none.
func (db *DB) misplaced() error {
	there, err := os.Stat(db.at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("database %s was deleted or moved away while I have it open, so nothing more is taken: move it back; %s",
			db.path, rescue)
	case err != nil:
		return fmt.Errorf("database %s cannot be seen at its path any more (%w), so nothing more is taken: put that right; %s",
			db.path, err, rescue)
	}
	mine, err := db.file.Stat()
	if err == nil && !os.SameFile(there, mine) {
		err = fmt.Errorf("another file stands in the place of database %s, which I have open, so nothing more is taken: "+
			"put the old one back; %s; or start me again, to use the new one", db.path, rescue)
	}
	return err
}

// changed says that somebody else has written to the file: this process's own view of it holds no more.
func (db *DB) changed() error {
	db.mu.Lock()
	size, transaction := db.size, db.transaction
	db.mu.Unlock()
	const remedy = "nothing more is taken: stop me, copy your last backup to its place, and start me again"
	info, err := db.file.Stat()
	if err != nil {
		return fmt.Errorf("database %s cannot be looked at: %w", db.path, err)
	}
	if info.Size() < size {
		return fmt.Errorf("database %s was cut short while I have it open, from %d to %d bytes, so %s", db.path, size, info.Size(), remedy)
	}
	last, err := readHeads(db.file)
	if err != nil {
		return fmt.Errorf("database %s was damaged while I have it open (%w), so %s", db.path, err, remedy)
	}
	if last.transaction != transaction {
		return fmt.Errorf("database %s was written by somebody else while I have it open, so %s", db.path, remedy)
	}
	return nil
}
