package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demoPageProcess starts the demonstration and returns the address of its page.
func demoPageProcess(tb testing.TB, args ...string) (cmd *exec.Cmd, url string) {
	tb.Helper()
	return demoPageLogging(tb, nil, args...)
}

// demoPageLogging is demoPageProcess with a file that the processes inherit as stderr.
func demoPageLogging(tb testing.TB, stderr *os.File, args ...string) (cmd *exec.Cmd, url string) {
	tb.Helper()
	cmd = program(tb, []string{"C66BOT_NONSENSE=1"}, append([]string{"demo", "--no-open", "--addr", "127.0.0.1:0"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if stderr != nil {
		cmd.Stderr = stderr
	}
	cmd.Cancel = func() error { return nil } // It ends by the cleanup below, after the tabs are closed.
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) // It may have ended.
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	_, url, found := strings.Cut(strings.TrimSpace(line), ": ")
	if err != nil || !found {
		tb.Fatalf("the demonstration says %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	return cmd, url
}

func TestASignalEndsTheDemonstrationWithItsBot(t *testing.T) {
	t.Parallel()
	cmd, _ := demoPageProcess(t)
	begin := time.Now()
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v, want exit status 0", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v to end", took)
	}
	if err := syscall.Kill(-cmd.Process.Pid, 0); err == nil {
		t.Error("a process of it still runs")
	}
}

func TestTheBotEndsWithADemonstrationThatIsKilled(t *testing.T) {
	t.Parallel()
	log, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd, _ := demoPageLogging(t, stderr, "--log")
	if err := stderr.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := log.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(log); err != nil { // Its end is that of the last process that can write to it.
		t.Errorf("the bot still runs: %v\n%s", err, said)
	}
}
