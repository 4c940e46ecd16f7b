package bot

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/bot/webapi"
	"c66bot/commands"
	"c66bot/storage"
)

// memberAge is how long the bot is taken to be a member of a channel. Where it is none any more, Slack refuses the message itself.
const memberAge = time.Minute

// channels is what commands need of the channels. It implements commands.Channels.
type channels struct {
	api     *slack.Client
	records storage.DB
	outbox  *outbox.Outbox
	log     *slog.Logger

	mu     sync.Mutex
	member map[string]time.Time // when Slack said that the bot is one
}

// Member fails with a *commands.CardError where the bot may not post in the channel, and with another error where Slack does not tell.
func (c *channels) Member(ctx context.Context, channel string) error {
	if c.known(channel) {
		return nil
	}
	return c.look(ctx, channel)
}

// look asks Slack, whatever it said just now.
func (c *channels) look(ctx context.Context, channel string) error {
	if strings.HasPrefix(channel, "D") {
		return nil
	}
	info, err := c.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel})
	c.mu.Lock()
	delete(c.member, channel)
	c.mu.Unlock()
	fault := webapi.Judge(err)
	switch {
	case err != nil && fault.Kind == webapi.NoChannel:
		return &commands.CardError{Code: fault.Code}
	case webapi.Is(err, webapi.NoScope, webapi.Setting, webapi.NoMethod): // the message itself shows it
		c.log.WarnContext(ctx, "whether I am a member of a channel cannot be looked up", "channel", channel, "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("conversations.info: %w", err)
	case info.IsArchived:
		return &commands.CardError{Code: "is_archived"}
	case !info.IsMember && !info.IsMpIM:
		return &commands.CardError{Code: "not_in_channel"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.member == nil || len(c.member) > 10_000 {
		c.member = map[string]time.Time{}
	}
	c.member[channel] = time.Now()
	return nil
}

func (c *channels) known(channel string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.member[channel]) < memberAge
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
		Key: a.Key, Channel: req.Channel, Parent: a.Parent, Text: m.Text(), Blocks: blocks, Urgent: true, Last: true, Tell: []string{req.User},
	}, err
}
