// Package progress leads each card from the wish to its told end: it posts the card, sends the wish to Cloud 66 once, finds the deployment
// that came of it, and follows it, across restarts.
//
// All that must outlive the process is in the follow's record; each step writes the record, the card and the thread's lines in one
// transaction, and the outbox delivers them.
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
	"time"

	"c66bot/bot/outbox"
	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// cardWait is how long a redeploy waits for its card. A deployment that starts minutes after it was asked for surprises people.
	cardWait = 90 * time.Second
)

// Cloud is what progress needs of the Cloud 66 API, beside what it hands to the watcher.
type Cloud interface {
	watch.Cloud
	Redeploy(ctx context.Context, uid string, req cloud66.RedeployRequest) (cloud66.RedeployAnswer, error)
	Cancel(ctx context.Context, uid string, id int64) (cloud66.CancelAnswer, error)
	Actions(ctx context.Context, uid string, filter cloud66.ActionFilter) iter.Seq2[cloud66.Action, error]
}

// Config is what a Progress works with.
type Config struct {
	Records          storage.DB
	Outbox           *outbox.Outbox
	Cloud            Cloud
	PollMin, PollMax time.Duration
	// Pattern reads a glob over stacks.
	Pattern func(glob string) (fits func(storage.StackRef) bool, err error)
	// May reports whether somebody may have a channel hear of a stack, now.
	May func(ctx context.Context, user, channel string, stack storage.StackRef) (bool, error)
	Log *slog.Logger
}

// Progress follows deployments. It implements commands.Progress.
type Progress struct {
	Config
	watch *watch.Watcher
	away  *away
	index index

	queues    commands.Queues // of what changes a stack
	resumed   chan struct{}   // closed when what an earlier process left is known
	following sync.Mutex      // held while a follow is checked against the open ones and added to them, and while positions are written
	reloading sync.Mutex      // held while the subscriptions are read
	unread    chan struct{}   // the subscriptions were changed and could not be read
	wanting   wanting         // belongs to whoever reads them

	mu   sync.Mutex
	open map[string]map[string]target // the follows that have not ended, by stack UID and id
	// sending holds, by id, the follows whose wish is being sent, so that a deployment may come of it any moment.
	sending map[string]storage.Follow
	swept   time.Time     // when the last round over all stacks ended
	between time.Duration // the last two
	// absent has, by UID, the stacks with a position that the last rounds have missed. It belongs to the rounds alone.
	absent map[string]absence
}

// target is what is watched for a follow, and where its card is.
type target struct {
	deployment int64 // 0 while it is not known
	channel    string
}

var _ commands.Progress = (*Progress)(nil)

// New makes a Progress; Run carries on what the database holds and follows what is added.
func New(cfg Config) *Progress {
	p := &Progress{
		Config: cfg, away: newAway(), resumed: make(chan struct{}), unread: make(chan struct{}, 1), open: map[string]map[string]target{},
		sending: map[string]storage.Follow{},
	}
	p.watch = watch.New(watch.Config{
		Cloud: cfg.Cloud, Min: cfg.PollMin, Max: cfg.PollMax, Seen: p.seen, Log: cfg.Log, Interest: &p.index, Idle: p.index.idle, Swept: p.onRound,
	})
	return p
}

// Run carries on what an earlier process left, and follows until the context ends. It returns when nothing is under way any more.
func (p *Progress) Run(ctx context.Context) error {
	var left sync.WaitGroup
	defer left.Wait()
	if err := p.resume(ctx, &left); err != nil {
		return err
	}
	close(p.resumed)
	left.Go(func() { p.tellKept(ctx) })
	left.Go(func() { p.readAgain(ctx) })
	p.watch.Run(ctx)
	return nil
}

// Open gives the number of follows that have not ended.
func (p *Progress) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, follows := range p.open {
		n += len(follows)
	}
	return n
}

// track watches for a follow whatever is known of it: its deployment, or the stack while the deployment is looked for (id 0).
func (p *Progress) track(f storage.Follow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	uid, now := f.Stack.UID, target{f.Deployment, f.Channel}
	if f.Deployment == 0 && f.Wish != nil {
		now.deployment = f.Wish.Claimed
	}
	add, remove := p.watch.Add, p.watch.Remove
	if f.Subscribed { // nobody waits for each step of it
		add, remove = p.watch.Await, p.watch.Release
	}
	before, ok := p.open[uid][f.ID]
	if f.Phase != storage.PhaseEnded {
		if ok && before == now {
			return
		}
		if p.open[uid] == nil {
			p.open[uid] = map[string]target{}
		}
		p.open[uid][f.ID] = now
		add(uid, now.deployment)
	}
	if ok {
		remove(uid, before.deployment)
	}
	if f.Phase == storage.PhaseEnded {
		delete(p.open[uid], f.ID)
		if len(p.open[uid]) == 0 {
			delete(p.open, uid)
			p.away.back(uid)
		}
	}
}

// followed gives the channel's open follow of a deployment, "" where there is none.
func (p *Progress) followed(f storage.Follow) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, t := range p.open[f.Stack.UID] {
		if t == (target{f.Deployment, f.Channel}) {
			return id
		}
	}
	return ""
}

func (p *Progress) openOf(stack string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make([]string, 0, len(p.open[stack]))
	for id := range p.open[stack] {
		ids = append(ids, id)
	}
	return ids
}

// watches reports whether a stack is watched, for a card or because channels subscribe to it.
func (p *Progress) watches(stack string) bool {
	if _, subscribed := p.index.Position(stack); subscribed {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open[stack]) > 0
}

func (p *Progress) openStacks() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.open))
}

// Refresh shows a card anew, whatever is thought to stand there, and looks at its deployment as soon as the shortest interval allows. It
// reports whether the card is still followed.
func (p *Progress) Refresh(ctx context.Context, id string) (bool, error) {
	var f storage.Follow
	err := p.Records.View(ctx, func(tx storage.Tx) error {
		var err error
		f, err = storage.Follows.Get(tx, id)
		return err
	})
	if errors.Is(err, storage.ErrNotFound) || id == "" {
		return false, nil
	}
	if err == nil {
		err = p.Outbox.Anew(ctx, true, cardKey(id))
	}
	if err != nil || f.Phase == storage.PhaseEnded {
		return false, err
	}
	p.watch.Now(f.Stack.UID)
	return true, nil
}

// ready waits until what an earlier process left is known: what is begun before would be taken for that.
func (p *Progress) ready(ctx context.Context) error {
	select {
	case <-p.resumed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Turn implements commands.Progress.
func (p *Progress) Turn(ctx context.Context, verb commands.Verb, uid string, placed func()) (done func(), err error) {
	if err := p.ready(ctx); err != nil { // what is carried on comes first
		return nil, err
	}
	place := p.join(verb, uid)
	placed()
	return place.Wait(ctx)
}

// join takes the next place in a stack's queue. A cancel does not wait behind a redeploy.
func (p *Progress) join(verb commands.Verb, uid string) commands.Place {
	return p.queues.Join(string(verb) + "/" + uid)
}

// begin records a wish under its operation key, with its follow and card and what else belongs to it. What was taken before is
// commands.ErrTaken.
func (p *Progress) begin(ctx context.Context, operation string, f storage.Follow, also func(tx storage.Tx) error) error {
	if err := p.ready(ctx); err != nil {
		return err
	}
	card, err := cardOf(f, view{at: f.AskedAt})
	if err != nil {
		return err
	}
	err = p.Records.Update(ctx, func(tx storage.Tx) error {
		return errors.Join(commands.Take(tx, operation, f.Asker), outbox.Put(tx, card), storage.Follows.Put(tx, f.ID, f), register(tx, f), also(tx))
	})
	if err != nil {
		return fmt.Errorf("record the wish for %s: %w", f.Stack, err)
	}
	p.Outbox.Deliver(card)
	return nil
}
