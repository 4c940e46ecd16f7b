package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// askedAlready is how long after a cancel a second one is taken for a second click. Later somebody may well want to try again.
const askedAlready = time.Minute

func (h *Handler) redeploy(ctx context.Context, stack cloud66.Stack, req Request) (Reply, error) {
	inv := req.Invocation
	if inv.stale() {
		return tooOld(inv.lasts()), nil
	}
	if reply, err := h.misfit(ctx, stack, inv); reply != nil || err != nil {
		return reply, err
	}
	if inv.asks() { // without Slack's leave to open the form; a click on this gives it
		return offerForm(refOf(stack), inv.Deployment), nil
	}
	if err := h.cardless(ctx, req); err != nil {
		return nil, err
	}
	done, err := h.Progress.Turn(ctx, Redeploy, stack.UID, req.placed)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := h.Records.View(ctx, func(tx storage.Tx) error { return Untaken(tx, req.Operation) }); err != nil {
		return nil, err
	}
	newest, err := h.Cloud.DeploymentRange(ctx, stack.UID, 0, apiPage)
	if err != nil {
		return nil, err
	}
	if inv.Yes && inv.Newest != newestID(newest.Deployments) {
		ref := refOf(stack)
		return ProblemReply{
			Stack: &ref, What: "there is a newer deployment than the form showed.", State: "Nothing was done.",
			Do: fmt.Sprintf("The newest is #%d now. Look at it, then ask again.", newestID(newest.Deployments)),
		}, nil
	}
	return nil, begun(h.Progress.Redeploy(ctx, req.Operation, storage.Follow{
		Stack: refOf(stack), Channel: req.Channel, Asker: req.User,
		Usual: int64(cloud66.UsualDuration(newest.Deployments).Seconds()),
		Wish: &storage.Wish{
			Ref: inv.Ref, Services: inv.Services, Profile: inv.Profile, Reason: inv.Reason, NewestBefore: newestID(newest.Deployments),
		},
	}))
}

// misfit refuses options that the stack cannot take. Where the kind of the stack is unclear, Cloud 66 may refuse.
func (h *Handler) misfit(ctx context.Context, stack cloud66.Stack, inv Invocation) (Reply, error) {
	ref := refOf(stack)
	refuse := func(what, do, example string) Reply {
		return ProblemReply{Stack: &ref, What: what, State: "Nothing was done.", Do: do, Command: h.Command, Example: "redeploy " + shellWord(ref.String()) + example}
	}
	if stack.Framework == "" {
		return nil, nil
	}
	if inv.Ref != "" && stack.Docker() {
		return refuse("a docker stack takes no --ref; it deploys images.", "Name services and their tags instead.", " --services web:1.4.2"), nil
	}
	if inv.Services != "" && !stack.Docker() {
		return refuse("--services is for docker stacks; this one is "+stack.Framework+".", "Name a branch, tag or commit instead.", " --ref main"), nil
	}
	if inv.Services == "" {
		return nil, nil
	}
	return h.unknownService(ctx, stack, inv, refuse)
}

func (h *Handler) unknownService(ctx context.Context, stack cloud66.Stack, inv Invocation, refuse func(what, do, example string) Reply) (Reply, error) {
	wanted, err := parseServices(inv.Services)
	if err != nil {
		return nil, err
	}
	services, err := h.Cloud.Services(ctx, stack.UID)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = s.Name
	}
	for _, w := range wanted {
		if slices.Contains(names, w.Name) || len(names) == 0 {
			continue
		}
		do, example := "It has "+joinQuoted(names)+".", " --services "+names[0]
		if near := nearest(w.Name, names); near != "" {
			do, example = fmt.Sprintf("Did you mean %s? %s", quoted(near), do), " --services "+near
		}
		return refuse(fmt.Sprintf("this stack has no service %s.", quoted(w.Name)), do, example), nil
	}
	return nil, nil
}

func (h *Handler) cancel(ctx context.Context, stack cloud66.Stack, req Request) (Reply, error) {
	inv := req.Invocation
	if inv.stale() {
		return tooOld(inv.lasts()), nil
	}
	ref := refOf(stack)
	deployment, reply, err := h.unended(ctx, stack, inv)
	if err != nil || reply != nil {
		return reply, err
	}
	if inv.asks() {
		yes := Invocation{Verb: Cancel, UID: stack.UID, Deployment: deployment.ID, Yes: true}
		return question(ref, fmt.Sprintf("cancel #%d?", deployment.ID), "cancel it", yes.once(), doc.Danger,
			"What is live stays live. Servers that it has changed already may need another deployment."), nil
	}
	done, err := h.Progress.Turn(ctx, Cancel, stack.UID, req.placed) // which does not wait behind a redeploy
	if err != nil {
		return nil, err
	}
	defer done()
	entry, err := h.entry(ctx, stack.UID, deployment)
	if err != nil {
		return nil, err
	}
	if entry.Cancelled != nil && time.Since(entry.Cancelled.At) < askedAlready {
		return noticeOn(&ref, fmt.Sprintf("Cloud 66 was asked to cancel #%d a moment ago. It is not asked twice.", deployment.ID)), nil
	}
	answer, err := h.Progress.Cancel(ctx, req.Operation, storage.Follow{
		Stack: ref, Deployment: deployment.ID, Channel: req.Channel, Asker: req.User, StartedAt: deployment.StartedAt,
	})
	if errors.Is(err, cloud66.ErrConflict) || errors.Is(err, cloud66.ErrNotFound) {
		return h.tooLate(ctx, stack, deployment.ID, err)
	}
	if err != nil {
		return nil, begun(err)
	}
	text := fmt.Sprintf("asked Cloud 66 to cancel #%d.", deployment.ID)
	if answer.Message != "" {
		text += " It says: " + answer.Message
	}
	return noticeOn(&ref, text), nil
}

// tooLate tells the true state after Cloud 66 refused a cancel.
func (h *Handler) tooLate(ctx context.Context, stack cloud66.Stack, id int64, refused error) (Reply, error) {
	d, err := h.Cloud.Deployment(ctx, stack.UID, id)
	if err != nil || !d.Ended() {
		return nil, refused
	}
	return h.hasEnded(ctx, stack, d)
}

func (h *Handler) hasEnded(ctx context.Context, stack cloud66.Stack, d cloud66.Deployment) (Reply, error) {
	entry, err := h.entry(ctx, stack.UID, d)
	if err != nil {
		return nil, err
	}
	ref := refOf(stack)
	return ProblemReply{
		Stack: &ref, What: fmt.Sprintf("#%d has ended already: %s.", d.ID, wording.Outcome(d, entry.Cancelled)), State: "Nothing was done.",
		Do: "You can look at it in full.", Command: h.Command, Example: fmt.Sprintf("show %s %d", shellWord(ref.String()), d.ID),
	}, nil
}

// unended gives the deployment of the stack that has not ended and is meant. A Reply instead of it says why there is none, or asks which.
func (h *Handler) unended(ctx context.Context, stack cloud66.Stack, inv Invocation) (cloud66.Deployment, Reply, error) {
	if inv.Deployment != 0 {
		return h.unendedByID(ctx, stack, inv.Deployment)
	}
	newest, err := h.Cloud.DeploymentRange(ctx, stack.UID, 0, apiPage)
	if err != nil {
		return cloud66.Deployment{}, nil, err
	}
	open := slices.DeleteFunc(slices.Clone(newest.Deployments), cloud66.Deployment.Ended)
	switch len(open) {
	case 0:
		reply, err := h.nothingOpen(ctx, stack, newest.Deployments)
		return cloud66.Deployment{}, reply, err
	case 1:
		return open[0], nil, nil
	}
	var options []alternative
	inv = inv.once()
	inv.Stack, inv.UID = "", stack.UID
	for _, d := range open[:min(maxOptions, len(open))] {
		inv.Deployment = d.ID
		_, state := wording.State(d, nil)
		options = append(options, alternative{fmt.Sprintf("#%d %s", d.ID, state), inv})
	}
	what := fmt.Sprintf("%s has %d deployments that have not ended. Which one?", refOf(stack), len(open))
	return cloud66.Deployment{}, choiceOf(what, options), nil
}

func (h *Handler) unendedByID(ctx context.Context, stack cloud66.Stack, id int64) (cloud66.Deployment, Reply, error) {
	d, err := h.Cloud.Deployment(ctx, stack.UID, id)
	switch {
	case errors.Is(err, cloud66.ErrNotFound):
		ref := refOf(stack)
		return d, ProblemReply{
			Stack: &ref, What: fmt.Sprintf("there is no deployment #%d of this stack.", id), State: "Nothing was done.",
			Do: "Look which there are.", Command: h.Command, Example: "list " + shellWord(ref.String()),
		}, nil
	case err != nil:
		return d, nil, err
	case d.Ended():
		reply, err := h.hasEnded(ctx, stack, d)
		return d, reply, err
	default:
		return d, nil, nil
	}
}

func (h *Handler) nothingOpen(ctx context.Context, stack cloud66.Stack, newest []cloud66.Deployment) (Reply, error) {
	ref := refOf(stack)
	p := ProblemReply{
		Stack: &ref, What: "nothing is deploying.", State: "Nothing was done.", Do: "It has never been deployed.",
		Command: h.Command, Example: "list " + shellWord(ref.String()),
	}
	if len(newest) == 0 {
		return p, nil
	}
	entry, err := h.entry(ctx, stack.UID, newest[0])
	p.Do = fmt.Sprintf("Its latest deployment, #%d, has ended: %s.", newest[0].ID, wording.Outcome(newest[0], entry.Cancelled))
	return p, err
}

func (h *Handler) follow(ctx context.Context, stack cloud66.Stack, req Request) (Reply, error) {
	req.placed() // the order of cards is of no account
	if err := h.cardless(ctx, req); err != nil {
		return nil, err
	}
	deployment, reply, err := h.unended(ctx, stack, req.Invocation)
	if err != nil || reply != nil {
		return reply, err
	}
	return nil, begun(h.Progress.Follow(ctx, req.Operation, storage.Follow{
		Stack: refOf(stack), Deployment: deployment.ID, Channel: req.Channel, Asker: req.User, StartedAt: deployment.StartedAt,
	}))
}

// tooOld answers a button, or a form, that has become too old to be acted upon.
func tooOld(age time.Duration) Reply {
	return ProblemReply{
		What: "That is more than " + wording.Duration(age) + " old.", State: "Nothing was done.",
		Do: "Ask again, so that you see how things stand now.",
	}
}

func newestID(newest []cloud66.Deployment) int64 {
	if len(newest) == 0 {
		return 0
	}
	return newest[0].ID
}
