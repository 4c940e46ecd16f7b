package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

// checkTime returns the time limit for the check of a file: 30 s and a second per MiB, many times the need of a healthy disk.
func checkTime(path string) time.Duration {
	limit := 30 * time.Second
	if info, err := os.Stat(path); err == nil {
		limit += time.Duration(info.Size()>>20) * time.Second
	}
	return limit
}

// openDatabase opens the database for the bot. It checks an existing file first.
func openDatabase(ctx context.Context, path string) (*bolt.DB, error) {
	if err := checkDatabase(ctx, path); err != nil {
		return nil, fmt.Errorf("%s: %w", label("storage.path"), err)
	}
	db, err := bolt.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", label("storage.path"), explain(err))
	}
	return db, nil
}

// checkDatabase reads and verifies the whole file. A missing file is no error. The context and checkTime end only the wait: a read that
// hangs on a broken disk lasts until the process ends.
func checkDatabase(ctx context.Context, path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	limit := checkTime(path)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("database %s could not be read within %v: is its disk well? "+
		"Nothing in it was changed", path, limit))
	defer cancel()
	checked := make(chan error, 1)
	go func() {
		checked <- explain(bolt.Check(path, storage.CheckRecord))
		debug.FreeOSMemory() // The check has mapped every page.
	}()
	select {
	case err := <-checked:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// explain adds advice to an error of a database or of its copy.
func explain(err error) error {
	var advice string
	switch is := func(target error) bool { return errors.Is(err, target) }; {
	case is(storage.ErrDamaged):
		advice = "nothing in it was changed: put it aside, and copy your last backup to its place"
	case is(bolt.ErrForeign):
		advice = "nothing in it was changed: give the path of c66bot's own database, or of a file that does not exist yet"
	case is(bolt.ErrNewer):
		advice = "nothing in it was changed: run that version, or put the file aside and copy a backup from before to its place"
	case is(fs.ErrPermission), is(syscall.EROFS):
		advice = "c66bot has to read and write it, and to make files beside it: look at the owners, the modes and the mount"
	case is(syscall.ENOSPC), is(syscall.EDQUOT):
		advice = "the disk is full: make room on it, and try again"
	case is(syscall.ELOOP):
		advice = "a symbolic link leads to itself: put it right, or give the path of the file"
	default:
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}
