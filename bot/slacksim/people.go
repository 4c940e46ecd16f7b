package slacksim

import (
	"fmt"
	"slices"
	"strings"
)

// Person acts as one user of the workspace.
type Person struct {
	w  *Workspace
	id string
}

// Person returns the person with a user id. Somebody whom the workspace does
// not know can do nothing and sees nothing.
func (w *Workspace) Person(userID string) *Person { return &Person{w: w, id: userID} }

// ID is the person's user id.
func (p *Person) ID() string { return p.id }

// Command sends a slash command with its text, such as "/c66 list web". What
// Slack itself refuses comes back as a Delivery that has failed.
func (p *Person) Command(channel, text string) *Delivery {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	d := p.w.newDelivery()
	d.channel, d.user = channel, p.id
	command, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	c, u := p.w.channels[channel], p.w.users[p.id]
	switch {
	case c == nil || u == nil || u.Deleted || !c.has(p.id):
		return d.fail("not_in_channel", fmt.Sprintf("%s is no member of %s", p.id, channel))
	case c.Archived:
		return d.fail("is_archived", "You can't use slash commands in an archived channel.")
	case !slices.Contains(p.w.opts.Commands, command) || !slices.Contains(p.w.opts.BotScopes, "commands"):
		return d.fail("unknown_command", command+" is not a valid command. In Slack, all messages that start with the \"/\" character are interpreted as commands.")
	}
	rest = strings.TrimSpace(rest)
	if p.w.escapes(command) {
		rest = p.w.escape(rest)
	}
	p.w.record(Event{Kind: KindCommand, Channel: channel, User: p.id, Text: strings.TrimSpace(text)})
	p.w.dispatch("slash_commands", p.w.commandPayload(d, c, u, command, rest), true, d)
	return d
}

// CommandInThread tries a slash command in a thread, where Slack has none.
func (p *Person) CommandInThread(_, _, text string) *Delivery {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	command, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	return p.w.newDelivery().fail("no_thread_commands", command+" is not supported in threads. Sorry!")
}

// Sees is the channel's timeline as the person sees it, oldest first: messages,
// replies that were also sent to the channel, and the ephemerals for this person.
func (p *Person) Sees(channel string) []Message {
	return p.visible(channel, func(m *Message) bool { return !m.isReply() || m.Broadcast })
}

// Thread is a thread as the person sees it: its parent, then the replies, oldest first.
func (p *Person) Thread(channel, ts string) []Message {
	return p.visible(channel, func(m *Message) bool { return m.TS == ts || m.ThreadTS == ts })
}

func (p *Person) visible(channel string, in func(*Message) bool) []Message {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
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

// reads tells whether the person is shown a message of a channel that they see.
func (p *Person) reads(m *Message) bool { return !m.Ephemeral || m.For == p.id }
