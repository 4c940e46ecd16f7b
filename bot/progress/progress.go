// Package progress takes each card from the wish (a requested redeploy) to the end of its deployment: it posts the card, sends the wish to
// Cloud 66, finds the deployment that resulted, and follows it, across restarts. It also starts follows for channels that subscribe to a
// stack.
//
// A redeploy is at most one POST (send). Its record, with a fresh user_reference, is committed before, with the decision that allows it
// (commands.Start.Decided): rules, locks and protections hold in that transaction (begin). After a restart (resume) it is sent only if its
// phase proves that it was not sent before. Else, as after an unclear answer, its deployment is searched: the stack action with its
// reference is looked up (traceOf) and compared with the deployments (match); its absence from the lists proves nothing.
//
// A look at a stack is told in one transaction: what the database holds (position, open follows, subscriptions) and the look determine a
// plan; the transaction writes the position, the follows, their cards and thread lines, which the outbox delivers, and the history. The
// plan is made from a snapshot before, and made again only if the database holds something else by then.
//
// An end that is found right after the bot or Cloud 66 was away is first marked in its follow (PhaseUntold). A moment later one pass tells
// the ends of each channel: a few in the threads of their cards, many in one message.
//
// Everything that decides is in the database. Memory holds a snapshot of the subscriptions, valid while a counter in the database is the
// same, and what the last look at a stack was compared with, valid while the database has not changed.
package progress

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/bot/routine"
	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/commands"
	"c66bot/storage"
)

// cardWait is how long a redeploy waits for its card. A deployment that starts minutes after the request surprises users.
const cardWait = 90 * time.Second

// Cloud is the part of the Cloud 66 client that progress and its watcher use.
type Cloud interface {
	watch.Cloud
	Redeploy(ctx context.Context, uid string, req cloud66.RedeployRequest) (cloud66.RedeployAnswer, error)
	Cancel(ctx context.Context, uid string, id int64) (cloud66.CancelAnswer, error)
	Stack(ctx context.Context, uid string) (cloud66.Stack, error)
	Actions(ctx context.Context, uid string, filter cloud66.ActionFilter) iter.Seq2[cloud66.Action, error]
	Services(ctx context.Context, uid string) ([]cloud66.Service, error)
}

// Config holds the dependencies of a Progress.
type Config struct {
	Records          storage.DB
	Outbox           *outbox.Outbox
	Cloud            Cloud
	List             watch.List
	PollMin, PollMax time.Duration
	WatchAfter       time.Duration // how long a stack's health is watched after a deployment went live; 0 is not at all
	// Page returns the page of a stack to which Open leads, or "".
	Page func(storage.StackRef) string
	// Pattern compiles a glob over stacks.
	Pattern func(glob string) (fits func(storage.StackRef) bool, err error)
	// May reports whether a user may at present subscribe a channel to a stack.
	May func(ctx context.Context, user, channel string, stack storage.StackRef) (bool, error)
	// MayLock reports whether a user may at present lock a stack by a lock made in a channel.
	MayLock func(ctx context.Context, user, channel string, stack storage.StackRef) (bool, error)
	// Docker reports whether a stack runs services from images, as far as known.
	Docker func(stackUID string) bool
	// MayRedeploy reports whether a user may at present redeploy a stack in a channel, and Held whether a lock holds it.
	MayRedeploy func(ctx context.Context, user, channel string, stack storage.StackRef) (bool, error)
	Held        func(ctx context.Context, stack storage.StackRef) (bool, error)
	// ByEmail returns the Slack user with the e-mail address in a text, or "".
	ByEmail func(ctx context.Context, text string) (string, error)
	// Queue runs work in a queue, first in, first out. Work of an earlier process is queued before Resumed is closed.
	Queue func(name string, do func())
	Log   *slog.Logger
}

// Progress follows deployments. It implements commands.Progress. Create it with New.
type Progress struct {
	Config
	watch         *watch.Watcher
	subscriptions atomic.Pointer[subscriptions] // the last committed snapshot
	resumed       chan struct{}                 // closed when the work of an earlier process has been taken over
	sights        chan sight                    // of stacks whose health is watched
	lasts         sync.Map                      // the last look at each stack with open follows, by UID: a compared

	// Signals, each to one task of Run.
	found   chan struct{} // an end is to be told with others
	late    chan struct{} // the deployment of a redeploy may not be known for long
	watched chan struct{} // the health of a stack is watched, or was seen
	freed   chan struct{} // somebody waits for a stack to be free, or one may be
}

var _ commands.Progress = (*Progress)(nil)

// New returns a Progress. It does nothing until Run is called.
func New(cfg Config) *Progress {
	p := &Progress{
		Config: cfg, resumed: make(chan struct{}), sights: make(chan sight, 64),
		found: make(chan struct{}, 1), late: make(chan struct{}, 1), watched: make(chan struct{}, 1), freed: make(chan struct{}, 1),
	}
	p.subscriptions.Store(newSubscriptions(-1))
	p.watch = watch.New(watch.Config{
		Cloud: cfg.Cloud, List: cfg.List, Min: cfg.PollMin, Max: cfg.PollMax, Log: cfg.Log, Seen: p.tell, Listed: p.listed, Swept: p.swept,
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
	left.Go(func() { routine.Repeat(ctx, p.Log, "tell what ended meanwhile", p.found, p.tellReturn) })
	left.Go(func() { routine.Repeat(ctx, p.Log, "tell that deployments are not known yet", p.late, p.tellLate) })
	left.Go(func() { routine.Repeat(ctx, p.Log, "tell that stacks are free", p.freed, p.tellFree) })
	seen := map[string]time.Time{}
	watch := func(ctx context.Context) (time.Duration, error) { return p.lookAfter(ctx, seen) }
	left.Go(func() { routine.Repeat(ctx, p.Log, "watch the health of stacks", p.watched, watch) })
	p.watch.Run(ctx)
	return nil
}

// Resumed is closed when the work of an earlier process has been taken over.
func (p *Progress) Resumed() <-chan struct{} { return p.resumed }

// Open returns the number of follows that have not ended.
func (p *Progress) Open() int {
	open, err := storage.Open.ByKey(context.Background(), p.Records)
	if err != nil {
		p.Log.Error("the open follows could not be counted", "error", err)
	}
	return len(open)
}

// open returns the open follows in the given phases.
func (p *Progress) open(ctx context.Context, in ...storage.Phase) ([]storage.Follow, error) {
	return storage.Read(ctx, p.Records, func(tx storage.Tx) ([]storage.Follow, error) { return storage.OpenFollows(tx, "", in...) })
}

// followed returns the id of the channel's open follow of a deployment, or "".
func followed(tx storage.Tx, f storage.Follow) (string, error) {
	if f.Deployment == 0 {
		return "", nil
	}
	open, err := storage.OpenFollows(tx, f.Stack.UID)
	for _, other := range open {
		if other.Channel == f.Channel && (other.Deployment == f.Deployment || other.Wish != nil && other.Wish.Claimed == f.Deployment) {
			return other.ID, nil
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
	if err != nil || !there {
		return false, err
	}
	if err := p.Outbox.Anew(ctx, true, cardKey(id)); err != nil || f.Phase == storage.PhaseEnded {
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

// asSeen returns a follow in the state of its deployment, for the first post. The record stays as it was asked for, so that the first look
// tells the state in the thread.
func asSeen(f storage.Follow, seen *cloud66.Deployment) storage.Follow {
	switch {
	case seen == nil || seen.Ended():
	case seen.Queued():
		f.State = storage.Queued
	default:
		f.State = storage.Started
	}
	return f
}

// begin records a follow with its operation and its card, which shows what was seen of the deployment, in one transaction with the writes
// of also. It tells the channels of the locks that it overrides. It returns commands.ErrTaken for a known operation, and
// commands.ErrFollowed if the channel has an open card of the deployment.
func (p *Progress) begin(
	ctx context.Context, operation string, f storage.Follow, seen *cloud66.Deployment, also ...func(tx storage.Tx) error,
) error {
	if err := p.ready(ctx); err != nil {
		return err
	}
	if f.Wish != nil {
		f.Operation = operation
	}
	card := view{View: card.View{
		Follow: asSeen(f, seen), Deployment: seen, Dashboard: p.Page(f.Stack), At: f.AskedAt, First: true,
	}}.card()
	elsewhere := overrode(f)
	err := p.Records.Update(ctx, func(tx storage.Tx) error {
		if other, err := followed(tx, f); err != nil {
			return err
		} else if other != "" {
			return commands.ErrFollowed
		}
		err := errors.Join(commands.Take(tx, operation, f.Asker), outbox.Put(tx, &card), outbox.PutAll(tx, elsewhere),
			storage.PutFollow(tx, f), register(tx, f))
		for _, write := range also {
			err = errors.Join(err, write(tx))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("record the wish for %s: %w", f.Stack, err)
	}
	p.Outbox.Deliver(append(elsewhere, card)...)
	if f.Deployment != 0 {
		p.watch.Due(f.Stack.UID, time.Now())
	}
	return nil
}

// overrode tells the channels of the locks that a redeploy overrides. In its own channel its card does.
func overrode(f storage.Follow) (messages []storage.Message) {
	if f.Wish == nil {
		return nil
	}
	there := map[string][]storage.Overridden{}
	for _, l := range f.Wish.Overrides {
		if l.Channel != f.Channel {
			there[l.Channel] = append(there[l.Channel], l)
		}
	}
	for channel, locks := range there {
		m := storage.Message{Key: "overrode/" + f.ID + "/" + channel, Channel: channel, Urgent: true, Last: true}
		messages = append(messages, outbox.Say(m, card.Overrode(f, locks)))
	}
	return messages
}
