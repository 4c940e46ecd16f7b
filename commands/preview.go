package commands

import (
	"cmp"
	"context"
	"slices"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// Limits of a preview: the period, the number of stacks, and the time that users wait.
const (
	previewDays   = 7 * 24 * time.Hour
	previewStacks = 20
	previewWait   = 8 * time.Second
)

// preview computes the messages that a subscription would have sent. Each stack costs one request.
func (h *Handler) preview(ctx context.Context, s storage.Subscription, stacks []cloud66.Stack) *Preview {
	since := s.At.Add(-previewDays)
	if len(stacks) == 0 {
		return nil
	}
	quiet := func(s cloud66.Stack) bool { return !s.LastActivity.IsZero() && s.LastActivity.Before(since) }
	moved := slices.DeleteFunc(slices.Clone(stacks), quiet)
	slices.SortStableFunc(moved, func(a, b cloud66.Stack) int { return cmp.Compare(b.LastActivity.Unix(), a.LastActivity.Unix()) })
	p := &Preview{Of: len(moved)}
	moved = moved[:min(len(moved), previewStacks)]
	lately, _ := h.readEach(ctx, moved, apiPage, previewWait) // a spent budget leaves some out
	for i, stack := range moved {
		if lately[i] == nil {
			p.Unread++
			continue
		}
		p.Read++
		h.count(ctx, p, s, RefOf(stack), *lately[i], since)
	}
	if p.Newest != nil {
		p.By = h.named(ctx, p.Newest.AskedBy)
	}
	return p
}

// count adds the messages about one stack to a preview.
func (h *Handler) count(
	ctx context.Context, p *Preview, s storage.Subscription, stack storage.StackRef, got cloud66.DeploymentRange, since time.Time,
) {
	entries, err := h.entries(ctx, stack.UID, got.Deployments)
	if err != nil {
		h.Log.WarnContext(ctx, "what is known of deployments could not be read for a preview", "stack", stack.UID, "error", err)
		p.Read, p.Unread = p.Read-1, p.Unread+1
		return
	}
	within := 0
	for _, e := range entries {
		if when(e).Before(since) {
			continue
		}
		within++
		if !h.Announces(s, e, cloud66.UsualDuration(got.Deployments, e.Deployment.Type())) {
			continue
		}
		p.Messages++
		if p.Newest == nil || when(e).After(when(*p.Newest)) {
			p.Newest, p.Stack = &e, stack
		}
	}
	p.AtLeast = p.AtLeast || within == len(entries) && got.Total > len(entries)
}

// when returns the start of a deployment, or its end if it has no start.
func when(e Entry) time.Time { return cmp.Or(e.Deployment.StartedAt, e.Deployment.FinishedAt) }
