package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/bot/people"
	"c66bot/bot/webapi"
	"c66bot/commands"
	"c66bot/storage"
)

// channels is what commands need of the channels. It implements commands.Channels.
type channels struct {
	people  *people.People
	records storage.DB
	outbox  *outbox.Outbox
	log     *slog.Logger
}

// Member fails with a *commands.CardError where the bot may not post in the channel in which a user asks for something, and with another
// error where Slack does not tell.
func (c *channels) Member(ctx context.Context, channel, user string) error {
	if strings.HasPrefix(channel, "D") { // which must be the user's with the bot: in one of two people the bot can post nothing
		own, err := c.people.Direct(ctx, user)
		if err == nil && own != channel {
			return noCard(webapi.WrongChannel)
		}
		return c.judge(ctx, channel, err)
	}
	if room, err := c.people.Room(ctx, channel); err != nil || room.Closed() == "" {
		return c.judge(ctx, channel, err)
	}
	return c.look(ctx, channel) // an event may have been lost
}

// look asks Slack, whatever it said just now.
func (c *channels) look(ctx context.Context, channel string) error {
	if strings.HasPrefix(channel, "D") { // a message shows it
		return nil
	}
	c.people.ForgetRoom(channel)
	room, err := c.people.Room(ctx, channel)
	if code := room.Closed(); err == nil && code != "" {
		return noCard(code)
	}
	return c.judge(ctx, channel, err)
}

// judge turns the error of a look-up into a *commands.CardError where it says that the bot cannot post. Where the bot may not look it up, a
// message shows it.
func (c *channels) judge(ctx context.Context, channel string, err error) error {
	fault := webapi.Judge(err)
	switch {
	case err == nil:
		return nil
	case fault.Kind == webapi.NoChannel:
		return noCard(fault.Code)
	case fault.Kind == webapi.NoScope && strings.HasPrefix(fault.Scope, "mpim:"):
		return noCard(webapi.WrongChannel)
	case webapi.Forbids(err):
		c.log.WarnContext(ctx, "whether I can post in a channel cannot be looked up", "channel", channel, "error", err)
		return nil
	default:
		return err
	}
}

// noCard says why nothing can be posted, by the code for it.
func noCard(code string) *commands.CardError {
	fault := webapi.Meaning(code, "")
	return &commands.CardError{Code: code, What: fault.Words(), Do: fault.Do()}
}

// Announce runs a change under an operation that is taken once, and has the channel told of it in the same transaction.
func (c *channels) Announce(ctx context.Context, req commands.Request, change func(tx storage.Tx) ([]commands.Announcement, error)) error {
	err := c.write(ctx, func(tx storage.Tx) (messages []storage.Message, err error) {
		if err := commands.Take(tx, req.Operation, req.User); err != nil {
			return nil, err
		}
		said, err := change(tx)
		for _, a := range said {
			m, wrong := announced(a, req)
			messages, err = append(messages, m), errors.Join(err, wrong)
		}
		return messages, err
	})
	if err != nil {
		return fmt.Errorf("record a change and tell the channel: %w", err)
	}
	return nil
}

// Amend has a message that was announced for a request say something else.
func (c *channels) Amend(ctx context.Context, req commands.Request, said commands.Announcement) error {
	err := c.write(ctx, func(storage.Tx) ([]storage.Message, error) {
		m, err := announced(said, req)
		return []storage.Message{m}, err
	})
	if err != nil {
		return fmt.Errorf("amend what the channel was told: %w", err)
	}
	return nil
}

// write runs a change and writes the messages that it gives, in one transaction, and has them delivered.
func (c *channels) write(ctx context.Context, change func(tx storage.Tx) ([]storage.Message, error)) error {
	var messages []storage.Message
	err := c.records.Update(ctx, func(tx storage.Tx) (err error) {
		messages, err = change(tx)
		for _, m := range messages {
			err = errors.Join(err, outbox.Put(tx, m))
		}
		return err
	})
	if err == nil {
		c.outbox.Deliver(messages...)
	}
	return err
}

func announced(a commands.Announcement, req commands.Request) (storage.Message, error) {
	m, err := message(a.Key, req.Channel, card.Reply(a.Reply))
	m.Parent, m.Urgent, m.Tell = a.Parent, !a.Later, []string{req.User}
	return m, err
}

// message is an urgent message that is not edited later.
func message(key, channel string, m card.Message) (storage.Message, error) {
	blocks, err := m.JSON()
	return storage.Message{Key: key, Channel: channel, Text: m.Text(), Blocks: blocks, Urgent: true, Last: true}, err
}
