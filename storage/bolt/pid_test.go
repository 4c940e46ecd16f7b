package bolt

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"c66bot/storage"
)

// refused checks that a path's database cannot be opened beside the one that this process has open.
func refused(t *testing.T, path string) {
	t.Helper()
	_, err := Open(path)
	if locked, ok := errors.AsType[*LockedError](err); !ok || *locked != (LockedError{Path: path, PID: os.Getpid()}) {
		t.Errorf("open %s beside the first one: %v", path, err)
	}
	if err := Check(path, storage.CheckRecord); err != nil && !errors.Is(err, fs.ErrNotExist) &&
		!strings.Contains(err.Error(), "is in use by process") {
		t.Errorf("check of %s: %v", path, err)
	}
}

func TestASecondProcessIsToldWhoHasTheFileByWhateverNameAndWhateverTheNoteSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // The wait for a lock takes no time.
		dir, other := t.TempDir(), t.TempDir()
		path, soft, far, hard := filepath.Join(dir, "test.db"), filepath.Join(dir, "soft.db"), filepath.Join(other, "far.db"),
			filepath.Join(other, "hard.db")
		for link, to := range map[string]string{soft: "test.db", far: soft} {
			if err := os.Symlink(to, link); err != nil {
				t.Fatal(err)
			}
		}
		db := mustOpen(t, far) // By two links to what does not exist yet.
		if got := readPID(path + ".pid"); got != os.Getpid() {
			t.Errorf("noted process id %d", got)
		}
		if err := os.Link(path, hard); err != nil {
			t.Fatal(err)
		}
		for _, note := range []string{"4711\n", "", "-3 cheeses", strings.Repeat("9", 1<<20)} {
			if err := os.WriteFile(path+".pid", []byte(note), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{path, soft, far, hard} {
				refused(t, name)
			}
		}
		mustClose(t, db)
		mustClose(t, mustOpen(t, hard))
		if left, err := filepath.Glob(filepath.Join(dir, "*.pid")); err != nil || len(left) > 0 {
			t.Errorf("left after closing: %v, %v", left, err)
		}
	})
}

func TestTheNoteIsReadWhereTheSystemSaysNothing(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"an id":                     {"4711\n", 4711},
		"an id and room behind it":  {"4711" + strings.Repeat("\n", probeSize), 4711},
		"nothing":                   {"", 0},
		"no number":                 {"-3 cheeses", 0},
		"a number that is too long": {strings.Repeat("9", 1<<20), 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			if err := os.WriteFile(PIDPath(path), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := holder(path); got != c.want {
				t.Errorf("process id %d, want %d", got, c.want)
			}
		})
	}
}

func TestTheLockIsFoundInTheListOfAll(t *testing.T) {
	info, err := os.Stat(file(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := info.Sys().(*syscall.Stat_t); !ok {
		t.Fatal("the system gives no number of the file")
	}
	path := newPath(t)
	db := mustOpen(t, path)
	defer mustClose(t, db)
	locks := []byte("1: POSIX  ADVISORY  WRITE 12 00:01:2 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 13 00:01:2 0 EOF\n\nnoise\n")
	if got := lockedBy(path, locks); got != 0 {
		t.Errorf("process id %d of a list without it", got)
	}
}

func TestTheProcessIDIsNotedWhileTheFileIsOpen(t *testing.T) {
	path := newPath(t)
	db := mustOpen(t, path)
	if got := readPID(PIDPath(path)); got != os.Getpid() {
		t.Errorf("noted process id %d", got)
	}
	mustClose(t, db)
	if _, err := os.Stat(PIDPath(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the note after closing: %v", err)
	}
}

func TestWhatAKilledProcessLeftAtTheNotesPlaceIsReplaced(t *testing.T) {
	for name, content := range map[string]string{"an id": "4711\n", "nothing": "", "garbage": "milk and eggs\n",
		"much": strings.Repeat("x", 1<<20)} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			if err := os.WriteFile(PIDPath(path), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			db := mustOpen(t, path)
			if got := string(contents(t, PIDPath(path))); got != string(ownID()) {
				t.Errorf("the note says %.100q", got)
			}
			mustClose(t, db)
		})
	}
}

func TestNothingButAFileOfItsOwnIsTakenForTheNote(t *testing.T) {
	for name, c := range map[string]struct {
		make func(note, victim string) error
		want string
	}{
		"a symbolic link":             {func(note, victim string) error { return os.Symlink(victim, note) }, "is a symbolic link"},
		"a link to what is not there": {func(note, victim string) error { return os.Symlink(victim+".none", note) }, "is a symbolic link"},
		"another name of a file": {func(note, victim string) error { return os.Link(victim, note) },
			"is a file with another name elsewhere"},
		"a directory": {func(note, _ string) error { return os.Mkdir(note, 0o700) }, "is a directory"},
		"a pipe":      {func(note, _ string) error { return syscall.Mkfifo(note, 0o600) }, "is no regular file"},
		"a socket": {func(note, _ string) error {
			listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: note})
			if err == nil {
				listener.SetUnlinkOnClose(false)
				err = listener.Close()
			}
			return err
		}, "is no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "note") //nolint:usetesting // A socket's path has to be short.
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := os.RemoveAll(dir); err != nil {
					t.Error(err)
				}
			}()
			path, victim := filepath.Join(dir, "test.db"), filepath.Join(dir, "victim")
			if err := errors.Join(os.WriteFile(victim, []byte("precious"), 0o600), c.make(PIDPath(path), victim)); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(PIDPath(path))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path); err == nil || !strings.Contains(err.Error(), PIDPath(path)+" "+c.want) ||
				!strings.Contains(err.Error(), "remove it") {
				t.Errorf("open: %v", err)
			}
			if after, err := os.Lstat(PIDPath(path)); err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() {
				t.Errorf("what stood there was replaced: %v, %v", after, err)
			}
			if got := string(contents(t, victim)); got != "precious" {
				t.Errorf("the other file says %q", got)
			}
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a database was left: %v", err)
			}
		})
	}
}
