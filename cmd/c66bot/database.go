package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

// checkCommand is what this program calls itself with to look at a database file.
const checkCommand = "check-database"

// checkStack is what a check may use for its calls, in bytes: a damaged file must not have it take the machine's memory.
const checkStack = 64 << 20

// checkTime is how long the check of a file may take: many times what it needs on a disk that is well.
func checkTime(path string) time.Duration {
	limit := 30 * time.Second
	if info, err := os.Stat(path); err == nil {
		limit += time.Duration(info.Size()>>20) * time.Second
	}
	return limit
}

// openDatabase opens the database for the bot, after a check where it is there already.
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

// startWatch has the open database looked after until stop is called.
func startWatch(ctx context.Context, db *bolt.DB, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() { db.Watch(ctx, log) })
	return func() {
		cancel()
		watching.Wait()
	}
}

// newCheckDatabaseCommand is the other side of checkDatabase. People find no use in it and do not see it.
func newCheckDatabaseCommand() *cobra.Command {
	return &cobra.Command{
		Use:    checkCommand + " FILE",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			debug.SetMaxStack(checkStack)
			return explain(bolt.Check(args[0], storage.CheckRecord))
		},
	}
}

// checkDatabase has another process of this program read the whole file, since a damaged one could end the reader, or keep it busy
// for ever. Where no process can be started it reads the file itself. A file that is not there is fine.
func checkDatabase(ctx context.Context, path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	limit := checkTime(path)
	self, err := os.Executable()
	if err != nil {
		return explain(bolt.Check(path, storage.CheckRecord))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("database %s could not be read within %v: is its disk well? Nothing in it was changed", path, limit))
	defer cancel()
	return checkBy(ctx, self, path)
}

// checkBy runs the check in a process of the program.
func checkBy(ctx context.Context, program, path string) error {
	cmd := exec.CommandContext(ctx, program, checkCommand, "--", path)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, envPrefix) }) // It needs no secret.
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil && ctx.Err() == nil {
		return explain(bolt.Check(path, storage.CheckRecord))
	}
	err := cmd.Wait()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // Before the start, where Wait fails too, or since.
		return context.Cause(ctx)
	case cmd.ProcessState.ExitCode() == exitFailed:
		return errors.New(strings.TrimPrefix(strings.TrimSpace(said.String()), "c66bot: "))
	default:
		first, _, _ := strings.Cut(said.String(), "\n")
		return explain(fmt.Errorf("%w: the process that read database %s ended with %v (%s)", storage.ErrDamaged, path, cmd.ProcessState, first))
	}
}

// explain adds to what is wrong with a database, or with a copy of it, what to do about it.
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
