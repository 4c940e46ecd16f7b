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

// Slack may have accepted an edit without applying it. So a start repeats the edits of the newest shownMost cards that are open or ended
// within shownFor.
const (
	shownFor  = time.Hour
	shownMost = 20
)

// resume takes over the work of an earlier process.
func (p *Progress) resume(ctx context.Context, tasks *sync.WaitGroup) error {
	if err := p.SubscriptionsChanged(ctx); err != nil {
		return err
	}
	var follows []storage.Follow
	var shown []string
	ended := map[string]bool{}
	cancels := map[string]storage.Cancel{}
	err := p.Records.Update(ctx, func(tx storage.Tx) (err error) {
		if follows, shown, ended, err = takeOver(tx); err != nil {
			return err
		}
		clear(cancels)
		for _, f := range follows {
			c, unclear, wrong := unclearCancel(tx, f)
			if err = errors.Join(err, wrong); unclear {
				cancels[f.ID] = c
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read what is followed: %w", err)
	}
	if err := p.Outbox.Anew(ctx, false, shown[max(0, len(shown)-shownMost):]...); err != nil {
		return err
	}
	// carry queues work on a follow's stack. If the process ends before its turn, the next one resumes it.
	carry := func(verb commands.Verb, f storage.Follow, do func()) {
		tasks.Add(1)
		p.Queue(commands.QueueOf(verb, f.Stack.UID), func() {
			defer tasks.Done()
			if ctx.Err() == nil {
				do()
			}
		})
	}
	for uid := range ended {
		p.watch.Due(uid, time.Now())
	}
	for _, f := range follows {
		if f.Phase == storage.PhaseCarded {
			carry(commands.Redeploy, f, func() { p.carryOn(ctx, f) })
			continue
		}
		p.watch.Due(f.Stack.UID, time.Now())
		if f.Phase == storage.PhaseFinding && !f.Wish.Arrived && time.Since(f.Wish.SentAt) < underWay {
			carry(commands.Redeploy, f, func() { p.keepPlace(ctx, f) })
		}
		if c, ok := cancels[f.ID]; ok {
			carry(commands.Cancel, f, func() { p.cancelAgain(ctx, f, c) })
		}
	}
	if len(follows) > 0 {
		p.Log.Info("carrying on", "follows", len(follows))
	}
	return nil
}

// takeOver returns the open follows, the keys of the cards that users may look at, those of open follows last, and the stacks with an end
// that Cloud 66 may still tell otherwise. It turns a wish that may have been sent into a search for its deployment.
func takeOver(tx storage.Tx) (follows []storage.Follow, shown []string, ends map[string]bool, err error) {
	ends = map[string]bool{}
	err = storage.Follows.Scan(tx, "", func(_ string, f storage.Follow) error {
		switch {
		case f.Phase != storage.PhaseEnded:
			follows = append(follows, f)
		case time.Since(f.EndedAt) < shownFor:
			shown = append(shown, cardKey(f.ID))
		}
		if f.Phase == storage.PhaseEnded && (f.Deployment != 0 && !f.Subscribed || f.Unlisted()) && time.Since(f.EndedAt) < correctable {
			ends[f.Stack.UID] = true
		}
		return nil
	})
	for i, f := range follows {
		shown = append(shown, cardKey(f.ID))
		if f.Phase == storage.PhaseSending {
			follows[i].Phase = storage.PhaseFinding
			err = errors.Join(err, storage.PutFollow(tx, follows[i]))
		}
	}
	return follows, shown, ends, err
}

// unclearCancel returns the cancel that belongs to a follow, if nothing proves that Cloud 66 has taken it.
func unclearCancel(tx storage.Tx, f storage.Follow) (c storage.Cancel, unclear bool, err error) {
	c, there, err := storage.Cancels.Find(tx, storage.DeploymentKey(f.Stack.UID, f.Deployment))
	if again := c.Again; again != nil && again.Follow == f.ID {
		c.User, c.At = again.User, again.At
		return c, true, err
	}
	return c, there && !c.Sent && !c.Told && c.Follow == f.ID, err
}

// underWay is how long the next wish for a stack waits for the deployment of one that an earlier process sent.
const underWay = 30 * time.Second

// keepPlace blocks the stack's queue until the deployment of a wish that an earlier process sent shows up, for underWay at most. The
// deployments of two concurrent wishes could not be told apart.
func (p *Progress) keepPlace(ctx context.Context, f storage.Follow) {
	limited, cancel := context.WithTimeout(ctx, min(underWay, time.Until(f.Wish.SentAt.Add(underWay))))
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-limited.Done():
			return
		case <-tick.C:
		}
		if now, _, err := storage.Follows.Look(ctx, p.Records, f.ID); err == nil && (now.Phase != storage.PhaseFinding || now.Wish.Guess != 0) {
			return
		}
	}
}

// carryOn sends a wish that an earlier process recorded and certainly did not send, or tells its asker that it is too late.
func (p *Progress) carryOn(ctx context.Context, f storage.Follow) {
	err := p.send(ctx, p.behindTheNewest(ctx, f))
	if _, ok := errors.AsType[*commands.CardError](err); ok {
		err = errors.Join(err, p.finish(ctx, f.ID, storage.Refused, "I was restarted before I sent it, and then it was too late. Ask again"))
	}
	if err != nil && ctx.Err() == nil {
		p.Log.Warn("a wish of before the restart came to nothing", "follow", f.ID, "stack", f.Stack.String(), "error", err)
	}
}

// behindTheNewest updates the newest deployment before an unsent wish: deployments since it was recorded are not its own. If the list
// cannot be read, the earlier value stays.
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
