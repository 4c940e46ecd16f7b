// Package channels knows which channels accept the bot's messages, and which id a channel bears now.
//
// A channel that accepts none has one record of that (storage.Channel): why and since when, and whether the admins were told. The outbox
// writes it when a message is refused, and Check when a look-up is. In the same transaction the authors of the channel's subscriptions are
// told; while the record stands the subscriptions are suspended and edits of its cards wait. It goes when Slack shows the channel to the
// bot again or accepts a post.
//
// A channel is checked after an event about it, and all that have rules, subscriptions, cards or such a record at the start and hourly,
// because no events arrive while the bot is down. Memory holds the queue of checks, and a copy of the changes of ids that Now reads.
package channels

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"c66bot/authz"
	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/bot/people"
	"c66bot/bot/webapi"
	"c66bot/commands"
	"c66bot/storage"
)

// Config holds the dependencies of Channels.
type Config struct {
	People     *people.People
	Records    storage.DB
	Outbox     *outbox.Outbox
	Authorizer *authz.Authorizer
	// Admins returns the users to tell of channels that Slack does not show any more.
	Admins func(ctx context.Context) []string
	// Changed is called after subscriptions were suspended or resumed.
	Changed func(ctx context.Context) error
	Log     *slog.Logger
}

// Channels implements commands.Channels. Create it with New.
type Channels struct {
	Config
	hints chan string                                // channels to check after an event
	moved atomic.Pointer[map[string]storage.Channel] // the changes of ids, by old id
}

// New returns a Channels. It checks nothing until Run is called.
func New(cfg Config) *Channels { return &Channels{Config: cfg, hints: make(chan string, maxHints)} }

// Member returns a *commands.CardError if the bot may not post in the channel of a request, and another error if Slack does not tell.
func (c *Channels) Member(ctx context.Context, channel, user string) error {
	if strings.HasPrefix(channel, "D") { // it must be the user's own with the bot, which cannot post in one between two people
		own, err := c.People.Direct(ctx, user)
		if err == nil && own != channel {
			return noCard(webapi.WrongChannel)
		}
		return c.judge(ctx, channel, err)
	}
	if room, err := c.People.Room(ctx, channel); err != nil || room.Closed() == "" {
		return c.judge(ctx, channel, err)
	}
	return c.look(ctx, channel) // the event may have been lost
}

// look asks Slack about a channel, bypassing the cache.
func (c *Channels) look(ctx context.Context, channel string) error {
	if strings.HasPrefix(channel, "D") { // posting a message shows it
		return nil
	}
	c.People.ForgetRoom(channel)
	room, err := c.People.Room(ctx, channel)
	if code := room.Closed(); err == nil && code != "" {
		return noCard(code)
	}
	return c.judge(ctx, channel, err)
}

// judge turns a look-up error into a *commands.CardError if it says that the bot cannot post. It returns nil if the bot may not look the
// channel up, since posting a message then shows the result.
func (c *Channels) judge(ctx context.Context, channel string, err error) error {
	fault := webapi.Judge(err)
	switch {
	case err == nil:
		return nil
	case fault.Kind == webapi.NoChannel:
		return noCard(fault.Code)
	case fault.Kind == webapi.NoScope && strings.HasPrefix(fault.Scope, "mpim:"):
		return noCard(webapi.WrongChannel)
	case webapi.Forbids(err):
		c.Log.WarnContext(ctx, "whether I can post in a channel cannot be looked up", "channel", channel, "error", err)
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
func (c *Channels) Announce(ctx context.Context, req commands.Request, change func(tx storage.Tx) ([]commands.Announcement, error)) error {
	err := c.Outbox.Write(ctx, func(tx storage.Tx) (messages []storage.Message, err error) {
		if err := commands.Take(tx, req.Operation, req.User); err != nil {
			return nil, err
		}
		said, err := change(tx)
		if err != nil {
			return nil, err
		}
		return Messages(said, req.Channel, req.User), storage.Conclude(tx, req.Operation, storage.Done)
	})
	if err != nil {
		return fmt.Errorf("record a change and tell the channel: %w", err)
	}
	return nil
}

// Amend edits a message announced for a request.
func (c *Channels) Amend(ctx context.Context, req commands.Request, said commands.Announcement) error {
	err := c.Outbox.Write(ctx, func(storage.Tx) ([]storage.Message, error) {
		return Messages([]commands.Announcement{said}, req.Channel, req.User), nil
	})
	if err != nil {
		return fmt.Errorf("amend what the channel was told: %w", err)
	}
	return nil
}

// Messages renders announcements as messages for a channel. A user is told by direct message if it accepts none.
func Messages(said []commands.Announcement, channel, user string) (messages []storage.Message) {
	for _, a := range said {
		m := storage.Message{
			Key: a.Key, Channel: cmp.Or(a.Channel, channel), Parent: a.Parent, Urgent: !a.Later, Last: !a.Stays, Tell: []string{user},
		}
		if a.User != "" {
			m.Channel, m.Tell = outbox.Direct(a.User), nil
		}
		messages = append(messages, outbox.Say(m, card.Reply(a.Reply)))
	}
	return messages
}
