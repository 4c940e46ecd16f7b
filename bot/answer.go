package bot

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/bot/webapi"
	"c66bot/cloud66/secret"
	"c66bot/commands"
)

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

const (
	// wayWait bounds the tries of one way of answering. One that hangs may still arrive: an answer that comes twice is better than none.
	wayWait = 3 * time.Second
	// tellFor bounds the rounds through all ways, while their errors may pass.
	tellFor = time.Minute
)

// way is one way of answering. It is given the answer as plain text where Slack has refused its form.
type way struct {
	name string
	send func(ctx context.Context, to answer, m card.Message, plain bool) error
}

// tell tries each way of answering, and reports whether one was open.
func (b *Bot) tell(ctx context.Context, to answer, m card.Message) bool {
	ways := []way{{"view", b.byView}, {"response_url", b.byURL}, {"ephemeral", b.byEphemeral}, {"direct", b.byDirect}}
	until, plain := time.Now().Add(tellFor), false
	for pause := wayWait; ; pause *= 2 {
		var faults []error
		for i, w := range ways {
			left := wayWait
			if end, ok := ctx.Deadline(); ok { // each way has its share of the time
				left = min(left, time.Until(end)/time.Duration(len(ways)-i))
			}
			err := webapi.Retry(ctx, left, func(ctx context.Context) error {
				err := w.send(ctx, to, m, plain)
				if webapi.Is(err, webapi.TooMuch) && !plain {
					b.log.WarnContext(ctx, "Slack refused an answer's form; it goes as plain text", "way", w.name, "error", err)
					plain = true
					err = w.send(ctx, to, m, plain)
				}
				return err
			})
			if err == nil {
				return true
			}
			faults = append(faults, fmt.Errorf("%s: %w", w.name, err))
		}
		passes := slices.ContainsFunc(faults, func(err error) bool { return !errors.Is(err, errNoWay) && webapi.Judge(err).Passes })
		if !passes || time.Now().Add(pause).After(until) || !sleep(ctx, pause) {
			if !errors.Is(ctx.Err(), context.Canceled) { // else it is not wanted any more, or said once more by whoever shuts down
				b.log.Error("an answer reached nobody", "user", to.user, "channel", to.channel, "error", errors.Join(faults...))
			}
			return false
		}
	}
}

// errNoWay says that a way does not exist for this answer.
var errNoWay = webapi.Final("not to be had")

func (b *Bot) byView(ctx context.Context, to answer, m card.Message, plain bool) error {
	if to.view == "" {
		return errNoWay
	}
	if plain {
		m = m.Plain()
	}
	f := b.windows.begin(to.view)
	defer b.windows.end(f)
	return b.windows.show(f, func() error {
		return b.showView(ctx, card.Inside(m, card.FormState{Channel: to.channel, Choose: to.choose}), to.view)
	})
}

func (b *Bot) byURL(ctx context.Context, to answer, m card.Message, plain bool) error {
	if to.url.Empty() {
		return errNoWay
	}
	said := map[string]any{"response_type": slack.ResponseTypeEphemeral, "text": m.Text(), "replace_original": to.replace}
	if plain {
		said["parse"] = "none" // no link is made of what only looks like one
	} else {
		said["blocks"] = m.Blocks()
	}
	return b.slack.Respond(ctx, to.url, said)
}

func (b *Bot) byEphemeral(ctx context.Context, to answer, m card.Message, plain bool) error {
	if to.channel == "" {
		return errNoWay
	}
	args, err := arguments(to.channel, m, plain)
	if err != nil {
		return err
	}
	args.Set("user", to.user)
	if to.thread != "" {
		args.Set("thread_ts", to.thread)
	}
	return b.slack.Call(ctx, "chat.postEphemeral", args, &struct{}{})
}

func (b *Bot) byDirect(ctx context.Context, to answer, m card.Message, plain bool) error {
	channel, err := b.slack.Direct(ctx, to.user)
	if err != nil {
		return err
	}
	args, err := arguments(channel, m, plain)
	if err != nil {
		return err
	}
	args.Set("unfurl_links", "false")
	args.Set("unfurl_media", "false")
	err = b.slack.Call(ctx, "chat.postMessage", args, &struct{}{})
	b.heardDirect(err)
	return err
}

// arguments are those of a call that says something in a channel.
func arguments(channel string, m card.Message, plain bool) (url.Values, error) {
	blocks, err := m.JSON()
	if err != nil {
		return nil, err
	}
	return outbox.Body{Text: m.Text(), Blocks: blocks, Plain: plain}.Args(channel)
}

// sayUsage answers a command that was not understood.
func (b *Bot) sayUsage(ctx context.Context, t *task, err error) {
	var usage *commands.UsageError
	if !errors.As(err, &usage) {
		usage = &commands.UsageError{What: "I could not read that command: " + err.Error(), Example: "help"}
	}
	b.log.InfoContext(ctx, "command not understood", "user", t.answer.user, "channel", t.answer.channel, "what", usage.What)
	b.say(ctx, t.answer, card.Reply(usage.Document(b.command)))
}
