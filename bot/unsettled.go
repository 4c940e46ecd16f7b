package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/commands"
	"c66bot/storage"
)

// tellUnsettled makes void what an earlier process has left in the journal and tells those who asked for it, in one transaction. What was
// done has left the journal, and its own records carry it on.
func (b *Bot) tellUnsettled(ctx context.Context) error {
	var messages []storage.Message
	err := b.records.Update(ctx, func(tx storage.Tx) (err error) {
		messages, err = unsettled(tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if len(messages) > 0 {
		b.log.Warn("an earlier process was stopped with changes in its journal: nothing was done of them, and their authors are told", "people", len(messages))
	}
	b.outbox.Deliver(messages...)
	return nil
}

// unsettled clears the journal and puts the messages for each person who has something in it, in which all of it is named.
func unsettled(tx storage.Tx) (messages []storage.Message, err error) {
	left := map[string][]storage.Entry{}
	err = storage.Journal.Scan(tx, "", func(_ string, e storage.Entry) error {
		left[e.User] = append(left[e.User], e)
		return nil
	})
	for _, user := range slices.Sorted(maps.Keys(left)) {
		for _, e := range left[user] {
			err = errors.Join(err, void(tx, e))
		}
		slices.SortFunc(left[user], func(a, b storage.Entry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Operation, b.Operation)) })
		for _, some := range portions(left[user], func(e storage.Entry) string { return e.What }) {
			m, wrong := wordOf(some)
			messages = append(messages, m)
			err = errors.Join(err, wrong, outbox.Put(tx, m))
		}
	}
	return messages, err
}

// wordOf is what somebody is told of wishes that a process left in its journal, as many as one message names.
func wordOf(left []storage.Entry) (storage.Message, error) {
	var names []string
	for _, e := range left {
		names = append(names, quoted(commands.Spoken(e.What)))
	}
	m := card.Reply(commands.ProblemReply{
		What:  fmt.Sprintf("I was stopped before I began with your %s.", joined(names)),
		State: "Nothing was done.", Do: "Ask again if it is still wanted.",
	})
	blocks, err := m.JSON()
	return storage.Message{
		Key: "unsettled/" + left[0].Operation + "/" + left[0].Deliveries[0], Channel: outbox.Direct(left[0].User), Text: m.Text(), Blocks: blocks, Urgent: true, Last: true,
	}, err
}
