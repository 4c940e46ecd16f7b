package progress

import (
	"context"
	"fmt"
	"time"

	"c66bot/storage"
)

// MoveChannel has all that stands under one id of a channel stand under another, from a time on; see storage.MoveChannel.
func (p *Progress) MoveChannel(ctx context.Context, from, to string, at time.Time) error {
	if err := p.ready(ctx); err != nil {
		return err
	}
	if err := p.moveRecords(ctx, from, to, at); err != nil {
		return fmt.Errorf("move what channel %s has to %s: %w", from, to, err)
	}
	return p.SubscriptionsChanged(ctx)
}

func (p *Progress) moveRecords(ctx context.Context, from, to string, at time.Time) error {
	p.following.Lock()
	defer p.following.Unlock()
	err := p.Records.Update(ctx, func(tx storage.Tx) (err error) {
		if err = storage.MoveChannel(tx, from, to, at); err == nil {
			to, err = storage.ChannelNow(tx, to)
		}
		return err
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, follows := range p.open {
		for id, t := range follows {
			if t.channel == from {
				t.channel = to
				follows[id] = t
			}
		}
	}
	for id, f := range p.sending {
		if f.Channel == from {
			f.Channel = to
			p.sending[id] = f
		}
	}
	return nil
}
