package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
)

const (
	maxView      = 250 << 10 // bytes in a view
	noConnection = "We had some trouble connecting. Try again?"
)

// viewState is the open modal view of a person.
type viewState struct {
	id, hash string
	user     string
	channel  string           // of the interaction that opened it
	given    map[string]any   // the view object from the app
	blocks   []map[string]any // given["blocks"], each block and element with an id

	values  map[fieldKey]any              // the value of each field, nil if empty
	offered map[fieldKey][]map[string]any // the options of the last search
	errors  map[string]string             // shown beside the field, by block_id
	trouble string                        // shown if the app failed to answer
	sending bool                          // a submission is in flight
}

// show replaces the content of a view. A field keeps its value if block_id, action_id and type match and the value is still offered;
// otherwise it gets its initial value.
func (w *Workspace) show(v *viewState, given map[string]any) {
	kinds := map[fieldKey]string{}
	for _, f := range v.fields() {
		kinds[f.key] = f.name
	}
	before := v.values
	v.given, v.blocks = given, w.identified(objects(given["blocks"]))
	v.values, v.offered, v.errors, v.trouble = map[fieldKey]any{}, map[fieldKey][]map[string]any{}, nil, ""
	v.hash = fmt.Sprintf("%s.%08x", strings.Split(w.nextTS(), ".")[0], w.nextID())
	for _, f := range v.fields() {
		value := before[f.key]
		if kinds[f.key] != f.name || !f.offers(value) {
			value = f.initial()
		}
		v.values[f.key] = value
	}
}

// identified copies blocks and adds the missing block_ids and action_ids, as Slack does.
func (w *Workspace) identified(blocks []map[string]any) []map[string]any {
	var out []map[string]any
	for _, b := range blocks {
		b = w.withID(b, "block_id")
		for _, name := range []string{"element", "accessory"} {
			if e := object(b[name]); e != nil {
				b[name] = w.withID(e, "action_id")
			}
		}
		if b["type"] == "actions" {
			elements := []any{}
			for _, e := range objects(b["elements"]) {
				elements = append(elements, w.withID(e, "action_id"))
			}
			b["elements"] = elements
		}
		out = append(out, b)
	}
	return out
}

func (w *Workspace) withID(o map[string]any, name string) map[string]any {
	o = maps.Clone(o)
	if text(o[name]) == "" {
		o[name] = w.shortID()
	}
	return o
}

// wire returns the view as Slack sends it to the app. Payloads of interactions contain the values, results of the Web API do not.
func (v *viewState) wire(values map[string]any) map[string]any {
	return map[string]any{
		"id": v.id, "team_id": teamID, "type": v.given["type"], "blocks": v.blocks,
		"private_metadata": text(v.given["private_metadata"]), "callback_id": text(v.given["callback_id"]),
		"external_id": text(v.given["external_id"]), "state": map[string]any{"values": values}, "hash": v.hash,
		"title": v.given["title"], "close": v.given["close"], "submit": v.given["submit"],
		"clear_on_close": isTrue(v.given["clear_on_close"]), "notify_on_close": isTrue(v.given["notify_on_close"]),
		"root_view_id": v.id, "previous_view_id": nil, "app_id": appID,
		"app_installed_team_id": teamID, "bot_id": botID,
	}
}

func (w *Workspace) recordView(kind string, v *viewState) {
	shown := w.shownView(v)
	w.record(Event{Kind: kind, User: v.user, Text: shown.Title, View: &shown})
}

func (c *apiCall) givenView() (map[string]any, error) {
	raw := c.args["view"]
	if raw == "" {
		return nil, invalidArguments("[ERROR] missing required field: view [json-pointer:/view]")
	}
	if len(raw) > maxView {
		return nil, refuse("view_too_large")
	}
	var view map[string]any
	if json.Unmarshal([]byte(raw), &view) != nil || view == nil {
		return nil, invalidArguments("[ERROR] must be a JSON object [json-pointer:/view]")
	}
	if problems := checkView(view); len(problems) > 0 {
		return nil, invalidArguments(problems...)
	}
	return view, nil
}

// unusedExternalID refuses an external_id of another open view.
func (w *Workspace) unusedExternalID(view map[string]any, but *viewState) error {
	id := text(view["external_id"])
	for _, v := range w.views {
		if id != "" && v != but && text(v.given["external_id"]) == id {
			return refuse("duplicate_external_id")
		}
	}
	return nil
}

// viewsOpen opens a modal in place of the person's open one. From within a modal it is a violation, as not all clients show the new one.
func (w *Workspace) viewsOpen(c *apiCall) (answer, error) {
	view, err := c.givenView()
	if err != nil {
		return nil, err
	}
	t, err := w.trigger(c)
	if err != nil {
		return nil, err
	}
	if err := w.unusedExternalID(view, nil); err != nil {
		return nil, err
	}
	if t.inView {
		w.violate("views.open with a trigger_id of a view, where clients need views.update or a response_action")
	}
	t.used = true
	v := &viewState{id: "V" + strings.ToUpper(w.shortID()), user: t.user, channel: t.channel}
	w.show(v, view)
	w.closeView(w.views[v.user])
	w.views[v.user] = v
	w.recordView("view_opened", v)
	return answer{"view": v.wire(map[string]any{})}, nil
}

func (w *Workspace) viewsUpdate(c *apiCall) (answer, error) {
	view, err := c.givenView()
	if err != nil {
		return nil, err
	}
	id, external := c.args["view_id"], c.args["external_id"]
	if (id == "") == (external == "") {
		return nil, invalidArguments("[ERROR] exactly one of view_id and external_id is required [json-pointer:/view_id]")
	}
	for _, v := range w.views {
		if v.id != id && (external == "" || text(v.given["external_id"]) != external) {
			continue
		}
		if hash := c.args["hash"]; hash != "" && hash != v.hash {
			return nil, refuse("hash_conflict")
		}
		if err := w.updateView(v, view); err != nil {
			return nil, err
		}
		return answer{"view": v.wire(map[string]any{})}, nil
	}
	return nil, refuse("not_found")
}

func (w *Workspace) updateView(v *viewState, view map[string]any) error {
	if err := w.unusedExternalID(view, v); err != nil {
		return err
	}
	w.show(v, view)
	w.recordView("view_updated", v)
	return nil
}

func (w *Workspace) closeView(v *viewState) {
	if v != nil && w.views[v.user] == v {
		delete(w.views, v.user)
		w.recordView(KindViewClosed, v)
	}
}

// answerView applies the response_action in the acknowledgement of a submission. Without one it closes the view.
func (w *Workspace) answerView(v *viewState, payload map[string]any) error {
	action := text(payload["response_action"])
	argument := map[string]string{"errors": "errors", "update": "view"}[action]
	for name := range payload {
		if name != "response_action" && name != argument {
			return fmt.Errorf("%q does not belong to the response_action %q", name, action)
		}
	}
	switch {
	case action == "errors":
		return w.showErrors(v, payload["errors"])
	case action == "update":
		view := object(payload["view"])
		if view == nil {
			return errors.New("no view")
		}
		if problems := checkView(view); len(problems) > 0 {
			return fmt.Errorf("the view has faults: %q", problems)
		}
		return w.updateView(v, view)
	case len(payload) > 0 && action != "clear":
		return fmt.Errorf("an unknown response_action %q", action)
	}
	w.closeView(v)
	return nil
}

// showErrors sets the errors by block_id. It refuses errors for blocks other than inputs.
func (w *Workspace) showErrors(v *viewState, given any) error {
	if len(object(given)) == 0 {
		return errors.New("no errors by block_id")
	}
	inputs := map[string]bool{}
	for _, b := range v.blocks {
		inputs[text(b["block_id"])] = b["type"] == "input"
	}
	shown := map[string]string{}
	for id, e := range object(given) {
		shown[id] = text(e)
		switch {
		case !inputs[id]:
			return fmt.Errorf("the error for %q, which is no input block of the view", id)
		case shown[id] == "":
			return fmt.Errorf("the error for %q is no text", id)
		}
	}
	v.errors = shown
	w.recordView("view_updated", v)
	return nil
}

// View is a snapshot of a view as a client shows it. Later changes of the view do not affect it.
type View struct {
	ID                   string
	Title, Submit, Close string
	PrivateMetadata      string
	Blocks               []map[string]any
	Errors               map[string]string // messages beside the fields, by block_id
	Trouble              string            // message in the view if the app failed to answer, or ""

	values map[fieldKey]any
	names  map[string]string
}

// View returns the person's open view, if there is one.
func (p *Person) View() (View, bool) {
	defer p.w.lock()()
	v := p.w.views[p.id]
	if v == nil {
		return View{}, false
	}
	return p.w.shownView(v), true
}

// shownView copies a view for callers. Blocks are replaced, never modified, so they are shared.
func (w *Workspace) shownView(v *viewState) View {
	return View{
		ID: v.id, Title: textOf(v.given["title"]), Submit: textOf(v.given["submit"]), Close: textOf(v.given["close"]),
		PrivateMetadata: text(v.given["private_metadata"]), Blocks: v.blocks,
		Errors: maps.Clone(v.errors), Trouble: v.trouble, values: maps.Clone(v.values), names: w.names,
	}
}

func (v View) render() *rendered {
	r := &rendered{names: v.names, values: v.values, errors: v.Errors}
	r.blocks(v.Blocks)
	return r
}

// Plain returns the visible text: the title, one line per block, the view's Trouble, its buttons as [Label], and the view's own Close and
// Submit. An input is "Label: value", with the placeholder in parentheses if empty and an error after " ! ", then its hint on a separate
// line.
func (v View) Plain() string {
	r := v.render()
	lines := append([]string{v.Title}, r.lines...)
	if v.Trouble != "" {
		lines = append(lines, "! "+v.Trouble)
	}
	lines = append(lines, bracketed(r.buttons), bracketed([]string{v.Close, v.Submit}))
	return strings.Join(notEmpty(lines), "\n")
}

// Buttons returns the labels of the buttons in the view's blocks, in reading order, without its own Close and Submit.
func (v View) Buttons() []string { return v.render().buttons }

// Fields returns the labels of the view's fields in reading order, see fieldLabel.
func (v View) Fields() []string {
	var labels []string
	for _, f := range fieldsOf(v.Blocks) {
		labels = append(labels, f.label)
	}
	return labels
}

// Value returns the value of the field with a label: the typed text, the text of the chosen option, the chosen #channel, or "".
func (v View) Value(label string) string {
	for _, f := range fieldsOf(v.Blocks) {
		if f.label == label {
			return v.render().held(f)
		}
	}
	return ""
}
