package progress

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/storage"
)

// Refused takes note that nothing can be posted in a channel: its subscriptions are suspended.
func (p *Progress) Refused(ctx context.Context, channel, code string) {
	if err := p.Suspend(ctx, channel, code); err != nil && ctx.Err() == nil {
		p.Log.Error("the subscriptions of a channel could not be suspended; the next check tries again", "channel", channel, "error", err)
	}
}

// Suspend suspends the subscriptions of a channel in which nothing can be posted, by Slack's code for it, and tells each of those who made
// them once.
func (p *Progress) Suspend(ctx context.Context, channel, code string) error {
	var messages []storage.Message
	changed, err := p.changeSubscriptions(ctx, channel, func(tx storage.Tx, of []storage.Subscription) error {
		messages = nil
		now, globs := time.Now(), map[string][]string{} // by author
		for _, s := range of {
			globs[s.Author] = append(globs[s.Author], s.Stacks)
		}
		for _, author := range slices.Sorted(maps.Keys(globs)) {
			m, err := post(tx, storage.Message{
				Key: fmt.Sprintf("suspended/%s/%s/%d", channel, author, now.UnixNano()), Channel: outbox.Direct(author), Urgent: true,
			}, card.Suspended(channel, code, slices.Sorted(slices.Values(globs[author]))))
			if err != nil {
				return err
			}
			messages = append(messages, m)
		}
		return nil
	}, func(s *storage.Subscription) bool {
		was := s.Suspended
		s.Suspended = code
		return was == ""
	})
	if changed { // also where they could not be read anew
		p.Outbox.Deliver(messages...)
		p.Log.WarnContext(ctx, "the subscriptions of a channel are suspended", "channel", channel, "code", code)
	}
	return err
}

// Resume has the suspended subscriptions of a channel go on. What happened meanwhile on stacks that only they watched is history.
func (p *Progress) Resume(ctx context.Context, channel string) error {
	nothing := func(storage.Tx, []storage.Subscription) error { return nil }
	changed, err := p.changeSubscriptions(ctx, channel, nothing, func(s *storage.Subscription) bool {
		was := s.Suspended
		s.Suspended = ""
		return was != ""
	})
	if changed {
		p.Log.InfoContext(ctx, "the subscriptions of a channel go on", "channel", channel)
	}
	return err
}

// CheckAuthors finds out whether those who made a channel's subscriptions may subscribe to anything there still. Where one may not, nothing is
// told for theirs: the channel hears of that once.
func (p *Progress) CheckAuthors(ctx context.Context, channel string, may func(ctx context.Context, user string) (bool, error)) error {
	authors := map[string]bool{}
	err := p.Records.View(ctx, func(tx storage.Tx) error {
		return storage.Subscriptions.Scan(tx, storage.ChannelKey(channel, ""), func(_ string, s storage.Subscription) error {
			authors[s.Author] = true
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("read who made the subscriptions of %s: %w", channel, err)
	}
	for author := range authors {
		if authors[author], err = may(ctx, author); err != nil {
			return fmt.Errorf("whether %s may subscribe to anything in %s: %w", author, channel, err)
		}
	}
	var messages []storage.Message
	changed, err := p.changeSubscriptions(ctx, channel, func(tx storage.Tx, of []storage.Subscription) error {
		messages, err = writePowerless(tx, channel, of, time.Now())
		return err
	}, func(s *storage.Subscription) bool {
		may, asked := authors[s.Author]
		was := s.Powerless
		s.Powerless = asked && !may
		return s.Suspended == "" && asked && was != s.Powerless
	})
	if changed {
		p.Outbox.Deliver(messages...)
		p.Log.InfoContext(ctx, "what the authors of a channel's subscriptions may has changed", "channel", channel, "told", len(messages))
	}
	return err
}

// writePowerless has a channel told of those of its subscriptions that tell nothing now.
func writePowerless(tx storage.Tx, channel string, of []storage.Subscription, now time.Time) ([]storage.Message, error) {
	by := map[string][]storage.Subscription{}
	for _, s := range of {
		if s.Powerless {
			by[s.Author] = append(by[s.Author], s)
		}
	}
	var messages []storage.Message
	for _, author := range slices.Sorted(maps.Keys(by)) {
		m, err := post(tx, storage.Message{Key: fmt.Sprintf("powerless/%s/%s/%d", channel, author, now.UnixNano()), Channel: channel},
			card.Powerless(author, by[author]))
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// post has a message say something for good.
func post(tx storage.Tx, m storage.Message, says card.Message) (storage.Message, error) {
	blocks, err := says.JSON()
	if err != nil {
		return m, err
	}
	m.Text, m.Blocks, m.Last = says.Text(), blocks, true
	return m, outbox.Put(tx, m)
}

// changeSubscriptions changes those subscriptions of a channel that change says, with what belongs to it in one transaction, and reads them anew. It reports
// whether there were any, also where the reading fails.
func (p *Progress) changeSubscriptions(
	ctx context.Context, channel string, also func(storage.Tx, []storage.Subscription) error, change func(*storage.Subscription) bool,
) (bool, error) {
	var of []storage.Subscription
	read := func(tx storage.Tx) error {
		of = nil
		return storage.Subscriptions.Scan(tx, storage.ChannelKey(channel, ""), func(_ string, s storage.Subscription) error {
			if change(&s) {
				of = append(of, s)
			}
			return nil
		})
	}
	if err := p.Records.View(ctx, read); err != nil || len(of) == 0 {
		return false, err
	}
	err := p.Records.Update(ctx, func(tx storage.Tx) error {
		if err := read(tx); err != nil || len(of) == 0 {
			return err
		}
		for _, s := range of {
			if err := storage.Subscriptions.Put(tx, storage.ChannelKey(channel, s.ID), s); err != nil {
				return err
			}
		}
		return also(tx, of)
	})
	if err != nil {
		return false, fmt.Errorf("record the subscriptions of %s: %w", channel, err)
	}
	return len(of) > 0, p.SubscriptionsChanged(ctx)
}
