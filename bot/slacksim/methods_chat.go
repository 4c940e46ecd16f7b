package slacksim

import (
	"cmp"
	"strings"
	"unicode/utf8"
)

const (
	maxText       = 40000 // characters of a posted text, the rest is cut
	maxUpdateText = 4000  // characters of an edit's text
	maxMetadata   = 8000  // bytes of a message's metadata
)

// content is what a message is to show, read from a call.
type content struct {
	text   string
	blocks []map[string]any
}

// content reads and checks text and blocks.
func (c *apiCall) content() (content, error) {
	blocks, err := decodeArg[[]map[string]any](c, "blocks", "invalid_blocks_format")
	if err != nil {
		return content{}, err
	}
	if err := checkBlocks(blocks); err != nil {
		return content{}, err
	}
	if len(blocks) > 0 && c.noForm != "" {
		return content{}, refuse(c.noForm)
	}
	if c.args["text"] == "" && len(blocks) == 0 {
		return content{}, refuse("no_text")
	}
	return content{text: c.args["text"], blocks: blocks}, nil
}

// metadata reads and checks a message's metadata; empty metadata is none.
func (c *apiCall) metadata() (map[string]any, error) {
	if len(c.args["metadata"]) > maxMetadata {
		return nil, refuse("metadata_too_large")
	}
	data, err := decodeArg[map[string]any](c, "metadata", "invalid_metadata_format")
	if err != nil || len(data) == 0 {
		return nil, err
	}
	kind, _ := data["event_type"].(string)
	if _, payload := data["event_payload"].(map[string]any); kind == "" || !payload || len(data) > 2 {
		return nil, refuse("invalid_metadata_format")
	}
	return data, nil
}

// writable finds the channel that the bot may write to. A user's id stands for the direct message with them.
func (w *Workspace) writable(id string) (*channelState, error) {
	if u := w.users[id]; u != nil && !u.IsBot && !u.Deleted {
		return w.directMessage(id), nil
	}
	c, err := w.readable(id)
	switch {
	case err != nil:
		return nil, err
	case c.IM && !w.app.messages:
		return nil, refuse("messages_tab_disabled")
	case c.Archived:
		return nil, refuse("is_archived")
	case !c.BotIsMember:
		return nil, refuse("not_in_channel")
	}
	return c, nil
}

// readable finds a channel that the bot may know of.
func (w *Workspace) readable(id string) (*channelState, error) {
	c := w.channels[id]
	if c == nil || (!c.BotIsMember && (c.Private || c.IM)) {
		return nil, refuse("channel_not_found")
	}
	return c, nil
}

// thread checks a thread_ts argument and returns the thread it means.
func (w *Workspace) thread(c *channelState, ts string) (string, error) {
	if ts == "" {
		return "", nil
	}
	m := find(c, ts)
	switch {
	case m == nil:
		return "", refuse("thread_not_found")
	case m.Ephemeral:
		return "", refuse("cannot_reply_to_message")
	case m.isReply():
		w.violate("a thread_ts names the reply %s instead of its parent %s", ts, m.ThreadTS)
		return m.ThreadTS, nil
	}
	return ts, nil
}

func (w *Workspace) postMessage(c *apiCall) (answer, error) {
	channel, err := w.writable(c.args["channel"])
	if err != nil {
		return nil, err
	}
	shown, err := c.content()
	if err != nil {
		return nil, err
	}
	metadata, err := c.metadata()
	if err != nil {
		return nil, err
	}
	thread, err := w.thread(channel, c.args["thread_ts"])
	if err != nil {
		return nil, err
	}
	m := w.post(channel, Message{
		ThreadTS: thread, User: w.opts.BotUserID, BotID: w.opts.BotID, Text: clip(shown.text),
		Blocks: shown.blocks, Metadata: metadata, Broadcast: thread != "" && c.flag("reply_broadcast"),
		Parse: c.args["parse"], linkNames: c.flag("link_names"),
	})
	return answer{"channel": channel.ID, "ts": m.TS, "message": w.wire(m, true)}, nil
}

func (w *Workspace) postEphemeral(c *apiCall) (answer, error) {
	channel, err := w.writable(c.args["channel"])
	if err != nil {
		return nil, err
	}
	shown, err := c.content()
	if err != nil {
		return nil, err
	}
	if !channel.has(c.args["user"]) {
		return nil, refuse("user_not_in_channel")
	}
	thread, err := w.thread(channel, c.args["thread_ts"])
	if err != nil {
		return nil, err
	}
	m := w.post(channel, Message{
		ThreadTS: thread, User: w.opts.BotUserID, BotID: w.opts.BotID, Text: clip(shown.text), Blocks: shown.blocks,
		Ephemeral: true, For: c.args["user"], Parse: c.args["parse"], linkNames: c.flag("link_names"),
	})
	return answer{"message_ts": m.TS}, nil
}

// own finds a message that the app may change.
func (w *Workspace) own(c *apiCall, refusal string) (*channelState, *Message, error) {
	if w.users[c.args["channel"]] != nil {
		return nil, nil, refuse("channel_not_found") // a user's id works for posting only
	}
	channel, err := w.writable(c.args["channel"])
	if err != nil {
		return nil, nil, err
	}
	m := find(channel, c.args["ts"])
	switch {
	case m == nil || m.Ephemeral || m.tombstone:
		return nil, nil, refuse("message_not_found")
	case m.BotID != w.opts.BotID:
		return nil, nil, refuse(refusal)
	}
	return channel, m, nil
}

// chatUpdate edits a message: text without blocks removes the blocks, metadata
// left out stays, empty metadata clears it.
func (w *Workspace) chatUpdate(c *apiCall) (answer, error) {
	channel, m, err := w.own(c, "cant_update_message")
	if err != nil {
		return nil, err
	}
	shown, err := c.content()
	if err != nil {
		return nil, err
	}
	metadata, err := c.metadata()
	switch {
	case err != nil:
		return nil, err
	case utf8.RuneCountInString(shown.text) > maxUpdateText:
		return nil, refuse("msg_too_long")
	}
	if c.args["metadata"] != "" {
		m.Metadata = metadata
	}
	m.Parse = cmp.Or(c.args["parse"], m.Parse)
	m.Broadcast = m.Broadcast || (m.isReply() && c.flag("reply_broadcast"))
	w.edit(m, shown.text, shown.blocks)
	return answer{"channel": channel.ID, "ts": m.TS, "text": m.Text, "message": w.wire(m, true)}, nil
}

func (w *Workspace) chatDelete(c *apiCall) (answer, error) {
	channel, m, err := w.own(c, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	w.remove(channel, m)
	return answer{"channel": channel.ID, "ts": m.TS}, nil
}

func (w *Workspace) getPermalink(c *apiCall) (answer, error) {
	channel, err := w.readable(c.args["channel"])
	if err != nil {
		return nil, err
	}
	m := find(channel, c.args["message_ts"])
	if m == nil || m.Ephemeral {
		return nil, refuse("message_not_found")
	}
	link := "https://" + w.opts.TeamDomain + ".slack.com/archives/" + channel.ID + "/p" + strings.ReplaceAll(m.TS, ".", "")
	if m.isReply() {
		link += "?thread_ts=" + m.ThreadTS + "&cid=" + channel.ID
	}
	return answer{"channel": channel.ID, "permalink": link}, nil
}

// clip cuts a text that is too long, silently as Slack does.
func clip(text string) string {
	if utf8.RuneCountInString(text) <= maxText {
		return text
	}
	return string([]rune(text)[:maxText])
}
