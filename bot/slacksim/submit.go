package slacksim

import "fmt"

// Submit presses the view's submit button. What Slack's client itself refuses,
// such as an empty field that is not optional, is shown beside the fields and
// returned as an error; nothing is sent then.
func (p *Person) Submit() (*Delivery, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	v, err := p.top()
	switch {
	case err != nil:
		return nil, err
	case v.given["submit"] == nil:
		return nil, fmt.Errorf("the view %q has no submit button", textOf(v.given["title"]))
	case v.sending:
		return nil, fmt.Errorf("the view %q is being submitted", textOf(v.given["title"]))
	}
	v.trouble, v.errors = "", v.unfilled()
	p.w.touch()
	if len(v.errors) > 0 {
		return nil, fmt.Errorf("submit the view %q: %v", textOf(v.given["title"]), v.errors)
	}
	return p.submit(v), nil
}

func (p *Person) submit(v *viewState) *Delivery {
	d := p.w.newDelivery()
	d.user, v.sending = p.id, true
	d.TriggerID = p.w.newTrigger(trigger{user: p.id, channel: v.channel, view: v.id})
	d.lost = func() { v.sending, v.trouble = false, noConnection }
	d.taken = func(payload map[string]any) {
		v.sending = false
		if p.w.views[v.id] != v {
			return // closed meanwhile
		}
		if err := p.w.respondToView(v, payload); err != nil {
			v.trouble = noConnection
			p.w.violate("envelope %s: the answer to the submission is refused: %v", d.EnvelopeID, err)
		}
	}
	payload := p.w.interaction("view_submission", p.w.users[p.id])
	payload["trigger_id"], payload["view"] = d.TriggerID, p.w.wireView(v, true)
	payload["response_urls"] = p.w.formURLs(v, d)
	p.w.record(Event{Kind: KindSubmitted, User: p.id, Text: v.text("callback_id")})
	return p.w.interact(d, payload, true)
}

// formURLs are the response_urls of the selects that ask for one.
func (w *Workspace) formURLs(v *viewState, d *Delivery) []any {
	urls := []any{}
	for _, f := range v.fields() {
		asked, _ := f.element["response_url_enabled"].(bool)
		id, _ := v.values[f.key][f.kind.state].(string)
		if !asked || id == "" {
			continue
		}
		d.ResponseURL = w.newHook("app", hook{channel: id, user: v.user})
		urls = append(urls, map[string]any{
			"block_id": f.key.block, "action_id": f.key.action, "channel_id": id, "response_url": d.ResponseURL,
		})
	}
	return urls
}
