package main

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The story itself is told by the tests of bot/demo, in simulated time. Here it begins, in a user's environment that a bot could not live
// with.
func TestASignalEndsTheDemoAtOnceAndCleanly(t *testing.T) {
	t.Parallel()
	cmd := program(t, []string{"C66BOT_NONSENSE=1", "C66BOT_SLACK_APP_TOKEN=xapp-of-the-user"}, "demo", "--play", "--log", "--speed", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed := ""
	for chunk := make([]byte, 4096); !strings.Contains(printed, "deploying"); {
		n, err := stdout.Read(chunk)
		if err != nil {
			t.Fatalf("reading the story: %v; so far:\n%s", err, printed)
		}
		printed += string(chunk[:n])
	}
	begin := time.Now()
	stuck := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }) // It fails the test, with no wait for go test's own limit.
	defer stuck.Stop()
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil { // As a terminal does at Ctrl-C.
		t.Fatal(err)
	}
	rest, err := io.ReadAll(stdout)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the demo ended with %v, want exit status 0", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the demo took %v to end", took)
	}
	if !strings.Contains(string(rest), "Stopped.") || strings.Contains(printed, "\x1b[") {
		t.Errorf("it does not say that it was stopped, or in colours, which a pipe does not show:\n%s%s", printed, rest)
	}
	if !strings.Contains(stderr.String(), "connected to Slack") {
		t.Errorf("--log did not show the bot's log on stderr:\n%s", &stderr)
	}
	noTokens(t, printed+string(rest)+stderr.String())
	left, err := filepath.Glob(filepath.Join(cmd.Dir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the demo left files behind: %v %v", left, err)
	}
	// Whoever inherited the group of processes is still in it.
	if err := syscall.Kill(-cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("a process of the demo still runs: %v", err)
	}
}
