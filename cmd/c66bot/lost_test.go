//go:build unix

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// lost is a way in which the file goes away under the running bot.
type lost struct {
	lose func(path string) error
	back func(path string) error // nil where nothing brings it back
	want string                  // what /readyz, the log and status say
}

func TestABotWhoseDatabaseIsLostIsNotReadyAndConfirmsNothing(t *testing.T) {
	t.Parallel()
	copied := func(from, to string) error {
		content, err := os.ReadFile(from)
		return errors.Join(err, os.WriteFile(to, content, 0o600))
	}
	for name, c := range map[string]lost{
		"deleted": {lose: os.Remove, want: "was deleted or moved away"},
		"deleted with its note": {lose: func(path string) error {
			return errors.Join(os.Remove(path), os.Remove(path+".pid"), os.Remove(path+".sock"))
		}, want: "was deleted or moved away"},
		"renamed": {
			lose: func(path string) error { return os.Rename(path, path+".old") },
			back: func(path string) error { return os.Rename(path+".old", path) },
			want: "was deleted or moved away",
		},
		"replaced": {
			lose: func(path string) error { return errors.Join(os.Rename(path, path+".old"), copied(path+".old", path)) },
			back: func(path string) error { return os.Rename(path+".old", path) }, want: "another file stands in the place",
		},
		"cut short": {lose: func(path string) error { return os.Truncate(path, 0) }, want: "was cut short"},
		"its directory moved": {
			lose: func(path string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".old") },
			back: func(path string) error { return os.Rename(filepath.Dir(path)+".old", filepath.Dir(path)) }, want: "was deleted or moved away",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
			s := w.serve(t)
			w.written(t, s)
			if err := c.lose(w.db); err != nil {
				t.Fatal(err)
			}
			w.readyz(t, s, http.StatusServiceUnavailable, c.want, w.db)
			w.command(t, "/c66 allow everyone view web")
			w.until(t, s, "the change is refused", w.says("my database cannot be written now.\nIt was not taken: nothing was done."))
			if strings.Contains(w.sees(), "view on web") {
				t.Errorf("a rule was confirmed:\n%s", w.sees())
			}
			poll(t, s, "the log says so", func() bool {
				return strings.Contains(s.log.String(), `msg="not ready"`) && strings.Contains(s.log.String(), c.want)
			}, new(string))
			w.refusesAnother(t, s)
			if c.back != nil {
				if err := c.back(w.db); err != nil {
					t.Fatal(err)
				}
				w.readyz(t, s, http.StatusOK)
				w.command(t, "/c66 allow everyone view web")
				w.until(t, s, "the rule is said", w.says("view on web"))
			}
			s.end(t, syscall.SIGTERM, 8*time.Second, exitOK)
		})
	}
}

// written waits until the bot is ready and has written a change, and with it whatever it writes at its start.
func (w *world) written(t *testing.T, s *server) {
	t.Helper()
	w.readyz(t, s, http.StatusOK)
	w.command(t, "/c66 allow everyone view api")
	w.until(t, s, "the first rule is said", w.says("view on api"))
}

// refusesAnother checks that a second bot does not begin on the database's path, and names the first where it can.
func (w *world) refusesAnother(t *testing.T, first *server) {
	t.Helper()
	noted := func() bool {
		_, dir := os.Stat(filepath.Dir(w.db))
		_, note := os.Stat(w.db + ".pid")
		return dir != nil || note == nil
	}
	poll(t, first, "its process id is noted", noted, new(string))
	second := w.serve(t, "C66BOT_HTTP_ADDR="+unusedAddress(t))
	second.wait(t, 10*time.Second, exitFailed)
	want := fmt.Sprintf("database %s is in use by process %d", w.db, first.Process.Pid)
	if _, err := os.Stat(filepath.Dir(w.db)); err != nil {
		want = "its directory must exist"
	}
	if !strings.Contains(second.log.String(), want) {
		t.Errorf("the second bot does not say %q:\n%s", want, second.log)
	}
}

func TestADatabaseThatWasDeletedIsSavedByABackupOfTheRunningBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	s := w.serveWithRule(t)
	if err := os.Remove(w.db); err != nil {
		t.Fatal(err)
	}
	w.readyz(t, s, http.StatusServiceUnavailable, "c66bot backup FILE")
	saved := w.db + ".saved"
	backsUp(t, w.db, saved, exitOK)
	s.end(t, syscall.SIGTERM, 8*time.Second, exitOK)
	if err := os.Rename(saved, w.db); err != nil {
		t.Fatal(err)
	}
	w.hasRule(t)
}

func TestAFirstProcessIsNamedByWhateverNameTheSecondOneHasForTheFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	s := w.serve(t)
	w.readyz(t, s, http.StatusOK)
	dir := t.TempDir()
	soft, hard := filepath.Join(dir, "soft.db"), filepath.Join(dir, "hard.db")
	if err := errors.Join(os.Symlink(w.db, soft), os.Link(w.db, hard)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{soft, hard} {
		refusedByServe(t, name, fmt.Sprintf("database %s is in use by process %d: stop it first", name, s.Process.Pid))
	}
	backsUp(t, soft, filepath.Join(dir, "copy.db"), exitOK)
}

func TestNothingAtThePlaceOfTheProcessIDHoldsTheStartUpOrIsWrittenTo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		put  func(note, victim string) error
		want string
	}{
		"a symbolic link": {func(note, victim string) error { return os.Symlink(victim, note) }, "is a symbolic link"},
		"a pipe":          {func(note, _ string) error { return syscall.Mkfifo(note, 0o600) }, "is no regular file"},
		"a directory":     {func(note, _ string) error { return os.Mkdir(note, 0o700) }, "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newDatabase(t, 1)
			victim := filepath.Join(filepath.Dir(path), "victim")
			if err := errors.Join(os.WriteFile(victim, []byte("precious"), 0o600), c.put(path+".pid", victim)); err != nil {
				t.Fatal(err)
			}
			refusedByServe(t, path, path+".pid "+c.want, "remove it")
			if got := string(read(t, victim)); got != "precious" {
				t.Errorf("the other file says %q", got)
			}
		})
	}
}
