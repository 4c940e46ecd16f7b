package bot_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"c66bot/storage"
)

// errDead is what a dead process gets from everything outside of it.
var errDead = errors.New("the process is dead")

// steps says what happens at the effects of a process: a commit, which has the name of what it writes, or a request to Cloud 66.
type steps struct {
	mu   sync.Mutex
	at   func(step string, after bool) (die bool)
	disk func(ctx context.Context) error // what comes before each commit
}

// set changes what happens; nil is nothing.
func (s *steps) set(at func(step string, after bool) (die bool), disk func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.disk = at, disk
}

func (s *steps) dies(step string, after bool) bool {
	s.mu.Lock()
	at := s.at
	s.mu.Unlock()
	return at != nil && at(step, after)
}

func (s *steps) wait(ctx context.Context) error {
	s.mu.Lock()
	disk := s.disk
	s.mu.Unlock()
	if disk == nil {
		return nil
	}
	return disk(ctx)
}

// gate lets effects through until it is closed, after which nothing leaves the process, as after a SIGKILL.
type gate struct {
	next  http.RoundTripper
	wire  *network
	steps *steps

	reading atomic.Pointer[func()] // happens before a record is read
	full    atomic.Pointer[error]  // every write fails with it, unless nil

	mu     sync.Mutex
	closed bool
}

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.wire.cut()
}

func (g *gate) dead() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errDead
	}
	return nil
}

// step ends the process where it is to die at this step.
func (g *gate) step(name string, after bool) error {
	if g.dead() == nil && g.steps.dies(name, after) {
		g.close()
	}
	return g.dead()
}

// RoundTrip implements http.RoundTripper.
func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.step(r.Method, false); err != nil {
		return nil, err
	}
	res, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err := g.step(r.Method, true); err != nil {
		return nil, errors.Join(err, res.Body.Close())
	}
	return res, nil
}

// gatedDB commits nothing any more when the gate is closed.
type gatedDB struct {
	storage.DB
	gate *gate
}

// Update implements storage.DB.
func (d gatedDB) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if err := d.gate.steps.wait(ctx); err != nil {
		return err
	}
	if err := d.gate.dead(); err != nil {
		return err
	}
	if err := d.Fault(); err != nil {
		return err
	}
	var name string
	err := d.DB.Update(ctx, func(tx storage.Tx) error {
		named := &namedTx{Tx: tx}
		if err := fn(named); err != nil {
			return err
		}
		name = named.name
		return d.gate.step(name, false)
	})
	if err != nil {
		return err
	}
	return d.gate.step(name, true)
}

// Fault implements storage.DB.
func (d gatedDB) Fault() error {
	if err := d.gate.full.Load(); err != nil {
		return *err
	}
	return d.DB.Fault()
}

// View implements storage.DB.
func (d gatedDB) View(ctx context.Context, fn func(storage.Tx) error) error {
	if f := d.gate.reading.Load(); f != nil {
		(*f)()
	}
	return d.DB.View(ctx, fn)
}

// namedTx takes the name of what is written first.
type namedTx struct {
	storage.Tx
	name string
}

// Put implements storage.Tx.
func (tx *namedTx) Put(bucket, key string, value []byte) error {
	if name := nameOf(bucket, string(value)); tx.name == "" {
		tx.name = name
	}
	return tx.Tx.Put(bucket, key, value)
}

func nameOf(bucket, value string) string {
	holds := func(what string) bool { return strings.Contains(value, what) }
	switch {
	case bucket == "journal":
		return "journal"
	case bucket == "operations" && holds(`"void":true`):
		return "void"
	case bucket == "operations":
		return "done"
	case bucket == "messages" && holds(`"ts":"`):
		return "posted"
	default:
		return bucket
	}
}
