package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/bot/notify"
	"c66bot/bot/webapi"
	"c66bot/commands"
	"c66bot/storage"
)

func parseGlob(glob string) (func(storage.StackRef) bool, error) {
	p, err := authz.ParsePattern(glob)
	return p.Match, err
}

// may returns a function that reports whether a user has a right on a stack in a channel.
func (b *Bot) may(right authz.Action) func(ctx context.Context, user, channel string, stack storage.StackRef) (bool, error) {
	return func(ctx context.Context, user, channel string, stack storage.StackRef) (bool, error) {
		standing, err := b.authorizer.Standing(ctx, authz.Subject{User: user, Channel: channel})
		return err == nil && standing.Decide(right, stack).Allowed, err
	}
}

func (b *Bot) held(ctx context.Context, stack storage.StackRef) (bool, error) {
	locks, err := b.handler.HeldBy(ctx, stack)
	return len(locks) > 0, err
}

// told reports whether a subscription would have announced a past deployment.
func told(s storage.Subscription, e commands.Entry, usual time.Duration) bool {
	return notify.Told(s, notify.Sight{
		At: time.Now(), Deployment: e.Deployment, Found: true, Usual: usual, Cancelled: e.Cancelled, Unhealthy: e.Unhealthy,
	})
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

// troubles returns the partial failures of the bot in words. It names no channels, because not everybody may know of each.
func (b *Bot) troubles() []string {
	all := inWords(b.hidden())
	if lacks := b.lacks.Load(); lacks != nil {
		all = append(all, *lacks...)
	}
	if fault, deaf := b.outbox.Deaf(); deaf {
		all = append(all, "What I tell people directly does not reach them: "+webapi.Words(fault.Code)+
			". An admin of the app can turn them on in its settings, under App Home, or by the manifest")
	}
	lost, err := b.channels.Lost(context.Background())
	if err != nil {
		b.log.Error("how many channels Slack does not show could not be read", "error", err)
	}
	if lost > 0 {
		const words = "Slack does not show me channels any more (%d) that have rules, subscriptions or cards: the admins were told which"
		all = append(all, fmt.Sprintf(words, lost))
	}
	return all
}
