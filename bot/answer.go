package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/bot/routine"
	"c66bot/bot/webapi"
	"c66bot/cloud66/secret"
	"c66bot/commands"
)

// answer is the destination of a reply to one person. Its url is a secret: anyone who holds it can post as the bot.
type answer struct {
	url           secret.Text
	user, channel string
	thread        string // thread of the request, or ""
	view          string // id of the form's view in which the click happened, or ""
	choose        bool   // the view has a channel selection
	replace       bool   // the reply replaces the clicked message
}

func (a answer) with(reply commands.Reply) answer {
	if _, again := reply.(commands.Taken); again {
		a.replace = false
	}
	return a
}

// say replies to the asker only: in the form's view, else by response_url, else by an ephemeral message, else by a direct message.
func (b *Bot) say(ctx context.Context, to answer, m card.Message) {
	if ctx.Err() == nil && (b.tell(ctx, to, m) || ctx.Err() == nil) {
		return
	}
	// The bot is shutting down: the last message gets a short deadline of its own.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	b.tell(last, to, m)
}

const (
	// wayWait bounds the tries of one route. A hanging try may still succeed: a duplicate reply is better than none.
	wayWait = 3 * time.Second
	// tellFor bounds the rounds through all routes while their errors are transient.
	tellFor = time.Minute
)

// way is a route for replies. plain requests the reply as plain text, after Slack rejected its blocks.
type way struct {
	name string
	send func(ctx context.Context, to answer, m card.Message, plain bool) error
}

// tell tries the routes in order and reports whether one of them succeeded.
func (b *Bot) tell(ctx context.Context, to answer, m card.Message) bool {
	ways := []way{{"view", b.byView}, {"response_url", b.byURL}, {"ephemeral", b.byEphemeral}, {"direct", b.byDirect}}
	until, plain := time.Now().Add(tellFor), false
	for pause := wayWait; ; pause *= 2 {
		var faults []error
		for i, w := range ways {
			left := wayWait
			if end, ok := ctx.Deadline(); ok { // share the remaining time among the routes
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
		if !passes || time.Now().Add(pause).After(until) || !routine.Sleep(ctx, pause) {
			if !errors.Is(ctx.Err(), context.Canceled) { // if cancelled, the reply is obsolete, or say repeats it at shutdown
				b.log.Error("an answer reached nobody", "user", to.user, "channel", to.channel, "error", errors.Join(faults...))
			}
			return false
		}
	}
}

// errNoWay says that a route does not apply to this answer.
var errNoWay = webapi.Final("not to be had")

func (b *Bot) byView(ctx context.Context, to answer, m card.Message, plain bool) error {
	if to.view == "" {
		return errNoWay
	}
	if plain {
		m = m.Plain()
	}
	return b.showView(ctx, card.Inside(m, card.FormState{Channel: to.channel, Choose: to.choose}), to.view)
}

func (b *Bot) byURL(ctx context.Context, to answer, m card.Message, plain bool) error {
	if to.url.Empty() {
		return errNoWay
	}
	said := map[string]any{"response_type": slack.ResponseTypeEphemeral, "text": m.Text(), "replace_original": to.replace}
	if plain {
		said["parse"] = "none" // Slack must not turn lookalikes into links
	} else {
		said["blocks"] = m.Blocks()
	}
	return b.slack.Respond(ctx, to.url, said)
}

func (b *Bot) byEphemeral(ctx context.Context, to answer, m card.Message, plain bool) error {
	if to.channel == "" {
		return errNoWay
	}
	args, err := content(m, plain).Args(to.channel)
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
	args, err := content(m, plain).Args(channel)
	if err != nil {
		return err
	}
	args.Set("unfurl_links", "false")
	args.Set("unfurl_media", "false")
	err = b.slack.Call(ctx, "chat.postMessage", args, &struct{}{})
	b.outbox.Heard(channel, err)
	return err
}

func content(m card.Message, plain bool) outbox.Body {
	return outbox.Body{Text: m.Text(), Blocks: m.JSON(), Plain: plain}
}
