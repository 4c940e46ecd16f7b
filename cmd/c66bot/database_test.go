package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

// newDatabase makes a database with a rule and n audit entries, and closes it.
func newDatabase(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c66bot.db")
	db, err := bolt.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx storage.Tx) error {
		errs := []error{storage.Rules.Put(tx, storage.ChannelKey(deploys, "k3f9"), storage.Rule{
			ID: "k3f9", Channel: deploys, Who: "everyone", Actions: []string{"view"}, Stacks: "*", By: lin,
		})}
		for range n {
			errs = append(errs, storage.Audit.Put(tx, storage.NewID(time.Now()), storage.AuditEntry{User: lin, Asked: "redeploy web"}))
		}
		return errors.Join(errs...)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// names are the files in a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

func TestServeRefusesADatabaseThatItCannotTrustAndLeavesItAlone(t *testing.T) {
	t.Parallel()
	whole := read(t, newDatabase(t, 500))
	page := os.Getpagesize()
	used := len(bytes.TrimRight(whole, "\x00"))
	tests := []struct {
		name   string
		damage func(content []byte) []byte
		wants  []string
	}{
		{
			name: "cut short", damage: func(b []byte) []byte { return b[:used/2] },
			wants: []string{"damaged data: the file is cut short", "copy your last backup to its place"},
		},
		{
			name: "the newer head damaged", damage: func(b []byte) []byte { b[page+50] ^= 4; return b },
			wants: []string{"damaged data: head 2 of 2 is not whole", "copy your last backup to its place"},
		},
		{
			name: "zeros in the middle", damage: func(b []byte) []byte { clear(b[3*page:]); return b },
			wants: []string{"damaged data: page ", "nothing in it was changed"},
		},
		{
			name: "a record damaged", damage: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("everyone"), []byte("everybug")) },
			wants: []string{`record "` + deploys + `/k3f9" of rules has a wrong checksum`, "copy your last backup to its place"},
		},
		{
			name: "another program's file", damage: func([]byte) []byte { return bytes.Repeat([]byte("milk and eggs\n"), 2000) },
			wants: []string{"not a database of c66bot", "give the path of c66bot's own database"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "c66bot.db")
			content := tt.damage(slices.Clone(whole))
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			refusedByServe(t, path, tt.wants...)
			if !bytes.Equal(content, read(t, path)) {
				t.Error("the file was changed")
			}
			if left := names(t, filepath.Dir(path)); len(left) != 1 {
				t.Errorf("beside the file was left: %q", left)
			}
		})
	}
}

// refusedByServe starts the bot on a database and checks how it says that it will not run.
func refusedByServe(t *testing.T, path string, wants ...string) {
	t.Helper()
	cmd := program(t, append(slices.Clone(complete), "C66BOT_STORAGE_PATH="+path), "serve")
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitFailed {
		t.Errorf("serve ended with %v", err)
	}
	for _, want := range append(wants, "c66bot: C66BOT_STORAGE_PATH (storage.path): ", path) {
		if !strings.Contains(string(text), want) {
			t.Errorf("serve does not say %q:\n%s", want, text)
		}
	}
	if lines := strings.Count(strings.TrimSpace(string(text)), "\n"); lines > 0 {
		t.Errorf("serve says more than one line:\n%s", text)
	}
}

func TestServeRefusesWhatIsNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	refusedByServe(t, dir, "it is a directory", "give the path of c66bot's own database")
	refusedByServe(t, loop, "too many levels of symbolic links", "put it right, or give the path of the file")
	refusedByServe(t, os.DevNull, "it is not a regular file")
	refusedByServe(t, filepath.Join(dir, "none", "c66bot.db"), "its directory must exist")
}

func TestACheckThatTakesTooLongIsARefusal(t *testing.T) {
	path := newDatabase(t, 1)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()                                    // Only read. The lock goes with it.
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil { // for which the check waits
		t.Fatal(err)
	}
	slow, cancel := context.WithTimeoutCause(t.Context(), 0, errors.New("it takes too long"))
	defer cancel()
	if err := checkDatabase(slow, path); err == nil || err.Error() != "it takes too long" {
		t.Error(err)
	}
}
