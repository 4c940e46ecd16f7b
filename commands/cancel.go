package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Cancel cancels a deployment.
const Cancel Verb = "cancel"

var cancelSpec = Spec{
	Verb: Cancel, group: toDeploy, Right: authz.Cancel, Changes: true, Writes: true, Begins: true,
	Args:     []Arg{argStack, argID},
	Summary:  "Cancels what is deploying. It asks once.",
	Examples: []string{"cancel mystack@production", "cancel mystack@production 1042"},
	asks:     func(i Invocation) bool { return !i.Yes },
	check: func(_ Spec, i Invocation) error {
		if i.Yes && i.Deployment == 0 {
			return errors.New("a yes to a cancel does not say of what")
		}
		return nil
	},
	run: (*Handler).cancel,
}

// askedAlready is the period in which a second cancel counts as a double click. A later one is a new attempt.
const askedAlready = time.Minute

func (h *Handler) cancel(ctx context.Context, c *call) (Reply, error) {
	inv, stack := c.Invocation, c.stack
	if inv.AskedAt != 0 && inv.stale() { // the Cancel button of a card, which names its consequence, never expires
		return nil, tooOld(inv.lasts())
	}
	ref := RefOf(stack)
	deployment, err := h.unended(ctx, stack, inv)
	if err != nil {
		return nil, err
	}
	if inv.asks() {
		yes := Invocation{Verb: Cancel, UID: stack.UID, Deployment: deployment.ID, Yes: true}
		return question(about(&ref, fmt.Sprintf("cancel #%d?", deployment.ID)), "cancel it", yes.once(),
			"What is live stays live. Servers that it has changed already may need another deployment."), nil
	}
	return c.then(QueueOf(Cancel, stack.UID), func(ctx context.Context) (Reply, error) { return h.cancelNow(ctx, c, deployment) })
}

func (h *Handler) cancelNow(ctx context.Context, c *call, deployment cloud66.Deployment) (Reply, error) {
	stack, ref := c.stack, RefOf(c.stack)
	entry, err := h.entry(ctx, stack.UID, deployment)
	if err != nil {
		return nil, err
	}
	if entry.Cancelled != nil && time.Since(entry.Cancelled.At) < askedAlready {
		return noticeOn(&ref, fmt.Sprintf("Cloud 66 was asked to cancel #%d a moment ago. It is not asked twice.", deployment.ID)), nil
	}
	start := c.start(storage.Follow{Deployment: deployment.ID, StartedAt: deployment.StartedAt})
	start.Seen = &deployment
	answer, err := h.Progress.Cancel(ctx, start)
	if errors.Is(err, cloud66.ErrConflict) || errors.Is(err, cloud66.ErrNotFound) {
		if d, wrong := h.Cloud.Deployment(ctx, stack.UID, deployment.ID); wrong == nil && d.Ended() {
			return nil, h.hasEnded(ctx, stack, d)
		}
	}
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("asked Cloud 66 to cancel #%d.", deployment.ID)
	if answer.Message != "" {
		text += " It says: " + answer.Message
	}
	return noticeOn(&ref, text), nil
}

func (h *Handler) hasEnded(ctx context.Context, stack cloud66.Stack, d cloud66.Deployment) error {
	entry, err := h.entry(ctx, stack.UID, d)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("#%d has ended already: %s.", d.ID, wording.Outcome(d, entry.Cancelled))
	return h.notDoneOn(stack, what, "You can look at it in full.", "show %s "+strconv.FormatInt(d.ID, 10))
}

// unended returns the unfinished deployment that the invocation refers to. If there are several, it asks for a choice.
func (h *Handler) unended(ctx context.Context, stack cloud66.Stack, inv Invocation) (none cloud66.Deployment, err error) {
	if inv.Deployment != 0 {
		d, err := h.Cloud.Deployment(ctx, stack.UID, inv.Deployment)
		switch {
		case errors.Is(err, cloud66.ErrNotFound):
			what := fmt.Sprintf("there is no deployment #%d of this stack.", inv.Deployment)
			return none, h.notDoneOn(stack, what, "Look which there are.", "list %s")
		case err == nil && d.Ended():
			return none, h.hasEnded(ctx, stack, d)
		}
		return d, err
	}
	newest, err := h.Cloud.DeploymentRange(ctx, stack.UID, 0, apiPage)
	if err != nil {
		return none, err
	}
	open := slices.DeleteFunc(slices.Clone(newest.Deployments), cloud66.Deployment.Ended)
	switch len(open) {
	case 0:
		return none, h.nothingOpen(ctx, stack, newest.Deployments)
	case 1:
		return open[0], nil
	}
	inv = inv.once()
	inv.Stack, inv.UID = "", stack.UID
	options := each(open[:min(maxOptions, len(open))], func(d cloud66.Deployment) Choice {
		inv.Deployment = d.ID
		_, state := wording.State(d, nil)
		return Choice{fmt.Sprintf("#%d %s", d.ID, state), inv}
	})
	what := fmt.Sprintf("%s has %d deployments that have not ended. Which one?", RefOf(stack), len(open))
	return none, instead(choiceOf(what, options))
}

func (h *Handler) nothingOpen(ctx context.Context, stack cloud66.Stack, newest []cloud66.Deployment) error {
	do := "It has never been deployed."
	if len(newest) > 0 {
		entry, err := h.entry(ctx, stack.UID, newest[0])
		if err != nil {
			return err
		}
		do = fmt.Sprintf("Its latest deployment, #%d, has ended: %s.", newest[0].ID, wording.Outcome(newest[0], entry.Cancelled))
	}
	return h.notDoneOn(stack, "nothing is deploying.", do, "list %s")
}
