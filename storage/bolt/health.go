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

// slowWrite is the duration of a write after which the disk counts as frozen.
const slowWrite = 10 * time.Second

// health tracks whether the file is writable and whether a restart would find it.
type health struct {
	at       string // the absolute path where the open file must be
	pageSize int

	mu      sync.Mutex // guards what follows
	left    state      // the file as last written by this process
	lost    error      // the open file is not the one at its path, or was modified by another process
	unnoted error      // the PID note is missing and cannot be recreated
	failed  error      // the last commit's error
	cramped error      // the last disk-space probe's error
	writing int        // writes in progress; since is when it last rose from 0
	since   time.Time
}

// state identifies one version of the file.
type state struct {
	size        int64
	transaction uint64 // of the newer head
}

// set and get access a field of health under its mutex.
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

// Changes implements storage.DB.
func (db *DB) Changes() uint64 { return get(db, &db.left).transaction }

// Fault implements storage.DB.
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

// timed marks the start of a disk write; done marks its end.
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

// commit commits a transaction and checks that the file is still in place. The caller holds the turn.
func (db *DB) commit(btx *bbolt.Tx) error {
	err := guard(btx.Commit)
	set(db, &db.failed, err)
	// Only the file shows the effect of a failed commit. If it is unreadable, the next look reports that.
	if remembered := db.remember(); err == nil {
		err = remembered
	}
	return errors.Join(wrap("commit transaction", err), db.look())
}

// remember records the state in which this process leaves the file. The caller holds the turn.
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

// ready checks the file before a transaction. For a write, a restart must find the file. For a read, bbolt must not fault while
// it holds its locks: the file must be open, not truncated, and have a sound head.
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
	if err != nil { // The head may be mid-write; try the other one.
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

// look checks that the file is in place and unmodified by others. The caller holds the turn.
func (db *DB) look() error {
	err := db.lookForLoss()
	set(db, &db.lost, err)
	return err
}

// lookForLoss is look without recording the result.
func (db *DB) lookForLoss() error {
	if err := db.misplaced(); err != nil {
		return err
	}
	return db.changed()
}

// rescue is the remedy if only this process still has the file.
const rescue = `or, where it is gone, save what I have of it by "c66bot backup FILE", stop me, put that copy in its place, ` +
	`and start me again`

// misplaced returns an error if the path has no file or a different one.
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

// changed returns an error if another process wrote to the file, so that this process's view is stale.
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
