package slacksim

import (
	"fmt"
	"maps"
)

// chose is the action of a change of a field.
func (w *Workspace) chose(v *viewState, f formField) map[string]any {
	action := map[string]any{"block_id": f.key.block, "action_id": f.key.action, "action_ts": w.nextTS()}
	maps.Copy(action, v.values[f.key])
	if placeholder, given := f.element["placeholder"]; given {
		action["placeholder"] = placeholder
	}
	return action
}

// act sends one action in a view, on what the person reads as label.
func (p *Person) act(v *viewState, action, element map[string]any, label string) *Delivery {
	d := p.w.newDelivery()
	d.user, d.Confirm = p.id, confirmOf(element)
	d.OpenedURL, _ = element["url"].(string)
	d.lost = func() { v.trouble = noConnection }
	d.TriggerID = p.w.newTrigger(trigger{user: p.id, channel: v.channel, view: v.id})
	payload := p.w.viewInteraction("block_actions", p.w.users[p.id], v)
	payload["trigger_id"], payload["actions"] = d.TriggerID, []any{action}
	p.w.record(Event{Kind: KindClick, User: p.id, Text: label})
	return p.w.interact(d, payload, false)
}

// ClickView clicks the first button with a label in the view that the person looks at.
func (p *Person) ClickView(label string) (*Delivery, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	v, err := p.top()
	if err != nil {
		return nil, err
	}
	for _, b := range buttons(v.blocks()) {
		if labelOf(b.element) == label {
			return p.act(v, p.w.action(b), b.element, label), nil
		}
	}
	return nil, fmt.Errorf("the view %q has no button with the label %s", textOf(v.given["title"]), label)
}
