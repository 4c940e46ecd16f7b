package authz

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"c66bot/commands/typography"
)

// maxPattern bounds a pattern, in characters.
const maxPattern = 200

// ParsePattern reads a pattern. The error is for the one who typed it.
func ParsePattern(text string) (Pattern, error) {
	if utf8.ValidString(text) {
		text = typography.Visible(text)
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Pattern{}, errors.New("no stacks are named: give a name, a pattern as in web*@production, or * for all")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return Pattern{}, patternError(strings.ToValidUTF8(strings.Map(shown, text), "�"), "it has characters in it that nobody can see")
	case utf8.RuneCountInString(text) > maxPattern:
		return Pattern{}, patternError(text, "it is longer than %d characters", maxPattern)
	}
	parts, problem := scanPattern(typography.Alike(text))
	if problem != "" {
		return Pattern{}, patternError(text, "%s", problem)
	}
	p := Pattern{text: text, plain: !slices.ContainsFunc(parts, func(p part) bool { return p.special })}
	name, environment := parts, []part{{token: token{kind: anyRun}}}
	if at := lastAt(parts); at >= 0 {
		name, environment = parts[:at], parts[at+1:]
	}
	name, environment = trimParts(name), trimParts(environment)
	switch {
	case len(name) == 0:
		return Pattern{}, patternError(text, "there is no name before the @: write *%s for every name", text)
	case len(environment) == 0:
		return Pattern{}, patternError(text, "there is no environment behind the @: leave the @ out for every environment")
	}
	p.name, p.environment = globOf(name), globOf(environment)
	return p, nil
}

// shown replaces what would disturb the message about it.
func shown(r rune) rune {
	if unicode.IsControl(r) {
		return '�'
	}
	return r
}

// part is one character of a pattern, or one set.
type part struct {
	token
	special bool // has a meaning beyond the character itself
	at      bool // an @ that may separate the name from the environment
}

func charPart(r rune) part { return part{token: token{literal: string(foldRune(r))}} }

// scanPattern takes a pattern apart. The problem is empty where there is none.
func scanPattern(text string) (parts []part, problem string) {
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		p := part{special: true}
		switch r {
		case '*':
			p.kind = anyRun
		case '?':
			p.kind = anyOne
		case '@':
			p.literal, p.at = "@", true
		case '[':
			p.kind = oneOf
			if p.set, text, problem = scanSet(text); problem != "" {
				return nil, problem
			}
		case '\\':
			if text == "" {
				return nil, `a \ stands at its end: write \\ for the character itself`
			}
			r, size = utf8.DecodeRuneInString(text)
			text = text[size:]
			p.literal = string(foldRune(r))
		default:
			p = charPart(r)
		}
		parts = append(parts, p)
	}
	return parts, ""
}

// scanSet reads a set, whose [ has been read, and gives the text behind its ].
func scanSet(text string) (s set, rest, problem string) {
	if text != "" && (text[0] == '!' || text[0] == '^') {
		s.not, text = true, text[1:]
	}
	for {
		from, rest, closed := setChar(text)
		if closed {
			text = rest
			break
		}
		if rest == text {
			return s, "", `a set is opened by [ and never closed: write \[ for the character itself`
		}
		to := from
		text = rest
		if dashed, ok := strings.CutPrefix(text, "-"); ok {
			if r, rest, closed := setChar(dashed); !closed && rest != dashed {
				to, text = r, rest
			}
		}
		if from > to {
			return s, "", "the range " + string(from) + "-" + string(to) + " runs backwards"
		}
		s.ranges = append(s.ranges, span{from, to})
	}
	if len(s.ranges) == 0 {
		return s, "", "a set [] without characters fits nothing"
	}
	return s, text, ""
}

// setChar reads one character of a set, or the ] that closes it. Where the text ends, the rest is the text.
func setChar(text string) (r rune, rest string, closed bool) {
	r, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return 0, text, false
	}
	rest = text[size:]
	switch r {
	case ']':
		return 0, rest, true
	case '\\':
		escaped, size := utf8.DecodeRuneInString(rest)
		if size == 0 {
			return 0, text, false
		}
		return foldRune(escaped), rest[size:], false
	default:
		return foldRune(r), rest, false
	}
}

// lastAt gives the place of the @ before the environment, -1 where there is none.
func lastAt(parts []part) int {
	for i, p := range slices.Backward(parts) {
		if p.at {
			return i
		}
	}
	return -1
}

// trimParts takes space from both ends, as Fold does with names.
func trimParts(parts []part) []part {
	space := func(p part) bool { return p.kind == literal && strings.TrimSpace(p.literal) == "" }
	for len(parts) > 0 && space(parts[0]) {
		parts = parts[1:]
	}
	for len(parts) > 0 && space(parts[len(parts)-1]) {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// globOf puts parts together to a glob: neighbouring characters become one literal, neighbouring stars one.
func globOf(parts []part) glob {
	var g glob
	for _, p := range parts {
		last := len(g.tokens) - 1
		switch {
		case last >= 0 && p.kind == literal && g.tokens[last].kind == literal:
			g.tokens[last].literal += p.literal
		case last >= 0 && p.kind == anyRun && g.tokens[last].kind == anyRun:
		default:
			g.tokens = append(g.tokens, p.token)
		}
		if p.kind == literal {
			g.need |= lettersOf(p.literal)
		}
	}
	return g
}
