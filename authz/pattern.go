package authz

import (
	"fmt"
	"strings"

	"c66bot/storage"
)

// Pattern is a glob over stacks, as in "web*@production": the name before the last @, the environment behind it, which fits every one where
// none is given. * is any run of characters, ? one, [abc], [a-z] and [!a] are sets, \x is the character x itself. Upper and lower case are the same.
type Pattern struct {
	text              string
	name, environment glob
	plain             bool // nothing in it is special, so it may as well be a UID
}

// Match reports whether the stack's whole name and whole environment fit, or its UID is what a pattern without special characters says.
func (p Pattern) Match(s storage.StackRef) bool {
	f := foldStack(s)
	return p.match(&f)
}

func (p *Pattern) match(f *folded) bool {
	if p.name.need.within(f.nameLetters) && p.environment.need.within(f.environmentLetters) &&
		p.name.match(f.name) && p.environment.match(f.environment) {
		return true
	}
	return p.plain && f.uid != "" && p.name.match(f.uid)
}

// String gives the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Everything reports whether no stack can be outside the pattern.
func (p Pattern) Everything() bool { return p.name.everything() && p.environment.everything() }

// Exactly gives a pattern that fits stacks of that very name and environment and no others. Where they cannot be written as a pattern (a name too
// long, or a stack without an environment), it is the UID.
func Exactly(s storage.StackRef) string {
	text := Literal(s.Name) + "@" + Literal(s.Environment)
	if _, err := ParsePattern(text); err == nil {
		return text
	}
	if p, err := ParsePattern(s.UID); err == nil && p.plain {
		return s.UID
	}
	return text
}

// special are the characters with a meaning in a pattern, which those of full width have there too.
var special = strings.NewReplacer(
	`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `@`, `\@`, `＼`, `\＼`, `＊`, `\＊`, `？`, `\？`, `［`, `\［`, `＠`, `\＠`,
)

// Literal writes a part of a name so that it stands for itself in a pattern.
func Literal(name string) string { return special.Replace(strings.TrimSpace(name)) }

// samePattern reports whether two texts are the same pattern but for case and the like.
func samePattern(a, b string) bool {
	if Fold(a) == Fold(b) {
		return true
	}
	p, err1 := ParsePattern(a)
	q, err2 := ParsePattern(b)
	return err1 == nil && err2 == nil && p.Everything() && q.Everything()
}

// patternError says what is wrong with a pattern, to the one who typed it.
func patternError(text, format string, args ...any) error {
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:60]) + "…"
	}
	return fmt.Errorf("“%s” does not name stacks: %s", text, fmt.Sprintf(format, args...))
}
