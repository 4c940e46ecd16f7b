package slacksim

import (
	"fmt"
	"slices"
	"strings"
)

// rendered collects the visible parts of a message or a view.
type rendered struct {
	lines   []string
	buttons []string
	pings   []string
	links   []string
	names   map[string]string
	values  map[fieldKey]any  // values of a view's fields
	errors  map[string]string // errors of a view's fields, by block_id
}

// Plain returns the visible text: one line per block, then the buttons as [Label]. Mentions, links, dates, formatting and entities are
// rendered; a mention that pings a whole channel shows as "<ping @here>".
func (m Message) Plain() string {
	r := m.render()
	return strings.Join(notEmpty(append(r.lines, bracketed(r.buttons))), "\n")
}

// Buttons returns the labels of the message's buttons, in reading order.
func (m Message) Buttons() []string { return m.render().buttons }

// Pings returns the mentions in text and blocks that notify people: "here", "channel", "everyone", or the id of a user or group, sorted.
func (m Message) Pings() []string {
	r := m.render()
	if len(m.Blocks) > 0 {
		r.topLevel(m)
	}
	return unique(r.pings)
}

// Links returns the link targets, sorted: explicit links and those that Slack makes of plain text. A linked channel is "#name".
func (m Message) Links() []string { return unique(m.render().links) }

func (m Message) render() *rendered {
	r := &rendered{names: m.names}
	if len(m.Blocks) == 0 {
		r.lines = append(r.lines, r.topLevel(m))
	}
	r.blocks(m.Blocks)
	return r
}

func (r *rendered) topLevel(m Message) string {
	return r.mrkdwn(m.Text, m.Parse != "none", m.Parse == "full")
}

func (r *rendered) blocks(blocks []map[string]any) {
	for _, b := range blocks {
		switch b["type"] {
		case "section":
			parts := []string{r.text(b["text"])}
			for _, f := range list(b["fields"]) {
				parts = append(parts, strings.ReplaceAll(r.text(f), "\n", " "))
			}
			r.lines = append(r.lines, strings.Join(notEmpty([]string{strings.Join(notEmpty(parts), " | "), r.elements(b)}), " "))
		case "header":
			r.lines = append(r.lines, r.text(b["text"]))
		case "context":
			var parts []string
			for _, t := range list(b["elements"]) {
				parts = append(parts, r.text(t))
			}
			r.lines = append(r.lines, strings.Join(notEmpty(parts), " "))
		case "actions":
			r.lines = append(r.lines, r.elements(b))
		case "input":
			for _, f := range fieldsOf([]map[string]any{b}) {
				line := f.label + ": " + r.field(f)
				if fault := r.errors[f.key.block]; fault != "" {
					line += " ! " + fault
				}
				r.lines = append(r.lines, line)
			}
			r.lines = append(r.lines, r.text(b["hint"]))
		case "divider":
			r.lines = append(r.lines, "----")
		}
	}
}

// elements renders the fields beside a section or in a row of actions and collects the buttons.
func (r *rendered) elements(b map[string]any) string {
	for _, e := range elementsOf(b) {
		if e["type"] == "button" {
			r.buttons = append(r.buttons, r.text(e["text"]))
			if url := text(e["url"]); url != "" {
				r.links = append(r.links, url)
			}
		}
	}
	var parts []string
	for _, f := range fieldsOf([]map[string]any{b}) {
		parts = append(parts, r.field(f))
	}
	return strings.Join(notEmpty(parts), " ")
}

// field renders a field: radio buttons with a mark at the chosen one, otherwise the value or the placeholder.
func (r *rendered) field(f formField) string {
	if f.name == "radio_buttons" {
		var parts []string
		for _, o := range optionsOf(f.element) {
			mark := "( ) "
			if chosen := object(r.value(f)); chosen != nil && chosen["value"] == o["value"] {
				mark = "(x) "
			}
			parts = append(parts, mark+r.text(o["text"]))
		}
		return strings.Join(parts, ", ")
	}
	if held := r.held(f); held != "" {
		return held
	}
	return "(" + r.text(f.element["placeholder"]) + ")"
}

func (r *rendered) value(f formField) any {
	if value, known := r.values[f.key]; known {
		return value
	}
	return f.initial()
}

func (r *rendered) held(f formField) string {
	switch v := r.value(f).(type) {
	case nil:
		return ""
	case map[string]any:
		return r.text(v["text"])
	default:
		if f.name == "plain_text_input" {
			return fmt.Sprint(v)
		}
		return r.name(fmt.Sprint(v))
	}
}

// text renders a text object. plain_text is shown verbatim, entities included.
func (r *rendered) text(v any) string {
	t := object(v)
	if t["type"] != "mrkdwn" {
		return text(t["text"])
	}
	return r.mrkdwn(text(t["text"]), !isTrue(t["verbatim"]), !isTrue(t["verbatim"]))
}

func notEmpty(texts []string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

func unique(in []string) []string {
	slices.Sort(in)
	return slices.Compact(in)
}

// bracketed formats labels as [Label], without empty ones.
func bracketed(labels []string) string {
	var out []string
	for _, label := range labels {
		if label != "" {
			out = append(out, "["+label+"]")
		}
	}
	return strings.Join(out, " ")
}
