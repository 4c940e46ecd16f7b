package slacksim

import (
	"fmt"
	"slices"
)

// Shortcut uses the app's global shortcut with a callback_id. One that the app
// does not declare is not there: the Delivery has failed.
func (p *Person) Shortcut(callbackID string) *Delivery {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	d, u := p.w.newDelivery(), p.w.users[p.id]
	d.user = p.id
	switch {
	case u == nil || u.Deleted:
		return d.fail("user_not_found", p.id+" is not here")
	case !slices.Contains(p.w.app.shortcuts, callbackID) || !slices.Contains(p.w.opts.BotScopes, "commands"):
		return d.fail("unknown_shortcut", fmt.Sprintf("the app has no shortcut %q", callbackID))
	}
	d.TriggerID = p.w.newTrigger(trigger{user: u.ID})
	payload := p.w.interaction("shortcut", u)
	payload["callback_id"], payload["trigger_id"], payload["action_ts"] = callbackID, d.TriggerID, p.w.nextTS()
	p.w.record(Event{Kind: KindShortcut, User: p.id, Text: callbackID})
	return p.w.interact(d, payload, false)
}
