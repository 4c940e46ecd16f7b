package slacksim

import (
	"errors"
	"fmt"
)

// respondToView does what the acknowledgement of a submission asks for; nothing closes the view.
func (w *Workspace) respondToView(v *viewState, payload map[string]any) error {
	action, _ := payload["response_action"].(string)
	wanted := map[string]string{"errors": "errors", "update": "view", "push": "view"}[action]
	for name := range payload {
		if name != "response_action" && name != wanted {
			return fmt.Errorf("%q does not belong to the response_action %q", name, action)
		}
	}
	switch action {
	case "errors":
		return w.viewErrors(v, payload["errors"])
	case "update", "push":
		return w.viewAnswer(v, payload["view"], action == "push")
	case "clear":
		w.clearViews(v.user)
		return nil
	}
	if len(payload) > 0 {
		return fmt.Errorf("an unknown response_action %q", action)
	}
	w.closeView(v)
	return nil
}

// viewErrors shows errors beside input blocks, the only ones that can have them.
func (w *Workspace) viewErrors(v *viewState, given any) error {
	errs, isObject := given.(map[string]any)
	if !isObject || len(errs) == 0 {
		return errors.New("no errors by block_id")
	}
	inputs := map[string]bool{}
	for _, b := range v.blocks() {
		if id, _ := b["block_id"].(string); b["type"] == "input" {
			inputs[id] = true
		}
	}
	shown := map[string]string{}
	for id, e := range errs {
		text, isText := e.(string)
		switch {
		case !inputs[id]:
			return fmt.Errorf("the error for %q, which is no input block of the view", id)
		case !isText || text == "":
			return fmt.Errorf("the error for %q is no text", id)
		}
		shown[id] = text
	}
	v.errors = shown
	w.recordView(KindViewUpdated, v)
	return nil
}

// viewAnswer shows the view that came with an acknowledgement, in the place of the submitted one or over it.
func (w *Workspace) viewAnswer(v *viewState, given any, push bool) error {
	view, isObject := given.(map[string]any)
	if !isObject {
		return errors.New("no view")
	}
	if problems := checkView(view); len(problems) > 0 {
		return fmt.Errorf("the view has faults: %q", problems)
	}
	but := v
	if push {
		but = nil
	}
	if err := w.unusedExternalID(view, but); err != nil {
		return err
	}
	if !push {
		w.show(v, view)
		w.recordView(KindViewUpdated, v)
		return nil
	}
	if len(w.stack(v.user)) >= maxStack {
		return refuse("push_limit_reached")
	}
	w.pushView(w.newView(v.user, v.channel, view))
	return nil
}
