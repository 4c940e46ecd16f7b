package authz

import "c66bot/storage"

// Catalogue is stacks made ready to be compared with many patterns.
type Catalogue struct {
	stacks []folded
	named  map[string][]int // by name, and by UID
}

// NewCatalogue makes a catalogue of stacks, which are known by their place among them.
func NewCatalogue(stacks []storage.StackRef) *Catalogue {
	c := &Catalogue{stacks: make([]folded, len(stacks)), named: make(map[string][]int, 2*len(stacks))}
	for i, s := range stacks {
		f := foldStack(s)
		c.stacks[i] = f
		c.named[f.name] = append(c.named[f.name], i)
		if f.uid != f.name {
			c.named[f.uid] = append(c.named[f.uid], i)
		}
	}
	return c
}

// Matching calls yield for each stack that fits the pattern, until it gives false.
func (c *Catalogue) Matching(p Pattern) func(yield func(i int) bool) {
	return func(yield func(i int) bool) {
		if name, ok := p.name.exact(); ok {
			for _, i := range c.named[name] {
				if p.match(&c.stacks[i]) && !yield(i) {
					return
				}
			}
			return
		}
		for i := range c.stacks {
			if p.match(&c.stacks[i]) && !yield(i) {
				return
			}
		}
	}
}

// Any reports whether any stack fits the pattern.
func (c *Catalogue) Any(p Pattern) bool {
	for range c.Matching(p) {
		return true
	}
	return false
}
