// Package inbox takes each command once, acknowledges it in time, and has it carried out in its turn.
//
// The way of a command:
//
//	once     a delivery of an envelope that came before is acknowledged again, and ends here
//	place    one person's unfinished commands and those of all are limited; what is too much is turned away
//	journal  a change is written down before its acknowledgement, so that it is done once or its author is told why not
//	ack      what only reads is acknowledged at once, before any other work
//	queue    work begins when the burst in which it came is acknowledged, and runs in its queue
//
// All queues are first in, first out. The changes of one person in one channel share one and keep their order of arrival in it. What one
// person reads shares another, which runs several at once. A command goes on in the queue of its stack by returning a Step; the queue that
// it leaves then goes on with the next command. A panic ends one command, not the process.
//
// Memory holds the keys of recent envelopes, the unfinished commands and the queues. After a kill the journal has the changes that were not
// done; the next process makes them void and tells their authors. Reads are lost then, and do no harm if they come again.
package inbox

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"c66bot/bot/socket"
	"c66bot/cloud66/panics"
	"c66bot/commands"
	"c66bot/storage"
)

// Deadlines, from the arrival of an envelope.
const (
	slackWait   = 3 * time.Second         // Slack's, for an acknowledgement
	journalWait = 2 * time.Second         // for the journal write of a change
	AckWait     = 1500 * time.Millisecond // for the content of an acknowledgement
	changeWait  = 2500 * time.Millisecond // for the content of a change's, after its journal write
	latestStart = 33 * time.Second        // for the start of a change; a later one would surprise people
	tooLong     = 2 * time.Second         // for a frame that waited in the socket's buffer while the process stood still
)

// Kind is the kind of a command. Each kind has its own limits.
type Kind int

// Kinds of commands.
const (
	Look   Kind = iota
	Change      // or the form or question that leads to one
	Search      // in a form; Slack drops it after 3 s
	kinds
)

// limits bound the unfinished commands of a kind, in total and of one person. Most commands wait for Cloud 66.
var limits = [kinds]struct{ all, each int }{Look: {4096, 200}, Change: {2048, 128}, Search: {1024, 16}}

// looksAtOnce is the number of one person's reads that run at once.
const looksAtOnce = 16

// Command is one person's request.
type Command struct {
	Key           string // of its envelope, the same for every delivery
	Kind          Kind
	User, Channel string // the user is "" for an event of Slack's own, which is never turned away
	What          string // a change in its typed form; "" if it only reads
	Operation     string // operation key of a change
	Delivery      string // identifies the click or Submit where an operation may be requested repeatedly, otherwise ""
	Words         string // names what only reads; "" if it has no words
	Queue         string // of what only reads; "" for the one of the person's reads, or for none where the kind is another

	// Content returns the content of the acknowledgement, and whether work is left. It may be nil. If it misses its deadline, Empty is the
	// content.
	Content func(ctx context.Context) (payload any, rest bool)
	Empty   any
	// Do does the work, after the acknowledgement and after Content. It returns the next step, or nil. It may be nil.
	Do func(ctx context.Context) *Step
	// Refusal renders a reply as the content of an acknowledgement. It is nil or returns nil if the acknowledgement cannot carry any.
	Refusal func(reply commands.Reply) any
	// Tell tells the author; nil if there is none. Aside leaves the message in place with whose button the command was given.
	Tell func(ctx context.Context, reply commands.Reply, aside bool)

	received time.Time
	ctx      context.Context // ends with the command
	end      context.CancelFunc
	away     *reason // why it is turned away; nil if it is taken
	delivery *delivery
	entry    *storage.Entry // of a change; guarded by the inbox's lock
	entered  bool           // the entry is in the journal
	ready    chan struct{}  // closed when Content has ended
	failed   commands.Reply // tells of a panic in Content
}

// Step is the rest of a command's work, in a queue; "" is none.
type Step struct {
	Queue string
	Do    func(ctx context.Context) *Step
}

// Config holds the dependencies of an Inbox.
type Config struct {
	Records storage.DB
	Command string // the slash command's name
	Log     *slog.Logger
}

// Inbox takes commands. Create it with New.
type Inbox struct {
	Config
	ctx, intake context.Context // lifetimes of the work, and of the connection, which ends first
	tasks       sync.WaitGroup

	mu      sync.Mutex // guards the state below, and that of deliveries, entries and queues
	seen    recent     // keys of envelopes
	unacked map[string]*delivery
	places  map[place]int             // unfinished commands
	entries map[string]*storage.Entry // unsettled changes, by operation
	queues  map[string]*queue
	burst   burst
	excuses map[excuseKey]*excuse
}

// place is what a limit counts: the commands of a kind of one person, or of all for no user.
type place struct {
	kind Kind
	user string
}

// New returns an Inbox. Begin must be called before Take.
func New(cfg Config) *Inbox {
	return &Inbox{
		Config: cfg, unacked: map[string]*delivery{}, places: map[place]int{}, entries: map[string]*storage.Entry{}, queues: map[string]*queue{},
		excuses: map[excuseKey]*excuse{},
	}
}

// Begin sets the lifetimes of the work and of the connection.
func (in *Inbox) Begin(work, intake context.Context) { in.ctx, in.intake = work, intake }

// Take takes a command without blocking. received is the earliest time at which it can have arrived. The returned channel is closed when
// the acknowledgement is written or never will be.
func (in *Inbox) Take(c *Command, received time.Time, ack func(payload any) error) (acked <-chan struct{}) {
	c.received, c.ready = received, make(chan struct{})
	if c.Content == nil {
		close(c.ready)
	}
	if c.Tell == nil {
		c.Tell = func(context.Context, commands.Reply, bool) {}
	}
	switch came := in.arrive(c, ack); came {
	case fresh:
		in.accept(c)
	case doubled: // the work of the first one goes on
		in.tasks.Go(func() {
			if in.ack(c, nil, true) == nil {
				c.Tell(in.ctx, commands.Taken{}, false)
			}
		})
	default:
		in.Log.Info("envelope came again", "envelope", c.Key)
		if came == repeated {
			_ = ack(nil) // Slack redelivers what is not acknowledged
			close(c.delivery.done)
		}
	}
	return c.delivery.done
}

// accept acknowledges a fresh command and has its work done, or tells its author why not. The place in the queue is that of its arrival.
func (in *Inbox) accept(c *Command) {
	accepted := make(chan bool, 1)
	if c.away == nil {
		in.enqueue(c, func() {
			if <-accepted {
				in.run(c, c.Do)
			}
		})
	} else {
		in.Log.Error("a command is turned away", "envelope", c.Key, "user", c.User, "channel", c.Channel, "why", c.away.text)
	}
	accept := func() {
		ok := false
		reply := in.Caught(func() { ok = in.acknowledge(c) })
		in.drop(c) // after a panic
		if accepted <- ok; reply != nil {
			in.tasks.Go(func() { c.Tell(in.ctx, reply, false) }) // the connection may wait for accept
		}
		if !ok {
			in.settle(c)
		}
	}
	if c.What == "" && c.Content == nil {
		accept()
	} else { // it delays no other envelope
		in.tasks.Go(accept)
	}
}

func (in *Inbox) enqueue(c *Command, do func()) {
	switch {
	case c.What != "":
		in.afterBurst("changes/"+c.User+"/"+c.Channel, 1, do)
	case c.Queue != "" || c.Kind != Look || c.User == "":
		in.Queue(c.Queue, do)
	default:
		in.afterBurst("looks/"+c.User, looksAtOnce, do)
	}
}

// acknowledge acknowledges a command, a change after its journal write. It reports whether its work may begin. If not, the author of a
// change is told why.
func (in *Inbox) acknowledge(c *Command) bool {
	if c.What != "" && !in.enter(c) {
		return false
	}
	if c.away != nil {
		in.decline(c, c.away.reply(c.words()))
		return false
	}
	payload, rest := in.content(c)
	err := in.ack(c, payload, c.What != "")
	if c.What == "" {
		return rest && err == nil
	}
	reply := commands.ProblemReply{State: "Nothing was done.", Do: "Ask again if it is still wanted."}
	switch stood := socket.Since(c.received); {
	case stood > latestStart: // the process stood still; nothing above takes that long
		reply = stoodStill(stood).reply(c.words())
	case err != nil || stood > slackWait:
		reply.What = "I could not tell Slack in time that I have your " + quoted(commands.Spoken(c.What)) + "."
	case rest && in.ctx.Err() != nil:
		reply.What, reply.Do = "I am shutting down.", "Try again in a minute."
	default:
		return rest
	}
	c.Tell(in.ctx, reply, false)
	return false
}

// decline tells the author that a command is not taken: in the acknowledgement if Slack still waits for it and displays it, otherwise
// beside it. If a shutdown interrupts the acknowledgement, it says nothing, because Slack may deliver the command to the next process,
// which has no record of it.
func (in *Inbox) decline(c *Command, reply commands.Reply) {
	payload := c.refusal(reply)
	err := in.ack(c, payload, c.What != "")
	switch shown := payload != nil && socket.Since(c.received) <= slackWait; {
	case err == nil && shown, err != nil && (c.What == "" || in.intake.Err() != nil):
	case c.away != nil:
		in.excuse(c)
	default:
		c.Tell(in.ctx, reply, false)
	}
}

// admit takes a place for a command, or sets the reason why it is turned away. The caller holds the lock.
func (in *Inbox) admit(c *Command) {
	all, own := place{kind: c.Kind}, place{c.Kind, c.User}
	switch stood := socket.Since(c.received); {
	case c.User == "":
	case stood > tooLong:
		late := stoodStill(stood)
		if c.away = &late; c.Kind != Search {
			c.Refusal = nil // Slack has given up, so nobody would see it
		}
	case in.places[all] >= limits[c.Kind].all || in.places[own] >= limits[c.Kind].each:
		c.away = &busy
	default:
		in.places[all]++
		in.places[own]++
	}
	c.ctx, c.end = context.WithCancel(in.ctx)
}

func (in *Inbox) leave(c *Command) {
	c.end()
	if c.away != nil || c.User == "" {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	own := place{c.Kind, c.User}
	in.places[place{kind: c.Kind}]--
	if in.places[own]--; in.places[own] == 0 {
		delete(in.places, own)
	}
}

// content returns the content of an acknowledgement, as far as it is available by its deadline, and whether work is left.
func (in *Inbox) content(c *Command) (payload any, rest bool) {
	if c.Content == nil {
		return nil, true
	}
	wait := AckWait - time.Since(c.received)
	if c.What != "" {
		wait = min(changeWait-time.Since(c.received), AckWait)
	}
	type made struct {
		payload any
		rest    bool
	}
	done := make(chan made, 1)
	in.tasks.Go(func() {
		defer close(c.ready)
		var m made
		if c.failed = in.Caught(func() { m.payload, m.rest = c.Content(c.ctx) }); c.failed != nil {
			m.payload = c.refusal(c.failed)
			m.rest = m.payload == nil
		}
		done <- m
	})
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case m := <-done:
		return m.payload, m.rest
	case <-timer.C:
	case <-in.ctx.Done():
	}
	return c.Empty, true
}

// refusal returns a reply as the content of the acknowledgement, or nil.
func (c *Command) refusal(reply commands.Reply) any {
	if c.Refusal == nil {
		return nil
	}
	return c.Refusal(reply)
}

// run does one step of a command and queues the next one. After the last one it ends the command.
func (in *Inbox) run(c *Command, do func(context.Context) *Step) {
	<-c.ready
	var next *Step
	reply := c.failed
	if reply == nil && do != nil {
		reply = in.Caught(func() { next = do(c.ctx) })
	}
	switch {
	case reply != nil:
		c.Tell(in.ctx, reply, false)
	case next != nil:
		in.Queue(next.Queue, func() { in.run(c, next.Do) })
		return
	}
	in.settle(c)
}

// Caught confines a panic. It returns the reply that tells of one, or nil.
func (in *Inbox) Caught(do func()) commands.Reply {
	err := panics.Catch(func() error { do(); return nil })
	if err == nil {
		return nil
	}
	ref := commands.NewReference()
	in.Log.Error("a task panicked", "ref", ref, "error", err)
	return commands.ProblemReply{
		What: "I made a mistake of my own in this.", State: "What was done of it is not clear: look before you try again.",
		Do: "Show the reference to an admin of the bot; its log says more.", Ref: ref,
	}
}

// UnderWay returns the number of unfinished commands, and how many of them are unsettled changes.
func (in *Inbox) UnderWay() (all, changes int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for kind := range kinds {
		all += in.places[place{kind: kind}]
	}
	return all, len(in.entries)
}
