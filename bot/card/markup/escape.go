package markup

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"c66bot/commands/typography"
)

// maxOutside bounds one text from outside, in characters: a long text must not push out the others.
const maxOutside = 1000

var (
	// entities are the three characters that Slack wants as entities, and the backtick, which has none: another character looks like it.
	entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "ˋ")
	marks    = regexp.MustCompile(`[*_~]+`)
	// emojiName is what follows the first colon of an emoji such as :tada:. The second colon may be one that follows the text.
	emojiName = regexp.MustCompile(`^[\p{L}\p{M}\p{N}_+'-]+(:|$)`)
)

// joiner is the invisible word joiner. Beside a mark it keeps the mark from formatting.
const joiner = "\u2060"

// escape makes text from outside show as it is: one line without control characters or markup.
func escape(s string) string {
	s = spelt(entities.Replace(Shorten(OneLine(typography.Pictures(s)), maxOutside)))
	var out strings.Builder
	if strings.HasPrefix(s, "&gt;") { // which quotes at the beginning of a line
		out.WriteString(joiner)
	}
	last := 0
	for _, at := range marks.FindAllStringIndex(s, -1) {
		out.WriteString(s[last:at[0]])
		out.WriteString(unmarked(s, at[0], at[1]))
		last = at[1]
	}
	out.WriteString(s[last:])
	return out.String()
}

// unmarked keeps the marks s[from:to] from formatting. A single mark within a word, as in snake_case, does not format and stays as it is.
func unmarked(s string, from, to int) string {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, _ := utf8.DecodeRuneInString(s[to:])
	if to-from == 1 && inWord(before) && inWord(after) {
		return s[from:to]
	}
	return joiner + strings.Join(strings.Split(s[from:to], ""), joiner) + joiner
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r)) }

// spelt keeps Slack from showing a picture for names that were not replaced by one.
func spelt(s string) string {
	var out strings.Builder
	for {
		before, behind, found := strings.Cut(s, ":")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		out.WriteString(":")
		if emojiName.MatchString(behind) {
			out.WriteString(joiner)
		}
		s = behind
	}
}

// OneLine turns line breaks and control characters into spaces, and removes marks that turn the direction of writing.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		default:
			return r
		}
	}, s)
	return strings.TrimSpace(s)
}
