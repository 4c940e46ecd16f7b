package bolt

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// eachDisk runs a test on a disk that a limit makes full and, where this process may mount one, on one that is full indeed.
func eachDisk(t *testing.T, test func(*testing.T, disk)) {
	t.Helper()
	byALimit(t, test)
	if os.Getenv(asLimited) != "" {
		return
	}
	dir := t.TempDir()
	switch err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.ENODEV):
		t.Logf("no file system of its own can be mounted here (%v): the limit alone was tried", err)
		return
	case err != nil:
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	t.Run("by what is on it", func(t *testing.T) { test(t, fillable(t, dir)) })
}
