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
	"c66bot/bot/routine"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// Waits has the stacks that somebody waits for looked at now: one may be free, or somebody has begun to wait.
func (p *Progress) Waits() { routine.Signal(p.freed) }

// tellFree tells those who wait for a stack once it is free, and returns when to look again. While nobody follows the stack, it is looked
// at once in PollMax.
func (p *Progress) tellFree(ctx context.Context) (wait time.Duration, err error) {
	all, err := storage.Waiters.ByKey(ctx, p.Records)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	waiting := map[string][]storage.Waiter{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		uid := key[:strings.LastIndexByte(key, '/')]
		waiting[uid] = append(waiting[uid], all[key])
	}
	for _, uid := range slices.Sorted(maps.Keys(waiting)) {
		free, wrong := p.isFree(ctx, uid)
		for _, w := range waiting[uid] {
			late := time.Since(w.At) > storage.KeepWaiting
			if wrong == nil && (free || late) {
				wrong = p.release(ctx, uid, w, late)
			}
		}
		if wrong != nil && ctx.Err() == nil {
			p.Log.WarnContext(ctx, "whether a stack is free that somebody waits for could not be found out", "stack", uid, "error", wrong)
		}
	}
	return p.PollMax, nil
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
	sought, err := storage.Read(ctx, p.Records, func(tx storage.Tx) ([]storage.Follow, error) { return storage.Sought(tx, uid) })
	return len(sought) == 0, err
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
		return []storage.Message{outbox.ToUser(w.User, fmt.Sprintf("free/%s/%d", key, w.At.UnixNano()), card.Reply(commands.Free(w)))}, nil
	})
}
