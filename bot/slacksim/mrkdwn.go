package slacksim

import (
	"regexp"
	"strings"
)

var (
	controlSequence = regexp.MustCompile(`<([^<>\n]+)>`)
	codeSpan        = regexp.MustCompile("```[\\s\\S]+?```|`[^`\n]+`")
	bareThing       = regexp.MustCompile(`https?://[^\s<>|]+|@(?:here|channel|everyone)\b|#[\p{L}\d_-]+`)
	wordEnd         = regexp.MustCompile(`[\w&;/]`)
	emphasis        = map[string]*regexp.Regexp{
		"*": emphasised(`\*`), "_": emphasised(`_`), "~": emphasised(`~`),
	}
	entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

func emphasised(sign string) *regexp.Regexp {
	inner := `[^\s` + sign + `](?:[^\n` + sign + `]*[^\s` + sign + `])?`
	return regexp.MustCompile(`(^|[\s\p{P}\p{S}])` + sign + `(` + inner + `)` + sign + `($|[\s\p{P}\p{S}])`)
}

// The expressions are costly, and messages are rendered again and again while a
// test waits: they are not tried on a text without the signs that they need.

func codeSpans(text string) [][]int {
	if !strings.Contains(text, "`") {
		return nil
	}
	return codeSpan.FindAllStringIndex(text, -1)
}

func controlSequences(text string) [][]int {
	if !strings.Contains(text, "<") {
		return nil
	}
	return controlSequence.FindAllStringSubmatchIndex(text, -1)
}

func bareThings(text string) [][]int {
	if !strings.ContainsAny(text, "@#") && !strings.Contains(text, "http") {
		return nil
	}
	return bareThing.FindAllStringIndex(text, -1)
}

// mrkdwn renders Slack's markup. links and names say whether bare addresses,
// and bare names of channels and @here and its like, become what they look like.
func (r *rendered) mrkdwn(text string, links, names bool) string {
	var out strings.Builder
	code := codeSpans(text)
	last := 0
	for _, at := range controlSequences(text) {
		out.WriteString(r.bare(text, last, at[0], code, links, names))
		out.WriteString(r.control(text[at[2]:at[3]]))
		last = at[1]
	}
	out.WriteString(r.bare(text, last, len(text), code, links, names))
	return entities.Replace(unformatted(out.String()))
}

// bare renders text[from:to], which holds no control sequence.
func (r *rendered) bare(text string, from, to int, code [][]int, links, names bool) string {
	var out strings.Builder
	last := from
	for _, at := range bareThings(text[from:to]) {
		start, end := from+at[0], from+at[1]
		if within(code, start) || joined(text, start) {
			continue
		}
		out.WriteString(text[last:start])
		out.WriteString(r.autolink(text[start:end], links, names))
		last = end
	}
	out.WriteString(text[last:to])
	return out.String()
}

func within(spans [][]int, at int) bool {
	for _, s := range spans {
		if s[0] <= at && at < s[1] {
			return true
		}
	}
	return false
}

// joined tells whether the character before is part of the same word.
func joined(text string, at int) bool {
	return at > 0 && wordEnd.MatchString(text[at-1:at])
}

func (r *rendered) autolink(word string, links, names bool) string {
	switch {
	case strings.HasPrefix(word, "http"):
		if links {
			r.links = append(r.links, entities.Replace(strings.TrimRight(word, ".,;:!?)")))
		}
	case strings.HasPrefix(word, "@"):
		if names {
			return r.broadcast(word[1:])
		}
	case names:
		for _, name := range r.names {
			if name == word {
				r.links = append(r.links, word)
			}
		}
	}
	return word
}

// control renders what stands between < and >.
func (r *rendered) control(body string) string {
	target, label, labelled := strings.Cut(body, "|")
	switch {
	case strings.HasPrefix(target, "@"):
		return r.mention(target[1:])
	case strings.HasPrefix(target, "#"):
		return r.name(target[1:])
	case strings.HasPrefix(target, "!subteam^"):
		return r.mention(strings.TrimPrefix(target, "!subteam^"))
	case strings.HasPrefix(target, "!date^") && labelled:
		return label
	case target == "!here" || target == "!channel" || target == "!everyone":
		return r.broadcast(target[1:])
	case strings.HasPrefix(target, "http://"), strings.HasPrefix(target, "https://"), strings.HasPrefix(target, "mailto:"):
		r.links = append(r.links, entities.Replace(target))
		if labelled {
			return label
		}
		return target
	}
	return "<" + body + ">"
}

// mention renders a user or user group, who are notified.
func (r *rendered) mention(id string) string {
	r.pings = append(r.pings, id)
	return r.name(id)
}

func (r *rendered) broadcast(to string) string {
	r.pings = append(r.pings, to)
	return "<ping @" + to + ">"
}

func (r *rendered) name(id string) string {
	if name, known := r.names[id]; known {
		return name
	}
	return "<unknown " + id + ">"
}

// unformatted takes the signs of bold, italic, struck and code text away.
func unformatted(text string) string {
	var out strings.Builder
	last := 0
	for _, at := range codeSpans(text) {
		out.WriteString(unemphasised(text[last:at[0]]))
		out.WriteString(strings.Trim(text[at[0]:at[1]], "`"))
		last = at[1]
	}
	out.WriteString(unemphasised(text[last:]))
	return out.String()
}

func unemphasised(text string) string {
	for _, sign := range []string{"*", "_", "~"} {
		for before := ""; before != text && strings.Count(text, sign) > 1; {
			before = text
			text = emphasis[sign].ReplaceAllString(text, "$1$2$3")
		}
	}
	return text
}
