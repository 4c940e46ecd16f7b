package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/webapi"
)

// eventType is the metadata's event type of every message that the outbox posts; the payload is the message's key alone, since every
// member can read it.
const eventType = "c66bot_message"

// RefusedError is Slack's final no for a message.
type RefusedError struct{ Code string }

func (e *RefusedError) Error() string { return "Slack refused it: " + e.Code }

func (e *RefusedError) kind() webapi.Kind { return webapi.Meaning(e.Code, "").Kind }

// LaterError says that Slack takes nothing now.
type LaterError struct {
	After     time.Duration
	Limit     bool // a rate limit, which counts for all calls of the method
	Untouched bool // certainly nothing was posted
	Code      string
	Err       error
}

func (e *LaterError) Error() string { return e.Err.Error() }
func (e *LaterError) Unwrap() error { return e.Err }

// authPause is how long to wait where Slack refuses the token or a scope: somebody has to do something about it first.
const authPause = time.Minute

// classify tells a final refusal and a pause from an unclear result.
func classify(err error) error {
	if err == nil {
		return nil
	}
	later := func(f webapi.Fault, after time.Duration) error {
		return &LaterError{After: after, Limit: f.Kind == webapi.Limited, Untouched: f.Untouched, Code: f.Code, Err: err}
	}
	switch f := webapi.Judge(err); f.Kind {
	case webapi.NoAnswer:
		return err
	case webapi.Limited, webapi.NotSent:
		return later(f, f.After)
	case webapi.Trouble:
		return later(f, 0)
	case webapi.Token, webapi.WrongToken, webapi.NoScope, webapi.Setting:
		return later(f, authPause)
	default:
		return &RefusedError{Code: f.Code}
	}
}

// API is Slack over its Web API.
type API struct{ Client *slack.Client }

// rawBlock is a block as it was rendered.
type rawBlock struct{ json.RawMessage }

func (rawBlock) BlockType() slack.MessageBlockType { return "" }
func (rawBlock) ID() string                        { return "" }

func options(body Body) ([]slack.MsgOption, error) {
	opts := []slack.MsgOption{slack.MsgOptionText(body.Text, false), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl()}
	if len(body.Blocks) == 0 {
		// A verbatim section, in which Slack makes no link of what only looks like one.
		text := slack.NewTextBlockObject(slack.MarkdownType, clip(body.Text), false, true)
		return append(opts, slack.MsgOptionBlocks(slack.NewSectionBlock(text, nil, nil))), nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(body.Blocks, &raw); err != nil {
		return nil, &RefusedError{Code: "invalid_blocks_format"} // as Slack would say
	}
	blocks := make([]slack.Block, len(raw))
	for i, r := range raw {
		blocks[i] = rawBlock{r}
	}
	return append(opts, slack.MsgOptionBlocks(blocks...)), nil
}

// Post posts with chat.postMessage.
func (a API) Post(ctx context.Context, channel, thread string, broadcast bool, body Body, key string) (string, error) {
	opts, err := options(body)
	if err != nil {
		return "", err
	}
	opts = append(opts, slack.MsgOptionMetadata(slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"key": key}}))
	if thread != "" {
		opts = append(opts, slack.MsgOptionTS(thread))
	}
	if broadcast {
		opts = append(opts, slack.MsgOptionBroadcast())
	}
	_, ts, err := a.Client.PostMessageContext(ctx, channel, opts...)
	if err == nil && ts == "" {
		return "", errors.New("chat.postMessage answered without a ts")
	}
	return ts, classify(err)
}

// Edit edits with chat.update.
func (a API) Edit(ctx context.Context, channel, ts string, body Body) error {
	opts, err := options(body)
	if err != nil {
		return err
	}
	_, _, _, err = a.Client.UpdateMessageContext(ctx, channel, ts, opts...)
	return classify(err)
}

// clockSkew is by how much our clock may be ahead of Slack's when a message is looked for.
const clockSkew = 5 * time.Minute

// Find reads conversations.history, or .replies for a thread, until the key is met in a message's metadata.
func (a API) Find(ctx context.Context, channel, thread, key string, since time.Time) (string, error) {
	oldest := strconv.FormatInt(since.Add(-clockSkew).Unix(), 10) + ".000000"
	cursor := ""
	for {
		messages, next, err := a.page(ctx, channel, thread, oldest, cursor)
		if err != nil {
			return "", classify(err)
		}
		for _, m := range messages {
			if m.Metadata.EventType == eventType && m.Metadata.EventPayload["key"] == key {
				return m.Timestamp, nil
			}
		}
		if next == "" || next == cursor {
			return "", nil
		}
		cursor = next
	}
}

func (a API) page(ctx context.Context, channel, thread, oldest, cursor string) ([]slack.Message, string, error) {
	const most = 200
	if thread != "" {
		messages, _, next, err := a.Client.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: channel, Timestamp: thread, Oldest: oldest, Cursor: cursor, Limit: most, IncludeAllMetadata: true,
		})
		return messages, next, err
	}
	history, err := a.Client.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: channel, Oldest: oldest, Cursor: cursor, Limit: most, IncludeAllMetadata: true,
	})
	if err != nil {
		return nil, "", err
	}
	return history.Messages, history.ResponseMetaData.NextCursor, nil
}

// KeyOf gives the key of a message that starts a thread, "" where it is none of the outbox's: what another app writes into its metadata proves
// nothing, so the message must be of the given bot.
func (a API) KeyOf(ctx context.Context, channel, ts, bot string) (string, error) {
	messages, _, _, err := a.Client.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
		ChannelID: channel, Timestamp: ts, Limit: 1, Inclusive: true, IncludeAllMetadata: true,
	})
	if err != nil {
		return "", fmt.Errorf("read the beginning of a thread: %w", err)
	}
	for _, m := range messages {
		key, ok := m.Metadata.EventPayload["key"].(string)
		if ok && m.Timestamp == ts && bot != "" && m.BotID == bot && m.Metadata.EventType == eventType {
			return key, nil
		}
	}
	return "", nil
}

// Direct opens a direct conversation with conversations.open.
func (a API) Direct(ctx context.Context, user string) (string, error) {
	channel, _, _, err := a.Client.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}, ReturnIM: true})
	if err != nil {
		return "", classify(err)
	}
	return channel.ID, nil
}
