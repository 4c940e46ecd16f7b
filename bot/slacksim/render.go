package slacksim

import (
	"fmt"
	"slices"
	"strings"
)

// rendered is what a reader gets from a message.
type rendered struct {
	lines   []string
	buttons []string
	pings   []string
	links   []string
	names   map[string]string

	values map[fieldKey]map[string]any // of a view's fields
	errors map[string]string           // of a view's fields, by block_id
}

// Plain is everything that a person reads: a line a block, then the buttons as
// [Label]. Mentions, links, dates, formatting and entities are rendered; a
// mention that pings a whole channel shows as "<ping @here>".
func (m Message) Plain() string {
	r := m.render()
	return strings.Join(notEmpty(append(r.lines, bracketed(r.buttons))), "\n")
}

// Buttons are the labels of the message's buttons, in the order of reading.
func (m Message) Buttons() []string { return m.render().buttons }

// Pings are the mentions that notify somebody, in the fallback text and in the
// blocks: "here", "channel", "everyone", or the id of a user or user group.
func (m Message) Pings() []string {
	r := m.render()
	if len(m.Blocks) > 0 {
		r.topLevel(m)
	}
	return unique(r.pings)
}

// Links are the addresses that a reader could follow, written ones and those
// that Slack makes of plain text; a linked channel is "#name".
func (m Message) Links() []string { return unique(m.render().links) }

func (m Message) render() *rendered {
	r := &rendered{names: m.names}
	if len(m.Blocks) == 0 {
		r.line(r.topLevel(m))
		return r
	}
	for _, b := range m.Blocks {
		r.block(b)
	}
	return r
}

// topLevel renders the text argument: bare names are mentions only with
// parse=full or link_names, bare addresses are links unless parse=none.
func (r *rendered) topLevel(m Message) string {
	full := m.Parse == "full" || m.linkNames
	return r.mrkdwn(m.Text, m.Parse != "none", full)
}

func (r *rendered) line(text string) {
	if text != "" {
		r.lines = append(r.lines, text)
	}
}

func (r *rendered) block(b map[string]any) {
	switch b["type"] {
	case "section":
		r.line(strings.Join(notEmpty([]string{r.section(b), r.menus(b)}), " "))
	case "header":
		r.line(r.text(object(b["text"])))
	case "context":
		r.line(r.join(b["elements"], " "))
	case "actions":
		r.line(r.menus(b))
	case "input":
		r.input(b)
	case "divider":
		r.line("----")
	case "image":
		r.line(imageText(b))
	case "markdown":
		text, _ := b["text"].(string)
		r.line(r.mrkdwn(text, true, true))
	case "table":
		for _, row := range list(b["rows"]) {
			r.line(r.join(row, " | "))
		}
	case "rich_text":
		r.line(r.join(b["elements"], "\n"))
	}
}

func (r *rendered) section(b map[string]any) string {
	parts := []string{r.text(object(b["text"]))}
	for _, f := range list(b["fields"]) {
		parts = append(parts, strings.ReplaceAll(r.text(object(f)), "\n", " "))
	}
	return strings.Join(notEmpty(parts), " | ")
}

// join renders each element of a list and puts sep between what is not empty.
func (r *rendered) join(elements any, sep string) string {
	parts := []string{}
	for _, e := range list(elements) {
		parts = append(parts, r.element(object(e)))
	}
	return strings.Join(notEmpty(parts), sep)
}

// element renders what stands inside a block; buttons are collected instead.
func (r *rendered) element(e map[string]any) string {
	switch e["type"] {
	case "button":
		r.button(e)
		return ""
	case "image":
		return imageText(e)
	case "mrkdwn", "plain_text":
		return r.text(e)
	case "rich_text", "rich_text_section", "rich_text_quote", "rich_text_preformatted":
		return r.join(e["elements"], "")
	case "rich_text_list":
		return r.join(e["elements"], "\n")
	}
	return r.rich(e)
}

// menus renders the elements beside a section or in a row of actions.
func (r *rendered) menus(b map[string]any) string {
	elements := append([]any{b["accessory"]}, list(b["elements"])...)
	var parts []string
	for _, e := range elements {
		parts = append(parts, r.element(object(e)))
	}
	for _, f := range fieldsOf([]map[string]any{b}) {
		parts = append(parts, r.content(f))
	}
	return strings.Join(notEmpty(parts), " ")
}

func (r *rendered) button(e map[string]any) {
	r.buttons = append(r.buttons, r.text(object(e["text"])))
	if url, ok := e["url"].(string); ok {
		r.links = append(r.links, url)
	}
}

// rich renders the leaves of rich text and the cells of tables.
func (r *rendered) rich(e map[string]any) string {
	text, _ := e["text"].(string)
	switch e["type"] {
	case "text", "raw_text":
		return text
	case "link":
		url, _ := e["url"].(string)
		r.links = append(r.links, url)
		if text == "" {
			return url
		}
		return text
	case "emoji":
		return fmt.Sprintf(":%v:", e["name"])
	case "user":
		return r.mention(fmt.Sprint(e["user_id"]))
	case "channel":
		return r.name(fmt.Sprint(e["channel_id"]))
	case "usergroup":
		return r.mention(fmt.Sprint(e["usergroup_id"]))
	case "broadcast":
		return r.broadcast(fmt.Sprint(e["range"]))
	case "date":
		return fmt.Sprint(e["fallback"])
	}
	return ""
}

func imageText(e map[string]any) string {
	alt, _ := e["alt_text"].(string)
	return "(" + alt + ")"
}

// text renders a text object. Plain text shows as it is, entities included.
func (r *rendered) text(t map[string]any) string {
	text, _ := t["text"].(string)
	if t["type"] != "mrkdwn" {
		return text
	}
	verbatim, _ := t["verbatim"].(bool)
	return r.mrkdwn(text, !verbatim, !verbatim)
}

// notEmpty takes the empty texts out.
func notEmpty(texts []string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

func unique(in []string) []string {
	slices.Sort(in)
	return slices.Compact(in)
}

// object and list read decoded JSON; what is of another kind is empty.
func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
