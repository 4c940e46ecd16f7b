package slacksim

import (
	"fmt"
	"slices"
	"strings"
)

// Fill types into the text field with a label; "" empties it. Where the app
// asked for it, each change is sent at once.
func (p *Person) Fill(label, text string) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	v, f, err := p.field(label, "plain_text_input")
	if err != nil {
		return err
	}
	if multiline, _ := f.element["multiline"].(bool); !multiline && strings.Contains(text, "\n") {
		return fmt.Errorf("the field %q has one line only", label)
	}
	var held any
	if text != "" {
		held = text
	}
	p.w.hold(v, f, f.with(held))
	if f.triggers("on_character_entered") {
		p.act(v, p.w.chose(v, f), f.element, f.label)
	}
	return nil
}

// Enter presses the enter key in the text field with a label. It returns nil
// where nothing is sent: the app asks for it by the input's dispatch_action.
func (p *Person) Enter(label string) (*Delivery, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	v, f, err := p.field(label, "plain_text_input")
	if err != nil || !f.triggers("on_enter_pressed") {
		return nil, err
	}
	return p.act(v, p.w.chose(v, f), f.element, f.label), nil
}

// triggers tells whether something done in a text field is sent.
func (f formField) triggers(what string) bool {
	on := list(object(f.element["dispatch_action_config"])["trigger_actions_on"])
	if len(on) == 0 {
		on = []any{"on_enter_pressed"}
	}
	return f.dispatches() && slices.Contains(on, any(what))
}

// Choose chooses in the menu, radio buttons or checkboxes with a label: the
// option with a text, or the "#channel" or "@person" in a menu of those. In an
// external select it chooses among what the last Search brought. Where several
// can be chosen, it takes the option in, or out if it was in. It returns nil
// where nothing is sent: in an input without dispatch_action.
func (p *Person) Choose(label, optionText string) (*Delivery, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	v, f, err := p.field(label, "")
	if err != nil {
		return nil, err
	}
	picked, err := p.pick(v, f, optionText)
	if err != nil {
		return nil, err
	}
	state := f.with(picked)
	if f.kind.many {
		state, err = f.toggled(v.values[f.key], picked)
	}
	if err != nil {
		return nil, err
	}
	p.w.hold(v, f, state)
	if !f.dispatches() {
		return nil, nil
	}
	return p.act(v, p.w.chose(v, f), f.element, f.label), nil
}

// pick finds what a person means by the text of an option.
func (p *Person) pick(v *viewState, f formField, text string) (any, error) {
	switch f.name() {
	case "plain_text_input":
		return nil, fmt.Errorf("the field %q is typed into, not chosen from", f.label)
	case "users_select":
		if id, known := p.w.byName(text); known && p.w.users[id] != nil && !p.w.users[id].Deleted {
			return id, nil
		}
	case "channels_select", "conversations_select":
		if id, known := p.w.byName(text); known && p.w.channels[id] != nil && chooseable(f, p.w.channels[id], p.id) {
			return id, nil
		}
	default:
		options := optionsOf(f.element)
		if f.name() == "external_select" {
			options = v.offered[f.key]
		}
		r := &rendered{names: p.w.names}
		for _, o := range options {
			if r.text(object(o["text"])) == text {
				return o, nil
			}
		}
	}
	return nil, fmt.Errorf("the field %q does not offer %q", f.label, text)
}

// toggled is the state after one of several options was taken in or out.
func (f formField) toggled(state map[string]any, picked any) (map[string]any, error) {
	held := list(state[f.kind.state])
	left := slices.DeleteFunc(slices.Clone(held), func(o any) bool { return object(o)["value"] == object(picked)["value"] })
	if len(left) < len(held) {
		return f.with(left), nil
	}
	if most, limited := f.element["max_selected_items"].(float64); limited && len(held) >= int(most) {
		return nil, fmt.Errorf("the field %q takes %v options at most", f.label, most)
	}
	return f.with(append(left, picked)), nil
}

// top is the view that the person looks at.
func (p *Person) top() (*viewState, error) {
	stack := p.w.stack(p.id)
	if len(stack) == 0 {
		return nil, fmt.Errorf("%s has no view open", p.id)
	}
	return stack[len(stack)-1], nil
}

// field finds the field with a label in the view that the person looks at; kind may be "".
func (p *Person) field(label, kind string) (*viewState, formField, error) {
	v, err := p.top()
	if err != nil {
		return nil, formField{}, err
	}
	for _, f := range v.fields() {
		if f.label == label && (kind == "" || f.name() == kind) {
			return v, f, nil
		}
	}
	return nil, formField{}, fmt.Errorf("the view %q has no %s field %q", textOf(v.given["title"]), kind, label)
}

// hold puts a value into a field; what was wrong with the old one is forgotten.
func (w *Workspace) hold(v *viewState, f formField, state map[string]any) {
	v.values[f.key] = state
	delete(v.errors, f.key.block)
	w.touch()
}
