// Package mortal ends a process under test at any of its effects on the outside: a commit, or a request that may change something. What
// the process does after that reaches nothing, as after a SIGKILL.
package mortal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"sync"

	"c66bot/storage"
)

// ErrDead is what a dead process gets from everything outside of it.
var ErrDead = errors.New("the process is dead")

// Process is one life of a process.
type Process struct {
	mu    sync.Mutex
	dieAt int
	after bool
	reads bool
	dead  bool
	steps []string
}

// New makes a process that dies at its nth effect, from 1, before or right after it takes place. With 0 it dies by Kill alone.
func New(dieAt int, after bool) *Process { return &Process{dieAt: dieAt, after: after} }

// WithReads has what a process asks others for count as effects too: it may die before a question leaves, and before an answer arrives.
func (p *Process) WithReads() *Process {
	p.reads = true
	return p
}

// Steps gives the effects that the process has had.
func (p *Process) Steps() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.steps)
}

// Kill ends the process.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
}

// Died gives the effect at which the process died by itself, "" where it has not.
func (p *Process) Died() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dieAt == 0 || len(p.steps) < p.dieAt {
		return ""
	}
	when := "before"
	if p.after {
		when = "after"
	}
	return fmt.Sprintf("%s step %d, %s", when, p.dieAt, p.steps[p.dieAt-1])
}

// step lets an effect take place, unless the process is dead or dies of it.
func (p *Process) step(what string, do func() error) error {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return ErrDead
	}
	p.steps = append(p.steps, what)
	p.dead = len(p.steps) == p.dieAt
	dies := p.dead
	p.mu.Unlock()
	if dies && !p.after {
		return ErrDead
	}
	if err := do(); err != nil || !dies {
		return err
	}
	return ErrDead
}

func (p *Process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// DB is a database as the process reaches it. Each update is one effect.
func (p *Process) DB(of storage.DB) storage.DB { return database{p, of} }

type database struct {
	process *Process
	storage.DB
}

func (d database) View(ctx context.Context, fn func(storage.Tx) error) error {
	if d.process.isDead() {
		return ErrDead
	}
	return d.DB.View(ctx, fn)
}

func (d database) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return d.process.step("commit", func() error { return d.DB.Update(ctx, fn) })
}

// RoundTripper is a network as the process reaches it. Each request is one effect; a GET is only with WithReads.
func (p *Process) RoundTripper(to http.RoundTripper) http.RoundTripper { return network{p, to} }

type network struct {
	process *Process
	to      http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && !n.process.reads {
		if n.process.isDead() {
			return nil, ErrDead
		}
		return n.to.RoundTrip(r)
	}
	var res *http.Response
	err := n.process.step(r.Method+" "+path.Base(r.URL.Path), func() (err error) {
		res, err = n.to.RoundTrip(r) //nolint:bodyclose // the caller closes it, or the lines below
		return err
	})
	if err != nil && res != nil {
		err = errors.Join(err, res.Body.Close())
	}
	if err != nil {
		return nil, err
	}
	return res, nil
}
