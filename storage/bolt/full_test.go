//go:build unix

package bolt

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/storage"
)

// disk is one that can be made full and given room again.
type disk struct {
	dir        string
	full, room func()
	err        error // Why nothing can be written.
}

// asLimited in the environment makes a process of this test binary one in which limited may be used.
const asLimited = "TEST_BINARY_IS_LIMITED"

// byALimit runs the calling test, in a process of its own, on a disk that a limit makes full: it holds for every file of the process.
func byALimit(t *testing.T, test func(*testing.T, disk)) {
	t.Helper()
	if os.Getenv(asLimited) != "" {
		test(t, limited(t))
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), asLimited+"=1")
	if text, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(text), "--- PASS: "+t.Name()) {
		t.Errorf("with a limit: %v\n%s", err, text)
	}
}

// limited is a directory whose files cannot grow while the process's own limit on them is low.
func limited(t *testing.T) disk {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(limit syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	low := before
	low.Cur = 1
	t.Cleanup(func() { set(before) })
	return disk{dir: t.TempDir(), full: func() { set(low) }, room: func() { set(before) }, err: syscall.EFBIG}
}

func TestAFullDiskFailsAnUpdateAndHarmsNothing(t *testing.T) {
	eachDisk(t, func(t *testing.T, d disk) {
		path := filepath.Join(d.dir, "test.db")
		db := mustOpen(t, path)
		put := func(key string, size int) error {
			return db.Update(t.Context(), func(tx storage.Tx) error {
				return storage.Messages.Put(tx, key, storage.Message{Text: string(bytes.Repeat([]byte("x"), size))})
			})
		}
		if err := put("before", 100); err != nil {
			t.Fatal(err)
		}
		d.full()
		for _, size := range []int{1 << 19, 3 << 20, 1 << 18} {
			if err := put("while it was full", size); err == nil || !strings.Contains(err.Error(), d.err.Error()) { // bbolt wraps not all.
				t.Errorf("an update of %d bytes: %v, want %v", size, err, d.err)
			}
		}
		var got []string
		err := db.View(t.Context(), func(tx storage.Tx) error {
			return storage.Messages.Scan(tx, "", func(key string, _ storage.Message) error {
				got = append(got, key)
				return nil
			})
		})
		if diff := cmp.Diff([]string{"before"}, got); diff != "" || err != nil {
			t.Errorf("what is there while it is full: %v (-want +got):\n%s", err, diff)
		}
		d.room()
		if err := put("when there was room again", 1<<18); err != nil {
			t.Error(err)
		}
		mustClose(t, db)
		if err := Check(path, storage.CheckRecord); err != nil {
			t.Error(err)
		}
		if records := all(t, path); len(records) != 2 {
			t.Errorf("%d records are left, want 2", len(records))
		}
	})
}

func TestAFullDiskIsRefusedAtTheStart(t *testing.T) {
	eachDisk(t, func(t *testing.T, d disk) {
		left := func(want ...string) {
			t.Helper()
			var got []string
			entries, err := os.ReadDir(d.dir)
			for _, entry := range entries {
				if entry.Name() != filler {
					got = append(got, entry.Name())
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("files: %v (-want +got):\n%s", err, diff)
			}
		}
		path := filepath.Join(d.dir, "test.db")
		d.full()
		if _, err := Open(path); !errors.Is(err, d.err) {
			t.Errorf("a new database: %v, want %v", err, d.err)
		}
		left()
		d.room()
		mustClose(t, mustOpen(t, path))
		before := contents(t, path)
		d.full()
		if _, err := Open(path); !errors.Is(err, d.err) {
			t.Errorf("an old database: %v, want %v", err, d.err)
		}
		left("test.db")
		if !bytes.Equal(before, contents(t, path)) {
			t.Error("the database was changed")
		}
		d.room()
		mustClose(t, mustOpen(t, path))
	})
}

const filler = "filler"

// fillable makes a disk of a file system of its own, which a file can fill.
func fillable(t *testing.T, dir string) disk {
	t.Helper()
	name := filepath.Join(dir, filler)
	return disk{dir: dir, err: syscall.ENOSPC, full: func() {
		if err := os.WriteFile(name, make([]byte, 64<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("the disk was not filled: %v", err)
		}
	}, room: func() {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}}
}
