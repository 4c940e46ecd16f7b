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

// How long a copy may take: it holds on to what it copies, and the file grows meanwhile.
const (
	backupStall = 5 * time.Second // for any part of it
	backupLeast = 10 * time.Second
	backupPace  = 4 << 20 // bytes a second, from then on
)

// backupGreeting comes before the copy, with its size in bytes. Any other line says why there is no copy.
const backupGreeting = "c66bot backup %d\n"

// socketPath is the socket for copies of a database, the same for every link to the file.
func socketPath(database string) string { return bolt.Real(database) + ".sock" }

// startBackups serves copies of the database on a socket beside it, until stop is called. Nothing is read from the socket.
// A bot without the socket works all the same, and its log says what is missing.
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
		_ = listener.Close() // Whatever comes of it, nothing can connect any more.
		serving.Wait()
	}
}

// listenBackups makes the socket in a private directory and moves it to its place when its mode is right: other users can never open it.
// It replaces a socket that a killed bot left behind, since only one process holds the database's lock.
func listenBackups(ctx context.Context, path string) (_ net.Listener, err error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is in the way, and no socket", path)
	}
	dir := path + ".new"
	made := filepath.Join(dir, "s")
	_, _ = os.Remove(made), os.Remove(dir) // A killed bot may have left them.
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
		unix.SetUnlinkOnClose(false) // It has another name by then.
	}
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// socketName is a name for the path that fits into a socket's address, which holds about 104 bytes. A longer path goes through the file
// descriptor of its directory, until done is called; it fails on systems without /proc.
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

// serveBackups serves one after the other until ctx ends and the listener is closed.
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
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // To close it twice does no harm.
	defer func() { _ = conn.Close() }()                         // Whether it has the whole copy, the other side knows by its size.
	begin, total := time.Now(), int64(0)
	to := &timed{conn: conn, end: begin.Add(backupLeast)}
	err := db.Backup(func(size int64) (io.Writer, error) {
		total = size
		to.end = to.end.Add(time.Duration(size) * time.Second / backupPace)
		_, err := fmt.Fprintf(to, backupGreeting, size)
		return to, err
	})
	if err != nil {
		log.WarnContext(ctx, "a backup was not given", "bytes", total, "took", time.Since(begin), "error", err)
		if total == 0 {
			_, _ = fmt.Fprintln(to, err) // Who has gone does not need it.
		}
		return
	}
	log.InfoContext(ctx, "a backup was given", "bytes", total, "took", time.Since(begin))
}

// timed writes to a connection, with a limit for each part and one for the whole.
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
