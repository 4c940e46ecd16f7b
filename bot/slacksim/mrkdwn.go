package slacksim

import (
	"regexp"
	"slices"
	"strings"
)

var (
	controlSequence = regexp.MustCompile(`<[^<>\n]+>`)
	bareThing       = regexp.MustCompile(`https?://[^\s<>|]+|@(?:here|channel|everyone)\b|#[\p{L}\d_-]+`)
	wordEnd         = regexp.MustCompile(`[\w&;/]`)
	emphasis        = map[string]*regexp.Regexp{"*": emphasised(`\*`), "_": emphasised(`_`), "~": emphasised(`~`)}
)

func emphasised(sign string) *regexp.Regexp {
	inner := `[^\s` + sign + `](?:[^\n` + sign + `]*[^\s` + sign + `])?`
	return regexp.MustCompile(`(^|[\s\p{P}\p{S}])` + sign + `(` + inner + `)` + sign + `($|[\s\p{P}\p{S}])`)
}

// spans returns the matches of a costly expression. It runs the expression only if the text contains one of the needed words.
func spans(expression *regexp.Regexp, text string, needs ...string) [][]int {
	if !slices.ContainsFunc(needs, func(word string) bool { return strings.Contains(text, word) }) {
		return nil
	}
	return expression.FindAllStringIndex(text, -1)
}

// mrkdwn renders Slack's markup. links turns bare URLs into links, names turns bare names (#channel, @here) into links and mentions.
func (r *rendered) mrkdwn(text string, links, names bool) string {
	code := spans(codeSpan, text, "`")
	bare := func(from, to int) string {
		part := text[from:to]
		return splice(part, spans(bareThing, part, "@", "#", "http"),
			func(start, end int) string { return part[start:end] },
			func(start, end int) string {
				at := from + start
				inCode := func(s []int) bool { return s[0] <= at && at < s[1] }
				inWord := at > 0 && wordEnd.MatchString(text[at-1:at])
				if inWord || slices.ContainsFunc(code, inCode) {
					return part[start:end]
				}
				return r.autolink(part[start:end], links, names)
			})
	}
	out := splice(text, spans(controlSequence, text, "<"), bare, func(from, to int) string { return r.control(text[from+1 : to-1]) })
	return entities.Replace(unformatted(out))
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

// control renders a control sequence, given without its < and >.
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

// mention renders a user or user group and records the ping.
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

// unformatted strips the signs of bold, italic, strikethrough and code.
func unformatted(text string) string {
	return splice(text, spans(codeSpan, text, "`"),
		func(from, to int) string { return unemphasised(text[from:to]) },
		func(from, to int) string { return strings.Trim(text[from:to], "`") })
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
