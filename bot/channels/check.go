package channels

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"c66bot/authz"
	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/bot/routine"
	"c66bot/bot/webapi"
	"c66bot/cloud66/panics"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// checkEvery is the interval between checks of all channels. checkPace is the pause between two channels, far below Slack's limit of 50
	// calls a minute.
	checkEvery = time.Hour
	checkPace  = 2 * time.Second
	// maxHints bounds the queue of channels to check after an event.
	maxHints = 1000
	// doubtFor is how long Slack must hide a channel before the admins are told: the event with its new id may still come.
	doubtFor = 5 * time.Minute
)

// Hint queues a check of a channel. If the queue is full, the channel is left to the next check of all.
func (c *Channels) Hint(channel string) {
	select {
	case c.hints <- channel:
	default:
		c.Log.Warn("an event about a channel is left to the next check of all", "channel", channel)
	}
}

// Run checks channels until the context ends.
func (c *Channels) Run(ctx context.Context) {
	var left sync.WaitGroup
	defer left.Wait()
	// independent of the check of all, which may take more than an hour
	left.Go(func() { routine.Keep(ctx, c.Log, "check channels of which an event came", c.checkHinted) })
	routine.Repeat(ctx, c.Log, "check all channels that have something", nil, func(ctx context.Context) (time.Duration, error) {
		began := time.Now()
		err := c.checkAll(ctx)
		return max(time.Until(began.Add(checkEvery)), checkPace), err
	})
}

func (c *Channels) checkHinted(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case channel := <-c.hints:
			channel = c.Now(channel)
			if has, err := c.holdings(ctx); err != nil || has[channel] != nil {
				c.check(ctx, channel)
			}
		}
	}
}

func (c *Channels) checkAll(ctx context.Context) error {
	has, err := c.holdings(ctx)
	for _, channel := range slices.Sorted(maps.Keys(has)) {
		if c.check(ctx, c.Now(channel)); !routine.Sleep(ctx, checkPace) {
			return err
		}
	}
	return err
}

// check asks Slack whether the bot can post in a channel, since an event may be late, and records the result.
func (c *Channels) check(ctx context.Context, channel string) {
	err := panics.Catch(func() error {
		err := c.look(ctx, channel)
		if no, ok := errors.AsType[*commands.CardError](err); ok {
			return errors.Join(c.Refused(ctx, channel, no.Code), c.lost(ctx, channel))
		} else if err != nil {
			return err
		}
		return errors.Join(c.Accepted(ctx, channel), c.checkAuthors(ctx, channel))
	})
	if err != nil && ctx.Err() == nil {
		c.Log.Error("whether a channel accepts messages was not found out; the next check tries again", "channel", channel, "error", err)
	}
}

// Refused records that a channel accepts no messages, with Slack's code, and tells the authors of its subscriptions.
func (c *Channels) Refused(ctx context.Context, channel, code string) error {
	fresh, err := c.Outbox.Refuse(ctx, channel, code, func(tx storage.Tx) ([]storage.Message, error) { return suspended(tx, channel, code) })
	if err != nil || !fresh {
		return err
	}
	c.Log.WarnContext(ctx, "a channel accepts no messages: its subscriptions are suspended", "channel", channel, "code", code)
	return c.Changed(ctx)
}

// suspended returns the direct messages that tell the authors of a channel's subscriptions that it accepts no messages.
func suspended(tx storage.Tx, channel, code string) (messages []storage.Message, err error) {
	of, err := byAuthor(tx, channel)
	for _, author := range slices.Sorted(maps.Keys(of)) {
		var globs []string
		for _, s := range of[author] {
			globs = append(globs, s.Stacks)
		}
		slices.Sort(globs)
		key := fmt.Sprintf("suspended/%s/%s/%d", channel, author, time.Now().UnixNano())
		messages = append(messages, outbox.ToUser(author, key, card.Suspended(channel, code, globs)))
	}
	return messages, err
}

func byAuthor(tx storage.Tx, channel string) (map[string][]storage.Subscription, error) {
	all, err := storage.Subscriptions.All(tx, storage.ChannelKey(channel, ""))
	of := map[string][]storage.Subscription{}
	for _, s := range all {
		of[s.Author] = append(of[s.Author], s)
	}
	return of, err
}

// Accepted ends the trouble of a channel. Deployments meanwhile, of stacks that only it subscribes to, are history.
func (c *Channels) Accepted(ctx context.Context, channel string) error {
	was, err := c.Outbox.Accept(ctx, channel)
	if err != nil || !was {
		return err
	}
	c.Log.InfoContext(ctx, "a channel accepts messages again: its subscriptions go on", "channel", channel)
	return c.Changed(ctx)
}

// checkAuthors tells a channel once that the author of subscriptions may subscribe to nothing there any more: they announce nothing.
func (c *Channels) checkAuthors(ctx context.Context, channel string) error {
	var known storage.Channel
	of, err := storage.Read(ctx, c.Records, func(tx storage.Tx) (_ map[string][]storage.Subscription, err error) {
		if known, _, err = storage.Channels.Find(tx, channel); err != nil {
			return nil, err
		}
		return byAuthor(tx, channel)
	})
	var powerless []string
	for _, author := range slices.Sorted(maps.Keys(of)) {
		standing, wrong := c.Authorizer.Standing(ctx, authz.Subject{User: author, Channel: channel})
		if wrong != nil {
			return fmt.Errorf("whether %s may subscribe to anything in %s: %w", author, channel, wrong)
		}
		if !standing.Some(authz.Subscribe) {
			powerless = append(powerless, author)
		}
	}
	if err != nil || slices.Equal(powerless, known.Powerless) {
		return err
	}
	c.Log.InfoContext(ctx, "what the authors of a channel's subscriptions may has changed", "channel", channel)
	return c.Outbox.Write(ctx, func(tx storage.Tx) (messages []storage.Message, err error) {
		before, err := storage.ChangeChannel(tx, channel, func(r *storage.Channel) { r.Powerless = powerless })
		for _, author := range powerless {
			if slices.Contains(before.Powerless, author) {
				continue
			}
			messages = append(messages, outbox.Say(storage.Message{
				Key: fmt.Sprintf("powerless/%s/%s/%d", channel, author, time.Now().UnixNano()), Channel: channel, Last: true,
			}, card.Powerless(author, of[author])))
		}
		return messages, err
	})
}

// The kinds of what a channel has. Nobody misses a channel that has none of those that are kept.
const (
	rules         = "rules"
	subscriptions = "subscriptions"
	cards         = "open cards"
	trouble       = "trouble"
)

var kept = []string{cards, rules, subscriptions}

// holdings counts what the channels that are worth a check have, by kind.
func (c *Channels) holdings(ctx context.Context) (all map[string]map[string]int, err error) {
	err = c.Records.View(ctx, func(tx storage.Tx) error {
		all = map[string]map[string]int{}
		return errors.Join(
			count(tx, all, rules, storage.Rules, func(_ string, r storage.Rule) (string, bool) { return r.Channel, r.Until.IsZero() }),
			count(tx, all, subscriptions, storage.Subscriptions, func(_ string, s storage.Subscription) (string, bool) { return s.Channel, true }),
			count(tx, all, cards, storage.Follows, func(_ string, f storage.Follow) (string, bool) {
				return f.Channel, f.Phase != storage.PhaseEnded
			}),
			count(tx, all, trouble, storage.Channels, func(id string, r storage.Channel) (string, bool) { return id, r.Refused != "" }),
		)
	})
	return all, err
}

// count adds the records of a table that count to all, as a kind of what their channels have.
func count[T any](
	tx storage.Tx, all map[string]map[string]int, kind string, table storage.Table[T],
	of func(key string, rec T) (channel string, counts bool),
) error {
	return table.Scan(tx, "", func(key string, rec T) error {
		channel, counts := of(key, rec)
		if counts && all[channel] == nil {
			all[channel] = map[string]int{}
		}
		if counts {
			all[channel][kind]++
		}
		return nil
	})
}

// lost tells the admins once of a channel that has something and that Slack does not show any more: the bot was removed from it, or its id
// changed while the bot was down.
func (c *Channels) lost(ctx context.Context, channel string) error {
	all, err := c.holdings(ctx)
	if err != nil {
		return err
	}
	known, _, err := storage.Channels.Look(ctx, c.Records, channel)
	has := all[channel]
	held := has[rules]+has[subscriptions]+has[cards] > 0
	missed, told := held && known.Refused == webapi.NotShown, !known.Told.IsZero()
	over := !held && time.Since(known.Since) > storage.KeepEdits // nothing waits for it any more
	switch {
	case err != nil || missed == told && !over:
		return err
	case told || over:
		return c.Records.Update(ctx, func(tx storage.Tx) error {
			_, err := storage.ChangeChannel(tx, channel, func(r *storage.Channel) {
				if r.Told = (time.Time{}); over {
					r.Refused, r.Since = "", time.Time{}
				}
			})
			return err
		})
	case time.Since(known.Since) < doubtFor:
		time.AfterFunc(doubtFor-time.Since(known.Since), func() { c.Hint(channel) })
		return nil
	default:
		return c.tellLost(ctx, channel, has)
	}
}

// tellLost records that the admins are told of a channel that Slack does not show, and tells them.
func (c *Channels) tellLost(ctx context.Context, channel string, has map[string]int) error {
	c.Log.ErrorContext(ctx, "Slack does not show a channel that has something: the bot was removed from it, or its id has changed",
		"channel", channel, "rules", has[rules], "subscriptions", has[subscriptions], "cards", has[cards])
	var parts []string
	for _, kind := range kept {
		if has[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%s (%d)", kind, has[kind]))
		}
	}
	said := card.Reply(commands.ProblemReply{
		What:  fmt.Sprintf("Slack does not show me the channel %s any more, of which I keep %s.", channel, strings.Join(parts, ", ")),
		State: "They are kept, and take no effect.",
		Do: "If I was removed from the channel, invite me again. If it was shared with another organisation while I was down, it bears " +
			"another id now: make its rules and subscriptions anew in it.",
	})
	users, now := c.Admins(ctx), time.Now()
	return c.Outbox.Write(ctx, func(tx storage.Tx) (messages []storage.Message, err error) {
		_, err = storage.ChangeChannel(tx, channel, func(r *storage.Channel) { r.Told = now })
		for _, user := range users {
			messages = append(messages, outbox.ToUser(user, fmt.Sprintf("lost/%s/%s/%d", channel, user, now.Unix()), said))
		}
		return messages, err
	})
}

// Lost returns the number of channels that Slack does not show any more, of which the admins were told.
func (c *Channels) Lost(ctx context.Context) (n int, err error) {
	all, err := storage.Channels.ByKey(ctx, c.Records)
	for _, r := range all {
		if !r.Told.IsZero() {
			n++
		}
	}
	return n, err
}
