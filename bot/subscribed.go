package bot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/bot/notify"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// channelsEvery is the interval between checks of all channels with records. channelsPace is the pause between two channels, far below
	// Slack's limit of 50 calls a minute.
	channelsEvery = time.Hour
	channelsPace  = 2 * time.Second
	// channelHints bounds the queue of channels to check after an event.
	channelHints = 1000
)

// hint queues a check of a channel. If the queue is full, the channel is left to the next full check.
func (b *Bot) hint(channel string) {
	select {
	case b.hints <- channel:
	default:
		b.log.Warn("an event about a channel is left to the next check of all", "channel", channel)
	}
}

// checkChannels suspends the subscriptions of channels in which the bot cannot post and resumes them when it can, until the context ends.
// It checks a channel after an event about it, and all channels at the start and hourly, because no events arrive while the bot is down.
func (b *Bot) checkChannels(ctx context.Context) {
	all := time.NewTimer(0)
	defer all.Stop()
	var left []string
	var next <-chan time.Time
	for {
		if len(left) > 0 && next == nil { // independent of the number of hints
			next = time.After(channelsPace)
		}
		select {
		case <-ctx.Done():
			return
		case channel := <-b.hints:
			has, err := b.holdings(ctx)
			_, held := has[b.moved.now(channel)]
			if err != nil || held || b.outbox.Missed(channel) || slices.Contains(b.troubles.lostOnes(), channel) {
				b.checkChannel(ctx, channel)
			}
		case <-next:
			next = nil
			b.checkChannel(ctx, left[0])
			left = left[1:]
		case <-all.C:
			all.Reset(channelsEvery)
			if len(left) > 0 { // the previous full check is still running
				continue
			}
			has, err := b.holdings(ctx)
			if err != nil && ctx.Err() == nil {
				b.log.Error("the channels that have rules and subscriptions could not be read; the next check tries again", "error", err)
			}
			left = slices.Concat(slices.Collect(maps.Keys(has)), b.outbox.Behind(), b.troubles.lostOnes())
			slices.Sort(left)
			left = slices.Compact(left)
		}
	}
}

// checkChannel asks Slack whether the bot can post in a channel, since an event may be late. If it can, cards that missed edits get them.
func (b *Bot) checkChannel(ctx context.Context, channel string) {
	if now := b.moved.now(channel); now != channel {
		delete(b.doubts, channel)
		b.troubles.lost(channel, false)
		channel = now
	}
	maySubscribe := func(ctx context.Context, user string) (bool, error) { // any stack
		standing, err := b.authorizer.Standing(ctx, authz.Subject{User: user, Channel: channel})
		return err == nil && standing.Some(authz.Subscribe), err
	}
	err := b.channels.look(ctx, channel)
	if lost := b.lost(ctx, channel, err); lost != nil && ctx.Err() == nil {
		b.log.Error("the admins could not be told of a channel that Slack does not show; the next check tries again", "channel", channel, "error",
			lost)
	}
	if no, ok := errors.AsType[*commands.CardError](err); ok {
		err = b.progress.Suspend(ctx, channel, no.Code)
	} else if err == nil {
		err = errors.Join(b.progress.Resume(ctx, channel), b.progress.CheckAuthors(ctx, channel, maySubscribe), b.outbox.Again(ctx, channel))
	}
	if err != nil && ctx.Err() == nil {
		b.log.Error("whether a channel can hear of what it subscribes to was not found out; the next check tries again", "channel", channel,
			"error", err)
	}
}

// parseGlob parses a glob over stacks.
func parseGlob(glob string) (func(storage.StackRef) bool, error) {
	p, err := authz.ParsePattern(glob)
	return p.Match, err
}

// maySubscribe reports whether a user may subscribe a channel to a stack.
func (b *Bot) maySubscribe(ctx context.Context, user, channel string, stack storage.StackRef) (bool, error) {
	standing, err := b.authorizer.Standing(ctx, authz.Subject{User: user, Channel: channel})
	return err == nil && standing.Decide(authz.Subscribe, stack).Allowed, err
}

// told reports whether a subscription would have announced a past deployment.
func told(s storage.Subscription, e commands.Entry, usual time.Duration) bool {
	return notify.Told(s, notify.Sight{At: time.Now(), Deployment: e.Deployment, Found: true, Usual: usual, Cancelled: e.Cancelled})
}

// watchStatus returns how the subscribed stacks are watched.
func (b *Bot) watchStatus() commands.WatchStatus {
	state, stacks := b.progress.Watch(), b.progress.Watched()
	status := commands.WatchStatus{Interval: state.Interval, LastSweep: state.LastSweep}
	for _, uid := range slices.Sorted(maps.Keys(stacks)) {
		status.Stacks = append(status.Stacks, stacks[uid])
		if !state.Unlisted.IsZero() || !state.Unreadable[uid].IsZero() {
			status.Unreadable = append(status.Unreadable, stacks[uid])
		}
	}
	return status
}
