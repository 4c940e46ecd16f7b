package slacksim

import (
	"regexp"
	"strings"
)

// labelled is a mention with the name beside it, which messages do not have.
var labelled = regexp.MustCompile(`<(@[UW][A-Za-z0-9]+|!subteam\^S[A-Za-z0-9]+)\|[^<>]*>`)

// messageText does to what a person types in a message what Slack's client does:
// names, addresses and mail addresses become <…>, and &, < and > become
// entities. In code only the entities are made.
func (w *Workspace) messageText(typed string) string {
	var out strings.Builder
	last := 0
	for _, at := range codeSpan.FindAllStringIndex(typed, -1) {
		out.WriteString(w.escape(typed[last:at[0]]))
		out.WriteString(escaping.Replace(typed[at[0]:at[1]]))
		last = at[1]
	}
	out.WriteString(w.escape(typed[last:]))
	return labelled.ReplaceAllString(out.String(), "<$1>")
}

// richText is the rich_text block that comes with a person's message.
func (w *Workspace) richText(text string) []map[string]any {
	elements := []any{}
	plain := func(s string) {
		if s != "" {
			elements = append(elements, map[string]any{"type": "text", "text": entities.Replace(s)})
		}
	}
	last := 0
	for _, at := range controlSequence.FindAllStringSubmatchIndex(text, -1) {
		plain(text[last:at[0]])
		elements = append(elements, richElement(text[at[2]:at[3]]))
		last = at[1]
	}
	plain(text[last:])
	return w.withBlockIDs([]map[string]any{{
		"type": "rich_text", "elements": []any{map[string]any{"type": "rich_text_section", "elements": elements}},
	}})
}

// richElement is the element of what stands between < and >.
func richElement(body string) map[string]any {
	target, label, named := strings.Cut(body, "|")
	switch {
	case strings.HasPrefix(target, "@"):
		return map[string]any{"type": "user", "user_id": target[1:]}
	case strings.HasPrefix(target, "#"):
		return map[string]any{"type": "channel", "channel_id": target[1:]}
	case strings.HasPrefix(target, "!subteam^"):
		return map[string]any{"type": "usergroup", "usergroup_id": strings.TrimPrefix(target, "!subteam^")}
	case strings.HasPrefix(target, "!"):
		return map[string]any{"type": "broadcast", "range": target[1:]}
	}
	link := map[string]any{"type": "link", "url": entities.Replace(target)}
	if named {
		link["text"] = entities.Replace(label)
	}
	return link
}
