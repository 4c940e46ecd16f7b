package progress

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// cancelCardWait is how long a cancel waits for its card: stopping matters more than showing it at once.
	cancelCardWait = 5 * time.Second
	// cancelAge is the age up to which a cancel that a restart interrupted is still sent.
	cancelAge = 90 * time.Second
)

// Cancel asks Cloud 66 to end a deployment. A channel without a card of it gets one first, to show the result. The cancel is recorded
// before the request, so that the end counts as a cancel and a restart does not lose it.
func (p *Progress) Cancel(ctx context.Context, start commands.Start) (cloud66.CancelAnswer, error) {
	f := newFollow(start.Follow, storage.PhaseFollowing)
	key := storage.DeploymentKey(f.Stack.UID, f.Deployment)
	record := func(tx storage.Tx) error {
		if err := notEnded(tx, f); err != nil {
			return err
		}
		c, there, err := storage.Cancels.Find(tx, key)
		if err != nil {
			return err
		}
		if !there {
			c = storage.Cancel{User: f.Asker, At: f.AskedAt, Follow: f.ID}
		} else { // the record keeps the first user
			c.Again = &storage.Again{User: f.Asker, At: f.AskedAt, Follow: f.ID}
		}
		c.Operations = append(slices.Clip(c.Operations), start.Operation)
		return storage.Cancels.Put(tx, key, c)
	}
	err := p.begin(ctx, start.Operation, f, start.Seen, start.Decided, record)
	if errors.Is(err, commands.ErrFollowed) {
		err = p.Records.Update(ctx, func(tx storage.Tx) (err error) {
			if f.ID, err = followed(tx, f); err != nil {
				return err
			}
			return errors.Join(commands.Take(tx, start.Operation, f.Asker), start.Decided(tx), record(tx))
		})
	} else if err == nil {
		err = p.carded(ctx, f, cancelCardWait)
		if err != nil {
			err = errors.Join(err, p.changeCancel(ctx, f, undone))
		}
	}
	if err != nil {
		return cloud66.CancelAnswer{}, err
	}
	answer, err := p.Cloud.Cancel(ctx, f.Stack.UID, f.Deployment)
	p.watch.Due(f.Stack.UID, time.Now())
	switch {
	case err == nil:
		return answer, commands.Begun(p.changeCancel(ctx, f, taken))
	case ctx.Err() != nil:
		return answer, commands.Begun(err) // the next process sends it again, if that is soon
	case !cloud66.NothingDone(err):
		return answer, commands.Begun(errors.Join(err, p.changeCancel(ctx, f, told))) // the card shows the result
	default:
		return answer, errors.Join(err, p.changeCancel(ctx, f, undone))
	}
}

// notEnded fails if the channel was already told of the deployment's end, so that no second card repeats it.
func notEnded(tx storage.Tx, f storage.Follow) error {
	id, err := heardIn(tx, f.Stack.UID, f.Deployment, f.Channel)
	if err != nil || id == "" {
		return err
	}
	card, _, err := storage.Follows.Find(tx, id)
	switch card.State.Deployed() {
	case storage.Succeeded, storage.Failed, storage.Cancelled, storage.Over:
		return &cloud66.Error{Kind: cloud66.ErrConflict, Message: "it has ended"}
	default:
		return err
	}
}

// cancelChange changes a cancel's record; undone, which is nil, withdraws a cancel that was certainly not carried out.
type cancelChange func(*storage.Cancel)

var undone cancelChange

func taken(c *storage.Cancel) { c.Sent, c.Again = true, nil }
func told(c *storage.Cancel)  { c.Told, c.Again = true, nil }

// changeCancel changes the record of a deployment's cancel, if there is one, in one transaction with the messages of also. The cancels of
// a stack come one after the other.
func (p *Progress) changeCancel(ctx context.Context, f storage.Follow, change cancelChange, also ...storage.Message) error {
	key := storage.DeploymentKey(f.Stack.UID, f.Deployment)
	err := p.Outbox.Write(context.WithoutCancel(ctx), func(tx storage.Tx) ([]storage.Message, error) {
		c, there, err := storage.Cancels.Find(tx, key)
		switch {
		case err != nil || !there:
			return nil, err
		case change == nil: // undone
			return also, withdraw(tx, key, c, f.Deployment)
		}
		change(&c)
		return also, storage.Cancels.Put(tx, key, c)
	})
	if err != nil {
		return fmt.Errorf("record what became of the cancel of %s: %w", key, err)
	}
	return nil
}

// withdraw takes back that a deployment's cancel was asked for: the later time if it was asked for again, else the first, with its record.
func withdraw(tx storage.Tx, key string, c storage.Cancel, deployment int64) (err error) {
	at := 0
	if c.Again != nil {
		at = len(c.Operations) - 1
	}
	if len(c.Operations) > 0 {
		err = storage.PutResult(tx, c.Operations[at], storage.Result{Outcome: storage.Refused, Deployment: deployment})
		c.Operations = slices.Delete(slices.Clone(c.Operations), at, at+1)
	}
	if c.Again == nil {
		return errors.Join(err, storage.Cancels.Delete(tx, key))
	}
	c.Again = nil
	return errors.Join(err, storage.Cancels.Put(tx, key, c))
}

// cancelAgain sends a recent cancel again if no earlier process recorded that Cloud 66 took it. Cancelling twice is harmless; a refusal
// because the deployment has ended does not prove that the first cancel was not taken.
func (p *Progress) cancelAgain(ctx context.Context, f storage.Follow, c storage.Cancel) {
	var err error
	if time.Since(c.At) > cancelAge {
		// If the deployment has ended, its card shows how; else tell the user who asked.
		if d, readErr := p.Cloud.Deployment(cloud66.Background(ctx), f.Stack.UID, f.Deployment); readErr == nil && d.Ended() {
			err = p.changeCancel(ctx, f, told)
		} else {
			err = p.tellCancel(ctx, f, c, "I was restarted, and then it was too late to ask for it", told)
		}
	} else {
		err = p.sendCancelAgain(ctx, f, c)
	}
	if err != nil && ctx.Err() == nil {
		p.Log.Warn("a cancel of before the restart is not confirmed", "follow", f.ID, "stack", f.Stack.String(), "error", err)
	}
}

func (p *Progress) sendCancelAgain(ctx context.Context, f storage.Follow, c storage.Cancel) error {
	_, err := p.Cloud.Cancel(ctx, f.Stack.UID, f.Deployment)
	p.watch.Due(f.Stack.UID, time.Now())
	switch {
	case err == nil, errors.Is(err, cloud66.ErrConflict), errors.Is(err, cloud66.ErrNotFound):
		return p.changeCancel(ctx, f, taken)
	case ctx.Err() != nil:
		return err
	case cloud66.NothingDone(err):
		return errors.Join(err, p.tellCancel(ctx, f, c, "I was restarted meanwhile; then "+said(err), undone))
	default:
		const why = "I was restarted meanwhile; then Cloud 66 did not answer, so that it may be cancelled all the same"
		return errors.Join(err, p.tellCancel(ctx, f, c, why, told))
	}
}

// tellCancel tells the user who asked for a cancel, in a direct message, that it is not confirmed, and why.
func (p *Progress) tellCancel(ctx context.Context, f storage.Follow, c storage.Cancel, why string, change cancelChange) error {
	key := fmt.Sprintf("cancel/%s/%d", f.ID, c.At.UnixNano())
	return p.changeCancel(ctx, f, change, outbox.ToUser(c.User, key, card.Reply(commands.ProblemReply{
		Stack: &f.Stack, What: fmt.Sprintf("the cancel of #%d is not confirmed.", f.Deployment), State: why + ".",
		Do: "Look at its card, and ask again if it is still to be cancelled.",
	})))
}
