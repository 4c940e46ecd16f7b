package slacksim

import (
	"fmt"
	"maps"
	"strconv"
	"time"
)

const verificationToken = "c66VerificationTokenX24" // deprecated by Slack, and here of a simulated app

// commandPayload is a slash command's payload. is_enterprise_install is text there, and is sometimes left out.
func (w *Workspace) commandPayload(d *Delivery, c *channelState, u *User, command, text string) map[string]any {
	d.TriggerID = w.newTrigger(trigger{user: u.ID, channel: c.ID})
	d.ResponseURL = w.newHook("commands", hook{channel: c.ID, user: u.ID})
	w.slashes++
	payload := map[string]any{
		"token": verificationToken, "team_id": u.TeamID, "team_domain": w.opts.TeamDomain,
		"channel_id": c.ID, "channel_name": payloadName(c), "user_id": u.ID, "user_name": u.Name,
		"command": command, "text": text, "api_app_id": w.opts.AppID,
		"response_url": d.ResponseURL, "trigger_id": d.TriggerID,
	}
	if w.slashes%2 == 1 {
		payload["is_enterprise_install"] = "false"
	}
	return payload
}

// payloadName is a channel's name in payloads, where private ones have none.
func payloadName(c *channelState) string {
	switch {
	case c.IM:
		return "directmessage"
	case c.Private:
		return "privategroup"
	}
	return c.Name
}

// clickPayload is a block_actions payload of a button on a message. An
// ephemeral message does not come with it.
func (w *Workspace) clickPayload(d *Delivery, c *channelState, u *User, m *Message, b button) map[string]any {
	d.TriggerID = w.newTrigger(trigger{user: u.ID, channel: c.ID})
	d.ResponseURL = w.newHook("actions", hook{channel: c.ID, user: u.ID, source: m.TS})
	container := map[string]any{
		"type": "message", "message_ts": m.TS, "channel_id": c.ID, "is_ephemeral": m.Ephemeral,
	}
	if m.ThreadTS != "" {
		container["thread_ts"] = m.ThreadTS
	}
	payload := w.interaction("block_actions", u)
	maps.Copy(payload, map[string]any{
		"container": container, "channel": map[string]any{"id": c.ID, "name": payloadName(c)},
		"trigger_id": d.TriggerID, "response_url": d.ResponseURL,
		"state": map[string]any{"values": map[string]any{}}, "actions": []any{w.action(b)},
	})
	if !m.Ephemeral {
		payload["message"] = w.wire(m, true)
	}
	return payload
}

// action is the one element of a click's actions.
func (w *Workspace) action(b button) map[string]any {
	action := map[string]any{"type": "button", "block_id": b.blockID, "action_ts": w.nextTS(), "action_id": shortID(w.nextID())}
	for _, name := range []string{"action_id", "text", "value", "style", "url"} {
		if v, given := b.element[name]; given {
			action[name] = v
		}
	}
	return action
}

// eventPayload wraps an event as the Events API does.
func (w *Workspace) eventPayload(event map[string]any) map[string]any {
	inner := map[string]any{"event_ts": w.nextTS()}
	maps.Copy(inner, event)
	id := fmt.Sprintf("Ev0C66%06d", w.nextID())
	return map[string]any{
		"token": verificationToken, "team_id": w.opts.TeamID, "api_app_id": w.opts.AppID, "type": "event_callback",
		"event": inner, "event_id": id, "event_time": time.Now().Unix(), "event_context": "4-" + id,
		"is_ext_shared_channel": w.isShared(event["channel"]),
		"authorizations": []any{map[string]any{
			"enterprise_id": nil, "team_id": w.opts.TeamID, "user_id": w.opts.BotUserID, "is_bot": true, "is_enterprise_install": false,
		}},
	}
}

// isShared tells whether an event's channel, if it has one, is shared with another organisation.
func (w *Workspace) isShared(channel any) bool {
	id, _ := channel.(string)
	c := w.channels[id]
	return c != nil && c.Shared
}

// envelopeID looks like a UUID and tells its number.
func envelopeID(n int) string { return fmt.Sprintf("%08x-c66b-4c66-8c66-%012x", n, n) }

// shortID is a number in the letters and digits of Slack's short ids.
func shortID(n int) string { return strconv.FormatInt(int64(n)+46656, 36) }
