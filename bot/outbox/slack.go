package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"c66bot/bot/webapi"
)

// eventType is the metadata's event type of every message that the outbox posts; the payload is the message's key alone, since every
// member can read it.
const eventType = "c66bot_message"

// Self is who the bot is, as auth.test tells it. What another app writes into its metadata proves nothing.
type Self struct{ User, Bot string }

// wrote reports whether a message is the bot's own.
func (s Self) wrote(m message) bool {
	return s.Bot != "" && m.BotID == s.Bot || s.User != "" && m.User == s.User
}

// errNoSelf says that no message can be told from another app's.
var errNoSelf = errors.New("who I am is not known yet: Slack has not answered auth.test")

// API is Slack over its Web API.
type API struct {
	webapi.API

	Self func() Self // the zero value while it is not known
}

// Args gives the arguments of a call that says something in a channel.
func (b Body) Args(channel string) (url.Values, error) {
	args := url.Values{"channel": {channel}, "text": {b.Text}}
	switch {
	case b.Plain:
		args.Set("parse", "none") // no link is made of what only looks like one
		return args, nil
	case len(b.Blocks) > 0:
		args.Set("blocks", string(b.Blocks))
		return args, nil
	}
	// A verbatim section, in which Slack makes no link of what only looks like one.
	section := map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": clip(b.Text), "verbatim": true}}
	blocks, err := json.Marshal([]any{section})
	args.Set("blocks", string(blocks))
	return args, err
}

// answer is what is read of the answer to a post or an edit.
type answer struct {
	TS string `json:"ts"`
}

// Post posts with chat.postMessage.
func (a API) Post(ctx context.Context, channel, thread string, broadcast bool, body Body, key string) (string, error) {
	args, err := body.Args(channel)
	if err != nil {
		return "", fmt.Errorf("encode a message: %w", err)
	}
	metadata, err := json.Marshal(map[string]any{"event_type": eventType, "event_payload": map[string]string{"key": key}})
	if err != nil {
		return "", fmt.Errorf("encode a message's metadata: %w", err)
	}
	args.Set("metadata", string(metadata))
	args.Set("unfurl_links", "false")
	args.Set("unfurl_media", "false")
	if thread != "" {
		args.Set("thread_ts", thread)
	}
	if broadcast {
		args.Set("reply_broadcast", "true")
	}
	var posted answer
	if err := a.Call(ctx, "chat.postMessage", args, &posted); err != nil {
		return "", err
	}
	if posted.TS == "" {
		return "", errors.New("chat.postMessage answered without a ts")
	}
	return posted.TS, nil
}

// Edit edits with chat.update.
func (a API) Edit(ctx context.Context, channel, ts string, body Body) error {
	args, err := body.Args(channel)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	args.Set("ts", ts)
	var edited answer
	if err := a.Call(ctx, "chat.update", args, &edited); err != nil {
		return err
	}
	if edited.TS != "" && edited.TS != ts {
		return fmt.Errorf("chat.update answered for the message %s instead of %s", edited.TS, ts)
	}
	return nil
}

// Delete deletes with chat.delete.
func (a API) Delete(ctx context.Context, channel, ts string) error {
	return a.Call(ctx, "chat.delete", url.Values{"channel": {channel}, "ts": {ts}}, &struct{}{})
}

const (
	pageSize = 200
	// maxPages bounds a look: a busy channel's newest 2,000 messages hold what was posted a moment ago.
	maxPages = 10
	// lookBack is by how much a look begins before what is looked for was made, since clocks are set.
	lookBack = time.Hour
)

// message is what is read of a message in a channel's history. Whatever else a neighbour's holds is of no concern.
type message struct {
	TS       string `json:"ts"`
	User     string `json:"user"`
	BotID    string `json:"bot_id"`
	Replies  int    `json:"reply_count"`
	Metadata struct {
		Type    string         `json:"event_type"`
		Payload map[string]any `json:"event_payload"`
	} `json:"metadata"`
}

// key gives the outbox's key of one of the bot's own messages.
func (m message) key(self Self) (string, bool) {
	key, ok := m.Metadata.Payload["key"].(string)
	return key, ok && m.Metadata.Type == eventType && self.wrote(m)
}

// read calls f with the messages of a channel's history or of a thread, page by page, until it has enough.
func (a API) read(ctx context.Context, channel, thread string, args url.Values, pages int, f func(message) (enough bool)) error {
	method := "conversations.history"
	args.Set("channel", channel)
	args.Set("include_all_metadata", "true")
	if thread != "" {
		method = "conversations.replies"
		args.Set("ts", thread)
	}
	var unread error
	_, err := a.Pages(ctx, method, args, pages, func(page json.RawMessage) bool {
		var history struct {
			Messages []json.RawMessage `json:"messages"`
		}
		if unread = json.Unmarshal(page, &history); unread != nil {
			return true
		}
		for _, raw := range history.Messages {
			var m message
			if err := json.Unmarshal(raw, &m); err == nil && f(m) { // none of ours is written otherwise
				return true
			}
		}
		return false
	})
	return errors.Join(err, unread)
}

// Find reads conversations.history, or .replies for a thread, for messages with the key in their metadata.
func (a API) Find(ctx context.Context, channel, thread, key string, since time.Time) ([]Standing, error) {
	self := a.Self()
	if self == (Self{}) {
		return nil, errNoSelf
	}
	args := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if at, sure := a.Clock.At(since); sure { // else the newest pages are read, whatever the time
		args.Set("oldest", strconv.FormatInt(at.Add(-lookBack).Unix(), 10)+".000000")
	}
	var found []Standing
	err := a.read(ctx, channel, thread, args, maxPages, func(m message) bool {
		if k, ours := m.key(self); ours && k == key {
			found = append(found, Standing{TS: m.TS, Replies: m.Replies > 0})
		}
		return false
	})
	return found, err
}

// KeyOf gives the key of a message that starts a thread, "" where it is none of the bot's own.
func (a API) KeyOf(ctx context.Context, channel, ts string) (string, error) {
	self := a.Self()
	if self == (Self{}) {
		return "", errNoSelf
	}
	key := ""
	err := a.read(ctx, channel, ts, url.Values{"limit": {"1"}, "inclusive": {"true"}}, 1, func(m message) bool {
		if k, ours := m.key(self); ours && m.TS == ts {
			key = k
		}
		return true
	})
	if err != nil {
		return "", fmt.Errorf("read the beginning of a thread: %w", err)
	}
	return key, nil
}
