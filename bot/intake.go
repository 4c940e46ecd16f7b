package bot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/socket"
	"c66bot/cloud66/panics"
	"c66bot/commands"
)

// ackWait is the deadline for the content of an acknowledgement. Slack wants the acknowledgement within 3 s.
const ackWait = 1500 * time.Millisecond

// tooLong is the longest standstill after which buffered frames are still in time. Slack waits 3 s.
const tooLong = 2 * time.Second

// task is one person's request with the destination of the reply.
type task struct {
	kind      kind
	place     *place
	answer    answer
	operation string
	delivery  string // identifies the click or Submit where an operation may be requested repeatedly, otherwise ""
	trigger   string // can open a form; "" for none
	received  time.Time

	// The request is one of text, invocation and do.
	text       *string   // text of a slash command or a mention
	said       time.Time // time of a mention by Slack's clock
	again      bool      // Slack has sent it before
	invocation *commands.Invocation
	do         func(ctx context.Context)

	problem *commands.ProblemReply // found while reading the request
	// say returns the content of the acknowledgement before the context ends. It is nil if there is no content.
	say      func(ctx context.Context) any
	answered bool // by the acknowledgement: no work is left
	// decline returns the content of an acknowledgement that rejects the task. It is nil or returns nil if the acknowledgement cannot carry
	// any.
	decline func(reply commands.Reply) any

	away   *reason // why the task is rejected; nil if it is taken
	change *change // its journal entry, if it is a change
	first  bool    // first delivery of the change
	turn   *turn
}

// take handles an envelope from the socket without blocking. The returned channel is closed when the acknowledgement is written or never
// will be. A redelivered envelope is acknowledged again but not executed again. Tasks that only read are deduplicated in memory only,
// because a repeated read after a restart is harmless.
func (b *Bot) take(env socket.Envelope, received time.Time, ack func(payload any) error) (acked <-chan struct{}) {
	counted := func(payload any) error {
		err := ack(payload)
		b.metrics.acked(string(env.Type), socket.Since(received), err)
		if err != nil {
			b.log.Warn("envelope not acknowledged", "envelope", env.ID, "type", env.Type, "error", err)
		}
		return err
	}
	done := make(chan struct{})
	t, key := b.read(env)
	if t != nil {
		came, first := b.acks.arrive(key, counted, done)
		if came != fresh {
			b.log.Info("envelope came again", "envelope", env.ID, "type", env.Type)
		}
		if came == waiting {
			return first
		}
		if came == repeated {
			t = nil
		}
	}
	if t == nil {
		_ = counted(nil) // logged there; Slack redelivers unacknowledged envelopes
		close(done)
		return done
	}
	t.received = received
	b.admit(t, env, key, done)
	return done
}

// admit starts a task if there is a place for it, or rejects it. It closes done after the acknowledgement. The author of a rejected task is
// told in the acknowledgement if Slack displays that, otherwise separately. A rejected change is first recorded as void, so that no later
// delivery runs it.
func (b *Bot) admit(t *task, env socket.Envelope, key string, done chan struct{}) {
	t.answer.channel = b.channels.Now(t.answer.channel)
	what := t.asked()
	t.kind = t.kindOf(what)
	switch stood := socket.Since(t.received); {
	case t.answer.user == "": // from Slack itself: needs no place and is never too late
	case stood > tooLong:
		b.log.Warn("an envelope came while the process stood still: it is turned away", "envelope", env.ID, "user", t.answer.user, "stood", stood)
		away := stoodStill(stood)
		if t.away = &away; t.kind != aSearch {
			t.decline = nil
		}
	default:
		if t.place = b.places[t.kind].enter(t.answer.user); t.place == nil {
			b.log.Error("too many tasks at once: one is turned away", "envelope", env.ID, "user", t.answer.user)
			t.away = &busy
		}
	}
	switch {
	case what != "":
		b.receive(t, what)
		b.start(t, key, done, func(ctx context.Context) bool {
			return b.accept(ctx, t, func(payload any) error { return b.acks.write(key, payload, true) })
		})
	case t.away != nil:
		defer close(done)
		var payload any
		if t.decline != nil {
			payload = t.decline(t.away.reply(t.words()))
		}
		if b.acks.write(key, payload, false) == nil && payload == nil {
			b.excuse(t)
		}
	case t.say != nil && t.problem == nil: // the content delays no other envelope
		b.start(t, key, done, func(ctx context.Context) bool {
			return b.acks.write(key, t.sayWithin(ctx, t.received.Add(ackWait)), false) == nil
		})
	case b.acks.write(key, nil, false) == nil:
		b.start(t, key, done, nil)
	default:
		t.place.leave()
		close(done)
	}
}

// kindOf returns the kind of a task, given the change it requests or "". A form or a question that leads to a change counts as a change.
func (t *task) kindOf(what string) kind {
	inv := t.invocation
	if inv == nil && t.text != nil {
		if parsed, err := commands.Parse(*t.text); err == nil {
			inv = &parsed
		}
	}
	switch {
	case t.kind != aLook: // already known
		return t.kind
	case what != "", t.answer.view != "", inv != nil && inv.Writes():
		return aChange
	default:
		return aLook
	}
}

// read turns an envelope into a task and the key shared by its deliveries. The task is nil if the envelope requests nothing.
func (b *Bot) read(env socket.Envelope) (*task, string) {
	id := string(env.ID)
	switch env.Type {
	case "slash_commands":
		var cmd command
		if err := env.Decode(&cmd); err != nil || cmd.UserID == "" || cmd.ChannelID == "" {
			return b.unread(env, err), id
		}
		t := b.readCommand(cmd, id)
		t.decline = ephemeral(env)
		return t, id
	case "interactive":
		var in interaction
		if err := env.Decode(&in); err != nil || in.User == "" {
			return b.unread(env, err), id
		}
		t := b.readInteraction(in, id)
		if t != nil {
			t.delivery = cmp.Or(string(in.TriggerID), fmt.Sprintf("%x", sha256.Sum256(env.Payload)))
		}
		return t, id
	case "events_api":
		var h happening
		if err := env.Decode(&h); err != nil {
			return b.unread(env, err), id
		}
		t := b.readEvent(h)
		if t != nil {
			t.again = env.Again != "" && env.Again != "0"
		}
		return t, cmp.Or(string(h.EventID), id)
	case socket.Unreadable:
		return b.unread(env, errors.New("it is no JSON")), id
	default:
		b.log.Debug("envelope of no concern", "type", env.Type)
		return nil, ""
	}
}

// unread returns a task that tells the author that an envelope is unreadable, or nil if the author is unknown.
func (b *Bot) unread(env socket.Envelope, err error) *task {
	b.log.Error("an envelope could not be read", "envelope", env.ID, "type", env.Type, "error", err)
	to := authorOf(env.Payload)
	if to.user == "" && to.url.Empty() {
		return nil
	}
	return &task{answer: to, problem: &commands.ProblemReply{
		What: "I could not read what Slack sent me of yours.", State: "Nothing was done.",
		Do: "Try again, or another way: a command, a button, or a mention of me.",
	}}
}

func (b *Bot) readCommand(cmd command, envelope string) *task {
	text, _ := b.line(string(cmd.Text))
	t := &task{
		answer:    answer{url: cmd.ResponseURL, user: string(cmd.UserID), channel: string(cmd.ChannelID)},
		operation: "command:" + cmp.Or(string(cmd.TriggerID), envelope), trigger: string(cmd.TriggerID), text: &text,
	}
	if cmd.Command != "" && string(cmd.Command) != b.command {
		t.problem = &commands.ProblemReply{
			What: fmt.Sprintf("Slack sent me %s, but I am set up for %s.", cmd.Command, b.command), State: "Nothing was done.",
			Do: "An admin of the bot can set C66BOT_SLACK_COMMAND to the command that the app declares.",
		}
	}
	return t
}

func (b *Bot) readInteraction(in interaction, envelope string) *task {
	switch {
	case in.Type == "block_actions" && in.action().ActionID != "":
		return b.readClick(in, envelope)
	case in.Type == "block_suggestion":
		return b.readSearch(in)
	case in.Type == "view_submission":
		return b.readForm(in)
	case in.Type == "shortcut" && in.CallbackID == shortcut:
		return readShortcut(in)
	default:
		b.log.Debug("interaction of no concern", "type", in.Type)
		return nil
	}
}

func (b *Bot) readClick(in interaction, envelope string) *task {
	action := in.action()
	verb, _, _ := strings.Cut(string(action.ActionID), "-")
	if verb == "commit" {
		return nil // Slack opened the link itself
	}
	t := &task{
		answer: answer{
			url: in.ResponseURL, user: string(in.User), channel: string(cmp.Or(in.Channel, in.Container.ChannelID)),
			replace: in.Container.Ephemeral.Holds() && replaces[verb],
		},
		operation: "click:" + cmp.Or(string(in.TriggerID), envelope), trigger: string(in.TriggerID),
	}
	if in.View.ID != "" {
		return b.readClickInForm(in, t)
	}
	b.readButton(string(action.Value), t)
	return t
}

// readButton reads the value of a button.
func (b *Bot) readButton(value string, t *task) {
	inv, err := commands.FromValue(value)
	if err != nil {
		t.problem = &commands.ProblemReply{
			What: "That button is of another version of me.", State: "Nothing was done.", Do: "Ask anew:", Command: b.command, Example: "help",
		}
		return
	}
	if inv.Nonce != "" { // single use, by this person in this channel
		t.operation = strings.Join([]string{"answer:" + inv.Asking(), t.answer.channel, t.answer.user, inv.Nonce}, ":")
	}
	t.invocation = &inv
}

// replaces holds the verbs of buttons whose reply replaces their message.
var replaces = map[string]bool{
	"older": true, "newer": true, "next": true, "previous": true, "refresh": true, "yes": true, "no": true, "choose": true, "ask": true,
}

// start runs a task in its own goroutine, unless first returns false. It closes acked after the acknowledgement.
func (b *Bot) start(t *task, envelope string, acked chan struct{}, first func(ctx context.Context) bool) {
	b.tasks.Go(func() {
		defer t.place.leave()
		defer b.settle(b.work, t)
		b.caught(func(r commands.Reply) { b.say(b.work, t.answer, card.Reply(r)) }, func() {
			goOn := true
			func() {
				defer close(acked)
				defer b.acks.drop(envelope, acked) // after a panic
				if first != nil {
					goOn = first(b.work)
				}
			}()
			if goOn {
				t.place.turn(b.work)
				b.carryOut(b.work, t)
			}
		})()
	})
}

// caught confines a panic to one task and reports it.
func (b *Bot) caught(tell func(commands.Reply), do func()) func() {
	return func() {
		err := panics.Catch(func() error { do(); return nil })
		if err == nil {
			return
		}
		ref := commands.NewReference()
		b.log.Error("a task panicked", "ref", ref, "error", err)
		tell(commands.ProblemReply{
			What: "I made a mistake of my own in this.", State: "What was done of it is not clear: look before you try again.",
			Do: "Show the reference to an admin of the bot; its log says more.", Ref: ref,
		})
	}
}
