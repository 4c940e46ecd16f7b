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

// channels gives commands access to Slack channels. It implements commands.Channels.
type channels struct {
	people  *people.People
	records storage.DB
	outbox  *outbox.Outbox
	log     *slog.Logger
}

// Member returns a *commands.CardError if the bot may not post in the channel of a request, and another error if Slack does not tell.
func (c *channels) Member(ctx context.Context, channel, user string) error {
	if strings.HasPrefix(channel, "D") { // it must be the user's own with the bot, which cannot post in one between two people
		own, err := c.people.Direct(ctx, user)
		if err == nil && own != channel {
			return noCard(webapi.WrongChannel)
		}
		return c.judge(ctx, channel, err)
	}
	if room, err := c.people.Room(ctx, channel); err != nil || room.Closed() == "" {
		return c.judge(ctx, channel, err)
	}
	return c.look(ctx, channel) // the event may have been lost
}

// look asks Slack about a channel, bypassing the cache.
func (c *channels) look(ctx context.Context, channel string) error {
	if strings.HasPrefix(channel, "D") { // posting a message shows it
		return nil
	}
	c.people.ForgetRoom(channel)
	room, err := c.people.Room(ctx, channel)
	if code := room.Closed(); err == nil && code != "" {
		return noCard(code)
	}
	return c.judge(ctx, channel, err)
}

// judge turns a look-up error into a *commands.CardError if it says that the bot cannot post. It returns nil if the bot may not look the
// channel up, since posting a message then shows the result.
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

// noCard makes the error for a channel in which the bot cannot post, from Slack's error code.
func noCard(code string) *commands.CardError {
	fault := webapi.Meaning(code, "")
	return &commands.CardError{Code: code, What: fault.Words(), Do: fault.Do()}
}

// Announce commits a change together with its operation, which can be taken once, and with the messages that announce it to the channel.
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

// Amend edits a message announced for a request.
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

// write runs a change, stores its messages in the outbox in the same transaction, and triggers their delivery.
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

// message makes an urgent message that is never edited.
func message(key, channel string, m card.Message) (storage.Message, error) {
	blocks, err := m.JSON()
	return storage.Message{Key: key, Channel: channel, Text: m.Text(), Blocks: blocks, Urgent: true, Last: true}, err
}
