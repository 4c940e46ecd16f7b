package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

// backsUp runs c66bot backup as a process and returns what it says.
func backsUp(t *testing.T, database, target string, want int) string {
	t.Helper()
	cmd := program(t, []string{"C66BOT_STORAGE_PATH=" + database}, "backup", target)
	text, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Errorf("backup of %s to %s ended with %v, want %d:\n%s", database, target, err, want, text)
	}
	return string(text)
}

// serveWithRule starts the bot and has a rule made.
func (w *world) serveWithRule(t *testing.T) *server {
	t.Helper()
	s := w.serve(t)
	w.readyz(t, s, http.StatusOK)
	w.command(t, "/c66 allow everyone view web")
	w.until(t, s, "the rule is said", w.says("view on web"))
	return s
}

// hasRule starts the bot anew and looks whether it has the rule.
func (w *world) hasRule(t *testing.T) {
	t.Helper()
	s := w.serve(t)
	w.readyz(t, s, http.StatusOK)
	w.command(t, "/c66 access")
	w.until(t, s, "the rule is there again", func() bool { return strings.Count(w.sees(), "view on web") > 1 })
}

func TestABackupOfTheRunningBotBringsEverythingBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	s := w.serveWithRule(t)
	copied := filepath.Join(t.TempDir(), "copy.db")
	if text := backsUp(t, w.db, copied, exitOK); !strings.Contains(text, copied+" is a copy of "+w.db) {
		t.Errorf("backup says %q", text)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode of the copy: %v, %v", info.Mode(), err)
	}
	poll(t, s, "the log tells of the backup", func() bool { return strings.Contains(s.log.String(), "a backup was given") }, new(string))
	s.end(t, syscall.SIGTERM, 8*time.Second, exitOK)
	if left := names(t, filepath.Dir(w.db)); !slices.Equal(left, []string{"c66bot.db"}) {
		t.Errorf("left beside the database: %q", left)
	}

	if err := os.WriteFile(w.db, read(t, copied), 0o600); err != nil { // As cp does it.
		t.Fatal(err)
	}
	w.hasRule(t)
}

func TestTheSocketForBackupsIsTheBotsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	socket := socketPath(w.db)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} { // The second bot finds what the killed one left.
		s := w.serve(t)
		w.readyz(t, s, http.StatusOK)
		if info, err := os.Stat(socket); err != nil || info.Mode() != os.ModeSocket|0o600 {
			t.Errorf("mode of the socket: %v, %v", info.Mode(), err)
		}
		if left := names(t, filepath.Dir(w.db)); !slices.Equal(left, []string{"c66bot.db", "c66bot.db.pid", "c66bot.db.sock"}) {
			t.Errorf("beside the database: %q", left)
		}
		backsUp(t, w.db, filepath.Join(t.TempDir(), "copy.db"), exitOK)
		s.end(t, signal, 8*time.Second, map[syscall.Signal]int{syscall.SIGKILL: -1}[signal])
		if signal == syscall.SIGKILL {
			backsUp(t, w.db, filepath.Join(t.TempDir(), "copy.db"), exitOK) // From the file.
		}
	}
	if left := names(t, filepath.Dir(w.db)); !slices.Equal(left, []string{"c66bot.db"}) {
		t.Errorf("left beside the database: %q", left)
	}
}

func TestABotWithoutItsSocketWorksAndItsBackupSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	if err := os.WriteFile(socketPath(w.db), []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := w.serve(t)
	w.readyz(t, s, http.StatusOK)
	if !strings.Contains(s.log.String(), "c66bot backup works only while the bot is stopped") {
		t.Errorf("the log does not say so:\n%s", s.log)
	}
	dir := t.TempDir()
	text := backsUp(t, w.db, filepath.Join(dir, "copy.db"), exitFailed)
	if want := fmt.Sprintf("process %d has the database %s and gives no copy of it", s.Process.Pid, w.db); !strings.Contains(text, want) {
		t.Errorf("backup does not say %q:\n%s", want, text)
	}
	s.end(t, syscall.SIGTERM, 8*time.Second, exitOK)
	if left := names(t, dir); len(left) > 0 || string(read(t, socketPath(w.db))) != "somebody's" {
		t.Errorf("left behind: %q", left)
	}
}

func TestALongPathHasItsBackupsToo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	w.db = filepath.Join(dir, "c66bot.db")
	s := w.serve(t, "C66BOT_STORAGE_PATH="+w.db)
	w.readyz(t, s, http.StatusOK)
	backsUp(t, w.db, filepath.Join(dir, "copy.db"), exitOK)
	s.end(t, syscall.SIGTERM, 8*time.Second, exitOK)
	if left := names(t, dir); !slices.Equal(left, []string{"c66bot.db", "copy.db"}) {
		t.Errorf("left beside the database: %q", left)
	}
}

func TestABackupOfAStoppedBotsFileIsTheSame(t *testing.T) {
	t.Parallel()
	path := newDatabase(t, 100)
	copied := filepath.Join(t.TempDir(), "copy.db")
	before := read(t, path)
	backsUp(t, path, copied, exitOK)
	if !bytes.Equal(before, read(t, path)) || len(names(t, filepath.Dir(path))) != 1 {
		t.Error("the database was changed, or something was left beside it")
	}
	db, err := bolt.Open(copied)
	if err != nil {
		t.Fatal(err)
	}
	entries := 0
	err = db.View(t.Context(), func(tx storage.Tx) error {
		if _, err := storage.Rules.Get(tx, storage.ChannelKey(deploys, "k3f9")); err != nil {
			return err
		}
		return storage.Audit.Scan(tx, "", func(string, storage.AuditEntry) error {
			entries++
			return nil
		})
	})
	if err != nil || entries != 100 {
		t.Errorf("%d entries in the copy, %v", entries, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestABackupIsRefused(t *testing.T) {
	t.Parallel()
	good, damaged, elsewhere := newDatabase(t, 200), filepath.Join(t.TempDir(), "c66bot.db"), t.TempDir()
	content := bytes.ReplaceAll(read(t, good), []byte("everyone"), []byte("everybug"))
	if err := os.WriteFile(damaged, content, 0o600); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(filepath.Dir(damaged), "cut.db")
	if err := os.WriteFile(cut, content[:5*os.Getpagesize()], 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(filepath.Dir(good), "link")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name             string
		database, target string
		code             int
		want             string
	}{
		{"a file that is there", good, damaged, exitFailed, "exists already: name another file"},
		{"a directory", good, elsewhere, exitFailed, "exists already"},
		{"a link", good, link, exitFailed, "exists already"},
		{"the database itself", good, good, exitUsage, "is a name that the database itself uses"},
		{"the file of the process id", good, filepath.Dir(good) + "/./c66bot.db.pid", exitUsage, "is a name that the database itself uses"},
		{"the socket", good, socketPath(good), exitUsage, "is a name that the database itself uses"},
		{"a directory that is not there", good, filepath.Join(elsewhere, "none", "copy.db"), exitFailed, "no such file or directory"},
		{
			"no database",
			filepath.Join(elsewhere, "none.db"),
			filepath.Join(elsewhere, "copy.db"),
			exitFailed,
			"C66BOT_STORAGE_PATH (storage.path): open database",
		},
		{"a directory for a database", elsewhere, filepath.Join(elsewhere, "copy.db"), exitFailed, "it is a directory"},
		{
			"a database with a damaged record",
			damaged,
			filepath.Join(elsewhere, "copy.db"),
			exitFailed,
			"most likely the database " + damaged + " is damaged",
		},
		{"a database that is cut short", cut, filepath.Join(elsewhere, "copy.db"), exitFailed, "the file is cut short"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := backsUp(t, tt.database, tt.target, tt.code)
			if !strings.Contains(text, tt.want) {
				t.Errorf("backup does not say %q:\n%s", tt.want, text)
			}
		})
	}
	if left := names(t, elsewhere); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestABackupToAFullDiskLeavesNothing(t *testing.T) {
	t.Parallel()
	path, dir := newDatabase(t, 1000), t.TempDir()
	cmd := program(t, []string{"C66BOT_STORAGE_PATH=" + path})
	limited := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -f 16 && exec "$0" backup "$1"`, cmd.Path, filepath.Join(dir, "copy.db"))
	limited.Env = cmd.Env
	text, err := limited.CombinedOutput()
	if limited.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(text), "copy.db was not written: ") ||
		!strings.Contains(string(text), "file too large") {
		t.Errorf("backup ended with %v:\n%s", err, text)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// falseBot listens where a bot would, greets with a text, and closes when it is told to or the test ends.
func falseBot(t *testing.T, greeting string, answered chan<- struct{}) (database string, hangUp func()) {
	t.Helper()
	dir, err := os.MkdirTemp("", "bot") //nolint:usetesting // a test's own directory has too long a name for a socket
	if err != nil {
		t.Fatal(err)
	}
	database = filepath.Join(dir, "c66bot.db")
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "unix", socketPath(database))
	if err != nil {
		t.Fatal(err)
	}
	hung, served := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(served)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(greeting)) // The other side may go at any time.
		answered <- struct{}{}
		<-hung
		_ = conn.Close()
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-served
		_ = os.RemoveAll(dir)
	})
	return database, func() { close(hung) }
}

func TestAnInterruptedBackupLeavesNothing(t *testing.T) {
	for name, early := range map[string]bool{"before it began": true, "in the middle": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, interrupt := context.WithCancel(t.Context())
			answered := make(chan struct{}, 1)
			database, hangUp := falseBot(t, "c66bot backup 100000\nhalf of it", answered)
			defer hangUp()
			if early {
				interrupt()
			} else {
				go func() {
					<-answered
					interrupt()
				}()
			}
			var stdout, stderr bytes.Buffer
			code := run(ctx, []string{"backup", filepath.Join(dir, "copy.db"), "--storage-path", database}, nil, &stdout, &stderr)
			if code != exitFailed || !strings.Contains(stderr.String(), "interrupted: backup") {
				t.Errorf("exit status %d, %s", code, &stderr)
			}
			if left := names(t, dir); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestACopyThatDoesNotArriveIsNoBackup(t *testing.T) {
	for name, c := range map[string]struct{ greeting, want string }{
		"the bot ends":             {"", "the bot gives no copy; it may be stopping"},
		"the bot ends in the copy": {"c66bot backup 100000\nhalf of it", "the bot stopped after 10 of 100000 bytes"},
		"the bot cannot":           {"the disk is broken\n", "the bot gives no copy: the disk is broken"},
		"what comes is no copy":    {"c66bot backup 5\nmilk\n", "the copy cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			answered := make(chan struct{}, 1)
			database, hangUp := falseBot(t, c.greeting, answered)
			hangUp()
			_, err := backup(t.Context(), database, filepath.Join(dir, "copy.db"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if left := names(t, dir); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}
