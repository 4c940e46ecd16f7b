package main

import (
	"encoding"
	"fmt"
	"io"
)

// redacted is what a Secret prints as, whatever it holds.
const redacted = "***"

// Secret is a text that no format verb, encoder or logger shows; only Reveal gives it away.
// The text stands behind a pointer, so that a look through reflection finds an address instead of it.
type Secret struct{ text *string }

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the hidden text, empty for the zero Secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Both keep the text from whoever prints or encodes it.
var (
	_ fmt.Formatter          = Secret{}
	_ encoding.TextMarshaler = Secret{}
)

// Format prints *** for every verb.
func (Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, redacted) // fmt's own buffer takes every write.
}

// MarshalText encodes as ***, in JSON, YAML and slog alike.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
