package authz

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"c66bot/commands/typography"
	"c66bot/storage"
)

// maxPattern is the maximum length of a pattern, in characters.
const maxPattern = 200

// Pattern is a glob over stacks such as "web*@production": a name, an @ and an environment. Without an @ it matches every
// environment; with nothing behind it the stacks that have none. * matches any run of characters, including /; ? matches one
// character; [abc], [a-z] and [!a] are sets; \x is the literal character x. Names are compared by typography.Key.
type Pattern struct {
	text              string
	name, environment glob
	plain             bool   // without special characters, so it may also be a UID
	uid               string // the key of the only stack that it matches, "" if names decide
}

// ParsePattern parses a pattern. The error message is meant for the user.
func ParsePattern(text string) (Pattern, error) {
	if utf8.ValidString(text) {
		text = typography.Visible(text)
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Pattern{}, errors.New("no stacks are named: give a name, a pattern as in web*@production, or * for all")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return Pattern{}, patternError(text, "it has characters in it that nobody can see")
	case utf8.RuneCountInString(text) > maxPattern:
		return Pattern{}, patternError(text, "it is longer than %d characters", maxPattern)
	}
	scan := scanner{typography.Key(text)}
	parts, problem := scan.parts()
	if problem != "" {
		return Pattern{}, patternError(text, "%s, as in %s", problem, quoted(asWritten(text)))
	}
	p := Pattern{text: text, plain: !slices.ContainsFunc(parts, func(p part) bool { return p.special })}
	name, environment := parts, []part{{step: step{star: true}}}
	for i, part := range slices.Backward(parts) {
		if part.at {
			name, environment = parts[:i], parts[i+1:]
			break
		}
	}
	var noName bool
	if p.name, noName = newGlob(name); noName {
		return Pattern{}, patternError(text, "there is no name before the @: write *%s for every name", text)
	}
	p.environment, _ = newGlob(environment)
	return p, nil
}

// PatternOf returns the pattern of a rule: of the only stack that it names by the UID, or of those that its glob matches.
func PatternOf(r storage.Rule) (Pattern, error) {
	if r.UID == "" {
		return ParsePattern(r.Stacks)
	}
	uid := Fold(r.UID)
	return Pattern{text: r.Stacks, name: glob{text: uid}, uid: uid}, nil
}

// patternError returns an error that tells the user why a pattern is invalid.
func patternError(text, format string, args ...any) error {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, text))
	if text = string(runes); len(runes) > 60 {
		text = string(runes[:60]) + "…"
	}
	return fmt.Errorf("“%s” does not name stacks: %s", text, fmt.Sprintf(format, args...))
}

// Match reports whether the pattern matches the whole name and the whole environment. A pattern without special characters also
// matches a UID.
func (p Pattern) Match(s storage.StackRef) bool {
	f := fold(s)
	return p.match(&f)
}

// match is Match for a folded stack.
func (p *Pattern) match(f *folded) bool {
	if p.uid != "" {
		return f.uid == p.uid
	}
	return p.name.matches(f.name) && p.environment.matches(f.environment) || p.plain && f.uid != "" && p.name.match(f.uid)
}

// LeavesOut reports whether the stack has no environment, and the pattern does not match it for that reason alone.
func (p Pattern) LeavesOut(s storage.StackRef) bool {
	f := fold(s)
	return p.uid == "" && f.environment[0] == "" && p.name.matches(f.name) && !p.match(&f)
}

// Means returns how to write a pattern for just this stack, where the pattern is its name with characters that are special in a pattern;
// "" otherwise.
func (p Pattern) Means(s storage.StackRef) string {
	typed := Fold(p.text)
	switch {
	case p.Literal() && p.Match(s), typed != Fold(s.Name) && typed != Fold(s.String()):
		return ""
	case typed == Fold(s.Name) && strings.Contains(s.Name, "@") || s.Environment == "":
		return Literal(s.Name)
	default:
		return asWritten(p.text)
	}
}

// Literal reports whether the pattern is a name or a UID, without wildcards.
func (p Pattern) Literal() bool {
	return p.name.steps == nil && (p.environment.steps == nil || p.environment.everything())
}

// String returns the pattern as typed.
func (p Pattern) String() string { return p.text }

// Everything reports whether the pattern matches every possible stack.
func (p Pattern) Everything() bool { return p.name.everything() && p.environment.everything() }

// Exactly returns a pattern that matches the stacks with this name and environment. It falls back to the UID if they cannot be
// written as a pattern.
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

// special escapes the characters with a special meaning in a pattern, including their full-width forms.
var special = strings.NewReplacer(
	`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `@`, `\@`, `＼`, `\＼`, `＊`, `\＊`, `？`, `\？`, `［`, `\［`, `＠`, `\＠`,
)

// asWritten returns how to write a pattern for a text as the name of a stack and its environment.
func asWritten(text string) string {
	if at := strings.LastIndexByte(text, '@'); at > 0 {
		return Literal(text[:at]) + "@" + Literal(text[at+1:])
	}
	return Literal(text)
}

func quoted(text string) string { return "'" + text + "'" }

// Literal escapes a part of a name for use in a pattern.
func Literal(name string) string { return special.Replace(strings.TrimSpace(name)) }

// SamePattern reports whether two patterns are equal after folding, or both match everything.
func SamePattern(a, b string) bool {
	everything := func(text string) bool {
		p, err := ParsePattern(text)
		return err == nil && p.Everything()
	}
	return Fold(a) == Fold(b) || everything(a) && everything(b)
}

// Fold normalizes a name for comparison: case, typographic variants, invisible characters, surrounding white space.
func Fold(s string) string { return typography.Key(s) }

// folded is a stack as patterns compare it.
type folded struct {
	uid               string
	name, environment forms
}

// forms are the keys of a name. The second one counts characters as a ? does.
type forms [2]string

func fold(s storage.StackRef) folded {
	of := func(s string) forms { return forms{typography.Key(s), typography.LowerKey(s)} }
	return folded{Fold(s.UID), of(s.Name), of(s.Environment)}
}

// Catalogue is an index of stacks for matching many patterns.
type Catalogue struct {
	stacks []folded
	named  map[string][]int // indexes by name and by UID
}

// NewCatalogue indexes stacks. Results refer to them by their position in the slice.
func NewCatalogue(stacks []storage.StackRef) *Catalogue {
	c := &Catalogue{named: make(map[string][]int, 2*len(stacks))}
	for i, s := range stacks {
		f := fold(s)
		c.stacks = append(c.stacks, f)
		c.named[f.name[0]] = append(c.named[f.name[0]], i)
		if f.uid != f.name[0] {
			c.named[f.uid] = append(c.named[f.uid], i)
		}
	}
	return c
}

// Matching yields the indexes of the matching stacks.
func (c *Catalogue) Matching(p Pattern) iter.Seq[int] {
	return func(yield func(i int) bool) {
		if p.name.steps == nil {
			for _, i := range c.named[p.name.text] {
				if p.match(&c.stacks[i]) && !yield(i) {
					return
				}
			}
			return
		}
		for i := range c.stacks {
			if p.match(&c.stacks[i]) && !yield(i) {
				return
			}
		}
	}
}

// Any reports whether at least one stack matches.
func (c *Catalogue) Any(p Pattern) bool {
	for range c.Matching(p) {
		return true
	}
	return false
}
