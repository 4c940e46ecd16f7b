package progress

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/storage"
)

// Refused suspends the subscriptions of a channel that accepts no messages.
func (p *Progress) Refused(ctx context.Context, channel, code string) {
	if err := p.Suspend(ctx, channel, code); err != nil && ctx.Err() == nil {
		p.Log.Error("the subscriptions of a channel could not be suspended; the next check tries again", "channel", channel, "error", err)
	}
}

// Suspend suspends the subscriptions of a channel that accepts no messages, with Slack's code as the reason, and tells each author once.
func (p *Progress) Suspend(ctx context.Context, channel, code string) error {
	now := time.Now().UnixNano()
	changed, err := p.changeSubscriptions(ctx, channel, func(s *storage.Subscription) bool {
		was := s.Suspended
		s.Suspended = code
		return was == ""
	}, func(author string, of []storage.Subscription) (storage.Message, error) {
		globs := make([]string, len(of))
		for i, s := range of {
			globs[i] = s.Stacks
		}
		slices.Sort(globs)
		m := storage.Message{
			Key: fmt.Sprintf("suspended/%s/%s/%d", channel, author, now), Channel: outbox.Direct(author), Urgent: true, Last: true,
		}
		return saying(m, card.Suspended(channel, code, globs))
	})
	if changed {
		p.Log.WarnContext(ctx, "the subscriptions of a channel are suspended", "channel", channel, "code", code)
	}
	return err
}

// Resume ends the suspension of a channel's subscriptions. Events in between, on stacks that only they watched, are not announced.
func (p *Progress) Resume(ctx context.Context, channel string) error {
	changed, err := p.changeSubscriptions(ctx, channel, func(s *storage.Subscription) bool {
		was := s.Suspended
		s.Suspended = ""
		return was != ""
	}, nil)
	if changed {
		p.Log.InfoContext(ctx, "the subscriptions of a channel go on", "channel", channel)
	}
	return err
}

// CheckAuthors checks whether the authors of a channel's subscriptions may still subscribe to anything there. Subscriptions of an author
// who may not are marked powerless and announce nothing; the channel is told once.
func (p *Progress) CheckAuthors(ctx context.Context, channel string, may func(ctx context.Context, user string) (bool, error)) error {
	powerless := map[string]bool{}
	err := p.Records.View(ctx, func(tx storage.Tx) error {
		return storage.Subscriptions.Scan(tx, storage.ChannelKey(channel, ""), func(_ string, s storage.Subscription) error {
			powerless[s.Author] = false
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("read who made the subscriptions of %s: %w", channel, err)
	}
	for author := range powerless {
		allowed, err := may(ctx, author)
		if err != nil {
			return fmt.Errorf("whether %s may subscribe to anything in %s: %w", author, channel, err)
		}
		powerless[author] = !allowed
	}
	now := time.Now().UnixNano()
	changed, err := p.changeSubscriptions(ctx, channel, func(s *storage.Subscription) bool {
		is, asked := powerless[s.Author]
		was := s.Powerless
		s.Powerless = is
		return s.Suspended == "" && asked && was != is
	}, func(author string, of []storage.Subscription) (storage.Message, error) {
		if !powerless[author] {
			return storage.Message{}, nil
		}
		m := storage.Message{Key: fmt.Sprintf("powerless/%s/%s/%d", channel, author, now), Channel: channel, Last: true}
		return saying(m, card.Powerless(author, of))
	})
	if changed {
		p.Log.InfoContext(ctx, "what the authors of a channel's subscriptions may has changed", "channel", channel)
	}
	return err
}

// changeSubscriptions writes the subscriptions of a channel for which change returns true, in one transaction with the messages that say
// returns for their authors; those without a key are skipped. It reports whether it wrote any, even if a later step fails.
func (p *Progress) changeSubscriptions(
	ctx context.Context, channel string, change func(*storage.Subscription) bool,
	say func(author string, of []storage.Subscription) (storage.Message, error),
) (changed bool, err error) {
	var messages []storage.Message
	err = p.update(ctx, func(tx storage.Tx) (func() error, error) {
		by := map[string][]storage.Subscription{}
		err := storage.Subscriptions.Scan(tx, storage.ChannelKey(channel, ""), func(_ string, s storage.Subscription) error {
			if change(&s) {
				by[s.Author] = append(by[s.Author], s)
			}
			return nil
		})
		if changed = len(by) > 0; err != nil || !changed {
			return nil, err
		}
		return func() (err error) {
			messages = nil
			for _, author := range slices.Sorted(maps.Keys(by)) {
				for _, s := range by[author] {
					err = errors.Join(err, storage.Subscriptions.Put(tx, storage.ChannelKey(channel, s.ID), s))
				}
				if say == nil {
					continue
				}
				m, wrong := say(author, by[author])
				if err = errors.Join(err, wrong); m.Key != "" {
					messages = append(messages, m)
				}
			}
			return errors.Join(err, putAll(tx, messages))
		}, nil
	})
	if err != nil {
		return false, fmt.Errorf("record the subscriptions of %s: %w", channel, err)
	}
	if !changed {
		return false, nil
	}
	err = p.SubscriptionsChanged(ctx)
	p.Outbox.Deliver(messages...)
	return true, err
}
