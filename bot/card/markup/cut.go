package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Shorten cuts external text to a number of characters. A shortened text ends with ….
func Shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return strings.TrimRightFunc(string([]rune(s)[:max(most-1, 0)]), unicode.IsSpace) + "…"
}

// Cut shortens the text to a number of characters, at least one, without breaking its markup.
func (t Text) Cut(most int) Text {
	if utf8.RuneCountInString(t.s) <= most {
		return t
	}
	kept := keeper{room: most - utf8.RuneCountInString("…"), bold: -1}
	kept.fill(t.s)
	return Text{kept.String() + "…"}
}

// keeper collects units of a text while there is room.
type keeper struct {
	strings.Builder
	room int  // in characters
	code bool // inside code, where marks do not format
	bold int  // index of an open bold mark, or -1
}

// fill appends units from the start of text until one does not fit.
func (k *keeper) fill(text string) {
	for text != "" {
		unit := text[:unitLen(text)]
		text = text[len(unit):]
		n := utf8.RuneCountInString(unit)
		if n > k.room {
			k.takeCode(unit)
			return
		}
		if unit == "*" && !k.code {
			k.mark(text)
		}
		k.room -= n
		k.WriteString(unit)
	}
}

// unitLen returns the length in bytes of the first indivisible unit of a text: a link, mention or date; an entity; code; marks between
// joiners; or a character.
func unitLen(text string) int {
	switch text[0] {
	case '<':
		if n := strings.IndexAny(text[1:], "<>"); n >= 0 && text[1+n] == '>' {
			return n + len("<>")
		}
	case '&':
		name := strings.TrimLeft(text[1:], "abcdefghijklmnopqrstuvwxyz")
		if n := len(text) - len(name); n > len("&") && strings.HasPrefix(name, ";") {
			return n + len(";")
		}
	case '`':
		if n := strings.IndexByte(text[1:], '`'); n >= 0 {
			return n + len("``")
		}
	}
	if n := joinedLen(text); n > len(joiner) {
		return n
	}
	_, n := utf8.DecodeRuneInString(text)
	return n
}

// joinedLen returns the length in bytes of the leading run of joiners and marks.
func joinedLen(text string) int {
	if !strings.HasPrefix(text, joiner) {
		return 0
	}
	n := len(joiner)
	for n < len(text) && strings.IndexByte("*_~", text[n]) >= 0 && strings.HasPrefix(text[n+1:], joiner) {
		n += 1 + len(joiner)
	}
	return n
}

// takeCode appends as much of a code span as fits, and closes it.
func (k *keeper) takeCode(unit string) {
	if !strings.HasPrefix(unit, "`") || len(unit) < len("``") {
		return
	}
	inside := keeper{room: k.room - len("``"), code: true, bold: -1}
	inside.fill(unit[1 : len(unit)-1])
	if inside.Len() > 0 {
		k.WriteString("`" + inside.String() + "`")
	}
}

// mark tracks the start and end of bold.
func (k *keeper) mark(rest string) {
	before, _ := utf8.DecodeLastRuneInString(k.Builder.String())
	after, _ := utf8.DecodeRuneInString(rest)
	switch {
	case k.Len() == 0, unicode.IsSpace(before):
		k.bold = k.Len()
	case !inWord(after):
		k.bold = -1
	}
}

// String returns the collected text, without the mark of an unclosed bold.
func (k *keeper) String() string {
	s := k.Builder.String()
	if k.bold >= 0 {
		s = s[:k.bold] + s[k.bold+len("*"):]
	}
	return s
}
