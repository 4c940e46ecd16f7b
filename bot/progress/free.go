package progress

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/cloud66"
	"c66bot/cloud66/panics"
	"c66bot/commands"
	"c66bot/storage"
)

// Waits has the stacks that somebody waits for looked at now: one may be free, or somebody has begun to wait.
func (p *Progress) Waits() {
	select {
	case p.freed <- struct{}{}:
	default: // it is signalled already
	}
}

// tellWaiters tells those who wait for a stack once it is free, until the context ends. While nobody follows the stack, it is looked at
// once in PollMax.
func (p *Progress) tellWaiters(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.freed:
		case <-timer.C:
		}
		wait := p.PollMax
		err := panics.Catch(func() (err error) {
			wait, err = p.tellFree(ctx)
			return err
		})
		if err != nil && ctx.Err() == nil {
			p.Log.WarnContext(ctx, "whether a stack is free that somebody waits for could not be found out; it is tried again", "error", err)
		}
		timer.Reset(wait)
	}
}

// tellFree looks at each stack that somebody waits for, and returns when to look again.
func (p *Progress) tellFree(ctx context.Context) (wait time.Duration, err error) {
	waiting := map[string][]storage.Waiter{}
	err = p.Records.View(ctx, func(tx storage.Tx) error {
		clear(waiting)
		return storage.Waiters.Scan(tx, "", func(key string, w storage.Waiter) error {
			uid := key[:strings.LastIndexByte(key, '/')]
			waiting[uid] = append(waiting[uid], w)
			return nil
		})
	})
	if err != nil || len(waiting) == 0 {
		return time.Hour, err
	}
	for _, uid := range slices.Sorted(maps.Keys(waiting)) {
		free, wrong := p.isFree(ctx, uid)
		for _, w := range waiting[uid] {
			late := time.Since(w.At) > storage.KeepWaiting
			if wrong == nil && (free || late) {
				wrong = p.release(ctx, uid, w, late)
			}
		}
		if wrong != nil {
			err = errors.Join(err, fmt.Errorf("look whether %s is free: %w", uid, wrong))
		}
	}
	return p.PollMax, err
}

// isFree reports whether nothing runs or waits on a stack, as far as Cloud 66 and the records tell. A stack that is gone is free: who waits
// for it is told nothing more once their time is over.
func (p *Progress) isFree(ctx context.Context, uid string) (free bool, err error) {
	newest, err := p.Cloud.DeploymentRange(cloud66.Background(ctx), uid, 0, page)
	if errors.Is(err, cloud66.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(newest.Deployments, func(d cloud66.Deployment) bool { return !d.Ended() }) {
		return false, nil
	}
	err = p.Records.View(ctx, func(tx storage.Tx) error {
		sought, err := storage.Sought(tx, uid)
		free = len(sought) == 0
		return err
	})
	return free, err
}

// page is the number of newest deployments that are looked at.
const page = 30

// release tells a user once that a stack is free, unless a lock holds it. Whoever may not redeploy it any more, or has waited for too long,
// is forgotten.
func (p *Progress) release(ctx context.Context, uid string, w storage.Waiter, late bool) error {
	if !late {
		if held, err := p.Held(ctx, w.Stack); err != nil || held {
			return err
		}
		may, err := p.MayRedeploy(ctx, w.User, w.Channel, w.Stack)
		if err != nil {
			return err
		}
		late = !may
	}
	key := uid + "/" + w.User
	return p.Outbox.Write(ctx, func(tx storage.Tx) ([]storage.Message, error) {
		now, there, err := storage.Waiters.Find(tx, key)
		if err != nil || !there || !now.At.Equal(w.At) {
			return nil, err
		}
		if err := storage.Waiters.Delete(tx, key); err != nil || late {
			return nil, err
		}
		m := storage.Message{Key: fmt.Sprintf("free/%s/%d", key, w.At.UnixNano()), Channel: outbox.Direct(w.User), Urgent: true, Last: true}
		m, err = outbox.Say(m, card.Reply(commands.Free(w)))
		return []storage.Message{m}, err
	})
}
