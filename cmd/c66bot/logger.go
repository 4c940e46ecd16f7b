package main

import (
	"fmt"
	"io"
	"log/slog"

	"c66bot/cloud66/secret"
)

// newLogger returns a logger of messages of level and above to w, as JSON objects if format is "json", otherwise as text. It removes tokens
// from all values, since many come from outside.
func newLogger(level slog.Level, format string, cleaner secret.Cleaner, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return cleaned(cleaner, a) }}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// cleaned removes tokens from the value of an attribute. Errors become strings; other values keep their type if nothing was removed.
func cleaned(cleaner secret.Cleaner, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(cleaner.Clean(a.Value.String()))
	case slog.KindAny:
		text := fmt.Sprintf("%+v", a.Value.Any())
		clean := cleaner.Clean(text)
		if _, isError := a.Value.Any().(error); isError || clean != text {
			a.Value = slog.StringValue(clean)
		}
	}
	return a
}
