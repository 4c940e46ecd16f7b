// Package secret keeps tokens and secret addresses out of whatever is printed. It imports nothing of this program, and stands beside the
// lowest package that is given a token, so that whoever handles one can import it.
package secret

import (
	"encoding"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
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

// slackTokens finds what Slack's tokens look like, those that rotate among them.
var slackTokens = regexp.MustCompile(`(?i)x(?:app|wfp|ox[a-z])(?:\.xox[a-z])?(?:-|%2d)[\w\p{M}%-]+`)

// Cleaner makes text from outside fit to be shown to people, in a log or on a terminal. The zero Cleaner knows no secrets of its own.
type Cleaner struct{ hidden []*regexp.Regexp }

// NewCleaner returns a Cleaner that knows these secrets.
func NewCleaner(hidden ...Text) Cleaner {
	var c Cleaner
	for _, text := range hidden {
		var letters []string
		for _, r := range visible(text.Reveal()) {
			letters = append(letters, regexp.QuoteMeta(string(r)))
		}
		if len(letters) > 0 { // What only stands between its letters hides it from nobody who reads.
			c.hidden = append(c.hidden, regexp.MustCompile(`(?i)`+strings.Join(letters, `[\s\p{M}]*`)))
		}
	}
	return c
}

// Clean takes out what cannot be seen and what steers a terminal, and only then puts *** in the place of each secret and of whatever
// looks like a token of Slack's. Line breaks and tabs stay.
func (c Cleaner) Clean(text string) string {
	text = visible(text)
	for _, secret := range c.hidden {
		text = secret.ReplaceAllLiteralString(text, Redacted)
	}
	return slackTokens.ReplaceAllLiteralString(text, Redacted)
}

// Finds reports whether a text holds a secret, or what looks like one.
func (c Cleaner) Finds(text string) bool { return c.Clean(text) != visible(text) }

// visible leaves out control characters and whatever has no picture of its own. What only parts lines becomes a space.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r == '\u2028', r == '\u2029', r == '\u0085':
			return ' '
		case unicode.IsControl(r), r == '\u2800', // a blank of Braille
			unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			return -1
		}
		return r
	}, text)
}
