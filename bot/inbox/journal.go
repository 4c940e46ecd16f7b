package inbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"c66bot/bot/socket"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// lastWrite is the deadline for the journal's remaining writes at shutdown.
	lastWrite = 500 * time.Millisecond
	// maxDeliveries is the number of deliveries remembered for one void operation.
	maxDeliveries = 20
)

// entry is a change from its arrival until it is settled. It passes through these states:
//
//	received      its record is written, which comes before the acknowledgement
//	acknowledged  Slack got the answer in time, which only memory records; the work begins
//	settled       its record is gone: the operation is done (commands.Take, in the transaction of its effect) or void
//
// A void operation had no effect, and its author was told why. Its deliveries are used up; a new delivery, another click or Submit, may try
// again. A done operation stays done. Both are kept in storage.Operations.
//
// An operation that is received but not settled when a process ends was not done. An operation therefore costs one commit, shared by all
// concurrent arrivals, in addition to the commit of its effect.
type entry struct {
	record  storage.Entry
	verdict verdict
	known   chan struct{} // closed when the verdict is known
}

// verdict is the result of writing an entry.
type verdict int

const (
	entered     verdict = iota + 1 // it may be acknowledged
	takenBefore                    // it was settled before
	notTaken                       // it was turned away, or its write missed its deadline or failed: the change never runs
)

// receive registers a change. The caller holds the lock.
func (in *Inbox) receive(c *Command) {
	delivery := cmp.Or(c.Delivery, c.Operation)
	if c.entry = in.entries[c.Operation]; c.entry != nil {
		came := &c.entry.record.Deliveries
		if len(*came) < maxDeliveries && !slices.Contains(*came, delivery) {
			*came = append(slices.Clone(*came), delivery)
		}
		return
	}
	c.first, c.entry = true, &entry{known: make(chan struct{}), record: storage.Entry{
		Operation: c.Operation, User: c.User, Channel: c.Channel, What: c.What, At: c.received, Deliveries: []string{delivery},
	}}
	in.entries[c.Operation] = c.entry
}

// acceptChange has a change written down and acknowledged. Its work takes the next place in the queue of its author in its channel.
func (in *Inbox) acceptChange(c *Command) {
	accepted := make(chan bool, 1)
	works := c.first && c.away == nil
	if works {
		in.afterBurst("changes/"+c.User+"/"+c.Channel, 1, func() {
			if <-accepted {
				in.run(c, c.Do)
			} else {
				in.settle(c)
			}
		})
	}
	in.tasks.Go(func() {
		var ok bool
		reply := in.Caught(func() { ok = in.enter(c) })
		in.drop(c) // after a panic
		if accepted <- ok; reply != nil {
			c.Tell(in.ctx, reply, false)
		}
		if !works {
			in.leave(c)
		}
	})
}

// enter takes a change through the journal and acknowledges it. It reports whether its work may begin. If not, the author is told why.
func (in *Inbox) enter(c *Command) bool {
	switch {
	case c.away != nil:
		if c.first {
			in.turnAway(c)
		}
		in.decline(c, c.away.reply(c.words()), func() { in.excuse(c) })
		return false
	case c.first:
		in.tasks.Go(func() { in.write(c) })
	}
	switch v := in.await(c, c.received.Add(journalWait)); {
	case v == notTaken:
		reply := in.unwritten()
		in.decline(c, reply, func() { c.Tell(in.ctx, reply, false) })
		return false
	case v == takenBefore || !c.first:
		if in.ack(c, nil, true) == nil {
			c.Tell(in.ctx, c.takenReply(), false)
		}
		return false
	}
	payload, rest := in.content(c, c.received.Add(changeWait))
	err := in.ack(c, payload, true)
	switch stood := socket.Since(c.received); {
	case stood > latestStart: // the process stood still; nothing above takes that long
		c.Tell(in.ctx, stoodStill(stood).reply(c.words()), false)
	case err != nil || stood > slackWait:
		c.Tell(in.ctx, commands.ProblemReply{
			What: "I could not tell Slack in time that I have your “" + commands.Spoken(c.What) + "”.", State: "Nothing was done.",
			Do: "Ask again if it is still wanted.",
		}, false)
	case rest && in.ctx.Err() != nil:
		c.Tell(in.ctx, commands.ProblemReply{What: "I am shutting down.", State: "Nothing was done.", Do: "Try again in a minute."}, false)
	default:
		return rest
	}
	return false
}

// unwritten tells that the journal did not take a change.
func (in *Inbox) unwritten() commands.ProblemReply {
	if in.Records.Fault() != nil {
		return commands.ProblemReply{
			What: "I could not take that: my database cannot be written now.", State: "It was not taken: nothing was done.",
			Do: "Tell whoever runs me; " + in.Command + " status says what is wrong with it.",
		}
	}
	return commands.ProblemReply{
		What:  "I could not take that: my database did not write it down in time.",
		State: "It was not taken: nothing was done.", Do: "Try again in a minute.",
	}
}

// takenReply is the reply to a change that was received before.
func (c *Command) takenReply() commands.Reply {
	if c.entry.record.User != c.User {
		return commands.Notice("Somebody else did the same a moment before you. Nothing was done twice; if theirs came to nothing, try again.")
	}
	return commands.TakenReply
}

// decline tells the author that a command is not taken: in the acknowledgement if Slack still waits for it and displays it, otherwise
// through beside. If a shutdown interrupts the acknowledgement, it says nothing, because Slack may deliver the command to the next process,
// which has no record of it.
func (in *Inbox) decline(c *Command, reply commands.Reply, beside func()) {
	payload := c.refusal(reply)
	switch err := in.ack(c, payload, c.What != ""); {
	case err == nil && payload != nil && socket.Since(c.received) <= slackWait:
	case err == nil, c.What != "" && in.intake.Err() == nil:
		beside()
	}
}

// write writes an entry. If its verdict came before the write, the change becomes void.
func (in *Inbox) write(c *Command) {
	before := false
	e := in.recordOf(c)
	err := in.Records.Update(in.ctx, func(tx storage.Tx) (err error) {
		before, err = enter(tx, e)
		return err
	})
	v := entered
	switch {
	case err != nil:
		v = notTaken
		in.Log.Error("a change could not be written into the journal", "operation", e.Operation, "user", e.User, "error", err)
	case before:
		v = takenBefore
	}
	switch in.decide(c, v) {
	case entered:
	case takenBefore:
		in.forget(c)
	case notTaken:
		in.void(c)
	}
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
func (in *Inbox) decide(c *Command, v verdict) verdict {
	in.mu.Lock()
	defer in.mu.Unlock()
	if c.entry.verdict == 0 {
		c.entry.verdict = v
		close(c.entry.known)
	}
	return c.entry.verdict
}

// await waits for the verdict on a change. Without one by the deadline, the change is not taken.
func (in *Inbox) await(c *Command, until time.Time) verdict {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-c.entry.known:
	case <-timer.C:
	case <-in.ctx.Done():
	}
	return in.decide(c, notTaken)
}

// turnAway makes a change void before its entry is written, so that no process runs it. It tries once, and waits for that within journalWait.
func (in *Inbox) turnAway(c *Command) {
	in.decide(c, notTaken)
	ctx, cancel := context.WithTimeout(in.ctx, journalWait)
	defer cancel()
	written := make(chan struct{})
	in.tasks.Go(func() {
		defer close(written)
		defer in.forget(c)
		if err := in.writeVoid(ctx, c); err != nil {
			in.Log.Error("a change that was turned away is not recorded: a later process may take it up", "operation", c.Operation, "error", err)
		}
	})
	select {
	case <-written:
	case <-ctx.Done():
	}
}

// settle ends a command. A change whose entry was written left the journal in the transaction of its effect, or becomes void.
func (in *Inbox) settle(c *Command) {
	switch {
	case !c.first:
		in.leave(c)
	case in.decide(c, notTaken) == entered:
		_, found, err := storage.Journal.Look(context.WithoutCancel(in.ctx), in.Records, c.Operation)
		if err == nil && !found {
			in.forget(c)
			return
		}
		in.tasks.Go(func() { in.void(c) })
	}
}

// void makes a change void and retries until that is written. If the process ends first, the next one does it.
func (in *Inbox) void(c *Command) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		last := in.ctx.Err() != nil
		err := in.writeVoid(in.ctx, c)
		if err == nil {
			in.forget(c)
			return
		}
		in.Log.Error("an operation that came to nothing could not be settled", "operation", c.Operation, "error", err)
		if last {
			return
		}
		socket.Sleep(in.ctx, pause)
	}
}

func (in *Inbox) writeVoid(ctx context.Context, c *Command) error {
	if in.ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
		defer cancel()
	}
	e := in.recordOf(c)
	return in.Records.Update(ctx, func(tx storage.Tx) error { return void(tx, e) })
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
func (in *Inbox) forget(c *Command) {
	in.mu.Lock()
	delete(in.entries, c.Operation)
	in.mu.Unlock()
	in.leave(c)
}

// recordOf returns the current entry of a change.
func (in *Inbox) recordOf(c *Command) storage.Entry {
	in.mu.Lock()
	defer in.mu.Unlock()
	return c.entry.record
}
