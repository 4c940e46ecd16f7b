package slacksim

import (
	"cmp"
	"unicode/utf8"
)

const (
	maxText       = 40000 // characters of a posted text; the rest is cut
	maxUpdateText = 4000  // characters of an edit's text
	maxMetadata   = 8000  // bytes of a message's metadata
)

func (w *Workspace) content(c *apiCall) (text string, blocks []map[string]any, err error) {
	blocks, err = decodeArg[[]map[string]any](c, "blocks", "invalid_blocks_format")
	if err == nil {
		err = checkBlocks(blocks)
	}
	switch {
	case err != nil:
		return "", nil, err
	case len(blocks) > 0 && w.noBlocks != "":
		return "", nil, refuse(w.noBlocks)
	case c.args["text"] == "" && len(blocks) == 0:
		return "", nil, refuse("no_text")
	}
	return c.args["text"], blocks, nil
}

// metadata decodes and validates a message's metadata. Empty metadata yields nil.
func (c *apiCall) metadata() (map[string]any, error) {
	if len(c.args["metadata"]) > maxMetadata {
		return nil, refuse("metadata_too_large")
	}
	data, err := decodeArg[map[string]any](c, "metadata", "invalid_metadata_format")
	if err != nil || len(data) == 0 {
		return nil, err
	}
	if text(data["event_type"]) == "" || object(data["event_payload"]) == nil || len(data) > 2 {
		return nil, refuse("invalid_metadata_format")
	}
	return data, nil
}

// draft builds the app's message from the arguments of a call. Like Slack, it silently truncates a text that is too long.
func (w *Workspace) draft(c *apiCall) (Message, error) {
	text, blocks, err := w.content(c)
	if err != nil {
		return Message{}, err
	}
	if utf8.RuneCountInString(text) > maxText {
		text = string([]rune(text)[:maxText])
	}
	m := Message{ThreadTS: c.args["thread_ts"], User: botUserID, BotID: botID, Text: text, Blocks: blocks, Parse: c.parse()}
	if m.ThreadTS == "" {
		return m, nil
	}
	start := find(c.channel, m.ThreadTS)
	switch {
	case start == nil:
		return m, refuse("thread_not_found")
	case start.Ephemeral:
		return m, refuse("cannot_reply_to_message")
	case start.isReply():
		w.violate("a thread_ts names the reply %s instead of its parent %s", m.ThreadTS, start.ThreadTS)
		m.ThreadTS = start.ThreadTS
	}
	return m, nil
}

func (c *apiCall) parse() string {
	if c.flag("link_names") {
		return "full"
	}
	return c.args["parse"]
}

func (w *Workspace) postMessage(c *apiCall) (answer, error) {
	m, err := w.draft(c)
	if err != nil {
		return nil, err
	}
	if m.Metadata, err = c.metadata(); err != nil {
		return nil, err
	}
	m.Broadcast = m.ThreadTS != "" && c.flag("reply_broadcast")
	posted := w.post(c.channel, m)
	return answer{"channel": c.channel.ID, "ts": posted.TS, "message": w.wire(posted, true)}, nil
}

func (w *Workspace) postEphemeral(c *apiCall) (answer, error) {
	m, err := w.draft(c)
	switch {
	case err != nil:
		return nil, err
	case !c.channel.has(c.args["user"]):
		return nil, refuse("user_not_in_channel")
	}
	m.Ephemeral, m.For = true, c.args["user"]
	return answer{"message_ts": w.post(c.channel, m).TS}, nil
}

func (c *apiCall) own(refusal string) (*Message, error) {
	m := find(c.channel, c.args["ts"])
	switch {
	case m == nil || m.Ephemeral || m.tombstone:
		return nil, refuse("message_not_found")
	case m.BotID != botID:
		return nil, refuse(refusal)
	}
	return m, nil
}

// chatUpdate edits a message. Text without blocks removes the blocks; omitted metadata is kept, empty metadata clears it.
func (w *Workspace) chatUpdate(c *apiCall) (answer, error) {
	m, err := c.own("cant_update_message")
	if err != nil {
		return nil, err
	}
	text, blocks, err := w.content(c)
	if err != nil {
		return nil, err
	}
	metadata, err := c.metadata()
	switch {
	case err != nil:
		return nil, err
	case utf8.RuneCountInString(text) > maxUpdateText:
		return nil, refuse("msg_too_long")
	}
	if c.args["metadata"] != "" {
		m.Metadata = metadata
	}
	m.Parse = cmp.Or(c.parse(), m.Parse)
	m.Broadcast = m.Broadcast || (m.isReply() && c.flag("reply_broadcast"))
	w.edit(m, text, blocks)
	return answer{"channel": c.channel.ID, "ts": m.TS, "text": m.Text, "message": w.wire(m, true)}, nil
}

func (w *Workspace) chatDelete(c *apiCall) (answer, error) {
	m, err := c.own("cant_delete_message")
	if err != nil {
		return nil, err
	}
	w.remove(c.channel, m)
	return answer{"channel": c.channel.ID, "ts": m.TS}, nil
}
