package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/storage"
)

// put writes one record.
func put(t *testing.T, db *DB, key string) error {
	t.Helper()
	return db.Update(t.Context(), func(tx storage.Tx) error { return tx.Put("b", key, []byte("value")) })
}

// loss is a way in which a file can be lost under the process that has it open.
type loss struct {
	lose func(path string) error
	back func(path string) error // nil where only a restart helps
	want string                  // what is said of it
	free bool                    // another process cannot begin anyhow
}

// losses are in a directory of their own: data/test.db.
var losses = map[string]loss{
	"deleted": {lose: os.Remove, want: "was deleted or moved away"},
	"moved away": {
		lose: func(path string) error { return os.Rename(path, path+".old") },
		back: func(path string) error { return os.Rename(path+".old", path) }, want: "was deleted or moved away",
	},
	"deleted with its note": {
		lose: func(path string) error { return errors.Join(os.Remove(path), os.Remove(path+".pid")) }, want: "was deleted or moved away",
	},
	"replaced by a copy": {
		lose: func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), duplicate(path+".old", path))
		},
		back: func(path string) error { return os.Rename(path+".old", path) },
		want: "another file stands in the place",
	},
	"replaced by an empty file": {
		lose: func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) },
		want: "another file stands in the place",
	},
	"replaced by garbage": {
		lose: func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, bytes.Repeat([]byte("milk\n"), 9000), 0o600))
		},
		want: "another file stands in the place",
	},
	"its directory moved away": {
		lose: func(path string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".old") },
		back: func(path string) error { return os.Rename(filepath.Dir(path)+".old", filepath.Dir(path)) },
		want: "was deleted or moved away", free: true,
	},
	"its directory removed": {lose: func(path string) error { return os.RemoveAll(filepath.Dir(path)) }, want: "was deleted or moved away",
		free: true},
	"its directory made anew": {
		lose: func(path string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(path)), os.Mkdir(filepath.Dir(path), 0o700))
		}, want: "was deleted or moved away",
	},
	"a file in its directory's place": {
		lose: func(path string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(path)), os.WriteFile(filepath.Dir(path), nil, 0o600))
		}, want: "cannot be seen at its path any more", free: true,
	},
	"emptied":   {lose: func(path string) error { return os.Truncate(path, 0) }, want: "was cut short"},
	"cut short": {lose: func(path string) error { return os.Truncate(path, 20_000) }, want: "was cut short"},
	"written over by a copy from before": {lose: func(path string) error { return overwrite(path+".before", path) },
		want: "was written by somebody else"},
	"written over by zeros": {
		lose: func(path string) error { return scribble(path, make([]byte, 1<<16)) }, want: "was damaged",
	},
}

func duplicate(from, to string) error {
	content, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, content, 0o600))
}

// overwrite writes the content of a file over that of another, which grows no shorter.
func overwrite(from, to string) error {
	content, err := os.ReadFile(from)
	return errors.Join(err, scribble(to, content))
}

func scribble(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(content, 0)
	return errors.Join(err, file.Close())
}

// inData opens a database in a directory of its own, with a copy of an earlier state beside it.
func inData(t *testing.T) (*DB, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "test.db")
	db := mustOpen(t, path)
	if err := errors.Join(put(t, db, "first"), duplicate(path, path+".before"), put(t, db, "second"), put(t, db, "third"),
		db.Fault()); err != nil {
		t.Fatal(err)
	}
	return db, path
}

func TestNothingIsConfirmedThatARestartWouldNotFind(t *testing.T) {
	for name, l := range losses {
		t.Run(name, func(t *testing.T) {
			db, path := inData(t)
			if err := l.lose(path); err != nil {
				t.Fatal(err)
			}
			if err := put(t, db, "lost"); err == nil {
				t.Error("an update was confirmed")
			}
			err := db.View(t.Context(), func(tx storage.Tx) error { // It may fail, but neither wait nor fall over.
				_, err := tx.Get("b", "first")
				return err
			})
			if err != nil && !errors.Is(err, storage.ErrDamaged) && !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("a look at what is left: %v", err)
			}
			if l.back != nil {
				if err := errors.Join(l.back(path), put(t, db, "found"), db.Fault()); err != nil {
					t.Errorf("when it was back: %v", err)
				}
			}
			mustClose(t, db)
		})
	}
}

func TestAFileThatIsLostDuringACommitFailsIt(t *testing.T) {
	db, path := inData(t)
	err := db.Update(t.Context(), func(tx storage.Tx) error { return errors.Join(tx.Put("b", "k", nil), os.Rename(path, path+".old")) })
	if err == nil || !strings.Contains(err.Error(), "was deleted or moved away") {
		t.Errorf("update: %v", err)
	}
	if err := db.Fault(); err == nil {
		t.Error("no fault is known")
	}
	mustClose(t, db)
}

func TestALinkThatLeadsElsewhereSinceIsALoss(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink("a.db", link); err != nil {
		t.Fatal(err)
	}
	db := mustOpen(t, link)
	if err := errors.Join(os.Remove(link), os.WriteFile(filepath.Join(dir, "b.db"), nil, 0o600), os.Symlink("b.db", link)); err != nil {
		t.Fatal(err)
	}
	if err := put(t, db, "k"); err == nil || !strings.Contains(err.Error(), "another file stands in the place") {
		t.Errorf("update: %v", err)
	}
	mustClose(t, db)
}

// logText collects a log that is read while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String gives the log so far.
func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// clear forgets the log so far.
func (l *logText) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// watched runs f while the file is looked after, in simulated time, and gives it the log.
func watched(t *testing.T, db *DB, f func(log *logText)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log logText
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			db.Watch(ctx, slog.New(slog.NewTextHandler(&log, nil)))
		}()
		f(&log)
		cancel()
		<-done
	})
}

// pass lets simulated time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestALossIsNoticedWhileNobodyWritesAndASecondProcessIsRefused(t *testing.T) {
	for name, l := range losses {
		t.Run(name, func(t *testing.T) {
			db, path := inData(t)
			watched(t, db, func(log *logText) {
				pass(time.Minute)
				if err := db.Fault(); err != nil || log.String() != "" {
					t.Errorf("before: %v, log:\n%s", err, log)
				}
				if err := l.lose(path); err != nil {
					t.Fatal(err)
				}
				pass(3 * time.Second)
				if err := db.Fault(); err == nil || !strings.Contains(err.Error(), l.want) || !strings.Contains(err.Error(), path) ||
					!strings.Contains(log.String(), l.want) {
					t.Errorf("fault: %v, log:\n%s", err, log)
				}
				if lines := strings.Count(log.String(), "\n"); lines != 1 {
					t.Errorf("%d lines in the log:\n%s", lines, log)
				}
				if !l.free {
					refused(t, path)
				} else if _, err := Open(path); err == nil {
					t.Error("a second one was opened")
				}
				if l.back != nil {
					if err := l.back(path); err != nil {
						t.Fatal(err)
					}
					pass(3 * time.Second)
					if err := db.Fault(); err != nil || !strings.Contains(log.String(), "can be written again") {
						t.Errorf("when it was back: %v, log:\n%s", err, log)
					}
				}
			})
			mustClose(t, db)
		})
	}
}

func TestADeletedFileIsSavedByABackup(t *testing.T) {
	db, path := inData(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	var copied bytes.Buffer
	if err := db.Backup(into(&copied)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	saved := mustOpen(t, file(t, copied.Bytes()))
	defer mustClose(t, saved)
	err := saved.View(t.Context(), func(tx storage.Tx) error {
		_, err := tx.Get("b", "third")
		return err
	})
	if err != nil {
		t.Errorf("the copy: %v", err)
	}
}

func TestAFullDiskIsNoticedWhileNobodyWritesAndItsEndToo(t *testing.T) {
	eachDisk(t, func(t *testing.T, d disk) {
		db := mustOpen(t, filepath.Join(d.dir, "test.db"))
		defer mustClose(t, db)
		watched(t, db, func(log *logText) {
			for range 2 {
				log.clear()
				d.full()
				pass(time.Minute)
				if err := db.Fault(); !errors.Is(err, d.err) || !strings.Contains(err.Error(), "make room on its disk") ||
					!strings.Contains(log.String(), d.err.Error()) {
					t.Errorf("fault: %v, log:\n%s", err, log)
				}
				d.room()
				pass(time.Minute)
				if err := db.Fault(); err != nil || !strings.Contains(log.String(), "can be written again") {
					t.Errorf("when there was room: %v, log:\n%s", err, log)
				}
			}
		})
	})
}

func TestACommitThatFailedIsAFaultUntilOneSucceeds(t *testing.T) {
	eachDisk(t, func(t *testing.T, d disk) {
		db := mustOpen(t, filepath.Join(d.dir, "test.db"))
		defer mustClose(t, db)
		d.full()
		err := db.Update(t.Context(), func(tx storage.Tx) error { return tx.Put("b", "k", make([]byte, 5<<20)) })
		if err == nil || db.Fault() == nil {
			t.Errorf("on a full disk: %v, fault %v", err, db.Fault())
		}
		watched(t, db, func(*logText) {
			pass(time.Minute)
			if db.Fault() == nil {
				t.Error("no fault while the disk is full")
			}
			d.room()
			pass(30 * time.Second)
			if err := db.Fault(); err != nil {
				t.Errorf("when there was room: %v", err)
			}
		})
	})
}

func TestAWriteThatDoesNotEndIsAFault(t *testing.T) {
	db := mustOpen(t, newPath(t))
	defer mustClose(t, db)
	watched(t, db, func(log *logText) {
		frozen := make(chan struct{})
		go func() {
			defer db.timed()()
			<-frozen
		}()
		pass(9 * time.Second)
		if err := db.Fault(); err != nil {
			t.Errorf("of one that takes long: %v", err)
		}
		pass(3 * time.Second)
		if err := db.Fault(); err == nil || !strings.Contains(err.Error(), "frozen") || !strings.Contains(log.String(), "frozen") {
			t.Errorf("fault: %v, log:\n%s", err, log)
		}
		close(frozen)
		pass(2 * time.Second)
		if err := db.Fault(); err != nil || !strings.Contains(log.String(), "can be written again") {
			t.Errorf("when it ended: %v, log:\n%s", err, log)
		}
	})
}

func TestAnIdleDatabaseIsNotCommittedTo(t *testing.T) {
	path := newPath(t)
	db := mustOpen(t, path)
	before := contents(t, path)
	watched(t, db, func(*logText) { pass(5 * time.Minute) })
	if !bytes.Equal(before, contents(t, path)) {
		t.Error("the file was written")
	}
	if got := string(contents(t, PIDPath(path))); got != fmt.Sprintln(os.Getpid()) {
		t.Errorf("the note says %.50q", got)
	}
	mustClose(t, db)
}
