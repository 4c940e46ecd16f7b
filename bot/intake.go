package bot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/card"
	"c66bot/bot/inbox"
	"c66bot/bot/socket"
	"c66bot/commands"
)

// request is one person's request with the destination of the reply. It is one of text, invocation and problem.
type request struct {
	answer    answer
	operation string
	trigger   string // can open a form; "" for none
	received  time.Time

	text  string    // of a slash command or a mention, as far as it is typed; see complete
	typed bool      // there is a text
	said  time.Time // time of a mention by Slack's clock
	again bool      // Slack has sent the mention before

	mention bool // it begins with a mention, or comes from a thread, where there are no slash commands

	invocation commands.Invocation
	wrong      error // why the text has no invocation
	problem    *commands.ProblemReply
}

// take reads an envelope from the socket and puts what it asks for into the inbox.
func (b *Bot) take(env socket.Envelope, received time.Time, ack func(payload any) error) (acked <-chan struct{}) {
	counted := func(payload any) error {
		err := ack(payload)
		b.metrics.acked(string(env.Type), socket.Since(received), err)
		if err != nil {
			b.log.Warn("envelope not acknowledged", "envelope", env.ID, "type", env.Type, "error", err)
		}
		return err
	}
	if c := b.read(env, received); c != nil {
		c.Key = cmp.Or(c.Key, string(env.ID))
		return b.inbox.Take(c, received, counted)
	}
	_ = counted(nil) // logged there; Slack redelivers unacknowledged envelopes
	done := make(chan struct{})
	close(done)
	return done
}

// read reads an envelope. The command is nil if the envelope asks for nothing.
func (b *Bot) read(env socket.Envelope, received time.Time) *inbox.Command {
	switch env.Type {
	case "slash_commands":
		var cmd command
		if err := env.Decode(&cmd); err != nil || cmd.UserID == "" || cmd.ChannelID == "" {
			return b.unread(env, err)
		}
		c := b.ask(b.readCommand(cmd, string(env.ID), received))
		if env.Accepts.Holds() {
			c.Refusal = ephemeral
		}
		return c
	case "interactive":
		var in interaction
		if err := env.Decode(&in); err != nil || in.User == "" {
			return b.unread(env, err)
		}
		c := b.readInteraction(in, string(env.ID), received)
		if c != nil {
			c.Delivery = cmp.Or(string(in.TriggerID), fmt.Sprintf("%x", sha256.Sum256(env.Payload)))
		}
		return c
	case "events_api":
		var h happening
		if err := env.Decode(&h); err != nil {
			return b.unread(env, err)
		}
		c := b.readEvent(h.Event, env.Again != "" && env.Again != "0")
		if c != nil {
			c.Key = cmp.Or(c.Key, string(h.EventID))
		}
		return c
	case socket.Unreadable:
		return b.unread(env, errors.New("it is no JSON"))
	default:
		b.log.Debug("envelope of no concern", "type", env.Type)
		return nil
	}
}

func (b *Bot) ask(r *request) *inbox.Command {
	r.answer.channel = b.channels.Now(r.answer.channel)
	c := &inbox.Command{
		User: r.answer.user, Channel: r.answer.channel, Operation: r.operation, Words: r.text,
		Do: func(ctx context.Context) *inbox.Step { return b.carryOut(ctx, r) },
		Tell: func(ctx context.Context, reply commands.Reply, aside bool) {
			to, m := r.answer.with(reply), r.rendered(reply)
			if aside {
				to.replace, to.view, m = false, "", card.Reply(reply)
			}
			b.say(ctx, to, m)
		},
	}
	inv := r.invocation
	if inv.Verb != "" && !r.typed {
		c.Words = inv.Typed()
	}
	switch {
	case inv.Changes():
		c.Kind, c.What = inbox.Change, inv.Typed()
	case inv.Writes(), r.answer.view != "": // a form or a question that leads to a change
		c.Kind = inbox.Change
	}
	return c
}

func ephemeral(reply commands.Reply) any {
	// Text only: Slack silently drops an acknowledgement with blocks that it rejects.
	return map[string]any{"response_type": slack.ResponseTypeEphemeral, "text": card.Reply(reply).Text(), "parse": "none"}
}

// unread returns a command that tells the author that an envelope is unreadable, or nil if the author is unknown.
func (b *Bot) unread(env socket.Envelope, err error) *inbox.Command {
	b.log.Error("an envelope could not be read", "envelope", env.ID, "type", env.Type, "error", err)
	to := authorOf(env.Payload)
	if to.user == "" && to.url.Empty() {
		return nil
	}
	return b.ask(&request{answer: to, problem: &commands.ProblemReply{
		What: "I could not read what Slack sent me of yours.", State: "Nothing was done.",
		Do: "Try again, or another way: a command, a button, or a mention of me.",
	}})
}

func (b *Bot) readCommand(cmd command, envelope string, received time.Time) *request {
	r := &request{
		answer:    answer{url: cmd.ResponseURL, user: string(cmd.UserID), channel: string(cmd.ChannelID)},
		operation: "command:" + cmp.Or(string(cmd.TriggerID), envelope), trigger: string(cmd.TriggerID), received: received,
	}
	if cmd.Command != "" && string(cmd.Command) != b.command {
		r.problem = &commands.ProblemReply{
			What: fmt.Sprintf("Slack sent me %s, but I am set up for %s.", cmd.Command, b.command), State: "Nothing was done.",
			Do: "An admin of the bot can set C66BOT_SLACK_COMMAND to the command that the app declares.",
		}
		return r
	}
	text, _ := b.line(string(cmd.Text))
	r.parse(text)
	return r
}

func (b *Bot) readInteraction(in interaction, envelope string, received time.Time) *inbox.Command {
	switch {
	case in.Type == "block_actions" && in.action().ActionID != "":
		return b.readClick(in, envelope, received)
	case in.Type == "block_suggestion":
		return b.readSearch(in)
	case in.Type == "view_submission":
		return b.readForm(in)
	case in.Type == "shortcut" && in.CallbackID == shortcut:
		return b.ask(&request{
			answer: answer{user: string(in.User)}, operation: "shortcut:" + string(in.TriggerID), trigger: string(in.TriggerID), received: received,
			invocation: commands.Invocation{Verb: commands.Redeploy},
		})
	default:
		b.log.Debug("interaction of no concern", "type", in.Type)
		return nil
	}
}

func (b *Bot) readClick(in interaction, envelope string, received time.Time) *inbox.Command {
	action := in.action()
	verb, _, _ := strings.Cut(string(action.ActionID), "-")
	if verb == "commit" || verb == "open" {
		return nil // Slack opened the link itself
	}
	r := &request{
		answer: answer{
			url: in.ResponseURL, user: string(in.User), channel: string(cmp.Or(in.Channel, in.Container.ChannelID)),
			replace: in.Container.Ephemeral.Holds() && replaces[verb],
		},
		mention:   in.Container.Thread != "",
		operation: "click:" + cmp.Or(string(in.TriggerID), envelope), trigger: string(in.TriggerID), received: received,
	}
	if in.View.ID != "" {
		return b.readClickInForm(in, r)
	}
	b.readButton(string(action.Value), r)
	return b.ask(r)
}

func (b *Bot) readButton(value string, r *request) {
	inv, err := commands.FromValue(value)
	if err != nil {
		r.problem = &commands.ProblemReply{
			What: "That button is of another version of me.", State: "Nothing was done.", Do: "Ask anew:", Command: b.command, Example: "help",
		}
		return
	}
	if inv.Nonce != "" { // single use, by this person in this channel
		r.operation = b.answerTo(inv, r.answer)
	}
	if inv.In != "" && inv.OpensForm() { // of a direct message: that channel's rules decide, and the card goes there
		r.answer.channel = inv.In
	}
	r.invocation = inv
}

// answerTo returns the operation key of an answer to a question: of this person, in this channel.
func (*Bot) answerTo(inv commands.Invocation, of answer) string {
	return strings.Join([]string{"answer:" + inv.Asking(), of.channel, of.user, inv.Nonce}, ":")
}

// replaces holds the verbs of buttons whose reply replaces their message.
var replaces = map[string]bool{
	"older": true, "newer": true, "next": true, "previous": true, "refresh": true,
	"yes": true, "no": true, "choose": true, "ask": true, "run": true, "tell": true,
}
