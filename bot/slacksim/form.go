package slacksim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	usualQuery = 3    // default min_query_length of an external select, in characters
	maxInput   = 3000 // default max_length of a text field, in characters
)

// fieldKey identifies an element of a view by block_id and action_id.
type fieldKey struct{ block, action string }

// formField is an element that holds a value, with its block.
type formField struct {
	key     fieldKey
	name    string // the element's type
	label   string // see fieldLabel
	block   map[string]any
	element map[string]any
}

// fieldKinds maps the types of elements that hold a value to the names of the initial value in the element and of the value in view.state.
var fieldKinds = map[string]struct{ initial, state string }{
	"plain_text_input":     {"initial_value", "value"},
	"static_select":        {"initial_option", "selected_option"},
	"external_select":      {"initial_option", "selected_option"},
	"radio_buttons":        {"initial_option", "selected_option"},
	"conversations_select": {"initial_conversation", "selected_conversation"},
}

func (v *viewState) fields() []formField { return fieldsOf(v.blocks) }

func fieldsOf(blocks []map[string]any) []formField {
	var found []formField
	for _, b := range blocks {
		for _, element := range elementsOf(b) {
			name := text(element["type"])
			if _, holds := fieldKinds[name]; holds {
				key := fieldKey{text(b["block_id"]), text(element["action_id"])}
				found = append(found, formField{key: key, name: name, label: fieldLabel(b, element), block: b, element: element})
			}
		}
	}
	return found
}

// fieldLabel returns the text that labels a field: an input's label, a section's text, or in a row of actions the placeholder.
func fieldLabel(block, element map[string]any) string {
	switch {
	case block["type"] == "input":
		return textOf(block["label"])
	case block["type"] == "section" && block["text"] != nil:
		return (&rendered{}).text(block["text"])
	}
	return textOf(element["placeholder"])
}

func (f formField) isInput() bool { return f.block["type"] == "input" }

// dispatches reports whether a choice in the field sends block_actions at once.
func (f formField) dispatches() bool { return !f.isInput() || isTrue(f.block["dispatch_action"]) }

func optionsOf(element map[string]any) []map[string]any { return objects(element["options"]) }

// offers reports whether the field still offers the value that it held before its content changed.
func (f formField) offers(value any) bool {
	held := object(value)
	if held == nil || f.name == "external_select" {
		return true
	}
	return slices.ContainsFunc(optionsOf(f.element), func(o map[string]any) bool { return o["value"] == held["value"] })
}

func (f formField) initial() any { return f.element[fieldKinds[f.name].initial] }

// offersChannel reports whether a conversations_select offers a channel to a person.
func (f formField) offersChannel(c *channelState, user string) bool {
	kinds := texts(object(f.element["filter"])["include"])
	return !c.Archived && c.sees(user) && (len(kinds) == 0 || slices.Contains(kinds, c.kind().filter))
}

// stateOf returns the field's value as a payload shows it.
func (v *viewState) stateOf(f formField) map[string]any {
	return map[string]any{"type": f.name, fieldKinds[f.name].state: v.values[f.key]}
}

func (v *viewState) state() map[string]any {
	values := map[string]any{}
	for _, f := range v.fields() {
		if values[f.key.block] == nil {
			values[f.key.block] = map[string]any{}
		}
		object(values[f.key.block])[f.key.action] = v.stateOf(f)
	}
	return values
}

func (p *Person) open() (*viewState, error) {
	if v := p.w.views[p.id]; v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("%s has no view open", p.id)
}

func (p *Person) field(label, kind string) (*viewState, formField, error) {
	v, err := p.open()
	if err != nil {
		return nil, formField{}, err
	}
	for _, f := range v.fields() {
		if (f.label == label || Address(f.key.block, f.key.action) == label) && (kind == "" || f.name == kind) {
			return v, f, nil
		}
	}
	return nil, formField{}, fmt.Errorf("the view %q has no %s field %q", textOf(v.given["title"]), kind, label)
}

// hold sets the value of a field and clears the error beside it.
func (w *Workspace) hold(v *viewState, f formField, value any) {
	v.values[f.key] = value
	delete(v.errors, f.key.block)
	w.touch()
}

// Fill sets the text of the plain_text_input with a label; "" empties it.
func (p *Person) Fill(label, typed string) error {
	defer p.w.lock()()
	v, f, err := p.field(label, "plain_text_input")
	switch {
	case err != nil:
		return err
	case strings.Contains(typed, "\n") && !isTrue(f.element["multiline"]):
		return fmt.Errorf("the field %q has one line only", label)
	}
	var value any
	if typed != "" {
		value = typed
	}
	p.w.hold(v, f, value)
	return nil
}

// Choose selects an option by its text in the menu or radio buttons with a label; in a conversations_select the option is "#channel", in an
// external select it is one of the last Search's. The Delivery is nil if nothing is sent: in an input without dispatch_action.
func (p *Person) Choose(label, option string) (*Delivery, error) {
	defer p.w.lock()()
	v, f, err := p.field(label, "")
	if err != nil {
		return nil, err
	}
	value, err := p.find(v, f, option)
	if err != nil {
		return nil, err
	}
	p.w.hold(v, f, value)
	if !f.dispatches() {
		return nil, nil
	}
	action := map[string]any{"block_id": f.key.block, "action_id": f.key.action, "action_ts": p.w.nextTS()}
	maps.Copy(action, v.stateOf(f))
	if placeholder, given := f.element["placeholder"]; given {
		action["placeholder"] = placeholder
	}
	return p.act(v, action, f.element, f.label), nil
}

// find returns the value of the option with a text: the option itself, or a channel id.
func (p *Person) find(v *viewState, f formField, text string) (any, error) {
	options := optionsOf(f.element)
	switch f.name {
	case "plain_text_input":
		return nil, fmt.Errorf("the field %q is typed into, not chosen from", f.label)
	case "conversations_select":
		if c := p.w.channels[p.w.byName(text)]; c != nil && f.offersChannel(c, p.id) {
			return c.ID, nil
		}
	case "external_select":
		options = v.offered[f.key]
	}
	r := &rendered{names: p.w.names}
	for _, o := range options {
		if r.text(o["text"]) == text {
			return o, nil
		}
	}
	return nil, fmt.Errorf("the field %q does not offer %q", f.label, text)
}

// act sends a block_actions payload with one action in a view.
func (p *Person) act(v *viewState, action, element map[string]any, label string) *Delivery {
	d := p.w.newDelivery("", p.id)
	d.Confirm = confirmOf(element)
	d.lost = func() { v.trouble = noConnection }
	d.TriggerID = p.w.newTrigger(trigger{user: p.id, channel: v.channel, inView: true})
	payload := p.w.viewInteraction("block_actions", p.w.users[p.id], v)
	payload["trigger_id"], payload["actions"] = d.TriggerID, []any{action}
	p.w.record(Event{Kind: KindClick, User: p.id, Text: label})
	return p.w.interact(d, payload, false)
}

func (w *Workspace) viewInteraction(kind string, u *User, v *viewState) map[string]any {
	payload := w.interaction(kind, u)
	payload["container"] = map[string]any{"type": "view", "view_id": v.id}
	payload["view"] = v.wire(v.state())
	return payload
}

// ClickView clicks the first button with a label in the person's open view.
func (p *Person) ClickView(label string) (*Delivery, error) {
	defer p.w.lock()()
	v, err := p.open()
	if err != nil {
		return nil, err
	}
	for _, b := range buttons(v.blocks) {
		if b.is(label) {
			return p.act(v, p.w.clickAction(b), b.element, textOf(b.element["text"])), nil
		}
	}
	return nil, fmt.Errorf("the view %q has no button with the label %s", textOf(v.given["title"]), label)
}

// Search types into the external select with a label, waits for the app's options and returns their texts. Below min_query_length
// characters (3 by default) nothing is sent and the Delivery is nil. Unusable options are a violation.
func (p *Person) Search(ctx context.Context, label, typed string) ([]string, *Delivery, error) {
	d, offered, err := p.search(label, typed)
	if d == nil || err != nil {
		return nil, nil, err
	}
	if _, err := d.Wait(ctx); err != nil {
		return nil, d, fmt.Errorf("search for %q in %q: %w", typed, label, err)
	}
	shown := []string{}
	for _, o := range *offered {
		shown = append(shown, textOf(o["text"]))
	}
	return shown, d, nil
}

// search sends a block_suggestion request. The options are set on its acknowledgement.
func (p *Person) search(label, typed string) (*Delivery, *[]map[string]any, error) {
	defer p.w.lock()()
	v, f, err := p.field(label, "external_select")
	if err != nil {
		return nil, nil, err
	}
	least, given := f.element["min_query_length"].(float64)
	if !given {
		least = usualQuery
	}
	if utf8.RuneCountInString(typed) < int(least) {
		return nil, nil, nil
	}
	d, offered := p.w.newDelivery("", p.id), &[]map[string]any{}
	delete(v.offered, f.key)
	d.taken = func(payload map[string]any) {
		if c := check("suggestion", "", payload); len(c.problems) > 0 {
			p.w.violate("envelope %s: the options are refused: %q", d.EnvelopeID, c.problems)
			return
		}
		*offered = optionsOf(payload)
		v.offered[f.key] = *offered
	}
	payload := p.w.viewInteraction("block_suggestion", p.w.users[p.id], v)
	payload["block_id"], payload["action_id"], payload["value"] = f.key.block, f.key.action, typed
	p.w.record(Event{Kind: "searched", User: p.id, Text: typed})
	return p.w.interact(d, payload, true), offered, nil
}

// Submit presses the view's submit button. Faults that Slack's client itself finds, such as an empty required field, are shown beside the
// fields and returned as an error; nothing is sent then.
func (p *Person) Submit() (*Delivery, error) {
	defer p.w.lock()()
	v, err := p.open()
	switch {
	case err != nil:
		return nil, err
	case v.given["submit"] == nil:
		return nil, fmt.Errorf("the view %q has no submit button", textOf(v.given["title"]))
	case v.sending:
		return nil, fmt.Errorf("the view %q is being submitted", textOf(v.given["title"]))
	}
	v.trouble, v.errors = "", map[string]string{}
	for _, f := range v.fields() {
		if fault := f.fault(v.values[f.key]); f.isInput() && fault != "" {
			v.errors[f.key.block] = fault
		}
	}
	p.w.touch()
	if len(v.errors) > 0 {
		return nil, fmt.Errorf("submit the view %q: %v", textOf(v.given["title"]), v.errors)
	}
	d := p.w.newDelivery("", p.id)
	v.sending = true
	d.TriggerID = p.w.newTrigger(trigger{user: p.id, channel: v.channel, inView: true})
	d.lost = func() { v.sending, v.trouble = false, noConnection }
	d.taken = func(payload map[string]any) {
		v.sending = false
		if p.w.views[p.id] != v {
			return // closed meanwhile
		}
		if err := p.w.answerView(v, payload); err != nil {
			v.trouble = noConnection
			p.w.violate("envelope %s: the answer to the submission is refused: %v", d.EnvelopeID, err)
		}
	}
	payload := p.w.interaction("view_submission", p.w.users[p.id])
	payload["trigger_id"], payload["view"], payload["response_urls"] = d.TriggerID, v.wire(v.state()), []any{}
	p.w.record(Event{Kind: "submitted", User: p.id, Text: text(v.given["callback_id"])})
	return p.w.interact(d, payload, true), nil
}

// fault returns the client's error message for the value of an input, or "".
func (f formField) fault(held any) string {
	typed := text(held)
	empty := held == nil || f.name == "plain_text_input" && strings.TrimSpace(typed) == ""
	most, limited := f.element["max_length"].(float64)
	if !limited {
		most = maxInput
	}
	switch {
	case empty && !isTrue(f.block["optional"]):
		return "Please complete this required field."
	case empty || f.name != "plain_text_input":
		return ""
	case utf8.RuneCountInString(typed) > int(most):
		return fmt.Sprintf("This entry is too long, it takes at most %v characters.", most)
	}
	return ""
}

// CloseView presses the view's close button. The Delivery is nil if no view is open or notify_on_close is not set.
func (p *Person) CloseView() *Delivery {
	defer p.w.lock()()
	v, err := p.open()
	if err != nil {
		return nil
	}
	payload := p.w.interaction("view_closed", p.w.users[p.id])
	payload["view"], payload["is_cleared"] = v.wire(v.state()), isTrue(v.given["clear_on_close"])
	p.w.closeView(v)
	if !isTrue(v.given["notify_on_close"]) {
		return nil
	}
	return p.w.interact(p.w.newDelivery("", p.id), payload, false)
}
