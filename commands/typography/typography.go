// Package typography normalizes what keyboards, autocorrection and copying write differently: quotation marks, dashes, blanks, invisible
// characters, fullwidth and decomposed letters, and emoji by name.
package typography

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Normal gives a name in one form: composed (NFC), of normal width, with plain blanks and hyphens, emoji as pictures, and no invisible
// characters. Case, quotation marks and long dashes stay.
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

// Alike gives a name in the form in which names are compared, but for case: as Normal, with straight quotation marks, one kind of dash, and
// without variation selectors.
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
		case r == 'ˋ': // which the bot shows in place of a backtick
			return '`'
		default:
			return Straight(r)
		}
	}, Normal(s))
}

// simple reports whether a text is normalized already, as nearly every name is.
func simple(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == ':' {
			return false
		}
	}
	return true
}

// Blank turns every space of Unicode's into the usual one, but line ends.
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

// hyphen reports whether a character looks like the hyphen of a keyboard.
func hyphen(r rune) bool { return strings.ContainsRune("-‐‑−˗﹣－⁃➖", r) }

// Visible removes invisible characters: zero width, direction, soft hyphens, fillers. Joiners and selectors stay where they shape a
// letter or an emoji, which is never behind ASCII.
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
		if r == utf8.RuneError { // perhaps an invalid byte
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

// selects reports whether a hidden character selects the look of the one before it.
func selects(r rune) bool {
	return unicode.Is(unicode.Variation_Selector, r) || (r >= '\U000E0020' && r <= '\U000E007F')
}
