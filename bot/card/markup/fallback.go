package markup

import (
	"cmp"
	"regexp"
	"strings"
)

// maxFallback leaves room below the 4,000 characters of an edit.
const maxFallback = 3000

// Nothing stands in place of an empty text, which Slack would refuse.
const Nothing = "–"

// Fallback is the text of a message beside its blocks.
type Fallback struct{ brief string }

var (
	tokens = regexp.MustCompile(`<!date\^-?\d+\^[^|>]*\|([^>]*)>|<https?://[^|>]*\|([^>]*)>`)
	// emphasis is the mark of bold. Marks from outside are within a word or between joiners.
	emphasis = regexp.MustCompile(`(^|\s)\*|\*([\s:…]|$)`)
)

// Brief gives the fallback text of a message: a line of what is most important and one of the rest. Dates and links become words, emphasis
// goes, mentions stay.
func Brief(head Text, rest ...Text) Fallback {
	var lines []Text
	for _, line := range []Text{head, Join(rest, " · ")} {
		lines = append(lines, Text{strings.ReplaceAll(line.s, "\n", " ")})
	}
	text := Join(lines, "\n")
	parts := strings.Split(tokens.ReplaceAllString(text.s, "$1$2"), "`")
	for i := 0; i < len(parts); i += 2 { // the others are code
		parts[i] = emphasis.ReplaceAllString(parts[i], "$1$2")
	}
	words := cmp.Or(strings.Join(parts, "`"), Nothing)
	return Fallback{Text{words}.Cut(maxFallback).s}
}

// With adds to the text what a message says besides.
func (f Fallback) With(rest ...Text) Fallback { return Brief(Text{f.brief}, rest...) }

// String is the text as Slack wants it in a message's text.
func (f Fallback) String() string { return f.brief }

// Text is the text as a block shows it.
func (f Fallback) Text() Text { return Text{f.brief} }
