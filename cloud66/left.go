package cloud66

import (
	"context"
	"maps"
	"strings"
)

// LeftOut is a record of a list that cannot be read and is left out, so that the others can be used.
type LeftOut struct {
	UID               string // of the stack that it belongs to; "" for a stack without a uid
	Name, Environment string // of a stack without a uid, as far as it has them
	What              string // what it is and lacks
}

// mostLeftOut bounds the different records that are remembered of a page; the others are counted without their names.
const mostLeftOut = 20

func (p *page[T]) leaveOut(stack string, r record, why error) {
	left := LeftOut{UID: stack, What: why.Error()}
	if stack == "" {
		left.Name, left.Environment = string(r.text("name")), string(r.text("environment"))
	}
	if p.leftOut == nil {
		p.leftOut = map[LeftOut]int{}
	}
	if len(p.leftOut) >= mostLeftOut && p.leftOut[left] == 0 {
		left.Name, left.Environment = "", ""
	}
	p.leftOut[left]++
}

// place is a page of a list.
type place struct {
	path   string
	number int
}

// noteLeftOut remembers what the newest reading of a page left out, and logs what the one before did not. Pages behind the last are
// forgotten.
func (c *Client) noteLeftOut(ctx context.Context, path string, number int, last bool, found map[LeftOut]int) {
	at := place{path, number}
	known, _ := c.leftOut.Load(at)
	before, _ := known.(map[LeftOut]int)
	for left, count := range found {
		if before[left] == 0 {
			c.log.WarnContext(ctx, "left out what cannot be read in a list of Cloud 66's", "path", path, "what", left.What,
				"count", count, "stack", c.safe(strings.Trim(left.Name+"@"+left.Environment, "@")))
		}
	}
	if len(found) > 0 {
		c.leftOut.Store(at, found)
	} else if known != nil {
		c.leftOut.Delete(at)
	}
	if !last {
		return
	}
	for other := range c.leftOut.Range {
		if p, _ := other.(place); p.path == path && p.number > number {
			c.leftOut.Delete(other)
		}
	}
}

// LeftOut returns how many records of each kind the newest readings of the lists left out.
func (c *Client) LeftOut() map[LeftOut]int {
	all := map[LeftOut]int{}
	for _, found := range c.leftOut.Range {
		of, _ := found.(map[LeftOut]int)
		for left, count := range maps.All(of) {
			all[left] += count
		}
	}
	return all
}
