package slacksim

import (
	"fmt"
	"strings"
)

// Say posts a message as the person, into a thread where threadTS is not empty.
// One that mentions the bot reaches the app as Mention's does.
func (p *Person) Say(channel, threadTS, text string) (Message, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	m, _, err := p.say(channel, threadTS, p.w.messageText(text))
	return m, err
}

// Mention posts a text that mentions the bot, typed as "@c66bot" or "<@U0C66BOT>".
// The Delivery is that of app_mention; it has failed where the app gets none:
// it does not subscribe to it, or is no member of the channel.
func (p *Person) Mention(channel, threadTS, text string) (Message, *Delivery, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	converted := p.w.messageText(text)
	if !p.w.mentionsBot(converted) {
		return Message{}, nil, fmt.Errorf("%q does not mention @%s", text, p.w.opts.BotName)
	}
	return p.say(channel, threadTS, converted)
}

// Edit changes what the person said. Where the text mentions the bot afterwards,
// the app gets app_mention, once more if it did before, with "edited".
func (p *Person) Edit(channel, ts, text string) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	c, u := p.w.channels[channel], p.w.users[p.id]
	if c == nil || u == nil || u.Deleted || !c.has(p.id) || c.Archived {
		return fmt.Errorf("%s cannot edit in %s", p.id, channel)
	}
	m := find(c, ts)
	if m == nil || m.User != p.id || m.Ephemeral || m.tombstone {
		return fmt.Errorf("%s has no message %s in %s", p.id, ts, channel)
	}
	converted := p.w.messageText(text)
	m.rich = p.w.richText(converted)
	p.w.edit(m, converted, nil)
	if p.w.mentionsBot(m.Text) {
		p.w.emitMention(c, m, m.editedTS)
	}
	return nil
}

// say posts a text in Slack's form.
func (p *Person) say(channel, threadTS, text string) (Message, *Delivery, error) {
	c, u := p.w.channels[channel], p.w.users[p.id]
	if c == nil || u == nil || u.Deleted || !c.has(p.id) || c.Archived {
		return Message{}, nil, fmt.Errorf("%s cannot post in %s", p.id, channel)
	}
	if threadTS != "" && parent(c, threadTS) == nil {
		return Message{}, nil, fmt.Errorf("%s has no thread %s", channel, threadTS)
	}
	m := Message{User: p.id, ThreadTS: threadTS, Text: clip(text), rich: p.w.richText(text)}
	if u.IsBot {
		m.BotID = u.botID()
	} else {
		n := p.w.nextID()
		m.clientID = fmt.Sprintf("%08x-5a1d-4c66-9c66-%012x", n, n)
	}
	posted := p.w.post(c, m)
	if !p.w.mentionsBot(text) {
		return p.w.snapshot(posted), nil, nil
	}
	d := p.w.emitMention(c, posted, posted.TS)
	return p.w.snapshot(posted), d, nil
}

// mentionsBot tells whether a text in Slack's form mentions the bot.
func (w *Workspace) mentionsBot(text string) bool {
	return strings.Contains(text, "<@"+w.opts.BotUserID+">")
}

// emitMention tells the app that it was mentioned. There is no app_mention in
// direct messages, nor where the bot is not.
func (w *Workspace) emitMention(c *channelState, m *Message, eventTS string) *Delivery {
	switch {
	case c.IM:
		return w.newDelivery().fail("direct_message", "Slack sends no app_mention in direct messages")
	case !c.BotIsMember:
		return w.newDelivery().fail("not_in_channel", "the bot is no member of "+c.ID)
	}
	event := w.wire(m, false)
	delete(event, "reply_count")
	delete(event, "subtype")
	event["type"], event["channel"], event["event_ts"] = "app_mention", c.ID, eventTS
	if start := parent(c, m.ThreadTS); start != nil && m.isReply() {
		event["parent_user_id"] = start.User
	}
	if team := w.teamOf(m.User); c.Shared || team != w.opts.TeamID {
		event["user_team"], event["source_team"] = team, team
	}
	return w.emit(event)
}

// teamOf is the team of a user, the workspace's own for one that it does not know.
func (w *Workspace) teamOf(user string) string {
	if u := w.users[user]; u != nil {
		return u.TeamID
	}
	return w.opts.TeamID
}
