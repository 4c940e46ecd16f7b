package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"c66bot/bot/socket"
	"c66bot/bot/webapi"
	"c66bot/storage"
)

const (
	// moveAgain is the delay after which records are moved again that were written under the old id during a channel's change of id.
	moveAgain = time.Minute
	// longestRetry bounds the backoff between tries to record a change of id.
	longestRetry = time.Minute
)

// channelID matches the id of a channel that can have rules and subscriptions.
var channelID = regexp.MustCompile(`^[CG][A-Z0-9]{2,30}$`)

// moved caches the changes of channel ids in memory. The zero value is ready for use.
type moved struct {
	mu sync.Mutex
	to map[string]storage.Channel // by old id
}

// now returns the current id of a channel.
func (m *moved) now(channel string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range len(m.to) {
		if next, ok := m.to[channel]; ok {
			channel = next.To
		}
	}
	return channel
}

// read loads the changes of ids from the database.
func (m *moved) read(ctx context.Context, records storage.DB) error {
	var all map[string]storage.Channel
	err := records.View(ctx, func(tx storage.Tx) (err error) {
		all, err = movedChannels(tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("read which channels bear another id now: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.to = all
	return nil
}

// movedChannels returns the channels whose id has changed, by old id.
func movedChannels(tx storage.Tx) (map[string]storage.Channel, error) {
	all := map[string]storage.Channel{}
	err := storage.Channels.Scan(tx, "", func(id string, c storage.Channel) error {
		if c.To != "" {
			all[id] = c
		}
		return nil
	})
	return all, err
}

// readMove reads the event for a changed channel id. It is acknowledged after the channel's records are moved or at the deadline of the
// acknowledgement.
func (b *Bot) readMove(e event) *task {
	from, to, at := string(e.OldChannel), string(e.NewChannel), webapi.Time(string(e.EventTS))
	if !channelID.MatchString(from) || !channelID.MatchString(to) || from == to {
		b.log.Warn("an event says that a channel's id has changed, and names no two channels", "from", from, "to", to)
		return nil
	}
	if at.IsZero() {
		at = time.Now()
	}
	t := &task{}
	t.say = func(ctx context.Context) any {
		err := b.move(ctx, from, to, at)
		t.do = func(ctx context.Context) { b.moveOn(ctx, err, from, to, at) }
		return nil
	}
	return t
}

// moveOn retries the move of a channel's records until it succeeds, and later moves the records that were still written under the old id.
func (b *Bot) moveOn(ctx context.Context, err error, from, to string, at time.Time) {
	for pause := time.Second; err != nil; pause = min(2*pause, longestRetry) {
		b.log.ErrorContext(ctx, "what a channel has could not be moved to its new id; it is tried again", "from", from, "to", to, "again_in",
			pause, "error", err)
		if !socket.Sleep(ctx, pause) {
			return
		}
		err = b.move(ctx, from, to, at)
	}
	b.tasks.Go(func() {
		if !socket.Sleep(b.intake, moveAgain) {
			return
		}
		b.hint(to) // subscriptions may be suspended and cards outdated; the id may have changed again
		if err := b.move(ctx, from, to, at); err != nil {
			b.log.ErrorContext(ctx, "what was written under an old id of a channel could not be moved; the next start tries again", "from", from,
				"to", to, "error", err)
		}
	})
}

// move moves a channel's records to its new id, in the database and in memory.
func (b *Bot) move(ctx context.Context, from, to string, at time.Time) error {
	moved := b.progress.MoveChannel(ctx, from, to, at)
	if err := errors.Join(moved, b.moved.read(ctx, b.records)); err != nil {
		return err
	}
	to = b.moved.now(to)
	for _, channel := range []string{from, to} {
		b.authorizer.Changed(channel)
		b.people.ForgetRoom(channel)
	}
	b.outbox.Wake() // messages queued for the channel now find its new id
	b.troubles.lost(from, false)
	b.log.InfoContext(ctx, "a channel's id has changed: what it has was moved", "from", from, "to", to)
	return nil
}

// moveLeft moves records left under old ids, including those of an earlier process.
func (b *Bot) moveLeft(ctx context.Context) error {
	err := b.records.Update(ctx, func(tx storage.Tx) error {
		left, err := movedChannels(tx)
		for _, id := range slices.Sorted(maps.Keys(left)) {
			err = errors.Join(err, storage.MoveChannel(tx, id, left[id].To, left[id].At))
		}
		return err
	})
	return errors.Join(err, b.moved.read(ctx, b.records))
}
