package bot

import (
	"context"
	"strings"

	"c66bot/bot/outbox"
	"c66bot/bot/webapi"
)

// directs is Slack as the outbox needs it, with an ear for what it says of direct messages.
type directs struct {
	outbox.API
	heard func(error)
}

// Post posts a message.
func (d directs) Post(ctx context.Context, channel, thread string, broadcast bool, body outbox.Body, key string) (string, error) {
	ts, err := d.API.Post(ctx, channel, thread, broadcast, body, key)
	if strings.HasPrefix(channel, "D") {
		d.heard(err)
	}
	return ts, err
}

// heardDirect takes note of what Slack said to a direct message: where a setting refuses it, none reaches anybody.
func (b *Bot) heardDirect(err error) {
	fault := webapi.Judge(err)
	switch {
	case err == nil:
		if b.troubles.set("direct", "") {
			b.log.Info("direct messages reach people again")
		}
	case fault.Kind == webapi.Setting:
		words := "What I tell people directly does not reach them: " + webapi.Words(fault.Code) +
			". An admin of the app can turn them on in its settings, under App Home, or by the manifest"
		if b.troubles.set("direct", words) {
			b.log.Error("not everything reaches people", "reason", words)
		}
	}
}
