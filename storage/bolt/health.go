package bolt

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
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

	mu      sync.Mutex
	left    state // the file as this process has left it
	lost    error // the open file is not what stands at its path, or was changed by others
	unnoted error // the note of the process id is not there, and cannot be made
	failed  error // the last commit
	cramped error // the last look for room on the disk
	writing int   // writes that are under way, the first of them since
	since   time.Time
}

// state tells one moment of a file from another.
type state struct {
	size        int64
	transaction uint64 // the last one that stands in the file
}

// set is how the fields of health are written, and get how they are read.
func set[T any](db *DB, field *T, value T) {
	db.mu.Lock()
	defer db.mu.Unlock()
	*field = value
}

func get[T any](db *DB, field *T) T {
	db.mu.Lock()
	defer db.mu.Unlock()
	return *field
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

// timed says that a wait for the disk begins, and gives what says that it has ended.
func (db *DB) timed() (done func()) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.writing++; db.writing == 1 {
		db.since = time.Now()
	}
	return func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		db.writing--
	}
}

// commit commits a transaction, and tells whether its file will be found again. Its caller has the turn.
func (db *DB) commit(btx *bbolt.Tx) error {
	err := guard(btx.Commit)
	set(db, &db.failed, err)
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
	if err == nil {
		set(db, &db.left, state{info.Size(), last.Transaction})
	}
	return err
}

// ready refuses to write to a file that would not be found again, and to read one that bbolt would fall over, and keep its locks: one that is
// closed, was cut short, or has no head any more.
func (db *DB) ready(writable bool) error {
	info, err := db.file.Stat()
	switch {
	case errors.Is(err, os.ErrClosed):
		return storage.ErrClosed
	case err != nil:
		return fmt.Errorf("look at database %s: %w", db.path, err)
	case writable:
		defer db.timed()()
		return db.look()
	}
	if size := get(db, &db.left).size; info.Size() < size {
		return damaged("the file is cut short: it has %d bytes of at least %d", info.Size(), size)
	}
	first, err := readHead(db.file, 0, 0)
	if err != nil { // As at the moment when it is written.
		first, err = readHead(db.file, 1, uint64(db.pageSize))
	}
	switch {
	case errors.Is(err, os.ErrClosed):
		return storage.ErrClosed
	case err == nil && int(first.PageSize) != db.pageSize:
		return damaged("the head has a page size of %d", first.PageSize)
	}
	return err
}

// look finds out whether what is in the file stays. Its caller has the turn.
func (db *DB) look() error {
	err := db.lookForLoss()
	set(db, &db.lost, err)
	return err
}

// lookForLoss says that the file does not stand at its path, or is not as this process has left it.
func (db *DB) lookForLoss() error {
	if err := db.misplaced(); err != nil {
		return err
	}
	return db.changed()
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
	const remedy = "nothing more is taken: stop me, copy your last backup to its place, and start me again"
	left := get(db, &db.left)
	info, err := db.file.Stat()
	if err != nil {
		return fmt.Errorf("database %s cannot be looked at: %w", db.path, err)
	}
	if info.Size() < left.size {
		return fmt.Errorf("database %s was cut short while I have it open, from %d to %d bytes, so %s", db.path, left.size, info.Size(), remedy)
	}
	last, err := readHeads(db.file)
	if err != nil {
		return fmt.Errorf("database %s was damaged while I have it open (%w), so %s", db.path, err, remedy)
	}
	if last.Transaction != left.transaction {
		return fmt.Errorf("database %s was written by somebody else while I have it open, so %s", db.path, remedy)
	}
	return nil
}
