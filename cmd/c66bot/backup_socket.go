package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"c66bot/storage/bolt"
)

// The time limits of a copy. Its read transaction keeps old pages alive, so the file grows meanwhile.
const (
	backupStall = 5 * time.Second  // for one write
	backupLeast = 10 * time.Second // for the whole, plus the size at backupPace
	backupPace  = 4 << 20          // bytes a second
)

// backupGreeting is the first line of a reply, with the size of the copy in bytes. Any other line is the reason for no copy.
const backupGreeting = "c66bot backup %d\n"

// socketPath returns the path of the backup socket of a database, the same for every link to the file.
func socketPath(database string) string { return bolt.Real(database) + ".sock" }

// startBackups serves copies of the database on a socket beside it until stop is called. It reads nothing from the socket.
// If it cannot listen, it logs a warning and the bot runs without backups.
func startBackups(ctx context.Context, database string, db *bolt.DB, log *slog.Logger) (stop func()) {
	path := socketPath(database)
	listener, err := listenBackups(ctx, path)
	if err != nil {
		log.WarnContext(ctx, "c66bot backup works only while the bot is stopped", "socket", path, "error", err)
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var serving sync.WaitGroup
	serving.Go(func() { serveBackups(ctx, listener, db, log) })
	return func() {
		if err := os.Remove(path); err != nil {
			log.WarnContext(ctx, "the socket for backups was not removed", "socket", path, "error", err)
		}
		cancel()
		_ = listener.Close() // The socket is removed: an error changes nothing.
		serving.Wait()
	}
}

// listenBackups creates the socket in a private directory and moves it to path with mode 0600, so that other users can never open it.
// It replaces the socket of a killed bot; the caller's lock on the database excludes a running one.
func listenBackups(ctx context.Context, path string) (_ net.Listener, err error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is in the way, and no socket", path)
	}
	dir := path + ".new"
	made := filepath.Join(dir, "s")
	_, _ = os.Remove(made), os.Remove(dir) // Leftovers of a killed bot.
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	defer func() { _, _ = os.Remove(made), os.Remove(dir) }()
	name, done, err := socketName(made)
	if err != nil {
		return nil, err
	}
	defer done()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", name)
	if err != nil {
		return nil, err
	}
	if unix, ok := listener.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // It is renamed below.
	}
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// socketName returns a name for the path that fits into a socket address of about 104 bytes. For a longer path it refers to an open
// descriptor of the directory, valid until done is called; this needs /proc.
func socketName(path string) (name string, done func(), err error) {
	const most = 100
	if len(path) <= most {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { _ = dir.Close() }, nil
}

// serveBackups serves connections one at a time until ctx ends and the listener is closed.
func serveBackups(ctx context.Context, listener net.Listener, db *bolt.DB, log *slog.Logger) {
	for {
		conn, err := listener.Accept()
		switch {
		case err == nil:
			giveBackup(ctx, conn, db, log)
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		default:
			log.WarnContext(ctx, "nobody can ask for a backup for a second", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

func giveBackup(ctx context.Context, conn net.Conn, db *bolt.DB, log *slog.Logger) {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // A second Close is harmless.
	defer func() { _ = conn.Close() }()                         // The reader verifies the size.
	begin, total := time.Now(), int64(0)
	to := &timed{conn: conn, end: begin.Add(backupLeast)}
	err := db.Backup(func(size int64) (io.Writer, error) {
		total = size
		to.end = to.end.Add(time.Duration(size) * time.Second / backupPace)
		_, err := fmt.Fprintf(to, backupGreeting, size)
		return to, err
	})
	if err != nil {
		log.WarnContext(ctx, "a backup was not given", "bytes", total, "took_ms", time.Since(begin).Milliseconds(), "error", err)
		if total == 0 {
			_, _ = fmt.Fprintln(to, err) // The reader may be gone.
		}
		return
	}
	log.InfoContext(ctx, "a backup was given", "bytes", total, "took_ms", time.Since(begin).Milliseconds())
}

// timed writes to a connection with a deadline of backupStall for each write and end for all.
type timed struct {
	conn net.Conn
	end  time.Time
}

func (w *timed) Write(p []byte) (int, error) {
	limit := time.Now().Add(backupStall)
	if limit.After(w.end) {
		limit = w.end
	}
	if err := w.conn.SetWriteDeadline(limit); err != nil {
		return 0, err
	}
	return w.conn.Write(p)
}
