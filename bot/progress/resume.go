package progress

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"c66bot/commands"
	"c66bot/storage"
)

// left is what an earlier process has begun and not ended.
type left struct {
	follows []storage.Follow
	shown   []string                  // the keys of the cards that may be looked at yet, those of what is followed last
	cancels map[string]storage.Cancel // by follow, those that nothing proves to have been taken
}

// An edit that Slack answered well need not stand there. So the newest cards, of what is followed and of what ended lately, are edited again at a
// start.
const (
	shownFor  = time.Hour
	shownMost = 20
)

// resume carries on what the database holds.
func (p *Progress) resume(ctx context.Context, tasks *sync.WaitGroup) error {
	if err := p.SubscriptionsChanged(ctx); err != nil {
		return err
	}
	if !p.index.idle() {
		p.away.catchUp()
	}
	var l left
	err := p.Records.Update(ctx, func(tx storage.Tx) (err error) {
		l, err = takeOver(tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("read what is followed: %w", err)
	}
	if err := p.Outbox.Anew(ctx, false, l.shown[max(0, len(l.shown)-shownMost):]...); err != nil {
		return err
	}
	for _, f := range l.follows {
		if f.Phase == storage.PhaseCarded {
			place := p.join(commands.Redeploy, f.Stack.UID)
			tasks.Go(func() { p.carryOn(ctx, f, place) })
			continue
		}
		p.away.left(f.Stack.UID, time.Now())
		p.track(f)
		if p.seeks(f) && !f.Wish.Arrived && time.Since(f.Wish.SentAt) < underWay {
			place := p.join(commands.Redeploy, f.Stack.UID)
			tasks.Go(func() { p.keepPlace(ctx, f, place) })
		}
	}
	for _, f := range l.follows {
		if c, ok := l.cancels[f.ID]; ok {
			place := p.join(commands.Cancel, f.Stack.UID)
			tasks.Go(func() { p.cancelAgain(ctx, f, c, place) })
		}
	}
	if len(l.follows) > 0 {
		p.Log.Info("carrying on", "follows", len(l.follows))
	}
	return nil
}

// takeOver reads what is left. A wish that may have been sent is looked for from here on.
func takeOver(tx storage.Tx) (left, error) {
	l := left{cancels: map[string]storage.Cancel{}}
	err := storage.Follows.Scan(tx, "", func(_ string, f storage.Follow) error {
		switch {
		case f.Phase != storage.PhaseEnded:
			l.follows = append(l.follows, f)
		case time.Since(f.EndedAt) < shownFor:
			l.shown = append(l.shown, cardKey(f.ID))
		}
		return nil
	})
	if err != nil {
		return left{}, err
	}
	for _, f := range l.follows {
		l.shown = append(l.shown, cardKey(f.ID))
	}
	for i := range l.follows {
		f := &l.follows[i]
		if f.Phase == storage.PhaseSending {
			f.Phase = storage.PhaseFinding
			if err := storage.Follows.Put(tx, f.ID, *f); err != nil {
				return left{}, err
			}
		}
		c, err := storage.Cancels.Get(tx, storage.DeploymentKey(f.Stack.UID, f.Deployment))
		switch again := c.Again; {
		case again != nil && again.Follow == f.ID:
			c.User, c.At = again.User, again.At
			l.cancels[f.ID] = c
		case err == nil && !c.Sent && !c.Told && c.Follow == f.ID:
			l.cancels[f.ID] = c
		}
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return left{}, err
		}
	}
	return l, nil
}

// underWay is how long what an earlier process sent may take at Cloud 66 before the next wish for its stack is sent.
const underWay = 30 * time.Second

// keepPlace has the next wishes for a stack wait while one that an earlier process sent may be under way: until its deployment is found, or that is
// too long. Two side by side could not be told apart.
func (p *Progress) keepPlace(ctx context.Context, f storage.Follow, place commands.Place) {
	done, err := place.Wait(ctx)
	if err != nil {
		return
	}
	defer done()
	limited, cancel := context.WithTimeout(ctx, min(underWay, time.Until(f.Wish.SentAt.Add(underWay))))
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for p.seeks(f) {
		select {
		case <-limited.Done():
			return
		case <-tick.C:
		}
	}
}

// seeks reports whether the deployment of a wish that was sent is still looked for.
func (p *Progress) seeks(f storage.Follow) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, open := p.open[f.Stack.UID][f.ID]
	return open && f.Wish != nil && t.deployment == 0
}

// carryOn sends a wish that an earlier process had taken and certainly not sent, or tells its author that it came too late.
func (p *Progress) carryOn(ctx context.Context, f storage.Follow, place commands.Place) {
	done, err := place.Wait(ctx)
	if err != nil {
		return // the next process carries it on
	}
	defer done()
	err = p.send(ctx, p.behindTheNewest(ctx, f))
	if _, ok := errors.AsType[*commands.CardError](err); ok {
		err = errors.Join(err, p.finish(ctx, f.ID, storage.Refused, "I was restarted before I sent it, and then it was too late. Ask again"))
	}
	if err != nil && ctx.Err() == nil {
		p.Log.Warn("a wish of before the restart came to nothing", "follow", f.ID, "stack", f.Stack.String(), "error", err)
	}
}

// behindTheNewest gives a wish that was not sent with the newest deployment that there is now: what has begun since it was asked for is not
// its own. Where that cannot be read, what was read before has to do.
func (p *Progress) behindTheNewest(ctx context.Context, f storage.Follow) storage.Follow {
	limited, cancel := context.WithDeadline(ctx, f.AskedAt.Add(cardWait))
	defer cancel()
	now, err := p.Cloud.DeploymentRange(limited, f.Stack.UID, 0, 1)
	if err != nil {
		p.Log.Warn("what was deployed before a wish could not be read", "follow", f.ID, "stack", f.Stack.String(), "error", err)
		return f
	}
	wish := *f.Wish
	for _, d := range now.Deployments {
		wish.NewestBefore = max(wish.NewestBefore, d.ID)
	}
	f.Wish = &wish
	return f
}
