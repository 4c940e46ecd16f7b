package cloud66

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

const usualPage = 30 // items on a page (Cloud 66 API, Deployments)

// DeploymentRange is a part of a stack's deployments, newest first.
type DeploymentRange struct {
	Deployments []Deployment
	Offset      int // how many newer ones there are
	Total       int // of the stack
}

// DeploymentRange returns up to limit deployments, newest first, after leaving out the offset newest. It asks only for the
// pages that hold them: one, where the server lists the newest first and they are on one page.
func (c *Client) DeploymentRange(ctx context.Context, uid string, offset, limit int) (DeploymentRange, error) {
	if offset < 0 || limit < 1 {
		return DeploymentRange{}, fmt.Errorf("list %d deployments from %d on: there is no such range", limit, offset)
	}
	path, err := stackPath(uid, "deployments")
	if err != nil {
		return DeploymentRange{}, err
	}
	limit = min(limit, usualPage*pageLimit)
	b := pager{list: c.deploymentList(path), read: map[int]page[Deployment]{}}
	if err := b.open(ctx, offset/usualPage+1); err != nil {
		return DeploymentRange{}, err
	}
	found, err := b.slice(ctx, offset, limit)
	if err != nil {
		return DeploymentRange{}, err
	}
	if len(found) > 0 {
		b.total = max(b.total, offset+len(found))
	}
	return DeploymentRange{Deployments: found, Offset: offset, Total: b.total}, nil
}

func (c *Client) deploymentList(path string) listing[Deployment] {
	return listing[Deployment]{client: c, path: path, item: each(c.deployment)}
}

// pager is a stack's list of deployments with the pages read so far.
type pager struct {
	list      listing[Deployment]
	read      map[int]page[Deployment]
	perPage   int
	pages     int
	total     int
	ascending bool
}

// open reads the page that likely comes first, and from it the size and the order of the list.
func (b *pager) open(ctx context.Context, number int) error {
	p, err := b.page(ctx, number)
	if err != nil {
		return err
	}
	b.measure(p)
	if b.pages > 1 && len(p.items) < 2 && number != 1 {
		if p, err = b.page(ctx, 1); err != nil { // a page of one item has no order
			return err
		}
	}
	b.ascending = b.pages > 1 && len(p.items) > 1 && slices.IsSortedFunc(p.items, older)
	if !b.ascending {
		return nil
	}
	last, err := b.page(ctx, b.pages)
	if err != nil {
		return err
	}
	b.total = (b.pages-1)*b.perPage + len(last.items)
	return nil
}

// measure takes the size of the list from a page; what the server does not tell follows from what it does.
func (b *pager) measure(p page[Deployment]) {
	count := believable(p.Count)
	b.perPage = max(cmp.Or(believable(p.PerPage), usualPage), len(p.items))
	b.pages = max(believable(p.Pages), believable(p.Next), (count+b.perPage-1)/b.perPage, 1)
	b.total = count
	if b.pages > 1 {
		b.total = max(count, (b.pages-1)*b.perPage+1)
	}
}

// believable returns the size that the text is, between 0 and a million.
func believable(t text) int {
	return int(min(max(t.int(), 0), 1_000_000))
}

// slice returns the deployments asked for from the pages that hold them.
func (b *pager) slice(ctx context.Context, offset, limit int) ([]Deployment, error) {
	end := min(offset+limit, b.pages*b.perPage)
	first, last, skip := offset/b.perPage+1, (end-1)/b.perPage+1, offset%b.perPage
	if b.ascending {
		end = min(end, b.total)
		first, last = (b.total-end)/b.perPage+1, (b.total-offset-1)/b.perPage+1
		skip = min(last*b.perPage, b.total) - (b.total - offset)
	}
	if offset >= end {
		return nil, nil
	}
	found, err := b.gather(ctx, first, last)
	found = found[min(skip, len(found)):]
	return found[:min(limit, len(found))], err
}

// gather returns what the pages hold, each deployment once, newest first.
func (b *pager) gather(ctx context.Context, first, last int) ([]Deployment, error) {
	if last-first >= pageLimit {
		return nil, fmt.Errorf("list deployments: %d pages are too many", last-first+1)
	}
	var found []Deployment
	for number := first; number <= last; number++ {
		p, err := b.page(ctx, number)
		if err != nil {
			return nil, err
		}
		found = append(found, p.items...)
	}
	slices.SortStableFunc(found, func(x, y Deployment) int { return older(y, x) })
	return slices.CompactFunc(found, func(x, y Deployment) bool { return x.ID == y.ID }), nil
}

// older orders deployments by id, then by start.
func older(x, y Deployment) int {
	return cmp.Or(cmp.Compare(x.ID, y.ID), x.StartedAt.Compare(y.StartedAt))
}

func (b *pager) page(ctx context.Context, number int) (page[Deployment], error) {
	if p, ok := b.read[number]; ok {
		return p, nil
	}
	p, err := b.list.fetch(ctx, number)
	if err == nil {
		b.read[number] = p
	}
	return p, err
}
