package mortal

import (
	"os"
	"testing"
)

// Dir gives a directory for the file of processes that die, gone when the test ends. It is in memory where the system has such a place: what
// is written outlives these deaths without reaching a disk, for which every commit would wait.
func Dir(tb testing.TB) string {
	tb.Helper()
	const memory = "/dev/shm"
	dir, err := os.MkdirTemp(memory, "c66bot-test-") //nolint:usetesting // whose directory is on the disk
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}
