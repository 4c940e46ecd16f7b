// Package typography normalizes the variants produced by keyboards, autocorrection and copying: quotation marks, dashes, blanks,
// invisible characters, fullwidth and decomposed letters, and emoji names.
package typography

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
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

// Key returns what names are compared by: two names with one key are one name. It folds case completely (as in "ß" and "SS") and
// knows one kind of quotation mark, dash and blank, composed letters, and an emoji for its name. What shows nothing does not count.
func Key(s string) string {
	return key(s, func(s string) string { return strings.ToLower(cases.Fold().String(s)) }) // it folds Cherokee both ways
}

// LowerKey is Key without the foldings that make several letters of one. It keeps the number of characters that a ? stands for.
func LowerKey(s string) string { return key(s, strings.ToLower) }

func key(s string, fold func(string) string) string {
	if simple(s) {
		return strings.TrimSpace(strings.ToLower(s))
	}
	s = Pictures(width.Fold.String(shown(s)))
	s = norm.NFC.String(fold(norm.NFC.String(shown(s))))
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case Dash(r):
			return '-'
		case r == 'ˋ': // the bot shows it instead of a backtick
			return '`'
		default:
			return Straight(Blank(r))
		}
	}, s))
}

// shown removes every character that shows nothing.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, s)
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

// hidden reports whether a character is invisible: Unicode's Default_Ignorable_Code_Point, derived as in UAX 44, and the format
// characters that it leaves out.
func hidden(r rune) bool {
	return r >= utf8.RuneSelf && unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// selects reports whether a hidden character selects the appearance of the preceding one.
func selects(r rune) bool {
	return unicode.Is(unicode.Variation_Selector, r) || (r >= '\U000E0020' && r <= '\U000E007F')
}
