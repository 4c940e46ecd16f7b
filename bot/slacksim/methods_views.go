package slacksim

import "encoding/json"

// maxView is the largest view in bytes.
const maxView = 250 << 10

// givenView reads and checks the view argument.
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

// unusedExternalID refuses an external_id that another open view has.
func (w *Workspace) unusedExternalID(view map[string]any, but *viewState) error {
	id, _ := view["external_id"].(string)
	for _, v := range w.views {
		if id != "" && v != but && v.text("external_id") == id {
			return refuse("duplicate_external_id")
		}
	}
	return nil
}

// triggered reads the view and the trigger of a call that shows a new view.
func (w *Workspace) triggered(c *apiCall) (map[string]any, *trigger, error) {
	view, err := c.givenView()
	if err != nil {
		return nil, nil, err
	}
	t, err := w.trigger(c)
	if err != nil {
		return nil, nil, err
	}
	return view, t, w.unusedExternalID(view, nil)
}

// viewsOpen opens a modal. By what people do in a modal it is against the rules:
// Slack answers ok, but not all clients show the new one.
func (w *Workspace) viewsOpen(c *apiCall) (answer, error) {
	view, t, err := w.triggered(c)
	if err != nil {
		return nil, err
	}
	if t.view != "" {
		w.violate("views.open with the trigger_id of the view %s, where clients need views.push or a response_action", t.view)
	}
	t.used = true
	v := w.newView(t.user, t.channel, view)
	w.openView(v)
	return answer{"view": w.wireView(v, false)}, nil
}

// viewsPush puts a view over the one that was acted on. A trigger that comes
// from elsewhere has no modal to push to.
func (w *Workspace) viewsPush(c *apiCall) (answer, error) {
	view, t, err := w.triggered(c)
	switch {
	case err != nil:
		return nil, err
	case w.views[t.view] == nil:
		return nil, refuse("not_found")
	case len(w.stack(t.user)) >= maxStack:
		return nil, refuse("push_limit_reached")
	}
	t.used = true
	v := w.newView(t.user, w.views[t.view].channel, view)
	w.pushView(v)
	return answer{"view": w.wireView(v, false)}, nil
}

func (w *Workspace) viewsUpdate(c *apiCall) (answer, error) {
	view, err := c.givenView()
	if err != nil {
		return nil, err
	}
	v, err := w.named(c)
	if err != nil {
		return nil, err
	}
	if hash := c.args["hash"]; hash != "" && hash != v.hash {
		return nil, refuse("hash_conflict")
	}
	if err := w.unusedExternalID(view, v); err != nil {
		return nil, err
	}
	w.show(v, view)
	w.recordView(KindViewUpdated, v)
	return answer{"view": w.wireView(v, false)}, nil
}

// named finds the open view that view_id or external_id names, one of which must be given.
func (w *Workspace) named(c *apiCall) (*viewState, error) {
	id, external := c.args["view_id"], c.args["external_id"]
	if (id == "") == (external == "") {
		return nil, invalidArguments("[ERROR] exactly one of view_id and external_id is required [json-pointer:/view_id]")
	}
	if v := w.views[id]; v != nil {
		return v, nil
	}
	for _, v := range w.views {
		if external != "" && v.text("external_id") == external {
			return v, nil
		}
	}
	return nil, refuse("not_found")
}
