package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		errs := []error{storage.Rules.Put(tx, storage.RuleKey(deploys, "k3f9"), storage.Rule{
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

func TestTheCheckInAProcessOfItsOwnSurvivesWhateverTheFileHolds(t *testing.T) {
	t.Parallel()
	whole := read(t, newDatabase(t, 300))
	used := len(bytes.TrimRight(whole, "\x00"))
	random := rand.New(rand.NewPCG(3, 4))
	path := filepath.Join(t.TempDir(), "c66bot.db")
	refused := 0
	for range 40 {
		content := slices.Clone(whole)
		at := random.IntN(used)/64*64 + random.IntN(16)
		content[at%used] ^= 1 << random.IntN(8)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := program(t, nil, checkCommand, path)
		text, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code == exitFailed {
			refused++
		} else if code != exitOK {
			t.Errorf("byte %d: %v\n%s", at, err, text)
		}
		if !bytes.Equal(content, read(t, path)) {
			t.Errorf("byte %d: the file was changed", at)
		}
	}
	if refused == 0 {
		t.Error("no damage was noticed")
	}
}

func TestACheckThatDoesNotEndWellIsARefusal(t *testing.T) {
	good, damaged := newDatabase(t, 1), filepath.Join(t.TempDir(), "c66bot.db")
	if err := os.WriteFile(damaged, read(t, good)[:5000], 0o600); err != nil {
		t.Fatal(err)
	}
	slow, cancel := context.WithTimeoutCause(t.Context(), 0, errors.New("it takes too long"))
	defer cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		script string // Of the program that checks; empty where there is none.
		path   string
		want   string // Empty where the file is fine.
	}{
		"it says why":                      {t.Context(), "echo 'c66bot: a reason' >&2; exit 1", good, "a reason"},
		"it is killed by what it reads":    {t.Context(), "kill -BUS $$", good, "the process that read database " + good + " ended with signal: bus error"},
		"it panics":                        {t.Context(), "echo 'fatal error: fault' >&2; exit 2", good, "ended with exit status 2 (fatal error: fault)"},
		"it takes too long":                {slow, "exec sleep 100", good, "it takes too long"},
		"it gets no secret":                {t.Context(), `echo "${C66BOT_CLOUD66_TOKEN-none}" >&2; exit 1`, good, "none"},
		"no process, and a sound file":     {t.Context(), "", good, ""},
		"no process, and one that is none": {t.Context(), "", damaged, "damaged data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("C66BOT_CLOUD66_TOKEN", "SECRET")
			checker := filepath.Join(t.TempDir(), "checker")
			if c.script != "" {
				if err := os.WriteFile(checker, []byte("#!/bin/sh\n"+c.script+"\n"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			err := checkBy(c.ctx, checker, c.path)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTheCheckOfADatabaseIsNotOffered(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"help"}, nil, &stdout, &stderr); code != exitOK || strings.Contains(stdout.String(), checkCommand) {
		t.Errorf("exit status %d\n%s", code, &stdout)
	}
}
