// Package progress takes each card from the wish (a requested redeploy) to the end of its deployment: it posts the card, sends the wish to
// Cloud 66, finds the deployment that resulted, and follows it, across restarts. It also starts follows for channels that subscribe to a
// stack.
//
// A redeploy is at most one POST. Its record, with a fresh user_reference, is committed before. It is sent after a restart only if the
// record proves that it was not sent before. After an unclear answer the stack action with its reference is looked up; its absence from the
// lists proves nothing.
//
// All durable state is in the database. One transaction writes the result of a look at a stack: the stack's position, the follows, their
// cards and thread lines, which the outbox delivers. Memory holds only the watched deployments (open), a cached snapshot of the
// subscriptions, validated by a counter in the database, and the ends that are collected after an outage (absence).
package progress

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// cardWait is how long a redeploy waits for its card. A deployment that starts minutes after the request surprises users.
	cardWait = 90 * time.Second
)

// Cloud is the part of the Cloud 66 client that progress and its watcher use.
type Cloud interface {
	watch.Cloud
	Redeploy(ctx context.Context, uid string, req cloud66.RedeployRequest) (cloud66.RedeployAnswer, error)
	Cancel(ctx context.Context, uid string, id int64) (cloud66.CancelAnswer, error)
	Actions(ctx context.Context, uid string, filter cloud66.ActionFilter) iter.Seq2[cloud66.Action, error]
}

// Config holds the dependencies of a Progress.
type Config struct {
	Records          storage.DB
	Outbox           *outbox.Outbox
	Cloud            Cloud
	List             watch.List
	PollMin, PollMax time.Duration
	// Pattern compiles a glob over stacks.
	Pattern func(glob string) (fits func(storage.StackRef) bool, err error)
	// May reports whether a user may at present subscribe a channel to a stack.
	May func(ctx context.Context, user, channel string, stack storage.StackRef) (bool, error)
	// Queue runs work in a queue, first in, first out. Work of an earlier process is queued before Resumed is closed.
	Queue func(name string, do func())
	Log   *slog.Logger
}

// Progress follows deployments. It implements commands.Progress. Create it with New.
type Progress struct {
	Config
	watch         *watch.Watcher
	subscriptions atomic.Pointer[subscriptions] // the last committed snapshot
	unpruned      atomic.Bool                   // positions of stacks without a subscription may remain

	resumed chan struct{}        // closed when the work of an earlier process has been taken over
	missing map[string]time.Time // since when rounds have missed stacks with a position, by UID; used by onRound alone

	mu      sync.Mutex        // Not held while a transaction begins: that may wait for a transaction that waits for mu.
	open    map[string]target // the follows that have not ended, by id
	absence absence
}

// target is what the watcher watches for a follow.
type target struct {
	stack      string // UID
	deployment int64  // 0 while unknown
	patient    bool   // nobody waits for each of its steps
	sending    bool   // its wish is being sent: a deployment may result at any moment, and looks ignore the follow
}

var _ commands.Progress = (*Progress)(nil)

// New returns a Progress. It does nothing until Run is called.
func New(cfg Config) *Progress {
	p := &Progress{
		Config: cfg, resumed: make(chan struct{}), open: map[string]target{},
		absence: absence{away: map[string]*away{}, ends: map[string]end{}, due: make(chan struct{}, 1)},
	}
	p.subscriptions.Store(newSubscriptions(-1))
	p.watch = watch.New(watch.Config{
		Cloud: cfg.Cloud, List: cfg.List, Min: cfg.PollMin, Max: cfg.PollMax, Log: cfg.Log, Seen: p.seen, Listed: p.listed, Swept: p.onRound,
	})
	return p
}

// Run takes over the work of an earlier process and follows until the context ends. It returns when all its goroutines have stopped.
func (p *Progress) Run(ctx context.Context) error {
	var left sync.WaitGroup
	defer left.Wait()
	if err := p.resume(ctx, &left); err != nil {
		return err
	}
	close(p.resumed)
	left.Go(func() { p.tellKept(ctx) })
	p.watch.Run(ctx)
	return nil
}

// Resumed is closed when the work of an earlier process has been taken over.
func (p *Progress) Resumed() <-chan struct{} { return p.resumed }

// Open returns the number of follows that have not ended.
func (p *Progress) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// track makes the deployment of a follow, or 0 while it is unknown, part of the aim of its stack until the follow ends. Outside of a look,
// call watch.Due too.
func (p *Progress) track(f storage.Follow) {
	now := target{stack: f.Stack.UID, deployment: f.Deployment, patient: f.Subscribed}
	if f.Deployment == 0 && f.Wish != nil {
		now.deployment = f.Wish.Claimed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.Phase != storage.PhaseEnded {
		p.open[f.ID] = now
		return
	}
	delete(p.open, f.ID)
	if !slices.ContainsFunc(slices.Collect(maps.Values(p.open)), func(t target) bool { return t.stack == now.stack }) {
		p.absence.back(now.stack)
	}
}

// sends marks a wish as being sent until undo is called.
func (p *Progress) sends(f storage.Follow) (undo func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[f.ID] = target{stack: f.Stack.UID, sending: true}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.open[f.ID].sending {
			delete(p.open, f.ID)
		}
	}
}

// openOf returns the ids of a stack's open follows that satisfy a condition.
func (p *Progress) openOf(stack string, holds func(target) bool) (ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, t := range p.open {
		if t.stack == stack && holds(t) {
			ids = append(ids, id)
		}
	}
	return ids
}

// followed returns the id of the channel's open follow of a deployment, or "".
func (p *Progress) followed(tx storage.Tx, f storage.Follow) (string, error) {
	if f.Deployment == 0 {
		return "", nil
	}
	heard, err := heardIn(tx, f.Stack.UID, f.Deployment, f.Channel)
	candidates := p.openOf(f.Stack.UID, func(t target) bool { return t.deployment == f.Deployment })
	if heard != "" {
		candidates = append(candidates, heard)
	}
	for _, id := range candidates {
		other, _, wrong := storage.Follows.Find(tx, id)
		if err = errors.Join(err, wrong); other.Channel == f.Channel && other.Phase != storage.PhaseEnded {
			return id, err
		}
	}
	return "", err
}

// Refresh has the outbox edit a card again, whatever its record says, and the watcher look at its stack soon. It reports whether the follow
// is still open.
func (p *Progress) Refresh(ctx context.Context, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	f, there, err := storage.Follows.Look(ctx, p.Records, id)
	if err == nil && !there {
		return false, nil
	}
	if err == nil {
		err = p.Outbox.Anew(ctx, true, cardKey(id))
	}
	if err != nil || f.Phase == storage.PhaseEnded {
		return false, err
	}
	p.watch.Due(f.Stack.UID, time.Now())
	return true, nil
}

// ready waits until the work of an earlier process has been taken over: the takeover would mistake newer records for that work.
func (p *Progress) ready(ctx context.Context) error {
	select {
	case <-p.resumed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin records a follow with its operation and its card, in one transaction with the writes of also. It returns commands.ErrTaken for a
// known operation, and commands.ErrFollowed if the channel has an open card of the deployment.
func (p *Progress) begin(ctx context.Context, operation string, f storage.Follow, also ...func(tx storage.Tx) error) error {
	if err := p.ready(ctx); err != nil {
		return err
	}
	card, err := view{View: card.View{Follow: f, At: f.AskedAt}}.card()
	if err != nil {
		return err
	}
	err = p.Records.Update(ctx, func(tx storage.Tx) error {
		if other, err := p.followed(tx, f); err != nil {
			return err
		} else if other != "" {
			return commands.ErrFollowed
		}
		err := errors.Join(commands.Take(tx, operation, f.Asker), outbox.Put(tx, card), storage.Follows.Put(tx, f.ID, f), register(tx, f))
		for _, write := range also {
			err = errors.Join(err, write(tx))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("record the wish for %s: %w", f.Stack, err)
	}
	p.Outbox.Deliver(card)
	if f.Deployment != 0 {
		p.track(f)
		p.watch.Due(f.Stack.UID, time.Now())
	}
	return nil
}
