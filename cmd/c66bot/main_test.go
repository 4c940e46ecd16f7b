package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or c66bot itself where a test starts this binary as the program.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	for name, value := range map[string]string{asProgram: "1", "GORACE": "atexit_sleep_ms=0"} { // For what the program starts of itself.
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(max(6, runtime.GOMAXPROCS(0)))); err != nil { // Most tests wait for processes.
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// complete is an environment in which nothing is missing.
var complete = []string{
	"C66BOT_SLACK_APP_TOKEN=xapp-1-app-secret",
	"C66BOT_SLACK_BOT_TOKEN=xoxb-2-bot-secret",
	"C66BOT_CLOUD66_TOKEN=c66-secret",
	"C66BOT_ADMINS=U0LIN",
	"C66BOT_HTTP_ADDR=127.0.0.1:0",
}

// inEmptyDir moves the test to a directory of its own, with these files.
func inEmptyDir(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func TestRunEndsWithTheExitStatusOfTheContract(t *testing.T) {
	tests := []struct {
		name       string
		args       string
		environ    []string
		wantCode   int
		wantStdout string // A part of it.
		wantStderr string // A part of it.
	}{
		{name: "no command is a wrong call", wantCode: 2, wantStderr: `no command given: "c66bot help"`},
		{name: "help is fine", args: "help", wantStdout: "Print the version"},
		{name: "help on a command is fine", args: "help health", wantStdout: "--http-addr"},
		{name: "help on an unknown command is a wrong call", args: "help nonsense", wantCode: 2, wantStderr: `unknown command "nonsense"`},
		{name: "a command's --help is fine", args: "serve --help", wantStdout: "--slack-app-token-file"},
		{name: "an unknown command is a wrong call", args: "nonsense --json", wantCode: 2, wantStderr: `unknown command "nonsense"`},
		{name: "a command that is nearly right is suggested", args: "sreve", wantCode: 2, wantStderr: "serve"},
		{name: "cobra's completion command does not exist", args: "completion bash", wantCode: 2, wantStderr: `unknown command "completion"`},
		{name: "an unknown flag is a wrong call", args: "serve --nonsense", wantCode: 2, wantStderr: "unknown flag: --nonsense"},
		{
			name:       "a token is no flag",
			args:       "serve --slack-app-token=xapp-1-app-secret",
			environ:    complete,
			wantCode:   2,
			wantStderr: "unknown flag: --slack-app-token\n",
		},
		{name: "an argument too many is a wrong call", args: "version 2", wantCode: 2, wantStderr: `unknown command "2"`},
		{
			name:       "a wrong configuration is told at once",
			args:       "serve --poll-min=1ms",
			wantCode:   2,
			wantStderr: "the configuration has 5 faults:\n  C66BOT_SLACK_APP_TOKEN",
		},
		{name: "serve drains when the context ends", args: "serve", environ: complete, wantStderr: "HTTP endpoints listen"},
		{name: "serve works without endpoints", args: "serve --http-addr=", environ: complete},
		{
			name:       "an address that cannot be listened on is a failure",
			args:       "serve --http-addr=192.0.2.1:80",
			environ:    complete,
			wantCode:   1,
			wantStderr: "listening on C66BOT_HTTP_ADDR (http.addr) 192.0.2.1:80",
		},
		{name: "manifest takes no value for its link", args: "manifest --link=app", wantCode: 2, wantStderr: "--link"},
		{name: "manifest needs no token", args: "manifest", wantStdout: "command: \"/c66\"\n"},
		{
			name:       "manifest takes an argument too many for a wrong call",
			args:       "manifest /ship",
			wantCode:   2,
			wantStderr: `unknown command "/ship"`,
		},
		{
			name:       "a command's name that Slack does not take is a wrong call",
			args:       "manifest --slack-command=Ship",
			wantCode:   2,
			wantStderr: `C66BOT_SLACK_COMMAND (slack.command) is "Ship"`,
		},
		{
			name:       "manifest has no flag for what it does not use",
			args:       "manifest --poll-min=5s",
			wantCode:   2,
			wantStderr: "unknown flag: --poll-min",
		},
		{name: "manifest looks for the file that is named", args: "manifest --config=none.yaml", wantCode: 2, wantStderr: "none.yaml"},
		{
			name: "backup needs a file", args: "backup", wantCode: 2,
			wantStderr: "backup takes one argument, the FILE to write the copy to, as in c66bot backup c66bot-copy.db; it got 0",
		},
		{
			name:       "backup looks at no setting but the database",
			args:       "backup copy.db --poll-min=5s",
			wantCode:   2,
			wantStderr: "unknown flag: --poll-min",
		},
		{name: "a backup of nothing is a failure", args: "backup copy.db", wantCode: 1, wantStderr: "backup copy.db was not written"},
		{name: "version prints one line", args: "version", wantStdout: "c66bot "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEmptyDir(t, nil)
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // The signal came already.
			var stdout, stderr bytes.Buffer
			code := run(ctx, strings.Fields(tt.args), tt.environ, &stdout, &stderr)
			if code != tt.wantCode {
				t.Errorf("exit status %d, want %d; stderr:\n%s", code, tt.wantCode, &stderr)
			}
			if !strings.Contains(stdout.String(), tt.wantStdout) {
				t.Errorf("stdout lacks %q:\n%s", tt.wantStdout, &stdout)
			}
			if !strings.Contains(stderr.String(), tt.wantStderr) {
				t.Errorf("stderr lacks %q:\n%s", tt.wantStderr, &stderr)
			}
			if code == exitOK && strings.Contains(stderr.String(), "Usage:") || code != exitOK && stdout.Len() > 0 {
				t.Errorf("a usage text or output where none belongs; stdout:\n%s\nstderr:\n%s", &stdout, &stderr)
			}
			if all := stdout.String() + stderr.String(); strings.Contains(all, "-secret") {
				t.Errorf("a secret was printed:\n%s", all)
			}
		})
	}
}
