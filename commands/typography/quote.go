package typography

import "strings"

// The marks of each family can close one another. Together they are Unicode's Quotation_Mark, its categories Pi and Pf, their ornaments,
// and the brackets that serve as such in East Asia; those that are common in names, as 【】, are not among them.
const (
	doubles = "\"“”„‟＂〝〞〟⹂❝❞🙶🙷🙸"
	singles = "'‘’‚‛＇❛❜´"
)

var families = []string{
	doubles, singles, "«»", "‹›", "「」｢｣﹁﹂", "『』﹃﹄", "《》︽︾", "〈〉︿﹀\u2329\u232a", "❮❯", "⸂⸃", "⸄⸅", "⸉⸊", "⸌⸍", "⸜⸝", "⸠⸡",
}

// usual holds the usual closing mark of an opening one.
var usual = map[rune]rune{'"': '"', '“': '”', '\'': '\'', '‘': '’', '«': '»', '‹': '›', '「': '」', '『': '』', '❮': '❯'}

// IsQuote reports whether a character is a quotation mark.
func IsQuote(r rune) bool { return Closers(r) != "" }

// Closers gives the marks that can close a quotation opened by a mark, "" where it is no quotation mark.
func Closers(r rune) string {
	for _, family := range families {
		if strings.ContainsRune(family, r) {
			return family
		}
	}
	return ""
}

// Closes reports whether a mark closes the quotation that another mark opened: the usual one does, or any of its family where the usual
// one is not in the rest of the text.
func Closes(opened, r rune, rest string) bool {
	if !strings.ContainsRune(Closers(opened), r) {
		return false
	}
	closing, one := usual[opened]
	return !one || r == closing || !strings.ContainsRune(rest, closing)
}

// Single reports whether a mark is also used as an apostrophe.
func Single(r rune) bool { return strings.ContainsRune(singles, r) }

// Straight gives " for a double and ' for a single quotation mark.
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
