package slacksim

// fieldKey names one element of a view.
type fieldKey struct{ block, action string }

// formField is one element that holds a value, with the block that it stands in.
type formField struct {
	key     fieldKey
	label   string
	block   map[string]any
	element map[string]any
	kind    fieldKind
}

// fieldKind says under which names an element's value stands.
type fieldKind struct {
	initial string // in the element, what it holds at first
	state   string // in view.state
	many    bool   // a list
	options bool   // of option objects
}

// fieldKinds are the elements that hold a value.
var fieldKinds = map[string]fieldKind{
	"plain_text_input":     {initial: "initial_value", state: "value"},
	"static_select":        {initial: "initial_option", state: "selected_option", options: true},
	"external_select":      {initial: "initial_option", state: "selected_option", options: true},
	"radio_buttons":        {initial: "initial_option", state: "selected_option", options: true},
	"multi_static_select":  {initial: "initial_options", state: "selected_options", many: true, options: true},
	"checkboxes":           {initial: "initial_options", state: "selected_options", many: true, options: true},
	"users_select":         {initial: "initial_user", state: "selected_user"},
	"channels_select":      {initial: "initial_channel", state: "selected_channel"},
	"conversations_select": {initial: "initial_conversation", state: "selected_conversation"},
}

// fields are the view's fields in the order of reading.
func (v *viewState) fields() []formField { return fieldsOf(v.blocks()) }

func fieldsOf(blocks []map[string]any) []formField {
	var found []formField
	for _, b := range blocks {
		elements := []any{b["accessory"]}
		switch b["type"] {
		case "actions":
			elements = list(b["elements"])
		case "input":
			elements = []any{b["element"]}
		}
		for _, e := range elements {
			element := object(e)
			name, _ := element["type"].(string)
			kind, holds := fieldKinds[name]
			if !holds {
				continue
			}
			block, _ := b["block_id"].(string)
			action, _ := element["action_id"].(string)
			found = append(found, formField{
				key: fieldKey{block, action}, label: fieldLabel(b, element), block: b, element: element, kind: kind,
			})
		}
	}
	return found
}

// fieldLabel is what a person sees beside the field: an input's label, a
// section's text, and in a row of actions only the placeholder.
func fieldLabel(block, element map[string]any) string {
	switch block["type"] {
	case "input":
		return textOf(block["label"])
	case "section":
		if text := object(block["text"]); text != nil {
			r := &rendered{}
			return r.text(text)
		}
	}
	return textOf(element["placeholder"])
}

func (f formField) name() string {
	name, _ := f.element["type"].(string)
	return name
}

// isInput tells whether the field stands in an input block.
func (f formField) isInput() bool { return f.block["type"] == "input" }

// dispatches tells whether a change of the field is sent at once.
func (f formField) dispatches() bool {
	at, _ := f.block["dispatch_action"].(bool)
	return at || !f.isInput()
}
