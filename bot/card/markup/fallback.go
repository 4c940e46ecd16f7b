package markup

import (
	"cmp"
	"regexp"
	"strings"
)

// maxFallback leaves room below the 4,000 characters that the text of an edit may have.
const maxFallback = 3000

// Nothing stands where a text shows nothing, which Slack would refuse.
const Nothing = "–"

// Fallback is the text of a message beside its blocks.
type Fallback struct{ brief string }

var (
	tokens = regexp.MustCompile(`<!date\^-?\d+\^[^|>]*\|([^>]*)>|<https?://[^|>]*\|([^>]*)>`)
	// emphasis is the mark of bold. Those from outside are within a word or have joiners beside them.
	emphasis = regexp.MustCompile(`(^|\s)\*|\*([\s:…]|$)`)
)

// Brief gives the fallback text of a message, a line of what is most important and one of the rest: dates and links as words, no emphasis,
// mentions kept.
func Brief(head Text, rest ...Text) Fallback {
	var lines []Text
	for _, line := range []Text{head, Join(rest, " · ")} {
		lines = append(lines, Text{strings.ReplaceAll(line.s, "\n", " ")})
	}
	text := Join(lines, "\n")
	parts := strings.Split(tokens.ReplaceAllString(text.s, "$1$2"), "`")
	for i := 0; i < len(parts); i += 2 { // every other one is code, in which no mark is one
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
