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

// listSome lists the deployments that fit a filter. One page looks through so many pages of the API at most, and the next one goes on from
// there; the trail says where each page so far began.
func (h *Handler) listSome(ctx context.Context, stack cloud66.Stack, inv Invocation) (Reply, error) {
	trail, skip := offsets(inv.Trail), 0
	if inv.Trail == "" {
		skip = (max(1, inv.Page) - 1) * rowsPerPage
	}
	s := search{h: h, inv: inv, uid: stack.UID, skip: skip, next: trail[len(trail)-1]}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	reply := ListReply{
		Stack: refOf(stack), Entries: s.found, Total: s.total, At: time.Now(), Offset: trail[len(trail)-1], Looked: max(0, s.next-trail[len(trail)-1]),
		Filter: Invocation{Outcome: inv.Outcome, By: inv.By, Page: inv.Page}, Trail: inv.Trail,
	}
	if s.next < s.total {
		reply.Older = trailOf(append(trail, s.next))
	}
	return reply, nil
}

// search is the way through a stack's deployments, newest first.
type search struct {
	h     *Handler
	inv   Invocation
	uid   string
	skip  int // that fit and belong to pages before
	next  int // the offset of the deployment to look at
	total int
	found []Entry
}

// run looks through the pages until one page of the list is full. Each reading ends where a page of the API does, so that it is one request.
func (s *search) run(ctx context.Context) error {
	for read := 0; read < searchPages && len(s.found) < rowsPerPage; read++ {
		limit := apiPage - s.next%apiPage
		got, err := s.h.Cloud.DeploymentRange(ctx, s.uid, s.next, limit)
		if err != nil {
			return err
		}
		entries, err := s.h.entries(ctx, s.uid, got.Deployments)
		if err != nil {
			return err
		}
		s.total = got.Total
		for _, e := range entries {
			if len(s.found) == rowsPerPage {
				return nil
			}
			s.next++
			s.take(ctx, e)
		}
		if len(entries) < limit || s.next >= s.total {
			s.next = s.total
			return nil
		}
	}
	return nil
}

// take adds a deployment that fits to what was found.
func (s *search) take(ctx context.Context, e Entry) {
	switch {
	case s.inv.Outcome != "" && !hasOutcome(e, s.inv.Outcome), s.inv.By != "" && !s.h.isBy(ctx, e, s.inv.By):
	case s.skip > 0:
		s.skip--
	default:
		s.found = append(s.found, e)
	}
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

// isBy reports whether a deployment is of somebody, as a list shows it: of the one who asked for it here, else of the one whom Cloud 66
// names.
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

// offsets reads a trail, which begins at the newest deployment.
func offsets(trail string) []int {
	all := []int{0}
	for word := range strings.SplitSeq(trail, ",") {
		if n, err := strconv.Atoi(word); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// trailOf writes a trail. One that has become too long forgets its beginning, so that Newer leads no further back.
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

// NewerTrail is the trail of the page before.
func NewerTrail(trail string) string {
	i := strings.LastIndexByte(trail, ',')
	return trail[:max(i, 0)]
}
