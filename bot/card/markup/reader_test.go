package markup

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// seen is what a reader gets of markup, read as the one of Slack's clients would that finds the most in it. It shares nothing with the code
// that escapes.
type seen struct {
	pings, links, dates []string
	formatted, code     []string
	emoji, odd          []string
	plain               string
}

var (
	control     = regexp.MustCompile(`<([^<>]*)>`)
	span        = regexp.MustCompile("`[^`\n]+`")
	named       = regexp.MustCompile(`:[\p{L}\p{M}\p{N}_+'-]+:`)
	plainEntity = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// read reads markup.
func read(text string) seen {
	var s seen
	text = control.ReplaceAllStringFunc(text, func(c string) string { return s.sequence(c[1 : len(c)-1]) })
	if strings.ContainsAny(text, "<>") {
		s.odd = append(s.odd, "a bracket that is no entity")
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "&gt;") {
			s.odd = append(s.odd, "a quotation")
		}
	}
	if regexp.MustCompile(`&(?:[^agl]|$|a[^m]|g[^t]|l[^t])`).MatchString(text) {
		s.odd = append(s.odd, "a bare &")
	}
	if strings.ContainsFunc(strings.ReplaceAll(text, "\n", ""), forbidden) || !utf8.ValidString(text) {
		s.odd = append(s.odd, "a character that controls or turns the writing, or none at all")
	}
	var out strings.Builder
	last := 0
	for _, at := range span.FindAllStringIndex(text, -1) {
		out.WriteString(s.unformatted(text[last:at[0]]))
		inside := text[at[0]+1 : at[1]-1]
		s.code = append(s.code, plainEntity.Replace(inside))
		out.WriteString(inside)
		last = at[1]
	}
	out.WriteString(s.unformatted(text[last:]))
	s.plain = strings.ReplaceAll(plainEntity.Replace(out.String()), "\u2060", "")
	return s
}

func forbidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

// sequence notes what stands between < and >, and gives what is shown for it.
func (s *seen) sequence(body string) string {
	target, label, _ := strings.Cut(body, "|")
	switch {
	case strings.HasPrefix(target, "@"), strings.HasPrefix(target, "!subteam^"):
		s.pings = append(s.pings, strings.TrimPrefix(strings.TrimPrefix(target, "@"), "!subteam^"))
		return "\u2060" // a name, whatever it is
	case strings.HasPrefix(target, "!date^"):
		s.dates = append(s.dates, target)
		return label
	case strings.HasPrefix(target, "!"), strings.HasPrefix(target, "#"):
		s.pings = append(s.pings, target)
		return ""
	default:
		s.links = append(s.links, plainEntity.Replace(target))
		return label
	}
}

// unformatted notes what is bold, italic, struck or an emoji, and takes the marks away.
func (s *seen) unformatted(text string) string {
	if strings.Contains(text, "`") {
		s.odd = append(s.odd, "a sign of code that is alone")
	}
	s.emoji = append(s.emoji, named.FindAllString(text, -1)...)
	for again := true; again; {
		again = false
		for _, mark := range "*_~" {
			if from, to, found := pair(text, mark); found {
				s.formatted = append(s.formatted, strings.ReplaceAll(plainEntity.Replace(text[from+1:to]), "\u2060", ""))
				text, again = text[:from]+"\u2060"+text[from+1:to]+"\u2060"+text[to+1:], true
			}
		}
	}
	return text
}

// pair finds two marks that format what is between them: the first not behind a word, the last not before one, no blank within.
func pair(text string, mark rune) (from, to int, found bool) {
	apart := func(r rune, size int) bool {
		return size == 0 || (!unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.Cf, r))
	}
	from = -1
	for i, r := range text {
		before, n := utf8.DecodeLastRuneInString(text[:i])
		after, m := utf8.DecodeRuneInString(text[i+1:])
		switch {
		case r == '\n':
			from = -1
		case r != mark:
		case from >= 0 && i > from+1 && !unicode.IsSpace(before) && apart(after, m):
			return from, i, true
		case apart(before, n) && m > 0 && !unicode.IsSpace(after) && after != mark:
			from = i
		}
	}
	return 0, 0, false
}
