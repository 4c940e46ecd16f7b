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
	told := 0
	err := b.channels.write(ctx, func(tx storage.Tx) (messages []storage.Message, err error) {
		messages, err = unsettled(tx)
		told = len(messages)
		return messages, err
	})
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if told > 0 {
		b.log.Warn("an earlier process was stopped with changes in its journal: nothing was done of them, and their authors are told",
			"messages", told)
	}
	return nil
}

// unsettled clears the journal and gives the messages for each person who has something in it, in which all of it is named.
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
			var names []string
			for _, e := range some {
				names = append(names, quoted(commands.Spoken(e.What)))
			}
			m, wrong := message("unsettled/"+some[0].Operation+"/"+some[0].Deliveries[0], outbox.Direct(user), card.Reply(commands.ProblemReply{
				What:  fmt.Sprintf("I was stopped before I began with your %s.", joined(names)),
				State: "Nothing was done.", Do: "Ask again if it is still wanted.",
			}))
			messages, err = append(messages, m), errors.Join(err, wrong)
		}
	}
	return messages, err
}
