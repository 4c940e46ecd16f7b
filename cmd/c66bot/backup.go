package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"c66bot/storage/bolt"
)

func newBackupCommand(environ []string) *cobra.Command {
	return newSettingCommand(environ, "storage.path", &cobra.Command{
		Use: "backup FILE", Short: "Write a consistent copy of the database, also while the bot runs", Args: oneFile,
	}, func(ctx context.Context, cfg Config, args []string) (string, error) {
		size, err := backup(ctx, cfg.StoragePath, args[0])
		return fmt.Sprintf("%s is a copy of %s, %d bytes, and was checked\n", args[0], cfg.StoragePath, size), err
	})
}

func oneFile(_ *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return fmt.Errorf("backup takes one argument, the FILE to write the copy to, as in c66bot backup c66bot-copy.db; it got %d", len(args))
}

// backup writes a checked copy of the database to a new file and returns its size in bytes. On an error it leaves no file.
func backup(ctx context.Context, database, target string) (int64, error) {
	if err := refuseTarget(database, target); err != nil {
		return 0, err
	}
	draft, err := os.CreateTemp(filepath.Dir(target), ".c66bot-backup-*") // mode 0600
	if err != nil {
		return 0, explain(fmt.Errorf("write backup %s: %w", target, err))
	}
	defer func() { _ = os.Remove(draft.Name()) }()               // Unwanted, or published under its name by now.
	defer context.AfterFunc(ctx, func() { _ = draft.Close() })() // Makes pending writes fail.
	err = copyDatabase(ctx, draft, database)
	size, seekErr := draft.Seek(0, io.SeekEnd)
	err = errors.Join(err, seekErr, draft.Sync(), draft.Close())
	if ctx.Err() != nil {
		return 0, fmt.Errorf("interrupted: backup %s was not written", target)
	}
	if err != nil {
		return 0, fmt.Errorf("backup %s was not written: %w", target, explain(err))
	}
	if err := checkDatabase(ctx, draft.Name()); err != nil {
		return 0, fmt.Errorf("backup %s was not written, as the copy cannot be used; most likely the database %s is damaged: %w",
			target, database, err)
	}
	if err := publish(draft.Name(), target); err != nil {
		return 0, fmt.Errorf("backup %s was not written: %w", target, explain(err))
	}
	return size, nil
}

// refuseTarget returns an error for a name that the bot uses (a *usageError) or that exists.
func refuseTarget(database, target string) error {
	wanted := bolt.Real(target)
	if slices.Contains([]string{bolt.Real(database), bolt.PIDPath(database), socketPath(database)}, wanted) {
		return &usageError{fmt.Errorf("%s is a name that the database itself uses: name another file for the backup", target)}
	}
	if _, err := os.Lstat(target); err == nil {
		return fmt.Errorf("%s exists already: name another file for the backup, or remove that one", target)
	}
	return nil
}

// copyDatabase requests the copy from the bot that has the database open. Without one it reads the file.
func copyDatabase(ctx context.Context, to io.Writer, database string) error {
	conn, err := dialBackups(ctx, database)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		err = bolt.BackupFile(database, func(int64) (io.Writer, error) { return to, nil })
		locked, ok := errors.AsType[*bolt.LockedError](err)
		switch {
		case err == nil:
			return nil
		case !ok:
			return fmt.Errorf("%s: %w", label("storage.path"), err)
		}
		if conn, err = dialBackups(ctx, database); err != nil { // The bot may have just started.
			return fmt.Errorf("%s has the database %s and gives no copy of it (%w): try again when it has started, or stop it first",
				locked.Who(), database, err)
		}
	}
	if err != nil {
		return fmt.Errorf("ask the bot for a copy of %s: %w", database, err)
	}
	defer func() { _ = conn.Close() }() // Nothing was written to the connection.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := conn.SetDeadline(time.Now().Add(checkTime(database))); err != nil {
		return err
	}
	return receive(conn, to)
}

func dialBackups(ctx context.Context, database string) (net.Conn, error) {
	name, done, err := socketName(socketPath(database))
	if err != nil {
		return nil, err
	}
	defer done()
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", name)
}

func receive(from io.Reader, to io.Writer) error {
	buffered := bufio.NewReader(from)
	line, err := buffered.ReadString('\n')
	if err != nil {
		return fmt.Errorf("the bot gives no copy; it may be stopping: %w", err)
	}
	var size int64
	if _, err := fmt.Sscanf(line, backupGreeting, &size); err != nil {
		return fmt.Errorf("the bot gives no copy: %s", strings.TrimSpace(line))
	}
	n, err := io.CopyN(to, buffered, size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the bot stopped after %d of %d bytes: its log says why", n, size)
	}
	return err
}

// publish gives the draft its name and syncs the directory. It never replaces a file, except in a race on file systems without hard links.
func publish(draft, target string) error {
	err := os.Link(draft, target)
	if err != nil && !errors.Is(err, fs.ErrExist) { // Not every file system has hard links.
		if _, taken := os.Lstat(target); taken == nil {
			return fs.ErrExist
		}
		err = os.Rename(draft, target)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(target))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
