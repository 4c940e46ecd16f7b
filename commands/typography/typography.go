// Package typography normalizes the variants produced by keyboards, autocorrection and copying: quotation marks, dashes, blanks,
// invisible characters, fullwidth and decomposed letters, and emoji names.
package typography

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Normal normalizes a name: composed (NFC), normal width, plain blanks and hyphens, emoji instead of their names, no invisible
// characters. It keeps case, quotation marks and long dashes.
func Normal(s string) string {
	if simple(s) {
		return s
	}
	s = norm.NFC.String(width.Fold.String(Visible(s)))
	return strings.Map(func(r rune) rune {
		if hyphen(r) {
			return '-'
		}
		return Blank(r)
	}, Pictures(s))
}

// Alike normalizes a name for comparison, except for case: like Normal, with straight quotation marks, one kind of dash, and no
// variation selectors.
func Alike(s string) string {
	if simple(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case hidden(r):
			return -1
		case Dash(r):
			return '-'
		case r == 'ˋ': // the bot shows it instead of a backtick
			return '`'
		default:
			return Straight(r)
		}
	}, Normal(s))
}

// simple reports whether a text needs no normalization, like nearly every name.
func simple(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == ':' {
			return false
		}
	}
	return true
}

// Blank maps every Unicode space except line ends to the ASCII space.
func Blank(r rune) rune {
	if unicode.Is(unicode.Zs, r) || r == '\u2800' {
		return ' '
	}
	return r
}

// Dash reports whether a character is a hyphen, a dash or a minus sign.
func Dash(r rune) bool {
	return unicode.Is(unicode.Pd, r) || hyphen(r)
}

// hyphen reports whether a character looks like the ASCII hyphen.
func hyphen(r rune) bool { return strings.ContainsRune("-‐‑−˗﹣－⁃➖", r) }

// Visible removes invisible characters: zero-width and direction characters, soft hyphens, fillers. Joiners and selectors stay if
// they shape a letter or an emoji, so never after ASCII.
func Visible(s string) string {
	if simple(s) {
		return s
	}
	var out strings.Builder
	before := rune(0)
	for i, r := range s {
		if hidden(r) {
			after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
			joined := unicode.Is(unicode.Join_Control, r) && after >= utf8.RuneSelf && after != utf8.RuneError && !unicode.IsSpace(after)
			if before < utf8.RuneSelf || unicode.IsSpace(before) || !joined && !selects(r) {
				continue
			}
		}
		if r == utf8.RuneError { // possibly an invalid byte
			_, n := utf8.DecodeRuneInString(s[i:])
			out.WriteString(s[i : i+n])
		} else {
			out.WriteRune(r)
		}
		before = r
	}
	return out.String()
}

// hidden reports whether a character is invisible (Unicode's Default_Ignorable_Code_Point, derived as in UAX 44).
func hidden(r rune) bool {
	return r >= utf8.RuneSelf && unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// selects reports whether a hidden character selects the appearance of the preceding one.
func selects(r rune) bool {
	return unicode.Is(unicode.Variation_Selector, r) || (r >= '\U000E0020' && r <= '\U000E007F')
}
