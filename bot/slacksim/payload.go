package slacksim

import (
	"fmt"
	"maps"
	"time"
)

const (
	verificationToken = "c66VerificationTokenX24" // deprecated by Slack; not a real credential
	notInteractive    = "This app is not configured to handle interactive responses."
	triggerLife       = 3 * time.Second // how long a trigger_id can be exchanged for a modal
)

// trigger is the state of a trigger_id.
type trigger struct {
	user    string
	channel string // of the interaction, "" if Slack does not report it
	inView  bool   // from an interaction with a view
	until   time.Time
	used    bool
}

func (w *Workspace) newTrigger(t trigger) string {
	n := w.nextID()
	id := fmt.Sprintf("%d.%d.%032x", 7000000000000+n, 6000000000+n, n*2654435761)
	t.until = time.Now().Add(triggerLife)
	w.triggers[id] = &t
	return id
}

// trigger returns the usable trigger of a call's trigger_id. The caller marks it as used.
func (w *Workspace) trigger(c *apiCall) (*trigger, error) {
	id := c.args["trigger_id"]
	t := w.triggers[id]
	switch {
	case id == "":
		return nil, invalidArguments("[ERROR] missing required field: trigger_id [json-pointer:/trigger_id]")
	case t == nil:
		return nil, refuse("invalid_trigger_id")
	case t.used:
		return nil, refuse("exchanged_trigger_id")
	case time.Now().After(t.until):
		return nil, refuse("expired_trigger_id")
	}
	return t, nil
}

// interact sends an interactive payload. It fails if the manifest does not enable interactivity.
func (w *Workspace) interact(d *Delivery, payload map[string]any, accepts bool) *Delivery {
	if !w.app.Interactivity {
		w.touch()
		return d.fail("interactivity_disabled", notInteractive)
	}
	return w.dispatch("interactive", payload, accepts, d)
}

func (w *Workspace) interaction(kind string, u *User) map[string]any {
	return map[string]any{
		"type": kind, "api_app_id": appID, "token": verificationToken,
		"user":       map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"team":       map[string]any{"id": teamID, "domain": w.opts.TeamDomain},
		"enterprise": nil, "is_enterprise_install": false,
	}
}

// commandPayload returns a slash command's payload. is_enterprise_install is a string, in every second payload only.
func (w *Workspace) commandPayload(d *Delivery, c *channelState, u *User, command, text string) map[string]any {
	d.TriggerID = w.newTrigger(trigger{user: u.ID, channel: c.ID})
	d.ResponseURL = w.newHook(hook{channel: c, user: u.ID})
	w.slashes++
	payload := map[string]any{
		"token": verificationToken, "team_id": u.TeamID, "team_domain": w.opts.TeamDomain,
		"channel_id": c.ID, "channel_name": payloadName(c), "user_id": u.ID, "user_name": u.Name,
		"command": command, "text": text, "api_app_id": appID,
		"response_url": d.ResponseURL, "trigger_id": d.TriggerID,
	}
	if w.slashes%2 == 1 {
		payload["is_enterprise_install"] = "false"
	}
	return payload
}

// payloadName returns a channel's name in payloads, which hide the names of private channels.
func payloadName(c *channelState) string {
	switch {
	case c.IM:
		return "directmessage"
	case c.Private:
		return "privategroup"
	}
	return c.Name
}

// clickPayload returns the block_actions payload of a button on a message. It does not contain an ephemeral message.
func (w *Workspace) clickPayload(d *Delivery, c *channelState, u *User, m *Message, b button) map[string]any {
	d.TriggerID = w.newTrigger(trigger{user: u.ID, channel: c.ID})
	d.ResponseURL = w.newHook(hook{channel: c, user: u.ID, source: m.TS})
	container := map[string]any{"type": "message", "message_ts": m.TS, "channel_id": c.ID, "is_ephemeral": m.Ephemeral}
	if m.ThreadTS != "" {
		container["thread_ts"] = m.ThreadTS
	}
	payload := w.interaction("block_actions", u)
	maps.Copy(payload, map[string]any{
		"container": container, "channel": map[string]any{"id": c.ID, "name": payloadName(c)},
		"trigger_id": d.TriggerID, "response_url": d.ResponseURL,
		"state": map[string]any{"values": map[string]any{}}, "actions": []any{w.clickAction(b)},
	})
	if !m.Ephemeral {
		payload["message"] = w.wire(m, true)
	}
	return payload
}

func (w *Workspace) clickAction(b button) map[string]any {
	action := map[string]any{"type": "button", "block_id": b.blockID, "action_ts": w.nextTS()}
	for _, name := range []string{"action_id", "text", "value", "style", "url"} {
		if v, given := b.element[name]; given {
			action[name] = v
		}
	}
	return action
}

func (w *Workspace) eventPayload(event map[string]any) map[string]any {
	inner := map[string]any{"event_ts": w.nextTS()}
	maps.Copy(inner, event)
	id := fmt.Sprintf("Ev0C66%06d", w.nextID())
	c := w.channels[text(event["channel"])]
	return map[string]any{
		"token": verificationToken, "team_id": teamID, "api_app_id": appID, "type": "event_callback",
		"event": inner, "event_id": id, "event_time": time.Now().Unix(), "event_context": "4-" + id,
		"is_ext_shared_channel": c != nil && c.Shared,
		"authorizations": []any{map[string]any{
			"enterprise_id": nil, "team_id": teamID, "user_id": botUserID, "is_bot": true, "is_enterprise_install": false,
		}},
	}
}
