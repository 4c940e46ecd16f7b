package authz

import (
	"strings"
	"unicode"

	"c66bot/commands/typography"
	"c66bot/storage"
)

// Fold makes names alike that differ only in case, in what keyboards write differently, in what shows nothing, or in the space around them.
func Fold(s string) string {
	if isFolded(s) {
		return s
	}
	return strings.TrimSpace(strings.Map(foldRune, typography.Alike(s)))
}

// isFolded reports whether a text is nothing but what folding leaves as it is, as most names are.
func isFolded(s string) bool {
	for i := range len(s) {
		if b := s[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '_' && b != '.' {
			return false
		}
	}
	return true
}

// foldRune folds one character to one character, so that a pattern can be folded after it was taken apart.
func foldRune(r rune) rune { return unicode.ToLower(r) }

// folded is a stack made ready to be compared with many patterns.
type folded struct {
	name, environment, uid          string
	nameLetters, environmentLetters letters
}

func foldStack(s storage.StackRef) folded {
	f := folded{name: Fold(s.Name), environment: Fold(s.Environment), uid: Fold(s.UID)}
	f.nameLetters, f.environmentLetters = lettersOf(f.name), lettersOf(f.environment)
	return f
}

// letters tells which bytes occur in a text, roughly: one bit may stand for several. A pattern fits no text that lacks a letter of the pattern's,
// and to see that takes one operation.
type letters uint64

func lettersOf(s string) letters {
	var l letters
	for i := range len(s) {
		l |= 1 << letterBits[s[i]]
	}
	return l
}

// within reports whether every one of these letters is among the others.
func (l letters) within(others letters) bool { return l&^others == 0 }

// letterBits gives the small letters and the digits a bit each and shares the rest out among the other bytes.
var letterBits = func() (bits [256]uint8) {
	const known, all = 36, 64
	for b := range bits {
		switch {
		case b >= 'a' && b <= 'z':
			bits[b] = uint8(b - 'a')
		case b >= '0' && b <= '9':
			bits[b] = uint8(26 + b - '0')
		default:
			bits[b] = uint8(known + b%(all-known))
		}
	}
	return bits
}()
