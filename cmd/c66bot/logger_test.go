package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/secret"
)

func TestTheLogHasTheChosenFormatAndLevel(t *testing.T) {
	for format, want := range map[string]string{"text": "level=WARN msg=kept n=1\n", "json": `"level":"WARN","msg":"kept","n":1}` + "\n"} {
		t.Run(format, func(t *testing.T) {
			var out bytes.Buffer
			log := newLogger(slog.LevelWarn, format, secret.Cleaner{}, &out)
			log.Info("dropped")
			log.Warn("kept", "n", 1)
			if got := out.String(); !strings.HasSuffix(got, want) || strings.Contains(got, "dropped") {
				t.Errorf("got %q, want it to end in %q", got, want)
			}
		})
	}
}

func TestWhatIsLoggedIsCleaned(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			var out bytes.Buffer
			log := newLogger(slog.LevelInfo, format, secret.NewCleaner(secret.New("c66-demo-token")), &out)
			hostile := "\x1b]0;x\a\u009b31m\u202ec66-\u200bdemo-tok\u00aden"
			r := slog.NewRecord(time.Now(), slog.LevelInfo, hostile, 0)
			r.Add("text", hostile, "error", errors.New(hostile), "list", []string{hostile}, slog.Group("in", "text", hostile), "n", 1, "fine",
				[]int{2})
			if err := log.Handler().Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			got := out.String()
			if strings.Count(got, secret.Redacted) != 5 || strings.ContainsAny(got, "\x1b\a\u009b\u202e\u200b\u00ad") ||
				strings.Contains(got, "demo") {
				t.Errorf("got %q", got)
			}
			if !strings.Contains(got, "[2]") {
				t.Errorf("what needed no cleaning was changed: %q", got)
			}
		})
	}
}
