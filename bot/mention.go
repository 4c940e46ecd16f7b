package bot

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/card/wording"
	"c66bot/bot/inbox"
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

// anyCard stands in for the card of a thread before the look-up.
var anyCard = commands.Here{UID: "card", Deployment: 1}

// readEvent reads an event. A mention is a request; other events invalidate cached groups and channels.
func (b *Bot) readEvent(e event, again bool) *inbox.Command {
	self := b.who().User
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
	r := &request{
		answer: answer{user: string(e.User), channel: string(e.Channel), thread: string(e.ThreadTS)}, again: again,
		operation: fmt.Sprint("mention:", e.Channel, ":", e.TS), mention: true,
	}
	edit := "edit of " + r.operation
	if e.Edited != nil && e.Edited != false {
		if e.BotID != "" {
			return nil // bots edit their own messages routinely
		}
		r.problem = &commands.ProblemReply{
			What: "You edited your message.", State: "I take a message as it was sent: nothing was done of the edit.",
			Do: "To have me do what it says now, send it as a new message.",
		}
		c := b.ask(r)
		c.Key = edit // told once, unless the message itself was taken as a mention
		return c
	}
	b.inbox.Note(edit)
	text, addressed := b.line(string(e.Text))
	if !addressed {
		r.problem = &commands.ProblemReply{
			What: "You named me in your message.", State: "Nothing was done.",
			Do:      "To have me do something, begin the message with my name, then the command.",
			Command: "@c66bot", Example: "help",
		}
		return b.ask(r)
	}
	r.said = webapi.Time(string(e.TS))
	r.parse(text)
	return b.ask(r)
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
func (b *Bot) age(r *request) time.Duration {
	now, sure := b.slack.Clock.Now()
	if r.said.IsZero() || !sure && !r.again {
		return 0
	}
	return now.Sub(r.said)
}

// parse parses a typed text. In a card's thread the stack may be left out; anyCard stands in for it.
func (r *request) parse(text string) {
	var here commands.Here
	if r.answer.thread != "" {
		here = anyCard
	}
	r.text, r.typed = text, true
	r.invocation, r.wrong = commands.ParseHere(text, here)
}

// complete adds to a typed text what Slack has to be asked for: the names of people in it, and the card of its thread. It returns false if
// the request ends here, after telling the author why.
func (b *Bot) complete(ctx context.Context, r *request) bool {
	text, leftOut := b.labelled(ctx, r.text), r.wrong == nil && r.invocation.UID == anyCard.UID
	var here commands.Here
	if leftOut || r.wrong != nil && r.answer.thread != "" {
		var err error
		if here, err = b.here(ctx, r.answer); err != nil && !leftOut {
			b.log.WarnContext(ctx, "the card of a thread could not be looked up", "channel", r.answer.channel, "error", err)
		} else if err != nil {
			ref := commands.NewReference()
			b.log.ErrorContext(ctx, "a mention in a thread was not carried out", "ref", ref, "user", r.answer.user, "channel", r.answer.channel,
				"error", err)
			b.say(ctx, r.answer, card.Reply(commands.ProblemReply{
				What: "Slack did not answer, so I cannot tell which card this thread is of.", State: "Nothing was done.",
				Do: "Try again in a minute, or name the stack in it.", Ref: ref,
			}))
			return false
		}
	}
	if leftOut || text != r.text {
		r.invocation, r.wrong = commands.ParseHere(text, here)
	}
	if age := b.age(r); r.wrong == nil && r.invocation.Changes() && age > mentionAge {
		r.wrong = &commands.UsageError{
			What: fmt.Sprintf("Slack brought me your message %s after you wrote it. Nothing was done: ask again if it is still wanted.",
				wording.Duration(age)),
			Example: r.invocation.Words(),
		}
	}
	if r.wrong != nil {
		b.sayUsage(ctx, r, here, r.wrong)
	}
	return r.wrong == nil
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

// here returns the deployment of the card that started the thread of a mention, or the zero value if the thread has no card.
func (b *Bot) here(ctx context.Context, in answer) (commands.Here, error) {
	key, err := b.standing(ctx, in.channel, in.thread)
	if err == nil && key == "" { // a card whose message record is gone, or no card
		key, err = b.keyInSlack(ctx, in.channel, in.thread)
	}
	if err != nil {
		return commands.Here{}, err
	}
	id, isCard := progress.FollowOf(key)
	if !isCard {
		return commands.Here{}, nil
	}
	follow, _, err := storage.Follows.Look(ctx, b.records, id)
	if err == nil && follow.Channel != in.channel {
		return commands.Here{}, nil
	}
	return commands.Here{UID: follow.Stack.UID, Deployment: follow.Deployment}, err
}

// standing returns the key of the bot's message with a timestamp, or "" if the database has none.
func (b *Bot) standing(ctx context.Context, channel, ts string) (string, error) {
	return storage.Read(ctx, b.records, func(tx storage.Tx) (key string, err error) {
		err = storage.Messages.Scan(tx, "", func(k string, m storage.Message) error {
			if m.Channel == channel && m.TS == ts {
				key = k
				return storage.ErrStop
			}
			return nil
		})
		return key, err
	})
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
