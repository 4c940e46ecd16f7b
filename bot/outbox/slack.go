package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"c66bot/bot/card/markup"
	"c66bot/bot/webapi"
)

// eventType is the metadata event type of every message of the outbox. The payload is only the message key, since every member can read it.
const eventType = "c66bot_message"

// Self identifies the bot, as auth.test reports it. Metadata alone proves nothing: other apps can write the same.
type Self struct{ User, Bot string }

// wrote reports whether the bot wrote a message.
func (s Self) wrote(m message) bool {
	return s.Bot != "" && m.BotID == s.Bot || s.User != "" && m.User == s.User
}

// errNoSelf means that the bot cannot tell its own messages from another app's.
var errNoSelf = errors.New("who I am is not known yet: Slack has not answered auth.test")

// API implements Slack with the Web API.
type API struct {
	webapi.API

	Self func() Self // the zero value while unknown
}

// Args returns the arguments of a call that posts or edits in a channel.
func (b Body) Args(channel string) (url.Values, error) {
	args := url.Values{"channel": {channel}, "text": {b.Text}}
	switch {
	case b.Plain:
		args.Set("parse", "none") // no link detection
		return args, nil
	case len(b.Blocks) > 0:
		args.Set("blocks", string(b.Blocks))
		return args, nil
	}
	// A verbatim section turns off Slack's link detection.
	text := map[string]any{"type": "mrkdwn", "text": markup.Shorten(b.Text, mostUnfolded), "verbatim": true}
	section := map[string]any{"type": "section", "text": text}
	blocks, err := json.Marshal([]any{section})
	args.Set("blocks", string(blocks))
	return args, err
}

// answer is the part of the response to a post or an edit that is used.
type answer struct {
	TS string `json:"ts"`
}

// Post calls chat.postMessage.
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

// Edit calls chat.update.
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

// Delete calls chat.delete.
func (a API) Delete(ctx context.Context, channel, ts string) error {
	return a.Call(ctx, "chat.delete", url.Values{"channel": {channel}, "ts": {ts}}, &struct{}{})
}

const (
	pageSize = 200
	// maxPages bounds a search: a recent post is among the newest 2,000 messages even of a busy channel.
	maxPages = 10
	// lookBack is how far before the message's creation a search begins, since clocks are adjusted.
	lookBack = time.Hour
)

// message is the part of a history message that is used. Other fields of foreign messages are ignored.
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

// key returns the outbox key of a message that the bot wrote.
func (m message) key(self Self) (string, bool) {
	key, ok := m.Metadata.Payload["key"].(string)
	return key, ok && m.Metadata.Type == eventType && self.wrote(m)
}

// read calls f with the messages of a channel's history or of a thread, page by page, until f returns true.
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
			if err := json.Unmarshal(raw, &m); err == nil && f(m) { // a message that does not decode is not ours
				return true
			}
		}
		return false
	})
	return errors.Join(err, unread)
}

// Own reads conversations.history, or conversations.replies in a thread, for the bot's messages.
func (a API) Own(ctx context.Context, channel, thread string, since time.Time) (map[string][]Standing, error) {
	self := a.Self()
	if self == (Self{}) {
		return nil, errNoSelf
	}
	args := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if at, sure := a.Clock.At(since); sure { // else read the newest pages, whatever their time
		args.Set("oldest", strconv.FormatInt(at.Add(-lookBack).Unix(), 10)+".000000")
	}
	own := map[string][]Standing{}
	err := a.read(ctx, channel, thread, args, maxPages, func(m message) bool {
		if key, ours := m.key(self); ours {
			own[key] = append(own[key], Standing{TS: m.TS, Replies: m.Replies > 0})
		}
		return false
	})
	return own, err
}

// KeyOf returns the key of the message that starts a thread, or "" if the bot did not write it.
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
