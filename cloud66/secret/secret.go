// Package secret keeps tokens and secret addresses out of whatever is printed. It imports nothing of this program, and stands beside the
// lowest package that is given a token, so that whoever handles one can import it.
package secret

import (
	"encoding"
	"fmt"
	"io"
)

// Redacted is what a Text prints as, whatever it holds.
const Redacted = "***"

// Text is a text that no format verb, encoder or logger shows; only Reveal gives it away.
// The text stands behind a pointer, so that a look through reflection finds an address instead of it.
type Text struct{ text *string }

// New hides text.
func New(text string) Text { return Text{&text} }

// Reveal returns the hidden text, empty for the zero Text. What it returns belongs into a request, at once, and nowhere else.
func (t Text) Reveal() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

// Empty reports whether it hides nothing.
func (t Text) Empty() bool { return t.Reveal() == "" }

// All of them keep the text from whoever prints or encodes it.
var (
	_ fmt.Formatter            = Text{}
	_ fmt.Stringer             = Text{}
	_ encoding.TextMarshaler   = Text{}
	_ encoding.TextUnmarshaler = (*Text)(nil)
)

// Format prints *** for every verb.
func (Text) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, Redacted) // fmt's own buffer takes every write.
}

// String is *** too.
func (Text) String() string { return Redacted }

// MarshalText encodes as ***, in JSON, YAML and slog alike.
func (Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalText hides what is decoded, such as an address in a payload.
func (t *Text) UnmarshalText(text []byte) error {
	*t = New(string(text))
	return nil
}
