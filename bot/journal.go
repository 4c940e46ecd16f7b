package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/bot/socket"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// maxOpen bounds the unsettled changes.
	maxOpen = 10_000
	// lastWrite is the deadline for the journal's remaining writes at shutdown.
	lastWrite = 500 * time.Millisecond
	// maxDeliveries is the number of deliveries remembered for one void operation.
	maxDeliveries = 20
)

// journal holds every change from its arrival until it is settled, so that it is done once or its author is told why not. An operation
// passes through these states:
//
//	received      the entry is written, which comes before the acknowledgement
//	acknowledged  Slack got the answer in time, which only memory records; the work begins
//	settled       the entry is gone: the operation is done (commands.Take, in the transaction of its effect) or void
//
// A void operation had no effect, and its author was told why. Its deliveries are used up; a new delivery, another click or Submit, may try
// again. A done operation stays done. Both are kept in storage.Operations.
//
// An operation that is received but not settled when a process ends was not done. The next process makes it void and tells its author in
// one transaction. An operation therefore costs one commit, shared by all concurrent arrivals, in addition to the commit of its effect.
type journal struct {
	records storage.DB
	tasks   *sync.WaitGroup
	log     *slog.Logger

	mu   sync.Mutex
	open map[string]*change // by operation: received by this process and not settled
}

// change is the in-memory state of an unsettled change.
type change struct {
	entry   storage.Entry
	known   chan struct{} // closed when the verdict is known
	verdict verdict
	excess  bool // the journal was full: the change is not in open and can only be rejected
}

// verdict is the result of writing a change to the journal.
type verdict int

const (
	entered     verdict = iota + 1 // it may be acknowledged
	takenBefore                    // it was settled before
	notTaken                       // the write missed its deadline or failed: the change never runs
)

// receive registers a change without blocking. For a redelivery of an unsettled change it returns that change and first is false. If the
// journal is full, it returns a change marked excess.
func (j *journal) receive(e storage.Entry) (c *change, first bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if c := j.open[e.Operation]; c != nil {
		if n := len(c.entry.Deliveries); n < maxDeliveries && !slices.Contains(c.entry.Deliveries, e.Deliveries[0]) {
			c.entry.Deliveries = slices.Concat(c.entry.Deliveries, e.Deliveries)
		}
		return c, false
	}
	if len(j.open) >= maxOpen {
		return &change{entry: e, verdict: notTaken, excess: true}, true
	}
	if j.open == nil {
		j.open = map[string]*change{}
	}
	c = &change{entry: e, known: make(chan struct{})}
	j.open[e.Operation] = c
	return c, true
}

// enter writes a change to the journal in the background. A change whose verdict came before the write becomes void.
func (j *journal) enter(ctx context.Context, c *change) {
	j.tasks.Go(func() {
		e, before := j.entryOf(c), false
		err := j.records.Update(ctx, func(tx storage.Tx) (err error) {
			before, err = enter(tx, e)
			return err
		})
		v := entered
		switch {
		case err != nil:
			v = notTaken
			j.log.Error("a change could not be written into the journal", "operation", e.Operation, "user", e.User, "error", err)
		case before:
			v = takenBefore
		}
		switch j.decide(c, v) {
		case entered:
		case takenBefore:
			j.forget(c)
		case notTaken:
			j.void(ctx, c)
		}
	})
}

// enter writes an entry, unless the operation is done or the delivery used up. before reports that.
func enter(tx storage.Tx, e storage.Entry) (before bool, err error) {
	o, err := storage.Operations.Get(tx, e.Operation)
	switch {
	case err == nil && (!o.Void || slices.Contains(o.Deliveries, e.Deliveries[0])):
		return true, nil
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		return false, err
	}
	return false, storage.Journal.Put(tx, e.Operation, e)
}

// decide sets the verdict on a change and returns the verdict in force. The first one wins.
func (j *journal) decide(c *change, v verdict) verdict {
	j.mu.Lock()
	defer j.mu.Unlock()
	if c.verdict == 0 {
		c.verdict = v
		close(c.known)
	}
	return c.verdict
}

// await waits for the verdict on a change. Without one by the deadline, the change is not taken.
func (j *journal) await(ctx context.Context, c *change, until time.Time) verdict {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-c.known:
	case <-timer.C:
	case <-ctx.Done():
	}
	return j.decide(c, notTaken)
}

// turnAway makes a change void before its entry is written, so that no process runs it. It waits for that until a deadline; a slower write
// continues in the background. For an excess change it tries once only, because the journal is bounded.
func (j *journal) turnAway(ctx context.Context, c *change, until time.Time) {
	j.decide(c, notTaken)
	limited, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	written := make(chan struct{})
	j.tasks.Go(func() {
		defer close(written)
		if !c.excess {
			j.void(ctx, c)
		} else if err := j.writeVoid(limited, c); err != nil {
			j.log.Error("a change that was turned away is not recorded: a later process may take it up", "operation", c.entry.Operation,
				"error", err)
		}
	})
	select {
	case <-written:
	case <-limited.Done():
	}
}

// settle ends a change whose entry was written. A done change left the journal in its own transaction; any other becomes void.
func (j *journal) settle(ctx context.Context, c *change) {
	_, found, err := storage.Journal.Look(context.WithoutCancel(ctx), j.records, c.entry.Operation)
	if err == nil && !found {
		j.forget(c)
		return
	}
	j.tasks.Go(func() { j.void(ctx, c) })
}

// void makes a change void and retries until that is written. If the process ends first, the next one does it.
func (j *journal) void(ctx context.Context, c *change) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		last := ctx.Err() != nil
		err := j.writeVoid(ctx, c)
		if err == nil {
			j.forget(c)
			return
		}
		j.log.Error("an operation that came to nothing could not be settled", "operation", c.entry.Operation, "error", err)
		if last {
			return
		}
		socket.Sleep(ctx, pause)
	}
}

func (j *journal) writeVoid(ctx context.Context, c *change) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
		defer cancel()
	}
	e := j.entryOf(c)
	return j.records.Update(ctx, func(tx storage.Tx) error { return void(tx, e) })
}

// void removes an entry and remembers its deliveries as used up.
func void(tx storage.Tx, e storage.Entry) error {
	before, err := storage.Operations.Get(tx, e.Operation)
	switch {
	case err == nil && !before.Void:
		return storage.Journal.Delete(tx, e.Operation)
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		return err
	}
	came := slices.Concat(before.Deliveries, e.Deliveries)
	return errors.Join(
		storage.Journal.Delete(tx, e.Operation),
		storage.Operations.Put(tx, e.Operation, storage.Operation{
			Key: e.Operation, User: e.User, At: e.At, Void: true, Deliveries: came[max(0, len(came)-maxDeliveries):],
		}),
	)
}

// forget removes a settled change from memory.
func (j *journal) forget(c *change) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.open, c.entry.Operation)
}

// entryOf returns the current entry of a change.
func (j *journal) entryOf(c *change) storage.Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return c.entry
}

// size returns the number of unsettled changes.
func (j *journal) size() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.open)
}

// tellUnsettled makes the changes left in the journal by an earlier process void and tells their authors, in one transaction. Done changes
// have left the journal; their own records carry them on.
func (b *Bot) tellUnsettled(ctx context.Context) error {
	told := 0
	err := b.outbox.Write(ctx, func(tx storage.Tx) (messages []storage.Message, err error) {
		messages, err = unsettled(tx)
		told = len(messages)
		return messages, err
	})
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if told > 0 {
		b.log.Warn("an earlier process was stopped with changes in its journal: nothing was done of them, and their authors are told",
			"messages", told)
	}
	return nil
}

// unsettled clears the journal and returns messages to each author that name all of their entries.
func unsettled(tx storage.Tx) (messages []storage.Message, err error) {
	left := map[string][]storage.Entry{}
	err = storage.Journal.Scan(tx, "", func(_ string, e storage.Entry) error {
		left[e.User] = append(left[e.User], e)
		return nil
	})
	for _, user := range slices.Sorted(maps.Keys(left)) {
		for _, e := range left[user] {
			err = errors.Join(err, void(tx, e))
		}
		slices.SortFunc(left[user], func(a, b storage.Entry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Operation, b.Operation)) })
		for _, some := range portions(left[user], func(e storage.Entry) string { return e.What }) {
			var names []string
			for _, e := range some {
				names = append(names, quoted(commands.Spoken(e.What)))
			}
			key := "unsettled/" + some[0].Operation + "/" + some[0].Deliveries[0]
			m, wrong := outbox.Say(storage.Message{Key: key, Channel: outbox.Direct(user), Urgent: true, Last: true}, card.Reply(commands.ProblemReply{
				What:  fmt.Sprintf("I was stopped before I began with your %s.", joined(names)),
				State: "Nothing was done.", Do: "Ask again if it is still wanted.",
			}))
			messages, err = append(messages, m), errors.Join(err, wrong)
		}
	}
	return messages, err
}
