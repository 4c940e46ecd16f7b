package bot

import (
	"cmp"
	"context"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/card"
	"c66bot/bot/socket"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// slackWait is Slack's deadline for an acknowledgement.
	slackWait = 3 * time.Second
	// journalWait is the deadline for the journal write of a change, from its arrival.
	journalWait = 2 * time.Second
	// sayWait is the deadline for the content of an acknowledgement, from the arrival.
	sayWait = 2500 * time.Millisecond
	// latestStart is the deadline for starting a change, from its arrival. A later start would surprise people.
	latestStart = 33 * time.Second
)

// anyCard stands in for the card of a thread before the look-up.
var anyCard = commands.Here{UID: "card", Deployment: 1}

// asked returns the change that a task requests, in its typed form, or "" if the task only reads. It makes no look-ups.
func (t *task) asked() string {
	switch {
	case t.problem != nil || t.do != nil:
		return ""
	case t.invocation != nil && t.invocation.Changes():
		return t.invocation.Typed()
	case t.invocation != nil || t.text == nil:
		return ""
	}
	here := []commands.Here{{}}
	if t.answer.thread != "" {
		here = append(here, anyCard)
	}
	for _, h := range here {
		if inv, err := commands.ParseHere(*t.text, h); err == nil && inv.Changes() {
			return inv.Typed()
		}
	}
	return ""
}

// receive registers a change in the journal and queues it in its author's order. It does not block.
func (b *Bot) receive(t *task, what string) {
	t.turn = b.turns.join(t.answer.user + "/" + t.answer.channel)
	t.change, t.first = b.journal.receive(storage.Entry{
		Operation: t.operation, User: t.answer.user, Channel: t.answer.channel, What: what, At: t.received,
		Deliveries: []string{cmp.Or(t.delivery, t.operation)},
	})
}

// accept takes a change through the journal to its turn. It reports whether work on it may begin. If not, it tells the author why.
func (b *Bot) accept(ctx context.Context, t *task, ack func(payload any) error) bool {
	if t.change.excess {
		b.log.Error("the journal is full: a change is turned away", "user", t.answer.user, "changes", maxOpen)
		t.away = &reason{text: "I have too many changes under way: %s was not taken.", try: "Try again in a few minutes."}
	}
	if t.away != nil {
		if t.first {
			until := t.received.Add(journalWait)
			if t.away.late {
				until = time.Now().Add(journalWait)
			}
			b.journal.turnAway(ctx, t.change, until)
		}
		b.decline(t, t.away.reply(t.words()), ack, func() { b.excuse(t) })
		return false
	}
	if t.first {
		b.journal.enter(ctx, t.change)
	}
	v := b.journal.await(ctx, t.change, t.received.Add(journalWait))
	switch {
	case v == notTaken:
		reply := commands.ProblemReply{
			What:  "I could not take that: my database did not write it down in time.",
			State: "It was not taken: nothing was done.", Do: "Try again in a minute.",
		}
		if b.records.Fault() != nil {
			reply.What = "I could not take that: my database cannot be written now."
			reply.Do = "Tell whoever runs me; " + b.command + " status says what is wrong with it."
		}
		b.decline(t, reply, ack, func() { b.say(ctx, t.answer, t.rendered(reply)) })
		return false
	case v == takenBefore, !t.first:
		if ack(nil) == nil {
			b.say(ctx, t.answer, t.rendered(t.takenReply()))
		}
		return false
	}
	if !b.acknowledge(ctx, t, ack) {
		return false
	}
	switch stood := socket.Since(t.received); {
	case stood > latestStart: // the process stood still; nothing above takes that long
		b.say(ctx, t.answer, t.rendered(stoodStill(stood).reply(t.words())))
		return false
	case ctx.Err() != nil:
		b.say(ctx, t.answer, t.rendered(commands.ProblemReply{
			What: "I am shutting down.", State: "Nothing was done.", Do: "Try again in a minute.",
		}))
		return false
	}
	t.turn.wait(ctx)
	return true
}

// takenReply is the reply to a change that was received before.
func (t *task) takenReply() commands.Reply {
	if by := t.change.entry.User; by != t.answer.user {
		return commands.Notice("Somebody else did the same a moment before you. Nothing was done twice; if theirs came to nothing, try again.")
	}
	return commands.TakenReply
}

// acknowledge acknowledges a change that is in the journal. It reports whether there is work left to do.
func (b *Bot) acknowledge(ctx context.Context, t *task, ack func(payload any) error) bool {
	var payload any
	if t.say != nil {
		payload = t.sayWithin(ctx, t.received.Add(sayWait))
	}
	if err := ack(payload); err != nil || socket.Since(t.received) > slackWait {
		b.say(ctx, t.answer, t.rendered(commands.ProblemReply{
			What: "I could not tell Slack in time that I have your “" + commands.Spoken(t.change.entry.What) + "”.", State: "Nothing was done.",
			Do: "Ask again if it is still wanted.",
		}))
		return false
	}
	return !t.answered
}

// sayWithin returns the content of an acknowledgement, as far as it is available by the deadline.
func (t *task) sayWithin(ctx context.Context, until time.Time) any {
	if latest := time.Now().Add(ackWait); latest.Before(until) {
		until = latest
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return t.say(ctx)
}

// decline tells the author that a change is not taken: in the acknowledgement if Slack still waits for it and displays it, otherwise
// through beside. If a shutdown interrupts the acknowledgement, it says nothing, because Slack may deliver the change to the next process,
// which has no record of it.
func (b *Bot) decline(t *task, reply commands.Reply, ack func(payload any) error, beside func()) {
	var payload any
	if t.decline != nil {
		payload = t.decline(reply)
	}
	err := ack(payload)
	if (err == nil && (payload == nil || socket.Since(t.received) > slackWait)) || (err != nil && b.intake.Err() == nil) {
		beside()
	}
}

// ephemeral returns a function that renders a reply as the acknowledgement payload of a slash command, or nil if the envelope accepts none.
func ephemeral(env socket.Envelope) func(commands.Reply) any {
	if !env.Accepts.Holds() {
		return nil
	}
	return func(reply commands.Reply) any {
		// Text only: Slack silently drops an acknowledgement with blocks that it rejects.
		return map[string]any{"response_type": slack.ResponseTypeEphemeral, "text": card.Reply(reply).Text(), "parse": "none"}
	}
}

// settle releases a change from the journal and from its author's order.
func (b *Bot) settle(ctx context.Context, t *task) {
	if t.turn == nil {
		return
	}
	if t.first && b.journal.decide(t.change, notTaken) == entered {
		b.journal.settle(ctx, t.change)
	}
	t.turn.pass()
}
