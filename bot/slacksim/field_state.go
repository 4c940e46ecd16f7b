package slacksim

import "slices"

// empty is the state of the field with nothing in it.
func (f formField) empty() map[string]any {
	state := map[string]any{"type": f.name(), f.kind.state: nil}
	if f.kind.many {
		state[f.kind.state] = []any{}
	}
	return state
}

// with is the state of the field that holds v.
func (f formField) with(v any) map[string]any {
	state := f.empty()
	if v != nil {
		state[f.kind.state] = v
	}
	return state
}

// fits tells whether a state of earlier content is one of this field too.
func (f formField) fits(state map[string]any) bool {
	if state["type"] != f.name() {
		return false
	}
	if !f.kind.options || f.name() == "external_select" {
		return true
	}
	held := list(state[f.kind.state])
	if one := object(state[f.kind.state]); one != nil {
		held = []any{one}
	}
	offers := optionsOf(f.element)
	return !slices.ContainsFunc(held, func(o any) bool {
		return !slices.ContainsFunc(offers, func(offer map[string]any) bool { return offer["value"] == object(o)["value"] })
	})
}

// initial is what the field holds before anybody filled it in.
func (w *Workspace) initial(v *viewState, f formField) map[string]any {
	held := f.element[f.kind.initial]
	if here, _ := f.element["default_to_current_conversation"].(bool); here && held == nil {
		if c := w.channels[v.channel]; c != nil && chooseable(f, c, v.user) {
			held = c.ID
		}
	}
	return f.with(held)
}

// optionsOf are the options of an element, those in groups too.
func optionsOf(element map[string]any) []map[string]any {
	var found []map[string]any
	groups := append([]any{map[string]any{"options": element["options"]}}, list(element["option_groups"])...)
	for _, g := range groups {
		for _, o := range list(object(g)["options"]) {
			found = append(found, object(o))
		}
	}
	return found
}

// chooseable tells whether a select of conversations offers a channel to a person.
func chooseable(f formField, c *channelState, user string) bool {
	if c.Archived || !c.sees(user) {
		return false
	}
	if f.name() == "channels_select" {
		return !c.Private && !c.IM
	}
	filter := object(f.element["filter"])
	if kinds := list(filter["include"]); len(kinds) > 0 && !slices.Contains(kinds, any(filterName(c))) {
		return false
	}
	shared, _ := filter["exclude_external_shared_channels"].(bool)
	return !shared || !c.Shared
}

// filterName is the channel's kind as a select's filter names it.
func filterName(c *channelState) string {
	switch {
	case c.IM:
		return "im"
	case c.Private:
		return "private"
	}
	return "public"
}

// stateValues is what view.state.values tells.
func (v *viewState) stateValues() map[string]any {
	values := map[string]any{}
	for _, f := range v.fields() {
		actions, given := values[f.key.block].(map[string]any)
		if !given {
			actions = map[string]any{}
			values[f.key.block] = actions
		}
		actions[f.key.action] = v.values[f.key]
	}
	return values
}
