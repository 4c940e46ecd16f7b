package commands

import (
	"context"
	"strconv"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
)

// listSome lists the deployments that pass a filter. A page examines at most searchPages pages of the API, and the next page
// continues there; the trail records the start of each page.
func (h *Handler) listSome(ctx context.Context, stack cloud66.Stack, inv Invocation) (Reply, error) {
	outcome, by, trail, skip := inv.Options[Outcome], inv.Options[By], offsets(inv.Options[Trail]), 0
	if inv.Options[Trail] == "" {
		skip = (max(1, inv.Number(Page)) - 1) * rowsPerPage
	}
	next := trail[len(trail)-1]
	reply := ListReply{
		Stack: RefOf(stack), Command: h.Command, At: time.Now(), Offset: next, Trail: inv.Options[Trail],
		Filter: Invocation{Options: Options{Outcome: outcome, By: by, Page: inv.Options[Page]}},
	}
	for read := 0; read < searchPages && len(reply.Entries) < rowsPerPage; read++ {
		limit := apiPage - next%apiPage // aligned, so that a read is one request
		got, err := h.Cloud.DeploymentRange(ctx, stack.UID, next, limit)
		if err != nil {
			return nil, err
		}
		entries, err := h.entries(ctx, stack.UID, got.Deployments)
		if err != nil {
			return nil, err
		}
		reply.Total = got.Total
		looked := 0
		for ; looked < len(entries) && len(reply.Entries) < rowsPerPage; looked++ {
			e := entries[looked]
			switch {
			case outcome != "" && !hasOutcome(e, outcome), by != "" && !h.isBy(ctx, e, by):
			case skip > 0:
				skip--
			default:
				reply.Entries = append(reply.Entries, e)
			}
		}
		next += looked
		if looked == len(entries) && (looked < limit || next >= got.Total) {
			next = got.Total
			break
		}
	}
	reply.Looked = max(0, next-reply.Offset)
	if next < reply.Total {
		reply.Older = trailOf(append(trail, next))
	}
	return reply, nil
}

func hasOutcome(e Entry, outcome string) bool {
	d := e.Deployment
	switch outcome {
	case "running":
		return !d.Ended()
	case "reverted":
		return d.Reverted
	default: // "succeeded, reverted since" has succeeded
		return d.Ended() && strings.HasPrefix(wording.Outcome(d, e.Cancelled), outcome)
	}
}

// isBy reports whether a list shows the deployment as started by the given user: its asker here, else the name from Cloud 66.
func (h *Handler) isBy(ctx context.Context, e Entry, by string) bool {
	if id := UserOf(by); id != "" {
		return e.AskedBy == id
	}
	name := e.Deployment.TriggeredBy
	if e.AskedBy != "" {
		person, err := h.People.Person(ctx, e.AskedBy)
		if err != nil {
			h.Log.WarnContext(ctx, "the name of somebody could not be looked up", "user", e.AskedBy, "error", err)
		}
		name = person.Name
	}
	return strings.Contains(authz.Fold(name), authz.Fold(by))
}

// offsets parses a trail, which starts at the newest deployment.
func offsets(trail string) []int {
	all := []int{0}
	for word := range strings.SplitSeq(trail, ",") {
		if n, err := strconv.Atoi(word); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// trailOf encodes a trail. It drops the start of a long one, so that Newer stops there.
func trailOf(offsets []int) string {
	words := make([]string, 0, len(offsets))
	for _, n := range offsets[1:] {
		words = append(words, strconv.Itoa(n))
	}
	for len(strings.Join(words, ",")) > maxTrail {
		words = words[1:]
	}
	return strings.Join(words, ",")
}

// NewerTrail returns the trail of the previous page.
func NewerTrail(trail string) string {
	i := strings.LastIndexByte(trail, ',')
	return trail[:max(i, 0)]
}
