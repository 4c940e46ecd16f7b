package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"c66bot/bot/outbox"
	"c66bot/bot/webapi"
)

// troubles holds the partial failures of the bot, for the status command. The zero value is ready for use.
type troubles struct {
	mu       sync.Mutex
	words    map[string]string // by subject
	channels map[string]bool   // with records, but not shown by Slack
}

// set records a trouble, or clears it if words is "". It reports whether the words changed.
func (t *troubles) set(with, words string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.words[with]
	if t.words == nil {
		t.words = map[string]string{}
	}
	if t.words[with] = words; words == "" {
		delete(t.words, with)
	}
	return before != words
}

func (t *troubles) lost(channel string, lost bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.channels == nil {
		t.channels = map[string]bool{}
	}
	if t.channels[channel] = true; !lost {
		delete(t.channels, channel)
	}
}

// lostOnes returns the channels that Slack does not show.
func (t *troubles) lostOnes() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.channels))
}

// all returns the troubles in words. It names no channels, because not everybody may know of each.
func (t *troubles) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, with := range slices.Sorted(maps.Keys(t.words)) {
		all = append(all, t.words[with])
	}
	if n := len(t.channels); n > 0 {
		const words = "Slack does not show me channels any more (%d) that have rules, subscriptions or cards: the admins were told which"
		all = append(all, fmt.Sprintf(words, n))
	}
	return all
}

// directs is the outbox's Slack client. It reports the results of direct messages to heard.
type directs struct {
	outbox.API
	heard func(error)
}

// Post posts a message. It passes the result to heard if the channel is a direct message.
func (d directs) Post(ctx context.Context, channel, thread string, broadcast bool, body outbox.Body, key string) (string, error) {
	ts, err := d.API.Post(ctx, channel, thread, broadcast, body, key)
	if strings.HasPrefix(channel, "D") {
		d.heard(err)
	}
	return ts, err
}

// heardDirect records the result of a direct message. If a setting forbids direct messages, none reaches anybody.
func (b *Bot) heardDirect(err error) {
	if err == nil {
		if b.troubles.set("direct", "") {
			b.log.Info("direct messages reach people again")
		}
		return
	}
	if fault := webapi.Judge(err); fault.Kind == webapi.Setting {
		words := "What I tell people directly does not reach them: " + webapi.Words(fault.Code) +
			". An admin of the app can turn them on in its settings, under App Home, or by the manifest"
		if b.troubles.set("direct", words) {
			b.log.Error("not everything reaches people", "reason", words)
		}
	}
}
