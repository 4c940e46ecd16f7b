package typography

import "strings"

// The marks of a family can close one another. All families together are Unicode's Quotation_Mark, its categories Pi and Pf,
// their ornaments, and the brackets used as quotation marks in East Asia, except those common in names, such as 【】.
const (
	doubles = "\"“”„‟＂〝〞〟⹂❝❞🙶🙷🙸"
	singles = "'‘’‚‛＇❛❜´"
)

var families = []string{
	doubles, singles, "«»", "‹›", "「」｢｣﹁﹂", "『』﹃﹄", "《》︽︾", "〈〉︿﹀\u2329\u232a", "❮❯", "⸂⸃", "⸄⸅", "⸉⸊", "⸌⸍", "⸜⸝", "⸠⸡",
}

// usual maps an opening mark to its usual closing mark.
var usual = map[rune]rune{'"': '"', '“': '”', '\'': '\'', '‘': '’', '«': '»', '‹': '›', '「': '」', '『': '』', '❮': '❯'}

// IsQuote reports whether a character is a quotation mark.
func IsQuote(r rune) bool { return Closers(r) != "" }

// Closers returns the marks that can close a quotation opened by r, "" if r is no quotation mark.
func Closers(r rune) string {
	if r == ' ' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' { // most characters, before the search
		return ""
	}
	for _, family := range families {
		if strings.ContainsRune(family, r) {
			return family
		}
	}
	return ""
}

// Closes reports whether r closes a quotation opened by another mark: as the usual closing mark, or as any of the family if the
// usual one does not occur in the rest of the text.
func Closes(opened, r rune, rest string) bool {
	if !strings.ContainsRune(Closers(opened), r) {
		return false
	}
	closing, one := usual[opened]
	return !one || r == closing || !strings.ContainsRune(rest, closing)
}

// Single reports whether a mark is also used as an apostrophe.
func Single(r rune) bool { return strings.ContainsRune(singles, r) }

// Straight maps a double quotation mark to " and a single one to '.
func Straight(r rune) rune {
	switch {
	case strings.ContainsRune(doubles, r):
		return '"'
	case strings.ContainsRune(singles, r):
		return '\''
	default:
		return r
	}
}
