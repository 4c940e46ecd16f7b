package bot

import (
	"cmp"
	"context"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/card"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// slackWait is how long Slack waits for an acknowledgement.
	slackWait = 3 * time.Second
	// journalWait is how long the journal may take for a change, from its arrival.
	journalWait = 2 * time.Second
	// sayWait bounds how long an acknowledgement waits for its content, from the arrival.
	sayWait = 2500 * time.Millisecond
	// latestStart is how long after its arrival the work on a change may begin: later it would surprise people.
	latestStart = 33 * time.Second
)

// anyCard stands for the card of a thread before it is looked up.
var anyCard = commands.Here{UID: "card", Deployment: 1}

// asked gives the change that a task asks for, as it can be typed; "" where it only reads. It looks nothing up.
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

// receive hands a change to the journal and takes its place in its author's order. It does not wait.
func (b *Bot) receive(t *task, what string) {
	t.turn = b.turns.join(t.answer.user + "/" + t.answer.channel)
	t.change, t.first = b.journal.receive(storage.Entry{
		Operation: t.operation, User: t.answer.user, Channel: t.answer.channel, What: what, At: t.received,
		Deliveries: []string{cmp.Or(t.delivery, t.operation)},
	})
}

// accept leads a change through the journal to its turn. It reports whether the work on it may begin; else its author is told why not.
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
	switch stood := since(t.received); {
	case stood > latestStart: // the process, since nothing above takes so long
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

// takenReply answers a change that came before.
func (t *task) takenReply() commands.Reply {
	if by := t.change.entry.User; by != t.answer.user {
		return commands.Notice("Somebody else did the same a moment before you. Nothing was done twice; if theirs came to nothing, try again.")
	}
	return commands.TakenReply
}

// acknowledge acknowledges a change that stands in the journal. It reports whether there is anything left to do.
func (b *Bot) acknowledge(ctx context.Context, t *task, ack func(payload any) error) bool {
	var payload any
	if t.say != nil {
		payload = t.sayWithin(ctx, t.received.Add(sayWait))
	}
	if err := ack(payload); err != nil || since(t.received) > slackWait {
		b.say(ctx, t.answer, t.rendered(commands.ProblemReply{
			What: "I could not tell Slack in time that I have your “" + commands.Spoken(t.change.entry.What) + "”.", State: "Nothing was done.",
			Do: "Ask again if it is still wanted.",
		}))
		return false
	}
	return !t.answered
}

// sayWithin gives the content of an acknowledgement, as far as it is known in time.
func (t *task) sayWithin(ctx context.Context, until time.Time) any {
	if latest := time.Now().Add(ackWait); latest.Before(until) {
		until = latest
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return t.say(ctx)
}

// decline tells the author of a change that it is not taken: in the acknowledgement while Slack waits for it and shows it, else beside
// it. Where a shutdown cuts the acknowledgement off nothing is said: Slack may deliver the change to the next process, which has no
// record of it.
func (b *Bot) decline(t *task, reply commands.Reply, ack func(payload any) error, beside func()) {
	var payload any
	if t.decline != nil {
		payload = t.decline(reply)
	}
	err := ack(payload)
	if (err == nil && (payload == nil || since(t.received) > slackWait)) || (err != nil && b.intake.Err() == nil) {
		beside()
	}
}

// ephemeral is a reply as the payload of a slash command's acknowledgement; nil where the envelope takes none.
func ephemeral(env envelope) func(commands.Reply) any {
	if !env.Accepts.holds() {
		return nil
	}
	return func(reply commands.Reply) any {
		// Its text alone: an acknowledgement whose blocks Slack refuses would be lost silently.
		return map[string]any{"response_type": slack.ResponseTypeEphemeral, "text": card.Reply(reply).Text(), "parse": "none"}
	}
}

// settle ends a change's time in the journal and in its author's order.
func (b *Bot) settle(ctx context.Context, t *task) {
	if t.turn == nil {
		return
	}
	if t.first && b.journal.decide(t.change, notTaken) == entered {
		b.journal.settle(ctx, t.change)
	}
	t.turn.pass()
}
