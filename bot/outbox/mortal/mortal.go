// Package mortal ends a process under test at any of its effects on the outside: a commit, or a request that may change something. What
// the process does after that reaches nothing, as after a SIGKILL.
package mortal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"sync"
	"testing"
	"time"

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

// alive fails where the process is dead.
func (p *Process) alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return ErrDead
	}
	return nil
}

// DB is a database as the process reaches it. Each update is one effect.
func (p *Process) DB(of storage.DB) storage.DB { return database{p, of} }

type database struct {
	process *Process
	storage.DB
}

func (d database) View(ctx context.Context, fn func(storage.Tx) error) error {
	if err := d.process.alive(); err != nil {
		return err
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
func (n network) RoundTrip(r *http.Request) (res *http.Response, err error) {
	call := func() (err error) {
		res, err = n.to.RoundTrip(r) //nolint:bodyclose // the caller of RoundTrip closes it
		return err
	}
	if r.Method == http.MethodGet && !n.process.reads {
		if err = n.process.alive(); err == nil {
			err = call()
		}
		return res, err
	}
	if err = n.process.step(r.Method+" "+path.Base(r.URL.Path), call); err != nil && res != nil {
		err = errors.Join(err, res.Body.Close())
		res = nil
	}
	return res, err
}

// Client is the process's HTTP client on a network where a handler serves every request in the caller's goroutine. A handler that panics
// with http.ErrAbortHandler cuts the connection.
func (p *Process) Client(h http.Handler) *http.Client {
	return &http.Client{Transport: p.RoundTripper(handled{h}), Timeout: 20 * time.Second}
}

type handled struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h handled) RoundTrip(r *http.Request) (res *http.Response, err error) {
	served := r.Clone(r.Context())
	served.Host = r.URL.Host
	if served.Body == nil {
		served.Body = http.NoBody
	}
	defer func() {
		if reason := recover(); reason == http.ErrAbortHandler { //nolint:errorlint // a panic's value is not wrapped
			res, err = nil, fmt.Errorf("%s %s: connection cut: %w", r.Method, r.URL.Path, io.EOF)
		} else if reason != nil {
			panic(reason)
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, served)
	if err := errors.Join(r.Context().Err(), served.Body.Close()); err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	res = w.Result()
	res.Request = r
	return res, nil
}

// Dir gives a directory for the database of processes that die, in memory if possible: the data outlives these deaths, and no commit waits
// for a disk.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "c66bot-test-") //nolint:usetesting // whose directory is on the disk
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
