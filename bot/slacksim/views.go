package slacksim

import (
	"fmt"
	"maps"
	"strings"
)

// viewState is one open view of a person.
type viewState struct {
	id, hash       string
	user           string
	channel        string // where the person was when the modal opened
	root, previous string
	given          map[string]any // what the app gave; each block and element has its id

	values  map[fieldKey]map[string]any   // what each field holds, as view.state tells it
	offered map[fieldKey][]map[string]any // the options that a search brought last
	errors  map[string]string             // by block_id, shown beside the field
	trouble string                        // shown where the app did not do its part
	sending bool                          // a submission is under way
}

// newView makes a view that is in no stack yet. The lock is held.
func (w *Workspace) newView(user, channel string, given map[string]any) *viewState {
	v := &viewState{id: "V" + strings.ToUpper(shortID(w.nextID())), user: user, channel: channel}
	v.root = v.id
	w.show(v, given)
	return v
}

// show gives a view new content. What people filled in stays where block_id and
// action_id are the same; initial values are then not applied again.
func (w *Workspace) show(v *viewState, given map[string]any) {
	given = maps.Clone(given)
	given["blocks"] = w.identified(given["blocks"])
	old := v.values
	v.given, v.values, v.offered, v.errors, v.trouble = given, map[fieldKey]map[string]any{}, map[fieldKey][]map[string]any{}, nil, ""
	v.hash = fmt.Sprintf("%s.%08x", strings.Split(w.nextTS(), ".")[0], w.nextID())
	for _, f := range v.fields() {
		state, kept := old[f.key]
		if !kept || !f.fits(state) {
			state = w.initial(v, f)
		}
		v.values[f.key] = state
	}
}

// identified gives each block and each element in it an id, as Slack does.
func (w *Workspace) identified(blocks any) []any {
	out := []any{}
	for _, given := range list(blocks) {
		b := maps.Clone(object(given))
		if word, _ := b["block_id"].(string); word == "" {
			b["block_id"] = shortID(w.nextID())
		}
		for _, name := range []string{"element", "accessory"} {
			if e := object(b[name]); e != nil {
				b[name] = w.actionable(e)
			}
		}
		if b["type"] == "actions" {
			elements := []any{}
			for _, e := range list(b["elements"]) {
				elements = append(elements, w.actionable(object(e)))
			}
			b["elements"] = elements
		}
		out = append(out, b)
	}
	return out
}

func (w *Workspace) actionable(e map[string]any) map[string]any {
	if id, _ := e["action_id"].(string); id != "" || e["type"] == "image" {
		return e
	}
	e = maps.Clone(e)
	e["action_id"] = shortID(w.nextID())
	return e
}

func (v *viewState) flag(name string) bool {
	on, _ := v.given[name].(bool)
	return on
}

func (v *viewState) text(name string) string {
	text, _ := v.given[name].(string)
	return text
}

// blocks are the view's blocks.
func (v *viewState) blocks() []map[string]any {
	var blocks []map[string]any
	for _, b := range list(v.given["blocks"]) {
		blocks = append(blocks, object(b))
	}
	return blocks
}

// wireView is the view as Slack tells the app of it. Only what people send has
// their values with it: the answers of the Web API hold none.
func (w *Workspace) wireView(v *viewState, values bool) map[string]any {
	out := map[string]any{
		"id": v.id, "team_id": w.opts.TeamID, "type": v.given["type"], "blocks": v.given["blocks"],
		"private_metadata": v.text("private_metadata"), "callback_id": v.text("callback_id"),
		"external_id": v.text("external_id"), "state": map[string]any{"values": map[string]any{}}, "hash": v.hash,
		"title": v.given["title"], "close": v.given["close"], "submit": v.given["submit"],
		"clear_on_close": v.flag("clear_on_close"), "notify_on_close": v.flag("notify_on_close"),
		"root_view_id": v.root, "previous_view_id": nil, "app_id": w.opts.AppID,
		"app_installed_team_id": w.opts.TeamID, "bot_id": w.opts.BotID,
	}
	if v.previous != "" {
		out["previous_view_id"] = v.previous
	}
	if values {
		out["state"] = map[string]any{"values": v.stateValues()}
	}
	return out
}
