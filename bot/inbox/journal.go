package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/bot/routine"
	"c66bot/commands"
	"c66bot/storage"
)

// A change passes through these states:
//
//	received      its entry is in the journal, which comes before the acknowledgement
//	acknowledged  Slack got the answer in time, which only memory records; the work begins
//	settled       its entry is gone: the operation is done (commands.Take, in the transaction of its effect) or void
//
// A void operation had no effect, and its author was told why. Its deliveries are used up; a new delivery, another click or Submit, may try
// again. A done operation stays done. Both are kept in storage.Operations. An operation that is received but not settled when a process
// ends was not done. It therefore costs one commit, shared by all concurrent arrivals, in addition to the commit of its effect.

const (
	// lastWrite is the deadline for the journal's remaining writes at shutdown.
	lastWrite = 500 * time.Millisecond
	// maxDeliveries is the number of deliveries remembered for one void operation.
	maxDeliveries = 20
)

// errLate says that the journal did not write in time.
var errLate = errors.New("the database did not write it in time")

// receive registers a change. It returns false if an unsettled one has the same operation. The caller holds the lock.
func (in *Inbox) receive(c *Command) bool {
	delivery := cmp.Or(c.Delivery, c.Operation)
	if first := in.entries[c.Operation]; first != nil {
		if len(first.Deliveries) < maxDeliveries && !slices.Contains(first.Deliveries, delivery) {
			first.Deliveries = append(slices.Clone(first.Deliveries), delivery)
		}
		return false
	}
	c.entry = &storage.Entry{
		Operation: c.Operation, User: c.User, Channel: c.Channel, What: c.What, At: c.received, Deliveries: []string{delivery},
	}
	in.entries[c.Operation] = c.entry
	return true
}

// enter takes a change into the journal, within journalWait, and reports whether to go on. If not, its author is told why. A change that is
// turned away is recorded as void instead, so that no later delivery runs it.
func (in *Inbox) enter(c *Command) bool {
	before := false
	err := in.write(c, func(tx storage.Tx, e storage.Entry) (err error) {
		if c.away != nil {
			return void(tx, e)
		}
		before, err = enter(tx, e)
		return err
	})
	if c.entered = err == nil && !before && c.away == nil; err == nil && !c.entered {
		in.forget(c)
	}
	switch {
	case c.entered, c.away != nil: // which the caller declines
		return true
	case err != nil:
		in.decline(c, in.unwritten())
	case in.ack(c, nil, true) == nil:
		c.Tell(in.ctx, commands.Taken{}, false)
	}
	return false
}

func (in *Inbox) unwritten() commands.ProblemReply {
	reply := commands.ProblemReply{
		What:  "I could not take that: my database did not write it down in time.",
		State: "It was not taken: nothing was done.", Do: "Try again in a minute.",
	}
	if in.Records.Fault() != nil {
		reply.What = "I could not take that: my database cannot be written now."
		reply.Do = "Tell whoever runs me; " + in.Command + " status says what is wrong with it."
	}
	return reply
}

// write makes the first write about a change, within journalWait. If it fails or is late, the change becomes void in the background.
func (in *Inbox) write(c *Command, do func(storage.Tx, storage.Entry) error) error {
	written, late := make(chan error), make(chan struct{})
	in.tasks.Go(func() {
		e := in.entryOf(c)
		err := in.Records.Update(in.ctx, func(tx storage.Tx) error { return do(tx, e) })
		if err != nil {
			in.Log.Error("a change could not be written into the journal", "operation", e.Operation, "user", e.User, "error", err)
		}
		select {
		case written <- err: // the caller takes it, or has given up
			if err == nil {
				return
			}
		case <-late:
		}
		in.void(c)
	})
	wait := c.received.Add(journalWait)
	if c.away != nil {
		wait = time.Now().Add(journalWait) // it may have come late
	}
	timer := time.NewTimer(time.Until(wait))
	defer timer.Stop()
	select {
	case err := <-written:
		return err
	case <-timer.C:
	case <-in.ctx.Done():
	}
	close(late)
	return errLate
}

// enter writes an entry, unless the operation is done or the delivery used up. before reports that.
func enter(tx storage.Tx, e storage.Entry) (before bool, err error) {
	o, found, err := storage.Operations.Find(tx, e.Operation)
	if err != nil || found && (!o.Void || slices.Contains(o.Deliveries, e.Deliveries[0])) {
		return err == nil, err
	}
	return false, storage.Journal.Put(tx, e.Operation, e)
}

// settle ends a command. A change that was entered left the journal in the transaction of its effect, or becomes void.
func (in *Inbox) settle(c *Command) {
	if c.entry == nil {
		in.leave(c)
		return
	} else if !c.entered { // it is settled already
		return
	}
	_, found, err := storage.Journal.Look(context.WithoutCancel(in.ctx), in.Records, c.Operation)
	if err == nil && !found {
		in.forget(c)
		return
	}
	in.tasks.Go(func() { in.void(c) })
}

// void makes a change void and retries until that is written. If the process ends first, the next one does it. What was turned away is
// tried once, because it has no place that limits how much there is of it.
func (in *Inbox) void(c *Command) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		ctx, cancel, last := in.ctx, context.CancelFunc(func() {}), in.ctx.Err() != nil || c.away != nil
		if in.ctx.Err() != nil {
			ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
		}
		e := in.entryOf(c)
		err := in.Records.Update(ctx, func(tx storage.Tx) error { return void(tx, e) })
		if cancel(); err != nil {
			in.Log.Error("an operation that came to nothing could not be settled", "operation", c.Operation, "error", err)
		}
		if err == nil || last {
			in.forget(c)
			return
		}
		routine.Sleep(in.ctx, pause)
	}
}

// void removes an entry and remembers its deliveries as used up. If its change was decided on, the audit has that it came to nothing.
func void(tx storage.Tx, e storage.Entry) error {
	before, found, err := storage.Operations.Find(tx, e.Operation)
	if err = errors.Join(err, storage.Journal.Delete(tx, e.Operation)); err != nil || found && !before.Void {
		return err
	}
	came := slices.Concat(before.Deliveries, e.Deliveries)
	return errors.Join(storage.Conclude(tx, e.Operation, storage.NotDone), storage.Operations.Put(tx, e.Operation, storage.Operation{
		Key: e.Operation, User: e.User, At: e.At, Void: true, Deliveries: came[max(0, len(came)-maxDeliveries):],
	}))
}

func (in *Inbox) forget(c *Command) {
	in.mu.Lock()
	delete(in.entries, c.Operation)
	in.mu.Unlock()
	in.leave(c)
}

func (in *Inbox) entryOf(c *Command) storage.Entry {
	in.mu.Lock()
	defer in.mu.Unlock()
	return *c.entry
}

// Unsettled is a message to the author of changes that an earlier process left in the journal.
type Unsettled struct {
	Key, User string
	Reply     commands.Reply
}

// Settle makes the changes that an earlier process left in the journal void. It returns messages to each author that name all of theirs,
// for the same transaction. Done changes have left the journal; their own records carry them on.
func Settle(tx storage.Tx) (messages []Unsettled, err error) {
	var left []storage.Entry
	err = storage.Journal.Scan(tx, "", func(_ string, e storage.Entry) error {
		left = append(left, e)
		return nil
	})
	slices.SortFunc(left, func(a, b storage.Entry) int {
		return cmp.Or(cmp.Compare(a.User, b.User), a.At.Compare(b.At), cmp.Compare(a.Operation, b.Operation))
	})
	names := map[string][]string{} // of each author
	first := map[string]storage.Entry{}
	for _, e := range left {
		err = errors.Join(err, void(tx, e))
		if len(names[e.User]) == 0 {
			first[e.User] = e
		}
		names[e.User] = append(names[e.User], quoted(commands.Spoken(e.What)))
	}
	for _, user := range slices.Sorted(maps.Keys(names)) {
		for i, some := range portions(names[user]) {
			messages = append(messages, Unsettled{
				Key: fmt.Sprintf("unsettled/%s/%s/%d", first[user].Operation, first[user].Deliveries[0], i), User: user,
				Reply: commands.ProblemReply{
					What:  fmt.Sprintf("I was stopped before I began with your %s.", some),
					State: "Nothing was done.", Do: "Ask again if it is still wanted.",
				},
			})
		}
	}
	return messages, err
}
