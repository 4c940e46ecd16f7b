package progress

import (
	"context"
	"errors"
	"fmt"
	"time"

	"c66bot/bot/card"
	"c66bot/cloud66"
	"c66bot/storage"
)

// lateAfter is how long after a redeploy was sent its card may say nothing of Cloud 66.
const lateAfter = 7 * time.Second

// tellLate changes the cards of redeploys that were sent lateAfter ago and whose deployment is not known, and returns when to do so again.
// 0 means that there are none.
func (p *Progress) tellLate(ctx context.Context) (wait time.Duration, err error) {
	var due []storage.Follow
	follows, err := p.open(ctx, storage.PhaseSending, storage.PhaseFinding)
	for _, f := range follows {
		switch left := time.Until(f.Wish.SentAt.Add(lateAfter)); {
		case f.Wish.Late:
		case left <= 0:
			due = append(due, f)
		case wait == 0 || left < wait:
			wait = left
		}
	}
	if err != nil || len(due) == 0 {
		return wait, err
	}
	err = p.Outbox.Write(ctx, func(tx storage.Tx) (messages []storage.Message, err error) {
		for _, f := range due {
			f, err := storage.Follows.Get(tx, f.ID)
			if err != nil {
				return nil, err
			}
			if f.Deployment != 0 || f.Phase == storage.PhaseEnded {
				continue
			}
			f.Wish.Late = true
			messages = append(messages, lateCard(f))
			if err := storage.PutFollow(tx, f); err != nil {
				return nil, err
			}
		}
		return messages, nil
	})
	if err != nil {
		return 0, fmt.Errorf("record that %d deployments are not known yet: %w", len(due), err)
	}
	for _, f := range due {
		p.watch.Due(f.Stack.UID, time.Now())
	}
	return wait, nil
}

// lateCard returns the card of a follow without a deployment.
func lateCard(f storage.Follow) storage.Message {
	return view{View: card.View{Follow: f, At: time.Now()}}.card()
}

// answered records what Cloud 66 answered to a redeploy, or that it did not. Looks may have found the deployment meanwhile. The number in
// the answer outweighs a guess.
func (p *Progress) answered(ctx context.Context, id string, answer cloud66.RedeployAnswer, arrived bool) error {
	return p.Outbox.Write(context.WithoutCancel(ctx), func(tx storage.Tx) ([]storage.Message, error) {
		f, err := storage.Follows.Get(tx, id)
		if err != nil || f.Phase == storage.PhaseEnded || f.Phase == storage.PhaseUntold {
			return nil, err
		}
		w := f.Wish
		w.Arrived, w.Claimed, w.Warning = w.Arrived || arrived, answer.DeploymentID, answer.Warning
		var messages []storage.Message
		if mistaken := f.Deployment; guessed(f) && claims(*w) && w.Claimed != mistaken {
			f.Deployment, f.State, f.Told, f.StartedAt, w.Guess, w.Late = 0, storage.Asked, nil, time.Time{}, 0, true
			messages, err = append(messages, view{View: card.View{Follow: f}}.retraction(mistaken)), unregister(tx, f, mistaken)
		}
		if f.Deployment == 0 {
			f.Phase, w.Late = storage.PhaseFinding, w.Late || !arrived
		}
		if f.Deployment == 0 && w.Late {
			messages = append(messages, lateCard(f))
		}
		return messages, errors.Join(err, storage.PutFollow(tx, f))
	})
}
