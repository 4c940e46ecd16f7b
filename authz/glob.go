package authz

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// glob matches one side of a pattern, the name or the environment, against folded text. path.Match is no replacement: after a *
// it matches ? and sets against single bytes, so "*??" would match the single character "€".
type glob struct {
	text           string // the only match, if there are no steps
	prefix, suffix string // of every match; they reject most texts early
	inside         string // the longest literal of the pattern, contained in every match
	steps          []step
}

// step is a * if star is set. Otherwise it is one character: inside the ranges, or outside them if not is set.
type step struct {
	star, not bool
	ranges    []span
}

type span struct{ from, to rune }

func (s *step) has(r rune) bool {
	for _, span := range s.ranges {
		if span.from <= r && r <= span.to {
			return !s.not
		}
	}
	return s.not
}

// everything reports whether the glob matches every text.
func (g *glob) everything() bool { return len(g.steps) == 1 && g.steps[0].star }

// matches reports whether the glob matches one of the forms of a name.
func (g *glob) matches(f forms) bool {
	return g.match(f[0]) || g.steps != nil && f[1] != f[0] && g.match(f[1])
}

// match reports whether the glob matches the whole text. It backtracks to the last * only, since an earlier * never needs a
// longer match. Its time is therefore bounded by the product of both lengths.
func (g *glob) match(text string) bool {
	if g.steps == nil {
		return text == g.text
	}
	if !strings.HasPrefix(text, g.prefix) || !strings.HasSuffix(text, g.suffix) || !strings.Contains(text, g.inside) {
		return false
	}
	next, at := 0, 0
	star, starAt := -1, 0
	for at < len(text) || next < len(g.steps) {
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case next < len(g.steps) && g.steps[next].star:
			star, starAt = next, at
			if next++; next == len(g.steps) {
				return true
			}
		case next < len(g.steps) && size > 0 && g.steps[next].has(r):
			next, at = next+1, at+size
		case star >= 0 && starAt < len(text):
			_, size = utf8.DecodeRuneInString(text[starAt:])
			starAt += size
			next, at = star+1, starAt
		default:
			return false
		}
	}
	return true
}

// part is one character, wildcard or set of a pattern.
type part struct {
	step
	char    rune // the character, if the part is a literal; else 0
	special bool // not a plain literal: a wildcard, a set, an escape or an @
	at      bool // an unescaped @, which may separate the name from the environment
}

func charPart(r rune) part {
	r = unicode.ToLower(r)
	return part{step: step{ranges: []span{{r, r}}}, char: r}
}

// scanner splits a pattern into parts.
type scanner struct{ rest string }

// next returns the next character; ok is false at the end.
func (s *scanner) next() (r rune, ok bool) {
	r, size := utf8.DecodeRuneInString(s.rest)
	s.rest = s.rest[size:]
	return r, size > 0
}

// parts returns all parts, or a problem to show to the user.
func (s *scanner) parts() (parts []part, problem string) {
	for {
		r, ok := s.next()
		if !ok {
			return parts, ""
		}
		p := part{special: true}
		switch r {
		case '*':
			p.star = true
		case '?':
			p.not = true
		case '[':
			if p.step, problem = s.set(); problem != "" {
				return nil, problem
			}
		case '\\':
			if r, ok = s.next(); !ok {
				return nil, `a \ stands at its end: write \\ for the character itself`
			}
			p = charPart(r)
			p.special = true
		default:
			p = charPart(r)
			p.at, p.special = r == '@', r == '@'
		}
		parts = append(parts, p)
	}
}

// set reads a set; its opening [ is already consumed.
func (s *scanner) set() (set step, problem string) {
	if s.rest != "" && (s.rest[0] == '!' || s.rest[0] == '^') {
		set.not, s.rest = true, s.rest[1:]
	}
	for {
		from, closed, ok := s.member()
		switch {
		case !ok:
			return set, `a set is opened by [ and never closed: write \[ for the character itself`
		case closed && set.ranges == nil:
			return set, "a set [] without characters matches nothing"
		case closed:
			return set, ""
		}
		to := from
		if dash := s.rest; strings.HasPrefix(dash, "-") {
			s.rest = dash[1:]
			if r, closed, ok := s.member(); ok && !closed {
				to = r
			} else {
				s.rest = dash
			}
		}
		if from > to {
			return set, "the range " + string(from) + "-" + string(to) + " runs backwards"
		}
		set.ranges = append(set.ranges, span{from, to})
	}
}

// member reads one character of a set or the closing ]; ok is false at the end.
func (s *scanner) member() (r rune, closed, ok bool) {
	r, ok = s.next()
	if r == ']' {
		return r, true, ok
	}
	if r == '\\' {
		r, ok = s.next()
	}
	return unicode.ToLower(r), false, ok
}

// newGlob builds a glob from parts. Like Fold it trims white space.
func newGlob(parts []part) (g glob, empty bool) {
	solid := func(p part) bool { return p.char == 0 || !unicode.IsSpace(p.char) }
	first := slices.IndexFunc(parts, solid)
	if first < 0 {
		return g, true
	}
	for parts = parts[first:]; !solid(parts[len(parts)-1]); {
		parts = parts[:len(parts)-1]
	}
	text := make([]rune, len(parts))
	for i, p := range parts {
		text[i] = p.char
		if !p.star || i == 0 || !parts[i-1].star {
			g.steps = append(g.steps, p.step)
		}
	}
	wild := slices.Index(text, 0)
	if wild < 0 {
		return glob{text: string(text)}, false
	}
	g.prefix = string(text[:wild])
	for piece := range strings.SplitSeq(string(text), "\x00") {
		if len(piece) > len(g.inside) {
			g.inside = piece
		}
	}
	for len(text) > 0 && text[len(text)-1] != 0 {
		g.suffix = string(text[len(text)-1]) + g.suffix
		text = text[:len(text)-1]
	}
	return g, false
}
