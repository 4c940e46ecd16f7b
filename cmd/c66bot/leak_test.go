package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

func TestNoTokenIsRepeatedWhereverItIsGiven(t *testing.T) {
	const hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte("of-a-file-hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{
		"a bot token": "xoxb-12-hush", "an app token": "xapp-1-A0-hush", "a person's": "xoxp-1-hush", "one that rotates": "xoxe.xoxp-1-hush",
		"capitals":                 "XOXB-1-HUSH",
		"with what cannot be seen": "xo\u200bxb-1-\u2060hu\u00adsh", "with a control character": "xoxb-1\x1b-hush", "Cloud 66's": hex,
		"the configured one": "a-token-hush", "that of a file": "of-a-file-hush",
	}
	environ := []string{
		"C66BOT_SLACK_APP_TOKEN=xapp-1-x", "C66BOT_SLACK_BOT_TOKEN_FILE=" + file, "C66BOT_CLOUD66_TOKEN=a-token-hush", "C66BOT_ADMINS=U0LIN",
		"C66BOT_HTTP_ADDR=",
	}
	for kind, token := range tokens {
		for name, c := range map[string]struct {
			args    []string
			environ string
			file    string
			fine    bool // It is a value like any other there.
		}{
			"an argument":               {args: []string{"serve", token}},
			"a command":                 {args: []string{token}},
			"help":                      {args: []string{"help", token}},
			"a target":                  {args: []string{"backup", token}},
			"a flag that there is not":  {args: []string{"serve", "--" + token}},
			"a short flag":              {args: []string{"serve", "-" + token}},
			"a token's flag":            {args: []string{"serve", "--slack-bot-token=" + token}},
			"a token's file, as a flag": {args: []string{"serve", "--slack-app-token-file=" + token}},
			"a flag's value":            {args: []string{"serve", "--poll-min", token}},
			"a flag's value, joined":    {args: []string{"serve", "--http-addr=" + token}},
			"the configuration file":    {args: []string{"serve", "--config", token}},
			"another value":             {args: []string{"serve"}, environ: "C66BOT_LOG_LEVEL=" + token},
			"a list":                    {args: []string{"serve"}, environ: "C66BOT_ADMINS=U0LIN," + token},
			"a number":                  {args: []string{"serve"}, environ: "C66BOT_CLOUD66_REQUESTS_PER_HOUR=" + token},
			"a token's file":            {args: []string{"serve"}, environ: "C66BOT_CLOUD66_TOKEN_FILE=" + token},
			"a variable's name":         {args: []string{"serve"}, environ: "C66BOT_" + token + "=1"},
			"a key of the file":         {args: []string{"serve"}, file: "'" + strings.Map(printable, token) + "': 1\n"},
			"a value of the file":       {args: []string{"serve"}, file: "log: {level: '" + strings.Map(printable, token) + "'}\n"},
			"all of the file":           {args: []string{"serve"}, file: strings.Map(printable, token) + "\n"},
			"an anchor in the file":     {args: []string{"serve"}, file: "log: *" + strings.Map(printable, token) + "\n"},
			"the same key in the file":  {args: []string{"serve"}, file: strings.Repeat(strings.Map(printable, token)+": 1\n", 2)},
		} {
			t.Run(name+" is "+kind, func(t *testing.T) {
				files := map[string]string{}
				if c.file != "" {
					files[defaultFile] = c.file
				}
				inEmptyDir(t, files)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				var stdout, stderr bytes.Buffer
				code := run(ctx, c.args, append(slices.Clone(environ), c.environ), &stdout, &stderr)
				said := stdout.String() + stderr.String()
				if code != exitUsage || stderr.Len() == 0 {
					t.Errorf("exit status %d:\n%s", code, said)
				}
				if lower := strings.ToLower(strings.Map(printable, said)); strings.Contains(lower, "hush") || strings.Contains(lower, hex) {
					t.Errorf("it was repeated:\n%q", said)
				}
			})
		}
	}
}

// printable leaves out what cannot be seen.
func printable(r rune) rune {
	if strings.ContainsRune("\u200b\u2060\u00ad\x1b", r) {
		return -1
	}
	return r
}

func TestAPathThatTokensHaveNoPartInIsShown(t *testing.T) {
	inEmptyDir(t, nil)
	volume := "/var/lib/docker/volumes/" + strings.Repeat("0123456789abcdef", 4) + "/_data/c66bot.db"
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"backup", "copy.db", "--storage-path=" + volume}, nil, &stdout, &stderr); code != exitFailed ||
		!strings.Contains(stderr.String(), volume) {
		t.Errorf("exit status %d:\n%s", code, &stderr)
	}
}

func TestWhatServersSayReachesNobodyWithEscapesOrTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	const said = `\u001b]0;title\u0007\u001b[31mno\u009b1m \u202exo\u200bxb-c66\u00ad-demo xapp-1-A0C66\u2060-demo c66-demo\ufeff-token`
	hostile := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/api/3/") {
			rw.WriteHeader(http.StatusBadGateway)
		}
		_, _ = rw.Write([]byte(`{"ok":false,"error":"` + said + `"}`))
	}))
	t.Cleanup(hostile.Close)
	for _, format := range []string{"text", "json"} {
		s := w.serve(t, "C66BOT_SLACK_API_URL="+hostile.URL+"/api/", "C66BOT_CLOUD66_URL="+hostile.URL+"/api/3", "C66BOT_LOG_FORMAT="+format)
		ready := w.readyz(t, s, http.StatusServiceUnavailable, "[31mno", "Slack's bot token", "app", "Cloud 66")
		health := program(t, []string{"C66BOT_HTTP_ADDR=" + w.addr}, "health")
		text, err := health.CombinedOutput()
		if err == nil || !strings.Contains(string(text), "[31mno") {
			t.Errorf("health says %q, %v", text, err)
		}
		s.end(t, syscall.SIGTERM, 8*time.Second, exitOK)
		for _, shown := range []string{ready, string(text), s.log.String()} {
			if strings.ContainsAny(shown, "\x1b\a\u009b\u202e\u200b\u00ad\u2060\ufeff") || strings.Contains(shown, `\u00`) ||
				strings.Contains(shown, `\x1b`) {
				t.Errorf("it has what steers a terminal, or cannot be seen: %q", shown)
			}
			noTokens(t, shown)
		}
	}
}
