package secret

import (
	"regexp"
	"strings"
	"unicode"
)

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
