package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/bot/webapi"
	"c66bot/commands"
	"c66bot/storage"
)

// doubtFor is how long Slack must hide a channel before that is believed.
const doubtFor = 5 * time.Minute

// holding counts the active records of a channel.
type holding struct{ rules, subscriptions, cards int }

// holdings returns the active records by channel.
func (b *Bot) holdings(ctx context.Context) (map[string]holding, error) {
	all := map[string]holding{}
	add := func(channel string, h holding) {
		known := all[channel]
		all[channel] = holding{known.rules + h.rules, known.subscriptions + h.subscriptions, known.cards + h.cards}
	}
	err := b.records.View(ctx, func(tx storage.Tx) error {
		clear(all)
		return errors.Join(
			storage.Rules.Scan(tx, "", func(_ string, r storage.Rule) error {
				if r.Until.IsZero() {
					add(r.Channel, holding{rules: 1})
				}
				return nil
			}),
			storage.Subscriptions.Scan(tx, "", func(_ string, s storage.Subscription) error {
				add(s.Channel, holding{subscriptions: 1})
				return nil
			}),
			storage.Follows.Scan(tx, "", func(_ string, f storage.Follow) error {
				if f.Phase != storage.PhaseEnded {
					add(f.Channel, holding{cards: 1})
				}
				return nil
			}),
		)
	})
	return all, err
}

// lost processes the result of a look-up of a channel. If the channel has records but Slack does not show it, the bot was removed from it
// or its id changed while the bot was down; the admins are told once, after doubtFor.
func (b *Bot) lost(ctx context.Context, channel string, looked error) error {
	no, refused := errors.AsType[*commands.CardError](looked)
	gone := refused && no.Code == webapi.NotShown
	if looked != nil && !refused {
		return nil // the look-up failed
	}
	var has holding
	if gone { // rare, so reading all records is acceptable
		all, err := b.holdings(ctx)
		if err != nil {
			return err
		}
		has = all[channel]
		gone = has != (holding{}) // otherwise nobody misses it
	}
	known, _, err := storage.Channels.Look(ctx, b.records, channel)
	doubted, told := b.doubts[channel], !known.Lost.IsZero()
	if gone && !told && (doubted.IsZero() || time.Since(doubted) < doubtFor) { // the event with its new id may still come
		if err == nil && doubted.IsZero() {
			b.doubts[channel] = time.Now()
			time.AfterFunc(doubtFor, func() { b.hint(channel) })
		}
		return err
	}
	delete(b.doubts, channel)
	switch {
	case err != nil:
	case gone && !told:
		err = b.tellLost(ctx, channel, has)
	case !gone && told:
		err = b.records.Update(ctx, func(tx storage.Tx) error { return storage.Channels.Delete(tx, channel) })
	}
	if err == nil {
		b.troubles.lost(channel, gone)
	}
	return err
}

// tellLost records that Slack does not show a channel and tells the admins, in one transaction.
func (b *Bot) tellLost(ctx context.Context, channel string, h holding) error {
	b.log.ErrorContext(ctx, "Slack does not show a channel that has something: the bot was removed from it, or its id has changed",
		"channel", channel, "rules", h.rules, "subscriptions", h.subscriptions, "cards", h.cards)
	said := card.Reply(commands.ProblemReply{
		What:  fmt.Sprintf("Slack does not show me the channel %s any more, of which I keep %s.", channel, h.inWords()),
		State: "They are kept, and take no effect.",
		Do: "If I was removed from the channel, invite me again. If it was shared with another organisation while I was down, it bears " +
			"another id now: make its rules and subscriptions anew in it.",
	})
	users, groups := b.authorizer.Admins()
	members, err := b.people.Members(ctx, groups)
	if err != nil {
		b.log.WarnContext(ctx, "who is in the admins' groups could not be looked up: only those who are named are told", "error", err)
	}
	users = slices.Compact(slices.Sorted(slices.Values(slices.Concat(users, members))))
	now := time.Now()
	return b.channels.write(ctx, func(tx storage.Tx) (messages []storage.Message, err error) {
		err = storage.Channels.Put(tx, channel, storage.Channel{Lost: now})
		for _, user := range users {
			m, wrong := message(fmt.Sprintf("lost/%s/%s/%d", channel, user, now.Unix()), outbox.Direct(user), said)
			messages, err = append(messages, m), errors.Join(err, wrong)
		}
		return messages, err
	})
}

func (h holding) inWords() string {
	var parts []string
	for what, n := range map[string]int{"rules": h.rules, "subscriptions": h.subscriptions, "open cards": h.cards} {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s (%d)", what, n))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
