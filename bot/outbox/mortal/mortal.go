// Package mortal kills a process under test at any of its external effects: a commit, or a request that may change something. After its
// death, none of the process's calls takes effect, as after a SIGKILL.
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

// ErrDead is the error of every external call of a dead process.
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

// New returns a process that dies at its nth effect, counted from 1, before or right after the effect takes place. If n is 0, only Kill
// ends it.
func New(dieAt int, after bool) *Process { return &Process{dieAt: dieAt, after: after} }

// WithReads makes reads count as effects too: the process may die before a read request leaves, and before its response arrives.
func (p *Process) WithReads() *Process {
	p.reads = true
	return p
}

// Steps returns the effects so far, in order.
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

// Died returns the effect at which the process died by itself, or "" if it did not.
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

// step performs an effect, unless the process is dead or dies before it.
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

// alive returns ErrDead if the process is dead.
func (p *Process) alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return ErrDead
	}
	return nil
}

// DB returns the process's view of a database. Each update is one effect.
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

// RoundTripper returns the process's view of a network. Each request is one effect; a GET only with WithReads.
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

// Client returns the process's HTTP client for a network on which h serves every request in the caller's goroutine. A handler that panics
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

// Dir returns a directory for the database of a process that dies, in memory if possible: the data only has to outlive simulated deaths,
// and commits need no disk.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "c66bot-test-") //nolint:usetesting // TempDir is on the disk
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
