package bot

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/card/wording"
	"c66bot/bot/outbox"
	"c66bot/bot/progress"
	"c66bot/bot/webapi"
	"c66bot/commands"
	"c66bot/storage"
)

// mentionAge is the maximum age of a mention that requests a change. Slack redelivers events for minutes, and for longer after an outage.
const mentionAge = 10 * time.Minute

// ofRooms holds the events that may change who is in a channel or whether the bot can post there.
var ofRooms = map[string]bool{
	"channel_archive": true, "channel_unarchive": true, "channel_deleted": true, "channel_left": true,
	"group_archive": true, "group_unarchive": true, "group_deleted": true, "group_left": true,
	"member_joined_channel": true, "member_left_channel": true,
}

// readEvent reads an event. A mention is a request; other events invalidate cached groups and channels.
func (b *Bot) readEvent(h happening) *task {
	e, self := h.Event, b.who().User
	switch {
	case ofRooms[string(e.Type)]:
		b.people.ForgetRoom(string(e.Channel))
		if e.Channel != "" && (!strings.HasPrefix(string(e.Type), "member_") || self == "" || string(e.User) == self) {
			b.channels.Hint(string(e.Channel))
		}
		return nil
	case e.Type == "channel_id_changed":
		return b.readMove(e)
	case e.Type != "app_mention":
		b.people.Event(string(e.Type))
		return nil
	}
	if e.Message != nil {
		if e.Previous != nil && e.Previous.Text == e.Message.Text {
			return nil // the text is unchanged
		}
		channel := e.Channel
		e = *e.Message
		e.Channel, e.Edited = channel, true
	}
	if e.User == "" || e.Channel == "" || e.TS == "" || string(e.User) == self {
		return nil // no author, or the bot's own message
	}
	t := &task{answer: answer{user: string(e.User), channel: string(e.Channel), thread: string(e.ThreadTS)},
		operation: fmt.Sprint("mention:", e.Channel, ":", e.TS)}
	if e.Edited != nil && e.Edited != false {
		if e.BotID != "" {
			return nil // bots edit their own messages routinely
		}
		t.do = func(ctx context.Context) { b.sayEdited(ctx, t) }
		return t
	}
	b.mentions.add(t.operation)
	text, addressed := b.line(string(e.Text))
	if !addressed {
		t.problem = &commands.ProblemReply{
			What: "You named me in your message.", State: "Nothing was done.",
			Do:      "To have me do something, begin the message with my name, then the command.",
			Command: "@c66bot", Example: "help",
		}
		return t
	}
	t.text, t.said = &text, webapi.Time(string(e.TS))
	return t
}

// sayEdited tells an author once that an edit is not carried out, unless the message itself was taken as a mention.
func (b *Bot) sayEdited(ctx context.Context, t *task) {
	if !b.mentions.add(t.operation) {
		return
	}
	b.say(ctx, t.answer, card.Reply(commands.ProblemReply{
		What: "You edited your message.", State: "I take a message as it was sent: nothing was done of the edit.",
		Do: "To have me do what it says now, send it as a new message.",
	}))
}

// someone matches a mention of any user.
var someone = regexp.MustCompile(`<@([A-Z0-9]+)`)

// line returns the command in a text and whether the text starts with a mention of the bot. While the bot does not know its own id, it uses
// the first mentioned user, because Slack delivers mentions of the bot only.
func (b *Bot) line(text string) (line string, addressed bool) {
	name := b.who().User
	if first := someone.FindStringSubmatch(text); first != nil && name == "" {
		name = first[1]
	}
	return commands.Line(text, b.command, name)
}

// age returns the age of a mention by Slack's clock. While that clock is not sure, a first delivery counts as new.
func (b *Bot) age(t *task) time.Duration {
	now, sure := b.slack.Clock.Now()
	if t.said.IsZero() || !sure && !t.again {
		return 0
	}
	return now.Sub(t.said)
}

// parse parses the typed text. In a card's thread the stack may be omitted and is taken from the card.
func (b *Bot) parse(ctx context.Context, t *task) (commands.Invocation, error) {
	text := b.labelled(ctx, *t.text)
	inv, err := commands.Parse(text)
	if t.answer.thread != "" && commands.LeavesOutStack(text) {
		here, found := b.here(ctx, t)
		if found != nil {
			return commands.Invocation{}, &lookError{found}
		}
		inv, err = commands.ParseHere(text, here)
	}
	if age := b.age(t); err == nil && inv.Changes() && age > mentionAge {
		return inv, &commands.UsageError{
			What: fmt.Sprintf("Slack brought me your message %s after you wrote it. Nothing was done: ask again if it is still wanted.",
				wording.Duration(age)),
			Example: inv.Words(),
		}
	}
	return inv, err
}

// namesWait bounds the look-ups of the names in a text.
const namesWait = 3 * time.Second

// labelled adds the names that Slack omits from mentions of people and groups in a text.
func (b *Bot) labelled(ctx context.Context, text string) string {
	ctx, cancel := context.WithTimeout(ctx, namesWait)
	defer cancel()
	said := func(name string, err error) string {
		if err != nil {
			b.log.WarnContext(ctx, "a name in a text could not be looked up", "error", err)
		}
		return name
	}
	return commands.Label(text, func(id string) string {
		person, err := b.people.Person(ctx, id)
		return said(person.Name, err)
	}, func(id string) string {
		group, err := b.people.Group(ctx, id)
		return said(group.Handle, err)
	})
}

// lookError says that the look-up of a thread's card failed.
type lookError struct{ err error }

func (e *lookError) Error() string { return "look up the card of a thread: " + e.err.Error() }
func (e *lookError) Unwrap() error { return e.err }

// here returns the deployment of the card that started the thread of a mention, or the zero value if the thread has no card.
func (b *Bot) here(ctx context.Context, t *task) (commands.Here, error) {
	key, err := b.standing(ctx, t.answer.channel, t.answer.thread)
	if err == nil && key == "" { // a card whose message record is gone, or no card
		key, err = b.keyInSlack(ctx, t.answer.channel, t.answer.thread)
	}
	if err != nil {
		return commands.Here{}, err
	}
	id, isCard := progress.FollowOf(key)
	if !isCard {
		return commands.Here{}, nil
	}
	follow, _, err := storage.Follows.Look(ctx, b.records, id)
	if err == nil && follow.Channel != t.answer.channel {
		return commands.Here{}, nil
	}
	return commands.Here{UID: follow.Stack.UID, Deployment: follow.Deployment}, err
}

// standing returns the key of the bot's message with a timestamp, or "" if the database has none.
func (b *Bot) standing(ctx context.Context, channel, ts string) (key string, err error) {
	err = b.records.View(ctx, func(tx storage.Tx) error {
		key = ""
		return storage.Messages.Scan(tx, "", func(k string, m storage.Message) error {
			if m.Channel == channel && m.TS == ts {
				key = k
				return storage.ErrStop
			}
			return nil
		})
	})
	return key, err
}

// keyInSlack asks Slack for the key of a thread's first message. It returns "" if the bot cannot read it.
func (b *Bot) keyInSlack(ctx context.Context, channel, thread string) (key string, err error) {
	err = webapi.Look(ctx, func(ctx context.Context) (err error) {
		key, err = b.slack.KeyOf(ctx, channel, thread)
		return err
	})
	if err != nil && !webapi.Judge(err).Passes {
		b.log.WarnContext(ctx, "the beginning of a thread cannot be read", "channel", channel, "error", err)
		return "", nil
	}
	return key, err
}

// who returns the bot's identity in its workspace, or the zero value until Slack has reported it.
func (b *Bot) who() outbox.Self {
	if self := b.self.Load(); self != nil {
		return *self
	}
	return outbox.Self{}
}
