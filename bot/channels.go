package bot

import (
	"context"
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

// Member fails with a *commands.CardError where the bot may not post in the channel, in which a user asks for something, and with another
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

// judge gives the *commands.CardError that an error of a look-up stands for, or the error. Where the bot may not look it up, a message shows it.
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
	var messages []storage.Message
	err := c.records.Update(ctx, func(tx storage.Tx) error {
		messages = nil
		if err := commands.Take(tx, req.Operation, req.User); err != nil {
			return err
		}
		said, err := change(tx)
		if err != nil {
			return err
		}
		for _, a := range said {
			m, err := messageOf(a, req)
			if err != nil {
				return err
			}
			if err := outbox.Put(tx, m); err != nil {
				return err
			}
			messages = append(messages, m)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record a change and tell the channel: %w", err)
	}
	c.outbox.Deliver(messages...)
	return nil
}

// Amend has a message that was announced for a request say something else.
func (c *channels) Amend(ctx context.Context, req commands.Request, said commands.Announcement) error {
	m, err := messageOf(said, req)
	if err == nil {
		err = c.records.Update(ctx, func(tx storage.Tx) error { return outbox.Put(tx, m) })
	}
	if err != nil {
		return fmt.Errorf("amend what the channel was told: %w", err)
	}
	c.outbox.Deliver(m)
	return nil
}

func messageOf(a commands.Announcement, req commands.Request) (storage.Message, error) {
	m := card.Reply(a.Reply)
	blocks, err := m.JSON()
	return storage.Message{
		Key: a.Key, Channel: req.Channel, Parent: a.Parent, Text: m.Text(), Blocks: blocks, Urgent: !a.Later, Last: true,
		Tell: []string{req.User},
	}, err
}
