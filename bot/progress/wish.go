package progress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"c66bot/bot/outbox"
	"c66bot/bot/routine"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// Redeploy posts the card, sends the wish, and follows the deployment. It returns after Cloud 66's answer, or after the request failed
// without one.
func (p *Progress) Redeploy(ctx context.Context, start commands.Start) error {
	f := newFollow(start.Follow, storage.PhaseCarded)
	f.Wish.Reference = "c66bot-" + f.ID
	if err := p.begin(ctx, start.Operation, f, nil, start.Decided); err != nil {
		return err
	}
	err := p.send(ctx, f)
	if _, ok := errors.AsType[*commands.CardError](err); ok {
		return errors.Join(err, p.finish(ctx, f.ID, storage.Unposted, ""))
	}
	return err
}

// newFollow returns f with a new id, starting now.
func newFollow(f storage.Follow, phase storage.Phase) storage.Follow {
	now := time.Now()
	f.ID, f.AskedAt, f.Phase, f.State = storage.NewID(now), now, phase, storage.Asked
	return f
}

// Follow posts a card for a deployment that was started elsewhere.
func (p *Progress) Follow(ctx context.Context, start commands.Start) error {
	f := newFollow(start.Follow, storage.PhaseFollowing)
	done := func(tx storage.Tx) error {
		return storage.PutResult(tx, start.Operation, storage.Result{Outcome: storage.Done, Deployment: f.Deployment})
	}
	if err := p.begin(ctx, start.Operation, f, start.Seen, start.Decided, done); err != nil {
		return err
	}
	return p.carded(ctx, f, cardWait)
}

// carded waits until the card of a follow is posted. It ends the follow if the channel refuses the card; a slow Slack gets the card later.
func (p *Progress) carded(ctx context.Context, f storage.Follow, wait time.Duration) error {
	err := p.card(ctx, f, wait)
	if noCard, ok := errors.AsType[*commands.CardError](err); ok && noCard.Code != "" {
		return errors.Join(err, p.finish(ctx, f.ID, storage.Unposted, ""))
	}
	return nil
}

// card waits for the card to be posted, until wait has passed since the follow was asked for.
func (p *Progress) card(ctx context.Context, f storage.Follow, wait time.Duration) error {
	limited, cancel := context.WithDeadline(ctx, f.AskedAt.Add(wait))
	defer cancel()
	_, err := p.Outbox.Posted(limited, cardKey(f.ID))
	if refused, ok := errors.AsType[*outbox.RefusedError](err); ok {
		no := &commands.CardError{What: refused.Fault.Words(), Do: refused.Fault.Do()}
		if !refused.Fault.Passes {
			no.Code = refused.Fault.Code
		}
		return no
	}
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return &commands.CardError{}
	}
	return err
}

// send sends a wish once, after its card is posted. It records PhaseSending before the request; a process that finds that record searches
// for the deployment and does not send again. Without a card it sends nothing and returns a *commands.CardError.
func (p *Progress) send(ctx context.Context, f storage.Follow) error {
	if err := p.card(ctx, f, cardWait); err != nil {
		return commands.Begun(err)
	}
	sent := time.Now()
	waits, err := p.change(ctx, f.ID, storage.PhaseCarded, func(now *storage.Follow) {
		now.Phase, now.Wish.SentAt, now.Wish.NewestBefore = storage.PhaseSending, sent, f.Wish.NewestBefore
	})
	if err == nil && !waits {
		return commands.Begun(fmt.Errorf("the wish for %s was not waiting any more", f.Stack))
	}
	if err != nil {
		err = fmt.Errorf("record that the wish for %s is sent: %w", f.Stack, err)
		if ctx.Err() != nil {
			return commands.Begun(err) // the next process sends it, if that is soon
		}
		return errors.Join(err, p.finish(ctx, f.ID, storage.Refused, "the bot could not record it, so nothing was sent"))
	}
	if time.Since(f.AskedAt) > cardWait {
		return p.finish(ctx, f.ID, storage.Refused, "the bot's database took too long to record it, so nothing was sent")
	}
	time.AfterFunc(lateAfter, func() { routine.Signal(p.late) })
	settled := false
	defer func() {
		if !settled { // the looks determine the result, even after a panic
			p.watch.Due(f.Stack.UID, time.Now())
		}
	}()
	services, _ := commands.ParseServices(f.Wish.Services) // validated when the command was parsed
	answer, err := p.Cloud.Redeploy(ctx, f.Stack.UID, cloud66.RedeployRequest{
		GitRef: f.Wish.Ref, Services: services, DeploymentProfile: f.Wish.Profile, UserReference: f.Wish.Reference,
	})
	switch {
	case err == nil:
	case cloud66.NothingDone(err):
		settled = true
		return errors.Join(err, p.finish(ctx, f.ID, storage.Refused, said(err)))
	case ctx.Err() != nil:
		settled = true
		return commands.Begun(err) // the next process finds out what became of it
	default:
		p.Log.Warn("Cloud 66 did not tell what became of a redeploy: looking for it", "stack", f.Stack.String(),
			"reference", f.Wish.Reference, "error", err)
	}
	if err = p.answered(ctx, f.ID, answer, err == nil); err != nil {
		return commands.Begun(fmt.Errorf("record what Cloud 66 answered for %s: %w", f.Stack, err))
	}
	return nil
}

// change changes the record of a follow if it is in a phase, and reports whether it is.
func (p *Progress) change(ctx context.Context, id string, in storage.Phase, change func(*storage.Follow)) (is bool, err error) {
	err = p.Records.Update(ctx, func(tx storage.Tx) error {
		f, err := storage.Follows.Get(tx, id)
		if is = err == nil && f.Phase == in; !is {
			return err
		}
		change(&f)
		return storage.PutFollow(tx, f)
	})
	return is, err
}

// said returns the reason of a refusal for the card, in Cloud 66's own words if there are any.
func said(err error) string {
	if errors.Is(err, context.Canceled) {
		return "I was shut down before I sent it"
	}
	why := cmp.Or(cloud66.WordsFor(err).Refused, "Cloud 66 refused it")
	if api, ok := errors.AsType[*cloud66.Error](err); ok && api.Message != "" && !errors.Is(err, cloud66.ErrThrottled) {
		why += ": " + api.Message
	}
	return why
}
