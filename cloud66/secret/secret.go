// Package secret keeps tokens and secret addresses out of all output. It imports nothing of this program and lives beside the lowest
// package that takes a token, so that every package can import it.
package secret

import (
	"encoding"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Redacted is the printed form of every Text.
const Redacted = "***"

// Text is a string that no format verb, encoder or logger prints; only Reveal returns it. The string is behind a pointer, so that
// reflection finds an address instead.
type Text struct{ text *string }

// New hides text.
func New(text string) Text { return Text{&text} }

// Reveal returns the hidden text, or "" for the zero Text. Use the result directly in a request and do not keep it.
func (t Text) Reveal() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

// Empty reports whether t hides nothing.
func (t Text) Empty() bool { return t.Reveal() == "" }

// Text implements these interfaces so that printing and encoding never reveal it.
var (
	_ fmt.Formatter            = Text{}
	_ fmt.Stringer             = Text{}
	_ encoding.TextMarshaler   = Text{}
	_ encoding.TextUnmarshaler = (*Text)(nil)
)

// Format prints *** for every verb.
func (Text) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, Redacted) // fmt's own buffer accepts every write
}

// String returns ***.
func (Text) String() string { return Redacted }

// MarshalText returns ***, for JSON, YAML and slog alike.
func (Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalText hides a decoded value, such as an address in a payload.
func (t *Text) UnmarshalText(text []byte) error {
	*t = New(string(text))
	return nil
}

// slackTokens matches the formats of Slack's tokens, including rotating ones.
var slackTokens = regexp.MustCompile(`(?i)x(?:app|wfp|ox[a-z])(?:\.xox[a-z])?(?:-|%2d)[\w\p{M}%-]+`)

// userinfo matches the user and password of an address, which reach to the last "@" before its path.
var userinfo = regexp.MustCompile(`([\w+.-]:[\\/]{2,})[^\s/\\?#<>|]*@`)

// WithoutUserinfo removes the user and password of each address in a text.
func WithoutUserinfo(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	return userinfo.ReplaceAllString(text, "$1")
}

// Cleaner sanitizes external text for users, logs and terminals. The zero Cleaner knows no secrets of its own.
type Cleaner struct{ hidden []Text } // as letters returns them

// NewCleaner returns a Cleaner that redacts the given secrets.
func NewCleaner(hidden ...Text) Cleaner {
	var c Cleaner
	for _, text := range hidden {
		if secret, _ := letters(visible(text.Reveal())); secret != "" {
			c.hidden = append(c.hidden, New(secret))
		}
	}
	return c
}

// letters returns a text without whitespace and marks, which between its letters do not hide a secret from a reader, and without a
// difference between upper and lower case. At holds the place in the text of each byte of the result.
func letters(text string) (found string, at []int) {
	folded := make([]byte, 0, len(text))
	at = make([]int, 0, len(text))
	for i, r := range text {
		if unicode.IsSpace(r) || unicode.Is(unicode.M, r) {
			continue
		}
		first := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			first = min(first, next)
		}
		folded = utf8.AppendRune(folded, first)
		for len(at) < len(folded) {
			at = append(at, i)
		}
	}
	return string(folded), at
}

// redact replaces each occurrence of a secret.
func redact(text, secret string) string {
	found, at := letters(text)
	var clean strings.Builder
	done := 0 // bytes of the text
	for from := 0; ; {
		i := strings.Index(found[from:], secret)
		if i < 0 {
			clean.WriteString(text[done:])
			return clean.String()
		}
		first := from + i
		from = first + len(secret)
		last := at[from-1]
		_, size := utf8.DecodeRuneInString(text[last:])
		clean.WriteString(text[done:at[first]] + Redacted)
		done = last + size
	}
}

// Clean first removes invisible characters and terminal control characters, then replaces each secret, and everything that looks like a
// Slack token, with ***, and removes the user and password of addresses. It keeps line breaks and tabs.
func (c Cleaner) Clean(text string) string {
	text = visible(text)
	for _, secret := range c.hidden {
		text = redact(text, secret.Reveal())
	}
	return slackTokens.ReplaceAllLiteralString(WithoutUserinfo(text), Redacted)
}

// Finds reports whether a text contains a secret or what looks like a token.
func (c Cleaner) Finds(text string) bool { return c.Clean(text) != visible(text) }

// visible removes control characters and characters without a glyph, and turns Unicode line separators into spaces.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r == '\u2028', r == '\u2029', r == '\u0085':
			return ' '
		case unicode.IsControl(r), r == '\u2800', // the blank Braille pattern
			unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			return -1
		}
		return r
	}, text)
}
