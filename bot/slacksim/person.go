package slacksim

import (
	"fmt"
	"slices"
	"strings"
)

// Person acts as a user of the workspace.
type Person struct {
	w  *Workspace
	id string
}

// Person returns the person with a user id. An unknown user cannot act; Sees and Thread do not check the user.
func (w *Workspace) Person(userID string) *Person { return &Person{w: w, id: userID} }

func (p *Person) in(channel string) (*channelState, *User, error) {
	c, u := p.w.channels[channel], p.w.users[p.id]
	if c == nil || u == nil || u.Deleted || !c.has(p.id) {
		return nil, nil, fmt.Errorf("%s is no member of %s", p.id, channel)
	}
	return c, u, nil
}

// Command sends a slash command with its text, such as "/c66 list web". A refusal by Slack itself is a failed Delivery.
func (p *Person) Command(channel, typed string) *Delivery {
	defer p.w.lock()()
	d := p.w.newDelivery(channel, p.id)
	typed = strings.TrimSpace(typed)
	command, rest, _ := strings.Cut(typed, " ")
	escapes, declared := p.w.app.Commands[command]
	c, u, err := p.in(channel)
	switch {
	case err != nil:
		return d.fail("not_in_channel", err.Error())
	case c.Archived:
		return d.fail("is_archived", "You can't use slash commands in an archived channel.")
	case !declared || !slices.Contains(p.w.opts.BotScopes, "commands"):
		return d.fail("unknown_command", command+" is not a valid command.")
	}
	rest = strings.TrimSpace(rest)
	if escapes {
		rest = p.w.escape(rest)
	}
	p.w.record(Event{Kind: "command", Channel: channel, User: p.id, Text: typed})
	return p.w.dispatch("slash_commands", p.w.commandPayload(d, c, u, command, rest), true, d)
}

// Shortcut uses the app's global shortcut with a callback_id. An undeclared one is a failed Delivery.
func (p *Person) Shortcut(callbackID string) *Delivery {
	defer p.w.lock()()
	d, u := p.w.newDelivery("", p.id), p.w.users[p.id]
	declared := func(s Shortcut) bool { return s.Type == "global" && s.CallbackID == callbackID }
	switch {
	case u == nil || u.Deleted:
		return d.fail("user_not_found", p.id+" is not here")
	case !slices.ContainsFunc(p.w.app.Shortcuts, declared) || !slices.Contains(p.w.opts.BotScopes, "commands"):
		return d.fail("unknown_shortcut", fmt.Sprintf("the app has no shortcut %q", callbackID))
	}
	d.TriggerID = p.w.newTrigger(trigger{user: u.ID})
	payload := p.w.interaction("shortcut", u)
	payload["callback_id"], payload["trigger_id"], payload["action_ts"] = callbackID, d.TriggerID, p.w.nextTS()
	p.w.record(Event{Kind: "shortcut", User: p.id, Text: callbackID})
	return p.w.interact(d, payload, false)
}

// Sees returns the person's timeline of a channel, oldest first: messages, broadcast replies and their ephemerals.
func (p *Person) Sees(channel string) []Message {
	return p.visible(channel, func(m *Message) bool { return !m.isReply() || m.Broadcast })
}

// Thread returns a thread as the person sees it: the parent, then the replies, oldest first.
func (p *Person) Thread(channel, ts string) []Message {
	return p.visible(channel, func(m *Message) bool { return m.TS == ts || m.ThreadTS == ts })
}

func (p *Person) visible(channel string, in func(*Message) bool) []Message {
	defer p.w.lock()()
	c := p.w.channels[channel]
	if c == nil || !c.sees(p.id) {
		return nil
	}
	var seen []Message
	for _, m := range c.messages {
		if in(m) && p.reads(m) {
			seen = append(seen, p.w.snapshot(m))
		}
	}
	return seen
}

// reads reports whether a message of a visible channel is shown to the person.
func (p *Person) reads(m *Message) bool { return !m.Ephemeral || m.For == p.id }

// button is a button element with the id of its block.
type button struct {
	blockID string
	element map[string]any
}

// is reports whether a label or an Address names the button.
func (b button) is(label string) bool {
	return textOf(b.element["text"]) == label || Address(b.blockID, text(b.element["action_id"])) == label
}

func buttons(blocks []map[string]any) []button {
	var found []button
	for _, b := range blocks {
		for _, e := range elementsOf(b) {
			if e["type"] == "button" {
				found = append(found, button{blockID: text(b["block_id"]), element: e})
			}
		}
	}
	return found
}

// elementsOf returns the interactive elements of a block.
func elementsOf(block map[string]any) []map[string]any {
	found := []map[string]any{object(block["accessory"]), object(block["element"])}
	if block["type"] == "actions" {
		found = append(found, objects(block["elements"])...)
	}
	return slices.DeleteFunc(found, func(e map[string]any) bool { return e == nil })
}

// Click clicks the first button with a label on the current state of a message. It accepts a confirm dialog and notes it in the Delivery.
func (p *Person) Click(channel string, m Message, label string) (*Delivery, error) {
	return p.click(channel, m, label, false)
}

// ClickOld clicks a button of the message as m shows it, like a client that missed a later edit.
func (p *Person) ClickOld(channel string, m Message, label string) (*Delivery, error) {
	return p.click(channel, m, label, true)
}

func (p *Person) click(channel string, m Message, label string, old bool) (*Delivery, error) {
	defer p.w.lock()()
	c, u, err := p.in(channel)
	if err != nil {
		return nil, err
	}
	current := find(c, m.TS)
	if current == nil || current.tombstone || !p.reads(current) {
		return nil, fmt.Errorf("%s sees no message %s in %s", p.id, m.TS, channel)
	}
	blocks := current.Blocks
	if old {
		blocks = m.Blocks
	}
	for _, b := range buttons(blocks) {
		if b.is(label) {
			d := p.w.newDelivery(c.ID, u.ID)
			d.Confirm = confirmOf(b.element)
			p.w.record(Event{Kind: KindClick, Channel: c.ID, User: u.ID, TS: current.TS, Text: textOf(b.element["text"])})
			return p.w.interact(d, p.w.clickPayload(d, c, u, current, b), false), nil
		}
	}
	return nil, fmt.Errorf("the message %s in %s has no button with the label %s", m.TS, channel, label)
}

func confirmOf(element map[string]any) *Confirm {
	confirm := object(element["confirm"])
	if confirm == nil {
		return nil
	}
	return &Confirm{textOf(confirm["title"]), textOf(confirm["text"]), textOf(confirm["confirm"]), textOf(confirm["deny"])}
}

// Say posts a message, in a thread if threadTS is set. A mention of the bot emits app_mention, as Mention does.
func (p *Person) Say(channel, threadTS, typed string) (Message, error) {
	m, _, err := p.say(channel, threadTS, typed, false)
	return m, err
}

// Mention posts a text that mentions the bot, typed as "@c66bot" or "<@U0C66BOT>". The Delivery is that of app_mention. It has failed if
// the app does not subscribe to app_mention, the bot is no member of the channel, or the channel is a direct message.
func (p *Person) Mention(channel, threadTS, typed string) (Message, *Delivery, error) {
	return p.say(channel, threadTS, typed, true)
}

// Edit changes a message of the person. If the new text mentions the bot, the app gets app_mention with "edited", even if the old one did.
func (p *Person) Edit(channel, ts, typed string) error {
	defer p.w.lock()()
	c, _, err := p.in(channel)
	if err != nil || c.Archived {
		return fmt.Errorf("%s cannot edit in %s", p.id, channel)
	}
	m := find(c, ts)
	if m == nil || m.User != p.id || m.Ephemeral || m.tombstone {
		return fmt.Errorf("%s has no message %s in %s", p.id, ts, channel)
	}
	p.w.edit(m, p.w.messageText(typed), nil)
	if mentionsBot(m.Text) {
		p.w.emitMention(c, m, m.editedTS)
	}
	return nil
}

func (p *Person) say(channel, threadTS, typed string, mentions bool) (Message, *Delivery, error) {
	defer p.w.lock()()
	c, u, err := p.in(channel)
	switch {
	case err != nil || c.Archived:
		return Message{}, nil, fmt.Errorf("%s cannot post in %s", p.id, channel)
	case threadTS != "" && parent(c, threadTS) == nil:
		return Message{}, nil, fmt.Errorf("%s has no thread %s", channel, threadTS)
	case mentions && !mentionsBot(p.w.messageText(typed)):
		return Message{}, nil, fmt.Errorf("%q does not mention @%s", typed, p.w.app.BotName)
	}
	m := Message{User: p.id, ThreadTS: threadTS, Text: p.w.messageText(typed)}
	if u.IsBot {
		m.BotID = u.botID()
	}
	posted := p.w.post(c, m)
	var d *Delivery
	if mentionsBot(m.Text) {
		d = p.w.emitMention(c, posted, posted.TS)
	}
	return p.w.snapshot(posted), d, nil
}

func mentionsBot(converted string) bool { return strings.Contains(converted, "<@"+botUserID+">") }

// emitMention emits app_mention. Slack sends none for direct messages, nor for channels without the bot.
func (w *Workspace) emitMention(c *channelState, m *Message, eventTS string) *Delivery {
	switch {
	case c.IM:
		return w.newDelivery("", "").fail("direct_message", "Slack sends no app_mention in direct messages")
	case !c.BotIsMember:
		return w.newDelivery("", "").fail("not_in_channel", "the bot is no member of "+c.ID)
	}
	event := w.wire(m, false)
	delete(event, "reply_count")
	event["type"], event["channel"], event["event_ts"] = "app_mention", c.ID, eventTS
	if start := parent(c, m.ThreadTS); start != nil && m.isReply() {
		event["parent_user_id"] = start.User
	}
	if team := w.teamOf(m.User); c.Shared || team != teamID {
		event["user_team"], event["source_team"] = team, team
	}
	return w.emit(event)
}
