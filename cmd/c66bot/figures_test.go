package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// BenchmarkServe measures the program, built as for the container image, against both simulators on loopback: the time from its start to
// /readyz answering 200, and its resident memory after five idle seconds.
//
//	go test -run '^$' -bench Serve -benchtime 5x ./cmd/c66bot
func BenchmarkServe(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "c66bot")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	workspace := slacksim.New(slacksim.Options{})
	slackServer, cloudServer := httptest.NewServer(workspace), httptest.NewServer(cloud66sim.New(cloud66sim.Options{}))
	defer func() { workspace.Close(); slackServer.Close(); cloudServer.Close() }()
	address := freeAddress(b)
	var ready, resident float64
	for b.Loop() {
		process := exec.CommandContext(b.Context(), binary, "serve")
		process.Env = []string{
			"C66BOT_SLACK_APP_TOKEN=xapp-1-A0C66-demo", "C66BOT_SLACK_BOT_TOKEN=xoxb-c66-demo", "C66BOT_SLACK_API_URL=" + slackServer.URL + "/api/",
			"C66BOT_CLOUD66_TOKEN=" + cloud66sim.DemoToken, "C66BOT_CLOUD66_URL=" + cloudServer.URL + "/api/3", "C66BOT_ADMINS=U0LIN",
			"C66BOT_STORAGE_PATH=" + filepath.Join(b.TempDir(), "c66bot.db"), "C66BOT_HTTP_ADDR=" + address,
		}
		started := time.Now()
		if err := process.Start(); err != nil {
			b.Fatal(err)
		}
		untilReady(b, "http://"+address+"/readyz")
		ready += time.Since(started).Seconds() * 1000
		time.Sleep(5 * time.Second)
		resident += residentMiB(b, process.Process.Pid)
		if err := process.Process.Signal(syscall.SIGTERM); err != nil {
			b.Fatal(err)
		}
		if err := process.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(ready/float64(b.N), "ms-to-ready")
	b.ReportMetric(resident/float64(b.N), "MiB-resident")
}

func freeAddress(b *testing.B) string {
	b.Helper()
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func untilReady(b *testing.B, url string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			b.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	b.Fatal("the bot did not become ready")
}

// residentMiB reads VmRSS of a process (proc(5)).
func residentMiB(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	kib, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
