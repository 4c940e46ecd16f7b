package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

const (
	rowsPerPage = 10
	// searchPages bounds how many pages of 30 are read to find the deployment that is live.
	searchPages = 10
	apiPage     = 30
)

func (h *Handler) list(ctx context.Context, stack cloud66.Stack, req Request) (Reply, error) {
	if inv := req.Invocation; inv.Outcome != "" || inv.By != "" {
		return h.listSome(ctx, stack, inv)
	}
	page := max(1, req.Invocation.Page)
	offset := (page - 1) * rowsPerPage
	got, err := h.Cloud.DeploymentRange(ctx, stack.UID, offset, rowsPerPage)
	if err != nil {
		return nil, err
	}
	if last := max(1, (got.Total+rowsPerPage-1)/rowsPerPage); page > last {
		return h.noPage(stack, page, last), nil
	}
	entries, err := h.entries(ctx, stack.UID, got.Deployments)
	if err != nil {
		return nil, err
	}
	return ListReply{Stack: refOf(stack), Entries: entries, Page: page, Offset: offset, Total: got.Total, At: time.Now()}, nil
}

func (h *Handler) noPage(stack cloud66.Stack, page, last int) Reply {
	there := "there is only one"
	if last > 1 {
		there = fmt.Sprintf("there are %d pages", last)
	}
	ref := refOf(stack)
	return ProblemReply{
		Stack: &ref, What: fmt.Sprintf("there is no page %d: %s.", page, there), Command: h.Command,
		Example: fmt.Sprintf("list %s --page %d", shellWord(ref.String()), last),
	}
}

func (h *Handler) show(ctx context.Context, stack cloud66.Stack, req Request) (Reply, error) {
	inv := req.Invocation
	newest, err := h.Cloud.DeploymentRange(ctx, stack.UID, 0, apiPage)
	if err != nil {
		return nil, err
	}
	if len(newest.Deployments) == 0 {
		ref := refOf(stack)
		return noticeOn(&ref, "this stack has never been deployed."), nil
	}
	deployment, found, err := h.pick(ctx, stack.UID, inv, newest)
	if err != nil {
		return nil, err
	}
	if !found {
		return h.noDeployment(stack, inv, newest), nil
	}
	entry, err := h.entry(ctx, stack.UID, deployment)
	if err != nil {
		return nil, err
	}
	entry.QueuedAfter = aheadOf(newest.Deployments, deployment)
	return DetailReply{
		Stack: refOf(stack), Entry: entry, Usual: cloud66.UsualDuration(newest.Deployments), Git: !stack.Docker(), At: time.Now(),
	}, nil
}

// pick gives the deployment that the invocation means.
func (h *Handler) pick(ctx context.Context, uid string, inv Invocation, newest cloud66.DeploymentRange) (cloud66.Deployment, bool, error) {
	if inv.Deployment != 0 {
		d, err := h.Cloud.Deployment(ctx, uid, inv.Deployment)
		if errors.Is(err, cloud66.ErrNotFound) {
			return cloud66.Deployment{}, false, nil
		}
		return d, err == nil, err
	}
	fits := func(cloud66.Deployment) bool { return true }
	switch inv.Which {
	case "live":
		fits = func(d cloud66.Deployment) bool { return d.IsLive }
	case "head":
		fits = func(d cloud66.Deployment) bool { return d.IsHead }
	}
	for page := newest; ; {
		for _, d := range page.Deployments {
			if fits(d) {
				return d, true, nil
			}
		}
		next := page.Offset + apiPage
		if next >= newest.Total || next >= searchPages*apiPage {
			return cloud66.Deployment{}, false, nil
		}
		var err error
		if page, err = h.Cloud.DeploymentRange(ctx, uid, next, apiPage); err != nil {
			return cloud66.Deployment{}, false, err
		}
	}
}

func (h *Handler) noDeployment(stack cloud66.Stack, inv Invocation, newest cloud66.DeploymentRange) Reply {
	ref := refOf(stack)
	latest := newest.Deployments[0].ID
	what := fmt.Sprintf("none of its last %d deployments is %s.", min(newest.Total, searchPages*apiPage), inv.Which)
	if inv.Deployment != 0 {
		what = fmt.Sprintf("there is no deployment #%d of this stack.", inv.Deployment)
	}
	return ProblemReply{
		Stack: &ref, What: what, Do: fmt.Sprintf("Its latest is #%d.", latest), Command: h.Command,
		Example: fmt.Sprintf("show %s %d", shellWord(ref.String()), latest),
	}
}

// entries adds to deployments what this bot knows of them: who asked for them here, why, and who asked for their end.
func (h *Handler) entries(ctx context.Context, uid string, deployments []cloud66.Deployment) ([]Entry, error) {
	entries := make([]Entry, len(deployments))
	err := h.Records.View(ctx, func(tx storage.Tx) error {
		for i, d := range deployments {
			entry, err := entryOf(tx, uid, d)
			if err != nil {
				return err
			}
			entries[i] = entry
		}
		return nil
	})
	return entries, err
}

func (h *Handler) entry(ctx context.Context, uid string, d cloud66.Deployment) (Entry, error) {
	entries, err := h.entries(ctx, uid, []cloud66.Deployment{d})
	if err != nil {
		return Entry{}, err
	}
	return entries[0], nil
}

func entryOf(tx storage.Tx, uid string, d cloud66.Deployment) (Entry, error) {
	entry := Entry{Deployment: d}
	key := storage.DeploymentKey(uid, d.ID)
	cancel, err := storage.Cancels.Get(tx, key)
	switch {
	case err == nil:
		entry.Cancelled = &cancel
	case !errors.Is(err, storage.ErrNotFound):
		return entry, err
	}
	wish, err := storage.Wishes.Get(tx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return entry, nil
	}
	if err != nil {
		return entry, err
	}
	follow, err := storage.Follows.Get(tx, wish.Follow)
	if errors.Is(err, storage.ErrNotFound) {
		return entry, nil
	}
	if err != nil {
		return entry, err
	}
	entry.AskedBy = follow.Asker
	if follow.Wish != nil {
		entry.Reason = follow.Wish.Reason
	}
	return entry, nil
}

// prepareRefresh has a card look at its deployment now. One that has ended shows its end, whatever stands there, and the deployment is shown too.
// A card of a stack that the person may not see is, to them, none.
func (h *Handler) prepareRefresh(ctx context.Context, req Request, standing authz.Standing) (run, Reply, error) {
	inv := req.Invocation
	if !standing.Some(authz.View) {
		reply, err := h.refuse(ctx, req, noneAtAll)
		return nil, reply, err
	}
	follow, err := h.followOf(ctx, inv.Follow)
	if err != nil {
		return nil, nil, err
	}
	seen := follow.ID != "" && standing.Decide(authz.View, follow.Stack).Allowed
	if seen && follow.Phase != storage.PhaseEnded {
		return func(ctx context.Context) (Reply, error) { return h.refresh(ctx, req) }, nil, nil
	}
	show, reply, err := h.showInstead(ctx, req, standing)
	if !seen || show == nil {
		return show, reply, err
	}
	return func(ctx context.Context) (Reply, error) {
		if _, err := h.Progress.Refresh(ctx, follow.ID); err != nil {
			return nil, err
		}
		return show(ctx)
	}, nil, nil
}

// followOf gives a follow, the zero value where there is none of that id.
func (h *Handler) followOf(ctx context.Context, id string) (follow storage.Follow, err error) {
	if id == "" {
		return follow, nil
	}
	err = h.Records.View(ctx, func(tx storage.Tx) error {
		var err error
		follow, err = storage.Follows.Get(tx, id)
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Follow{}, nil
	}
	return follow, err
}

func (h *Handler) refresh(ctx context.Context, req Request) (Reply, error) {
	followed, err := h.Progress.Refresh(ctx, req.Invocation.Follow)
	if err != nil || followed {
		return nil, err // the card itself is the answer
	}
	return Notice("That card is not followed any more: it shows how the deployment ended."), nil
}

// showInstead shows the deployment of a card that is not followed any more.
func (h *Handler) showInstead(ctx context.Context, req Request, standing authz.Standing) (run, Reply, error) {
	ended := ProblemReply{What: "That card is not followed any more.", Do: "Ask for its stack anew.", Command: h.Command, Example: "list " + exampleStack}
	if req.Invocation.UID == "" {
		return nil, ended, nil
	}
	stack, reply, err := h.target(ctx, req, standing)
	switch {
	case err != nil || reply != nil:
		return nil, reply, err
	case req.Invocation.Deployment == 0:
		return nil, ended, nil
	}
	return func(ctx context.Context) (Reply, error) { return h.show(ctx, stack, req) }, nil, nil
}

// aheadOf gives the running deployment that a queued one waits for, 0 where none is known.
func aheadOf(newest []cloud66.Deployment, d cloud66.Deployment) int64 {
	if !d.Queued() {
		return 0
	}
	for _, other := range newest {
		if other.ID < d.ID && other.Running() {
			return other.ID
		}
	}
	return 0
}
