package main

import (
	"io"
	"log/slog"
)

// newLogger writes the messages of level and above to w, as JSON objects where format is "json", else as text.
func newLogger(level slog.Level, format string, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
