//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// nobody is a user without rights.
const nobody = 65534

// asAnyone prepares c66bot in the directory as a user whom modes hold back, which root is not, and gives the directory's files to them.
func asAnyone(t *testing.T, dir string, environ []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := program(t, environ, args...)
	cmd.Dir = dir
	if os.Geteuid() != 0 {
		return cmd
	}
	for _, name := range append(names(t, dir), ".") {
		if err := os.Chown(filepath.Join(dir, name), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	for _, closed := range []string{filepath.Dir(dir), filepath.Dir(bin)} {
		if err := os.Chmod(closed, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(bin, "c66bot")
	if err := copyFile(cmd.Path, copied); err != nil {
		t.Fatal(err)
	}
	cmd.Path = copied
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // Only read.
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.Close()
}

func TestServeRefusesADatabaseThatItMayNotWrite(t *testing.T) {
	tests := []struct {
		name      string
		dir, file os.FileMode
		want      string
	}{
		{name: "a file that may only be read", dir: 0o700, file: 0o400, want: "open c66bot.db: permission denied"},
		{name: "a file that may not be read", dir: 0o700, file: 0o000, want: "open c66bot.db: permission denied"},
		{name: "a directory that may only be read", dir: 0o500, file: 0o600, want: "c66bot.db.pid: permission denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := newDatabase(t, 1)
			before, dir := read(t, path), filepath.Dir(path)
			cmd := asAnyone(t, dir, append(slices.Clone(complete), "C66BOT_STORAGE_PATH=c66bot.db"), "serve")
			for name, mode := range map[string]os.FileMode{path: tt.file, dir: tt.dir} {
				if err := os.Chmod(name, mode); err != nil {
					t.Fatal(err)
				}
			}
			text, err := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != exitFailed {
				t.Errorf("serve ended with %v", err)
			}
			for _, want := range []string{tt.want, "c66bot has to read and write it"} {
				if !strings.Contains(string(text), want) {
					t.Errorf("serve does not say %q:\n%s", want, text)
				}
			}
			for name, mode := range map[string]os.FileMode{path: 0o600, dir: 0o700} {
				if err := os.Chmod(name, mode); err != nil {
					t.Fatal(err)
				}
			}
			if left := names(t, dir); !bytes.Equal(before, read(t, path)) || len(left) != 1 {
				t.Errorf("the file was changed, or something is beside it: %q", left)
			}
		})
	}
}
