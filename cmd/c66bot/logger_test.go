package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestTheLogHasTheChosenFormatAndLevel(t *testing.T) {
	for format, want := range map[string]string{"text": "level=WARN msg=kept n=1\n", "json": `"level":"WARN","msg":"kept","n":1}` + "\n"} {
		t.Run(format, func(t *testing.T) {
			var out bytes.Buffer
			log := newLogger(slog.LevelWarn, format, &out)
			log.Info("dropped")
			log.Warn("kept", "n", 1)
			if got := out.String(); !strings.HasSuffix(got, want) || strings.Contains(got, "dropped") {
				t.Errorf("got %q, want it to end in %q", got, want)
			}
		})
	}
}
