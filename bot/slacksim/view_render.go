package slacksim

import (
	"fmt"
	"strings"
)

func (v View) render() *rendered {
	r := &rendered{names: v.names, values: v.values, errors: v.Errors}
	for _, b := range v.Blocks {
		r.block(b)
	}
	return r
}

// input renders an input block.
func (r *rendered) input(b map[string]any) {
	for _, f := range fieldsOf([]map[string]any{b}) {
		line := f.label + ": " + r.content(f)
		if fault := r.errors[f.key.block]; fault != "" {
			line += " ! " + fault
		}
		r.line(line)
		r.line(r.text(object(b["hint"])))
	}
}

// content is what a field shows: all its options with a mark at the chosen
// ones, its value, or the placeholder.
func (r *rendered) content(f formField) string {
	if f.name() == "radio_buttons" || f.name() == "checkboxes" {
		return r.marked(f)
	}
	if held := r.held(f); held != "" {
		return held
	}
	return "(" + r.text(object(f.element["placeholder"])) + ")"
}

func (r *rendered) marked(f formField) string {
	chosen := map[any]bool{}
	for _, o := range r.chosen(f) {
		chosen[object(o)["value"]] = true
	}
	open, shut := "(", ")"
	if f.name() == "checkboxes" {
		open, shut = "[", "]"
	}
	var parts []string
	for _, o := range optionsOf(f.element) {
		mark := " "
		if chosen[o["value"]] {
			mark = "x"
		}
		texts := notEmpty([]string{r.text(object(o["text"])), r.text(object(o["description"]))})
		parts = append(parts, open+mark+shut+" "+strings.Join(texts, ": "))
	}
	return strings.Join(parts, ", ")
}

// chosen is what the field holds, as a list.
func (r *rendered) chosen(f formField) []any {
	state, known := r.values[f.key]
	if !known {
		state = f.with(f.element[f.kind.initial])
	}
	if f.kind.many {
		return list(state[f.kind.state])
	}
	if held := state[f.kind.state]; held != nil {
		return []any{held}
	}
	return nil
}

// held is the text of what the field holds.
func (r *rendered) held(f formField) string {
	var texts []string
	for _, held := range r.chosen(f) {
		switch {
		case f.kind.options:
			texts = append(texts, r.text(object(object(held)["text"])))
		case f.name() == "plain_text_input":
			texts = append(texts, fmt.Sprint(held))
		default:
			texts = append(texts, r.name(fmt.Sprint(held)))
		}
	}
	return strings.Join(texts, ", ")
}

// bracketed writes labels as buttons.
func bracketed(labels []string) string {
	var out []string
	for _, label := range notEmpty(labels) {
		out = append(out, "["+label+"]")
	}
	return strings.Join(out, " ")
}
