package bot

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack/socketmode"

	"c66bot/bot/card"
	"c66bot/commands"
)

const (
	// maxTasks bounds what is carried out at once. Most of it waits for Cloud 66.
	maxTasks = 512
	// maxExcuses bounds how many at once are told that there is no place for theirs.
	maxExcuses = 64
	// slowAnswer is when somebody who waits is told that it goes on.
	slowAnswer = 5 * time.Second
)

// take takes an envelope from the socket: whatever it is, it is acknowledged at once, and what asks for something is carried out beside.
// What Slack delivers again is acknowledged again and not done again; what could not be acknowledged is not done, since it comes again.
func (b *Bot) take(env socketmode.Request, ack func(payload any) error) {
	received := time.Now()
	t, wanted := b.read(env)
	if wanted && !b.seen.add(env.EnvelopeID) {
		wanted = false
		b.log.Info("envelope came again", "envelope", env.EnvelopeID, "type", env.Type)
	}
	if wanted && !b.admit(&t) {
		b.log.Error("too many tasks at once: an envelope is left to Slack, which says that it failed", "envelope", env.EnvelopeID)
		b.seen.remove(env.EnvelopeID)
		return
	}
	err := ack(nil)
	b.metrics.acked(env.Type, time.Since(received), err)
	switch {
	case err != nil:
		b.log.Warn("envelope not acknowledged; it is not carried out", "envelope", env.EnvelopeID, "type", env.Type, "error", err)
		b.seen.remove(env.EnvelopeID)
		if wanted {
			<-t.slot
		}
	case wanted:
		b.start(t)
	}
}

// admit gives a task its slot. Where too much is under way it gets one of a few for telling its author so; where those are taken too, none.
func (b *Bot) admit(t *task) bool {
	select {
	case b.slots <- struct{}{}:
		t.slot = b.slots
		return true
	default:
	}
	select {
	case b.excuses <- struct{}{}:
	default:
		return false
	}
	b.log.Error("too many tasks at once: one is turned away", "user", t.answer.user, "tasks", maxTasks)
	t.slot = b.excuses
	t.problem = &commands.ProblemReply{What: "I am busy with too many commands at once.", State: "Nothing was done.", Do: "Try again in a minute."}
	return true
}

// task is something that somebody asked for, with where its answer goes.
type task struct {
	slot       chan struct{} // where its place is given back
	answer     answer
	operation  string
	text       string // behind a slash command
	invocation *commands.Invocation
	problem    *commands.ProblemReply // what was wrong with it before it was read further
}

// read makes a task of an envelope; what asks for nothing is none.
func (b *Bot) read(env socketmode.Request) (task, bool) {
	switch env.Type {
	case "slash_commands":
		var cmd command
		if err := json.Unmarshal(env.Payload, &cmd); err != nil || cmd.UserID == "" || cmd.ChannelID == "" {
			b.log.Error("a slash command could not be read", "envelope", env.EnvelopeID, "error", err)
			return task{}, false
		}
		return b.readCommand(cmd, env.EnvelopeID), true
	case "interactive":
		var click click
		if err := json.Unmarshal(env.Payload, &click); err != nil {
			b.log.Error("an interaction could not be read", "envelope", env.EnvelopeID, "error", err)
			return task{}, false
		}
		return b.readClick(click, env.EnvelopeID)
	default:
		b.log.Debug("envelope of no concern", "type", env.Type)
		return task{}, false
	}
}

// command is what is needed of a slash command's payload.
type command struct {
	Command     string `json:"command"`
	Text        string `json:"text"`
	UserID      string `json:"user_id"`
	ChannelID   string `json:"channel_id"`
	ResponseURL string `json:"response_url"`
	TriggerID   string `json:"trigger_id"`
}

func (b *Bot) readCommand(cmd command, envelope string) task {
	t := task{
		answer:    answer{url: cmd.ResponseURL, user: cmd.UserID, channel: cmd.ChannelID},
		operation: "command:" + cmp.Or(cmd.TriggerID, envelope), text: cmd.Text,
	}
	if cmd.Command != "" && cmd.Command != b.command {
		t.problem = &commands.ProblemReply{
			What: fmt.Sprintf("Slack sent me %s, but I am set up for %s.", cmd.Command, b.command), State: "Nothing was done.",
			Do: "An admin of the bot can set C66BOT_SLACK_COMMAND to the command that the app declares.",
		}
	}
	return t
}

// click is what is needed of a block_actions payload.
type click struct {
	Type        string `json:"type"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	User        struct {
		ID string `json:"id"`
	} `json:"user"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Container struct {
		ChannelID string `json:"channel_id"`
		Ephemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	Actions []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
	} `json:"actions"`
}

func (b *Bot) readClick(c click, envelope string) (task, bool) {
	if c.Type != "block_actions" || len(c.Actions) == 0 || c.User.ID == "" {
		b.log.Debug("interaction of no concern", "type", c.Type)
		return task{}, false
	}
	action := c.Actions[0]
	word, _, _ := strings.Cut(action.ActionID, "-")
	if word == "commit" {
		return task{}, false // the link was opened by Slack itself
	}
	t := task{
		answer:    answer{url: c.ResponseURL, user: c.User.ID, channel: cmp.Or(c.Channel.ID, c.Container.ChannelID)},
		operation: "click:" + cmp.Or(c.TriggerID, envelope),
	}
	inv, err := commands.FromValue(action.Value)
	if err != nil {
		t.problem = &commands.ProblemReply{
			What: "That button is of another version of me.", State: "Nothing was done.", Do: "Ask anew:", Command: b.command, Example: "help",
		}
		return t, true
	}
	if inv.Nonce != "" {
		t.operation = "answer:" + inv.Nonce
	}
	t.invocation = &inv
	t.answer.replace = c.Container.Ephemeral && replaces[word]
	return t, true
}

// replaces holds the buttons whose answer takes the place of the message that they are on.
var replaces = map[string]bool{"older": true, "newer": true, "refresh": true, "yes": true, "no": true, "choose": true}

// start carries a task out in its own goroutine, for which a slot is held. A panic ends the task alone and is told to its author.
func (b *Bot) start(t task) {
	b.tasks.Go(func() {
		defer func() { <-t.slot }()
		defer func() {
			if r := recover(); r != nil {
				ref := commands.NewReference()
				b.log.Error("a task panicked", "ref", ref, "panic", r, "stack", string(debug.Stack()))
				b.say(b.work, t.answer, card.Reply(commands.ProblemReply{
					What: "I made a mistake of my own in this.", State: "What was done of it is not clear: look before you try again.",
					Do: "Show the reference to an admin of the bot; its log says more.", Ref: ref,
				}))
			}
		}()
		b.carryOut(b.work, t)
	})
}

func (b *Bot) carryOut(ctx context.Context, t task) {
	if t.problem != nil {
		b.say(ctx, t.answer, card.Reply(*t.problem))
		return
	}
	if t.invocation == nil {
		inv, err := commands.Parse(t.text)
		if err != nil {
			b.sayUsage(ctx, t, err)
			return
		}
		t.invocation = &inv
	}
	defer b.pending(ctx, t)()
	reply := b.patiently(ctx, t.answer, func() commands.Reply {
		return b.handler.Do(ctx, commands.Request{Invocation: *t.invocation, User: t.answer.user, Channel: t.answer.channel, Operation: t.operation})
	})
	if problem, ok := reply.(commands.ProblemReply); ok && problem.Ref != "" {
		b.ready.suspect()
	}
	if reply == nil && t.answer.replace {
		reply = commands.NoticeReply{Text: "Taken. The card in the channel shows what becomes of it."}
	}
	if reply != nil {
		b.say(ctx, t.answer, card.Reply(reply))
	}
}

// patiently does something, and tells the one who waits for it that it goes on where it takes long.
func (b *Bot) patiently(ctx context.Context, to answer, do func() commands.Reply) commands.Reply {
	done := make(chan struct{})
	var hint sync.WaitGroup
	defer hint.Wait()
	defer close(done)
	hint.Go(func() {
		select {
		case <-done:
		case <-time.After(slowAnswer):
			to.replace = false
			b.say(ctx, to, card.Reply(commands.NoticeReply{Text: "⏳ This takes longer than it should. I am still on it."}))
		}
	})
	return do()
}
