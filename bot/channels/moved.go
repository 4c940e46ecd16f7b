package channels

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"c66bot/storage"
)

// Now returns the current id of a channel.
func (c *Channels) Now(channel string) string {
	moved := c.moved.Load()
	if moved == nil {
		return channel
	}
	for range len(*moved) {
		if next, ok := (*moved)[channel]; ok {
			channel = next.To
		}
	}
	return channel
}

// MoveLeft moves records left under old ids, including those of an earlier process. It must precede Run.
func (c *Channels) MoveLeft(ctx context.Context) error {
	err := c.Records.Update(ctx, func(tx storage.Tx) error {
		left, err := moves(tx)
		for _, id := range slices.Sorted(maps.Keys(left)) {
			err = errors.Join(err, storage.MoveChannel(tx, id, left[id].To, left[id].At))
		}
		return err
	})
	return errors.Join(err, c.readMoves(ctx))
}

// Moved takes notice of a change of a channel's id that the database has.
func (c *Channels) Moved(ctx context.Context, from, to string) error {
	if err := c.readMoves(ctx); err != nil {
		return err
	}
	to = c.Now(to)
	for _, channel := range []string{from, to} {
		c.People.ForgetRoom(channel)
	}
	c.Authorizer.Changed()
	c.Outbox.Wake() // messages queued for the channel now find its new id
	c.Log.InfoContext(ctx, "a channel's id has changed: what it has was moved", "from", from, "to", to)
	return nil
}

func (c *Channels) readMoves(ctx context.Context) error {
	all, err := storage.Read(ctx, c.Records, moves)
	if err != nil {
		return fmt.Errorf("read which channels bear another id now: %w", err)
	}
	c.moved.Store(&all)
	return nil
}

func moves(tx storage.Tx) (map[string]storage.Channel, error) {
	all := map[string]storage.Channel{}
	err := storage.Channels.Scan(tx, "", func(id string, c storage.Channel) error {
		if c.To != "" {
			all[id] = c
		}
		return nil
	})
	return all, err
}
