package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
)

func TestHealthTellsHowTheBotIs(t *testing.T) {
	tests := []struct {
		name       string
		handler    http.Handler
		wantCode   int
		wantStdout string
		wantStderr string // With ADDR for the server's address.
	}{
		{name: "ready", handler: newHTTPHandler(func() error { return nil }, prometheus.NewRegistry()), wantStdout: "ready\n"},
		{
			name:     "not ready",
			handler:  newHTTPHandler(func() error { return errors.New("no hello from Slack yet") }, prometheus.NewRegistry()),
			wantCode: 1, wantStderr: "c66bot: not ready: no hello from Slack yet\n",
		},
		{
			name: "another program", handler: http.NotFoundHandler(),
			wantCode: 1, wantStderr: "c66bot: what listens on ADDR answered 404 Not Found: is it c66bot?\n",
		},
		{
			name:     "nothing there",
			wantCode: 1, wantStderr: "c66bot: nothing listens on ADDR: is c66bot running, with this C66BOT_HTTP_ADDR (http.addr)?\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEmptyDir(t, nil)
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			addr := server.Listener.Addr().String()
			if tt.handler == nil {
				server.Close()
			}
			var stdout, stderr bytes.Buffer
			environ := []string{"C66BOT_HTTP_ADDR=" + addr, "C66BOT_NONSENSE=1", "C66BOT_POLL_MIN=x"}
			if code := run(t.Context(), []string{"health"}, environ, &stdout, &stderr); code != tt.wantCode {
				t.Errorf("exit status %d, want %d", code, tt.wantCode)
			}
			if got := stdout.String(); got != tt.wantStdout {
				t.Errorf("stdout is %q, want %q", got, tt.wantStdout)
			}
			if got := strings.ReplaceAll(stderr.String(), addr, "ADDR"); got != tt.wantStderr {
				t.Errorf("stderr is %q, want %q", got, tt.wantStderr)
			}
		})
	}
}

func TestHealthWaitsNoLongerThanTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newHealthClient()
		client.Transport = &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() { _, _ = io.Copy(io.Discard, theirs) }() // Listens and never answers; ends with our side.
				return ours, nil
			},
		}
		start := time.Now()
		err := askReady(t.Context(), client, "127.0.0.1:8067")
		if want := "the bot at 127.0.0.1:8067 did not answer within 2s"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestHealthAsksWhereTheConfigurationSays(t *testing.T) {
	tests := []struct {
		name    string
		file    string
		environ []string
		args    []string
		want    string
		wantErr string
	}{
		{name: "the default", want: "127.0.0.1:8067"},
		{name: "an address of its own", environ: []string{"C66BOT_HTTP_ADDR=10.0.0.5:80"}, want: "10.0.0.5:80"},
		{name: "every interface", environ: []string{"C66BOT_HTTP_ADDR=:81"}, want: "127.0.0.1:81"},
		{name: "every IPv4 interface", environ: []string{"C66BOT_HTTP_ADDR=0.0.0.0:82"}, want: "127.0.0.1:82"},
		{name: "every IPv6 interface", environ: []string{"C66BOT_HTTP_ADDR=[::]:83"}, want: "127.0.0.1:83"},
		{name: "a name", environ: []string{"C66BOT_HTTP_ADDR=localhost:84"}, want: "localhost:84"},
		{name: "the file, whatever else it holds", file: "http: {addr: ':85'}\nnonsense: 1", want: "127.0.0.1:85"},
		{name: "the flag above all", file: "http: {addr: ':85'}", args: []string{"--http-addr=:86"}, want: "127.0.0.1:86"},
		{name: "nowhere", environ: []string{"C66BOT_HTTP_ADDR="}, wantErr: "C66BOT_HTTP_ADDR (http.addr) is empty"},
		{name: "a wrong address", environ: []string{"C66BOT_HTTP_ADDR=x"}, wantErr: `C66BOT_HTTP_ADDR (http.addr) is "x"`},
		{name: "a file that is absent", args: []string{"--config=absent.yaml"}, wantErr: "open absent.yaml: no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEmptyDir(t, map[string]string{"c66bot.yaml": tt.file})
			flags := pflag.NewFlagSet("health", pflag.ContinueOnError)
			defineFlags(flags, httpAddr)
			if err := flags.Parse(tt.args); err != nil {
				t.Fatal(err)
			}
			cfg, err := loadOne(flags, tt.environ, httpAddr)
			got := ""
			if err == nil {
				got, err = healthAddress(cfg.HTTPAddr)
			}
			if got != tt.want || (err == nil) != (tt.wantErr == "") || err != nil && !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("got %q, %v; want %q, %q", got, err, tt.want, tt.wantErr)
			}
		})
	}
}

func TestHealthWithNothingToAskIsConfiguredWrongly(t *testing.T) {
	inEmptyDir(t, nil)
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"health", "--http-addr="}, nil, &stdout, &stderr); code != exitUsage {
		t.Errorf("exit status %d, want %d", code, exitUsage)
	}
}
