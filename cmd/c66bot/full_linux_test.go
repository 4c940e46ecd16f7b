package main

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// limitFiles sets the size in bytes beyond which a running process can write no file, and returns the one that held before.
func limitFiles(t *testing.T, pid int, limit uint64) (before uint64) {
	t.Helper()
	var now, was syscall.Rlimit
	set := func(to, old *syscall.Rlimit) {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE,
			uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(old)), 0, 0)
		if errno != 0 {
			t.Fatalf("prlimit: %v", errno)
		}
	}
	set(nil, &was)
	now = was
	now.Cur = limit
	set(&now, nil)
	return was.Cur
}

func TestABotThatCannotWriteIsNotReadyAndSaysSoUntilItCan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	s := w.serve(t)
	w.written(t, s)
	before := limitFiles(t, s.Process.Pid, 1)
	w.command(t, "/c66 allow everyone view web")
	w.until(t, s, "the change is refused", w.says("It was not taken: nothing was done."))
	w.readyz(t, s, http.StatusServiceUnavailable, "database "+w.db+" cannot be written", "file too large", "make room on its disk")
	w.command(t, "/c66 status")
	w.until(t, s, "status says so", w.says("🚨 I cannot do my work: database "+w.db+" cannot be written"))
	poll(t, s, "the log says so", func() bool { return strings.Contains(s.log.String(), `msg="not ready" reason="database `+w.db) },
		new(string))
	limitFiles(t, s.Process.Pid, before)
	w.readyz(t, s, http.StatusOK)
	w.command(t, "/c66 allow everyone view web")
	w.until(t, s, "the rule is said", w.says("view on web"))
	s.end(t, syscall.SIGTERM, 8*time.Second, exitOK)
}
