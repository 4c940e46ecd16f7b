package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/card"
	"c66bot/bot/webapi"
	"c66bot/cloud66/secret"
	"c66bot/commands"
)

// answerTries is how often an answer is sent by one way before another one is taken.
const answerTries = 3

// answer is where an answer for one person goes. Its address is a secret: whoever has it can speak in the bot's name.
type answer struct {
	url           secret.Text
	user, channel string
	thread        string // the thread that was asked in, "" for none
	view          string // the form's window that was clicked in, "" for none
	choose        bool   // the channel can be chosen in that window
	replace       bool   // it takes the place of the message that was clicked
}

// say answers the one who asked, and nobody else: by the response_url, else by an ephemeral message, else by a direct one.
func (b *Bot) say(ctx context.Context, to answer, m card.Message) {
	if ctx.Err() == nil && (b.tell(ctx, to, m) || ctx.Err() == nil) {
		return
	}
	// The bot is shutting down: the last word has a short time of its own.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	b.tell(last, to, m)
}

// tell tries each way of answering, and reports whether one was open.
func (b *Bot) tell(ctx context.Context, to answer, m card.Message) bool {
	ways := []struct {
		name string
		send func(context.Context, answer, card.Message) error
	}{{"view", b.byView}, {"response_url", b.byURL}, {"ephemeral", b.byEphemeral}, {"direct", b.byDirect}}
	var faults []error
	for _, way := range ways {
		err := retry(ctx, func() error { return way.send(ctx, to, m) })
		if err == nil {
			return true
		}
		faults = append(faults, fmt.Errorf("%s: %w", way.name, err))
	}
	b.log.Error("an answer reached nobody", "user", to.user, "channel", to.channel, "error", errors.Join(faults...))
	return false
}

// retry tries again after what may pass: a limit, a server's fault, a cut connection. An answer may come twice by that.
func retry(ctx context.Context, send func() error) error {
	var err error
	for try := range answerTries {
		if err = send(); err == nil || ctx.Err() != nil {
			return err
		}
		pause := time.Second << try
		var (
			limited *slack.RateLimitedError
			status  slack.StatusCodeError
			said    slack.SlackErrorResponse
		)
		switch {
		case errors.As(err, &limited):
			pause = limited.RetryAfter
		case errors.As(err, &status) && status.Code < 500, errors.As(err, &said), errors.Is(err, errNoWay):
			return err
		}
		if try < answerTries-1 && !sleep(ctx, pause) {
			return err
		}
	}
	return err
}

var errNoWay = errors.New("not to be had")

func (b *Bot) byView(ctx context.Context, to answer, m card.Message) error {
	if to.view == "" {
		return errNoWay
	}
	turn := b.windows.begin(to.view)
	defer b.windows.end(turn)
	return turn.take(func() error {
		_, err := b.api.UpdateViewContext(ctx, card.Inside(m, card.FormState{Channel: to.channel, Choose: to.choose}), "", "", to.view)
		return err
	})
}

func (b *Bot) byURL(ctx context.Context, to answer, m card.Message) error {
	if to.url.Empty() {
		return errNoWay
	}
	body, err := json.Marshal(slack.WebhookMessage{
		ResponseType: slack.ResponseTypeEphemeral, ReplaceOriginal: to.replace, Text: m.Text(), Blocks: &slack.Blocks{BlockSet: m.Blocks()},
	})
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.url.Reveal(), bytes.NewReader(body))
	if err != nil {
		return errNoWay // its text would hold the address
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := b.http.Do(req)
	if err != nil {
		return webapi.WithoutURL(err)
	}
	defer func() { _ = res.Body.Close() }()
	return heard(res)
}

// heard says what came of an answer at a response_url: the word ok, or JSON that says so.
func heard(res *http.Response) error {
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return &slack.RateLimitedError{RetryAfter: time.Duration(max(1, seconds)) * time.Second}
	case res.StatusCode != http.StatusOK:
		return slack.StatusCodeError{Code: res.StatusCode, Status: res.Status}
	}
	var said struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.NewDecoder(res.Body).Decode(&said); err == nil && said.OK != nil && !*said.OK {
		return slack.SlackErrorResponse{Err: said.Error}
	}
	return nil
}

func (b *Bot) byEphemeral(ctx context.Context, to answer, m card.Message) error {
	if to.channel == "" {
		return errNoWay
	}
	options := []slack.MsgOption{slack.MsgOptionText(m.Text(), false), slack.MsgOptionBlocks(m.Blocks()...)}
	if to.thread != "" {
		options = append(options, slack.MsgOptionTS(to.thread))
	}
	_, err := b.api.PostEphemeralContext(ctx, to.channel, to.user, options...)
	return err
}

func (b *Bot) byDirect(ctx context.Context, to answer, m card.Message) error {
	channel, _, _, err := b.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{to.user}})
	if err != nil {
		return err
	}
	_, _, err = b.api.PostMessageContext(ctx, channel.ID, slack.MsgOptionText(m.Text(), false), slack.MsgOptionBlocks(m.Blocks()...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
	return err
}

// sayUsage answers a command that was not understood.
func (b *Bot) sayUsage(ctx context.Context, t *task, err error) {
	var usage *commands.UsageError
	if !errors.As(err, &usage) {
		usage = &commands.UsageError{What: "I could not read that command: " + err.Error(), Example: "help"}
	}
	b.log.InfoContext(ctx, "command not understood", "user", t.answer.user, "channel", t.answer.channel, "what", usage.What)
	b.say(ctx, t.answer, card.Usage(usage, b.command))
}
