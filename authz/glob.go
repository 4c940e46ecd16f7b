package authz

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// glob is one side of a pattern: the name's or the environment's. It is compared with folded text.
type glob struct {
	tokens []token
	need   letters // that a text must have
}

// token is one step of a glob.
type token struct {
	kind    tokenKind
	literal string // of a literal
	set     set    // of a oneOf
}

type tokenKind uint8

const (
	literal tokenKind = iota // the very text
	anyRun                   // *: nothing or anything
	anyOne                   // ?: one character
	oneOf                    // […]: one character of a set
)

// set is a set of characters, or all others.
type set struct {
	not    bool
	ranges []span
}

type span struct{ from, to rune }

func (s set) has(r rune) bool {
	in := slices.ContainsFunc(s.ranges, func(span span) bool { return span.from <= r && r <= span.to })
	return in != s.not
}

// everything reports whether the glob fits every text.
func (g *glob) everything() bool { return len(g.tokens) == 1 && g.tokens[0].kind == anyRun }

// exact gives the only text that the glob fits, where there is only one.
func (g *glob) exact() (string, bool) {
	if len(g.tokens) == 1 && g.tokens[0].kind == literal {
		return g.tokens[0].literal, true
	}
	return "", false
}

// match reports whether the glob fits the whole text. Only the last * that was met is ever tried again, further on: if what stands before it
// fits at all, it fits no worse where it was found first. So the time is bounded by the product of both lengths.
func (g *glob) match(text string) bool {
	next, at := 0, 0
	star, starAt := -1, 0
	for at < len(text) {
		if next < len(g.tokens) {
			t := &g.tokens[next]
			if t.kind == anyRun {
				star, starAt = next, at
				next++
				continue
			}
			if n := t.length(text[at:]); n > 0 {
				next, at = next+1, at+n
				continue
			}
		}
		if star < 0 {
			return false
		}
		starAt = g.skip(text, starAt, star+1)
		next, at = star+1, starAt
	}
	return next == len(g.tokens) || next == len(g.tokens)-1 && g.tokens[next].kind == anyRun
}

// skip gives the next place, after one that has been tried, where the token behind a * may fit.
func (g *glob) skip(text string, tried, token int) int {
	_, size := utf8.DecodeRuneInString(text[tried:])
	from := tried + size
	if token < len(g.tokens) && g.tokens[token].kind == literal {
		if i := strings.Index(text[from:], g.tokens[token].literal); i >= 0 {
			return from + i
		}
		return len(text)
	}
	return from
}

// length gives how many bytes at the beginning of a text the token takes up, 0 where it does not fit.
func (t *token) length(text string) int {
	if t.kind == literal {
		if strings.HasPrefix(text, t.literal) {
			return len(t.literal)
		}
		return 0
	}
	r, size := utf8.DecodeRuneInString(text)
	if t.kind == oneOf && !t.set.has(r) {
		return 0
	}
	return size
}
