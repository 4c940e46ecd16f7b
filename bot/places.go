package bot

import (
	"context"
	"sync"
)

// places limits the tasks of one kind: in total, per person, and running at once per person. The person's other tasks queue.
type places struct {
	all, each, atOnce int

	mu     sync.Mutex
	taken  int
	crowds map[string]*crowd // by person
}

// crowd is the tasks of one person.
type crowd struct {
	taken   int
	running chan struct{} // holds one value per running task
}

// place is the place of one task. Its methods accept nil.
type place struct {
	of      *places
	user    string
	crowd   *crowd
	running bool
}

// kind is the kind of a task. Each kind has its own limits.
type kind int

const (
	aLook   kind = iota
	aChange      // or the form or question that leads to one
	aSearch      // in a form; Slack drops it after 3 s
	kinds
)

// newPlaces sets the limits. Most tasks wait for Cloud 66.
func newPlaces() [kinds]*places {
	return [kinds]*places{
		aLook:   {all: 4096, each: 200, atOnce: 16, crowds: map[string]*crowd{}},
		aChange: {all: 2048, each: 128, atOnce: 128, crowds: map[string]*crowd{}},
		aSearch: {all: 1024, each: 16, atOnce: 16, crowds: map[string]*crowd{}},
	}
}

// enter takes a place for a user. It returns nil if the limits are reached.
func (p *places) enter(user string) *place {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.crowds[user]
	if c == nil {
		c = &crowd{running: make(chan struct{}, p.atOnce)}
	}
	if p.taken >= p.all || c.taken >= p.each {
		return nil
	}
	p.taken++
	c.taken++
	p.crowds[user] = c
	return &place{of: p, user: user, crowd: c}
}

// turn waits until the task may run or the context ends.
func (p *place) turn(ctx context.Context) {
	if p == nil {
		return
	}
	select {
	case p.crowd.running <- struct{}{}:
		p.running = true
	case <-ctx.Done():
	}
}

// leave releases the place.
func (p *place) leave() {
	if p == nil {
		return
	}
	if p.running {
		<-p.crowd.running
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.of.taken--
	if p.crowd.taken--; p.crowd.taken == 0 {
		delete(p.of.crowds, p.user)
	}
}

// count returns the number of places taken.
func (p *places) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}
