package markup

import (
	"cmp"
	"regexp"
	"strings"
)

// maxFallback leaves a margin below Slack's limit of 4,000 characters for an edit.
const maxFallback = 3000

// Nothing replaces an empty text, which Slack would reject.
const Nothing = "–"

// Fallback is the text that accompanies a message's blocks.
type Fallback struct{ brief string }

var (
	tokens = regexp.MustCompile(`<!date\^-?\d+\^[^|>]*\|([^>]*)>|<https?://[^|>]*\|([^>]*)>`)
	// emphasis matches bold marks. External marks are within a word or between joiners, so it does not match them.
	emphasis = regexp.MustCompile(`(^|\s)\*|\*([\s:…,;.?)]|$)`)
)

// Brief makes a message's fallback text: one line with the main point and one with the rest. Dates and links become words, emphasis is
// removed, and mentions are kept.
func Brief(head Text, rest ...Text) Fallback {
	var lines []Text
	for _, line := range []Text{head, Join(rest, " · ")} {
		lines = append(lines, Text{strings.ReplaceAll(line.s, "\n", " ")})
	}
	text := Join(lines, "\n")
	parts := strings.Split(tokens.ReplaceAllString(text.s, "$1$2"), "`")
	for i := 0; i < len(parts); i += 2 { // odd parts are code
		parts[i] = emphasis.ReplaceAllString(parts[i], "$1$2")
	}
	words := cmp.Or(strings.Join(parts, "`"), Nothing)
	return Fallback{Text{words}.Cut(maxFallback).s}
}

// With appends texts to the fallback.
func (f Fallback) With(rest ...Text) Fallback { return Brief(Text{f.brief}, rest...) }

// String returns the fallback for a message's text field.
func (f Fallback) String() string { return f.brief }

// Text returns the fallback for display in a block.
func (f Fallback) Text() Text { return Text{f.brief} }
