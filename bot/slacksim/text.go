package slacksim

import (
	"regexp"
	"strings"
)

var (
	// typedToken matches tokens that a client has already resolved and people may type as is.
	typedToken = regexp.MustCompile(`<(?:@[UW]|#C|!subteam\^S|https?:|mailto:)[^<>\s]*>|<!(?:here|channel|everyone)>`)
	typedWord  = regexp.MustCompile(`https?://[^\s<>]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[@#][\p{L}\d._-]+` +
		`|(?:[a-zA-Z\d-]+\.)+(?:com|org|net|io|dev)\b`)
	codeSpan = regexp.MustCompile("```[\\s\\S]+?```|`[^`\n]+`")
	// labelled matches mentions with a name, a form that messages do not have.
	labelled = regexp.MustCompile(`<(@[UW][A-Za-z0-9]+|!subteam\^S[A-Za-z0-9]+)\|[^<>]*>`)
	escaping = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// splice rebuilds a text from the replacements of its spans and of the parts between them, both given as byte offsets.
func splice(text string, spans [][]int, between, span func(from, to int) string) string {
	var out strings.Builder
	last := 0
	for _, at := range spans {
		out.WriteString(between(last, at[0]))
		out.WriteString(span(at[0], at[1]))
		last = at[1]
	}
	out.WriteString(between(last, len(text)))
	return out.String()
}

// messageText converts a typed message as Slack's client does: names, URLs and mail addresses become <…>; &, < and > become entities.
// In code only the entities are converted.
func (w *Workspace) messageText(typed string) string {
	converted := splice(typed, codeSpan.FindAllStringIndex(typed, -1),
		func(from, to int) string { return w.escape(typed[from:to]) },
		func(from, to int) string { return escaping.Replace(typed[from:to]) })
	return labelled.ReplaceAllString(converted, "<$1>")
}

// escape converts a typed command as the manifest's should_escape requests: known names, URLs and mail addresses become <…>; &, < and >
// become entities. Resolved tokens in <…> are kept.
func (w *Workspace) escape(typed string) string {
	return splice(typed, typedToken.FindAllStringIndex(typed, -1),
		func(from, to int) string { return w.escapeWords(typed[from:to]) },
		func(from, to int) string { return typed[from:to] })
}

func (w *Workspace) escapeWords(typed string) string {
	escaped := func(from, to int) string { return escaping.Replace(typed[from:to]) }
	return splice(typed, typedWord.FindAllStringIndex(typed, -1), escaped, func(from, to int) string {
		if from > 0 && !strings.ContainsRune(" \t\n,(\"'=*_~", rune(typed[from-1])) {
			return escaped(from, to)
		}
		return w.resolve(typed[from:to])
	})
}

func (w *Workspace) resolve(word string) string {
	escaped := escaping.Replace(word)
	switch {
	case strings.HasPrefix(word, "@"), strings.HasPrefix(word, "#"):
		return w.resolveName(word, escaped)
	case strings.HasPrefix(word, "http"):
		return "<" + escaped + ">"
	case strings.Contains(word, "@"):
		return "<mailto:" + escaped + "|" + escaped + ">"
	}
	return "<http://" + escaped + "|" + escaped + ">"
}

// resolveName resolves an @name or #name without trailing ".", "_" and "-", unless those are part of a known name.
func (w *Workspace) resolveName(word, escaped string) string {
	name := word
	id := w.byName(name)
	if id == "" {
		name = strings.TrimRight(word, "._-")
		id = w.byName(name)
	}
	rest := word[len(name):]
	switch {
	case name == "@here" || name == "@channel" || name == "@everyone":
		return "<!" + name[1:] + ">" + rest
	case id == "":
		return escaped
	case w.groups[id] != nil:
		return "<!subteam^" + id + "|" + name + ">" + rest
	case w.channels[id] != nil:
		return "<#" + id + "|" + name[1:] + ">" + rest
	}
	return "<@" + id + "|" + name[1:] + ">" + rest
}
