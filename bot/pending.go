package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/commands"
	"c66bot/storage"
)

// pending notes that something is being carried out, so that whoever asked for it hears of it should the process be killed before its card
// stands. What it gives ends the note.
func (b *Bot) pending(ctx context.Context, t *task) (done func()) {
	if !t.invocation.Changes() {
		return func() {}
	}
	note := storage.Unfinished{Operation: t.operation, User: t.answer.user, What: t.invocation.Words(), At: time.Now()}
	id := storage.NewID(note.At)
	b.record(ctx, func(tx storage.Tx) error { return storage.Pending.Put(tx, id, note) })
	return func() {
		b.record(context.WithoutCancel(ctx), func(tx storage.Tx) error { return storage.Pending.Delete(tx, id) })
	}
}

// record writes a note. Where that fails the work goes on: its own records decide whether it may.
func (b *Bot) record(ctx context.Context, f func(storage.Tx) error) {
	if err := b.records.Update(ctx, f); err != nil && ctx.Err() == nil {
		b.log.Error("what is being carried out could not be noted", "error", err)
	}
}

// tellUnfinished tells those whose wish an earlier process was killed over before anything was sent. A wish that has its card is carried on
// instead.
func (b *Bot) tellUnfinished(ctx context.Context) error {
	var messages []storage.Message
	err := b.records.Update(ctx, func(tx storage.Tx) (err error) {
		messages, err = unfinished(tx)
		for _, m := range messages {
			err = errors.Join(err, outbox.Put(tx, m))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read what was under way: %w", err)
	}
	b.outbox.Deliver(messages...)
	return nil
}

// unfinished clears the notes and gives what is to be told of them.
func unfinished(tx storage.Tx) ([]storage.Message, error) {
	var messages []storage.Message
	var told []storage.Operation
	var ids []string
	err := storage.Pending.Scan(tx, "", func(id string, u storage.Unfinished) error {
		ids = append(ids, id)
		_, err := storage.Operations.Get(tx, u.Operation)
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		m, err := wordOf(u)
		messages, told = append(messages, m), append(told, storage.Operation{Key: u.Operation, User: u.User, At: time.Now()})
		return err
	})
	for _, o := range told { // what its author was told of is not done when Slack brings it again
		err = errors.Join(err, storage.Operations.Put(tx, o.Key, o))
	}
	for _, id := range ids {
		err = errors.Join(err, storage.Pending.Delete(tx, id))
	}
	return messages, err
}

func wordOf(u storage.Unfinished) (storage.Message, error) {
	m := card.Reply(commands.ProblemReply{
		What:  fmt.Sprintf("I was stopped in the middle of your “%s”, before anything was sent.", u.What),
		State: "Nothing was done.", Do: "Ask again if it is still wanted.",
	})
	blocks, err := m.JSON()
	return storage.Message{
		Key: "unfinished/" + u.Operation, Channel: outbox.Direct(u.User), Text: m.Text(), Blocks: blocks, Urgent: true, Last: true,
	}, err
}
