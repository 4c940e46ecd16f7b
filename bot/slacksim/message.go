package slacksim

import (
	"cmp"
	"maps"
	"slices"
)

// Message is a snapshot of a message as a client shows it. Later changes of the message do not affect it.
type Message struct {
	TS       string
	ThreadTS string // the thread's parent; set on the parent too once it has replies
	Channel  string
	User     string // the author
	BotID    string // set if an app is the author
	Text     string
	Blocks   []map[string]any
	Metadata map[string]any // event_type and event_payload, nil for none

	Ephemeral bool
	For       string // the only reader of an ephemeral message
	Edits     int
	Broadcast bool   // a reply also shown in the channel
	Parse     string // how links and names in the text are recognised: "full", "none" or "" for the default

	editedTS  string
	tombstone bool
	replies   int
	names     map[string]string
	foreign   map[string]any // fields that override ours on the wire
}

func (w *Workspace) post(c *channelState, m Message) *Message {
	m.TS, m.Channel = w.nextTS(), c.ID
	m.Blocks = w.identified(m.Blocks)
	c.messages = append(c.messages, &m)
	kind := KindPosted
	switch {
	case m.Ephemeral:
		kind = KindEphemeral
	case m.BotID != botID:
		kind = KindSaid
	}
	if start := parent(c, m.ThreadTS); start != nil && !m.Ephemeral {
		start.ThreadTS = start.TS
		start.replies++
	}
	w.recordMessage(kind, &m)
	return &m
}

// Foreign posts a message of another app, in a thread unless that is "", and returns its timestamp. The Web API shows the message with the
// given fields, such as a bot_id, metadata or unknown elements.
func (w *Workspace) Foreign(channel, thread string, shows map[string]any) string {
	defer w.lock()()
	m := Message{ThreadTS: thread, User: "U0OTHER", BotID: "B0OTHER", Text: text(shows["text"]), foreign: shows}
	return w.post(w.channels[channel], m).TS
}

func (w *Workspace) edit(m *Message, text string, blocks []map[string]any) {
	m.Text, m.Blocks = text, w.identified(blocks)
	m.editedTS = w.nextTS()
	m.Edits++
	w.recordMessage(KindUpdated, m)
}

// remove deletes a message. Like in Slack, a parent with replies leaves a tombstone.
func (w *Workspace) remove(c *channelState, m *Message) {
	if m.replies > 0 {
		m.Text, m.Blocks, m.Metadata, m.tombstone = "This message was deleted.", nil, nil, true
	} else {
		c.messages = slices.DeleteFunc(c.messages, func(o *Message) bool { return o == m })
		if start := parent(c, m.ThreadTS); start != nil && start != m {
			start.replies--
		}
	}
	w.recordMessage(KindDeleted, m)
}

func (w *Workspace) recordMessage(kind string, m *Message) {
	snapshot := w.snapshot(m)
	w.record(Event{Kind: kind, Channel: m.Channel, User: cmp.Or(m.For, m.User), TS: m.TS, Text: m.Text, Message: &snapshot})
}

// snapshot copies a message for callers. Blocks are replaced, never modified, so they are shared.
func (w *Workspace) snapshot(m *Message) Message {
	s := *m
	s.names = w.names
	return s
}

// find returns a message of a channel by its timestamp, or nil.
func find(c *channelState, ts string) *Message {
	for _, m := range slices.Backward(c.messages) {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

// parent returns the message that starts the thread ts, or nil.
func parent(c *channelState, ts string) *Message {
	if ts == "" {
		return nil
	}
	m := find(c, ts)
	if m == nil || m.Ephemeral || m.isReply() {
		return nil
	}
	return m
}

func (m *Message) isReply() bool { return m.ThreadTS != "" && m.ThreadTS != m.TS }

// wire returns the message as the Web API and payloads show it.
func (w *Workspace) wire(m *Message, metadata bool) map[string]any {
	out := map[string]any{"type": "message", "user": m.User, "text": m.Text, "ts": m.TS, "team": w.teamOf(m.User)}
	switch m.BotID {
	case "":
	case botID:
		out["bot_id"], out["app_id"] = botID, appID
		out["bot_profile"] = map[string]any{
			"id": botID, "app_id": appID, "name": w.app.BotName, "team_id": teamID,
			"deleted": false, "updated": 1700000000, "icons": map[string]any{},
		}
	default:
		out["bot_id"], out["app_id"] = m.BotID, "A"+m.BotID[1:]
	}
	if len(m.Blocks) > 0 {
		out["blocks"] = m.Blocks
	}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
	}
	if m.replies > 0 {
		out["reply_count"] = m.replies
	}
	if m.editedTS != "" {
		out["edited"] = map[string]any{"user": m.User, "ts": m.editedTS}
	}
	if metadata && m.Metadata != nil {
		out["metadata"] = m.Metadata
	}
	switch {
	case m.tombstone:
		out["subtype"] = "tombstone"
	case m.Broadcast:
		out["subtype"] = "thread_broadcast"
	}
	maps.Copy(out, m.foreign)
	return out
}
