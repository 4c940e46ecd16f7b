package slacksim

import (
	"cmp"
	"maps"
	"slices"
)

// Address returns the label that names an element by its ids, for clients that draw several elements with the same text. Click, ClickView,
// Fill, Choose and Search take it in place of a label.
func Address(block, action string) string { return "\x00" + block + "\x00" + action }

// Names returns the display names of all users, user groups and channels by id, such as "@lin" and "#deploys". The map is read-only.
func (w *Workspace) Names() map[string]string {
	defer w.lock()()
	return w.names
}

// Users returns all people and bots, ordered by id.
func (w *Workspace) Users() []User {
	defer w.lock()()
	var all []User
	for _, id := range slices.Sorted(maps.Keys(w.users)) {
		all = append(all, *w.users[id])
	}
	return all
}

// Touch wakes whoever waits in WaitFor.
func (w *Workspace) Touch() {
	defer w.lock()()
	w.touch()
}

// Channels returns the conversations that the person is a member of, ordered by name.
func (p *Person) Channels() []Channel {
	defer p.w.lock()()
	var found []Channel
	for _, c := range p.w.channels {
		if c.has(p.id) {
			shown := c.Channel
			shown.Members = slices.Clone(c.Members)
			found = append(found, shown)
		}
	}
	slices.SortFunc(found, func(a, b Channel) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return found
}

// All returns every message of a channel that the person sees, thread replies included, oldest first.
func (p *Person) All(channel string) []Message {
	return p.visible(channel, func(*Message) bool { return true })
}

// State returns the values of the view's fields by block_id and action_id as payloads show them: a text, an option, a channel id, or nil.
func (v View) State() map[string]map[string]any {
	state := map[string]map[string]any{}
	for key, value := range v.values {
		if state[key.block] == nil {
			state[key.block] = map[string]any{}
		}
		state[key.block][key.action] = value
	}
	return state
}
