package slacksim

import (
	"regexp"
	"strings"
)

var (
	// typedToken is what a client has already resolved and people may give as it is.
	typedToken = regexp.MustCompile(`<(?:@[UW]|#C|!subteam\^S|https?:|mailto:)[^<>\s]*>|<!(?:here|channel|everyone)>`)
	typedWord  = regexp.MustCompile(`https?://[^\s<>]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[@#][\p{L}\d._-]+|(?:[a-zA-Z\d-]+\.)+(?:com|org|net|io|dev)\b`)
	escaping   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
)

// escape does to a typed command what the manifest's should_escape asks for:
// names that Slack knows, addresses and mail addresses become <…>, and &, < and
// > become entities. A word in <…> that is already resolved stays.
func (w *Workspace) escape(text string) string {
	var out strings.Builder
	last := 0
	for _, at := range typedToken.FindAllStringIndex(text, -1) {
		out.WriteString(w.escapeWords(text[last:at[0]]))
		out.WriteString(text[at[0]:at[1]])
		last = at[1]
	}
	out.WriteString(w.escapeWords(text[last:]))
	return out.String()
}

func (w *Workspace) escapeWords(text string) string {
	var out strings.Builder
	last := 0
	for _, at := range typedWord.FindAllStringIndex(text, -1) {
		if at[0] > 0 && !strings.ContainsRune(" \t\n,(\"'=*_~", rune(text[at[0]-1])) {
			continue
		}
		out.WriteString(escaping.Replace(text[last:at[0]]))
		out.WriteString(w.resolve(text[at[0]:at[1]]))
		last = at[1]
	}
	out.WriteString(escaping.Replace(text[last:]))
	return out.String()
}

// resolve turns one typed word into what Slack makes of it.
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

// resolveName resolves a name; signs that end a sentence are no part of it.
func (w *Workspace) resolveName(word, escaped string) string {
	name := strings.TrimRight(word, "._-")
	rest := word[len(name):]
	id, known := w.byName(word)
	if known {
		name, rest = word, ""
	} else {
		id, known = w.byName(name)
	}
	switch {
	case name == "@here" || name == "@channel" || name == "@everyone":
		return "<!" + name[1:] + ">" + rest
	case !known:
		return escaped
	case w.groups[id] != nil:
		return "<!subteam^" + id + "|" + name + ">" + rest
	case w.channels[id] != nil:
		return "<#" + id + "|" + name[1:] + ">" + rest
	}
	return "<@" + id + "|" + name[1:] + ">" + rest
}
