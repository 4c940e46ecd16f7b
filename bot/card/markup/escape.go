package markup

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"c66bot/commands/typography"
)

// maxOutside bounds one external text, in characters, so that it cannot displace other texts.
const maxOutside = 1000

var (
	// entities replaces the three characters that Slack requires as entities, and the backtick, which has no entity, by a lookalike.
	entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "ˋ")
	marks    = regexp.MustCompile(`[*_~]+`)
	// emojiName matches the rest of an emoji such as :tada: after its first colon. The second colon may be one that follows the text.
	emojiName = regexp.MustCompile(`^[\p{L}\p{M}\p{N}_+'-]+(:|$)`)
)

// joiner is the invisible word joiner. Next to a mark it prevents formatting.
const joiner = "\u2060"

// escape makes external text display literally: one line without control characters or markup.
func escape(s string) string {
	s = spelt(entities.Replace(Shorten(OneLine(typography.Pictures(s)), maxOutside)))
	var out strings.Builder
	if strings.HasPrefix(s, "&gt;") { // it would quote at the start of a line
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

// unmarked neutralises the marks s[from:to]. A single mark within a word, as in snake_case, does not format and is kept.
func unmarked(s string, from, to int) string {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, _ := utf8.DecodeRuneInString(s[to:])
	if to-from == 1 && inWord(before) && inWord(after) {
		return s[from:to]
	}
	return joiner + strings.Join(strings.Split(s[from:to], ""), joiner) + joiner
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r)) }

// spelt prevents Slack from rendering emoji names that remain in the text.
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

// OneLine replaces line breaks and control characters by spaces, and removes bidirectional control characters.
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
