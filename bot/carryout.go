package bot

import (
	"context"
	"errors"
	"sync"
	"time"

	"c66bot/bot/card"
	"c66bot/commands"
)

// slowAnswer is the delay after which a waiting asker gets an interim message.
const slowAnswer = 5 * time.Second

func (b *Bot) carryOut(ctx context.Context, t *task) {
	switch {
	case t.problem != nil:
		b.say(ctx, t.answer, t.rendered(*t.problem))
		return
	case t.do != nil:
		t.do(ctx)
		return
	case t.invocation == nil && t.text == nil:
		return // the acknowledgement was the whole reply
	case t.invocation == nil:
		inv, err := b.parse(ctx, t)
		if look, ok := errors.AsType[*lookError](err); ok {
			ref := commands.NewReference()
			b.log.ErrorContext(ctx, "a mention in a thread was not carried out", "ref", ref, "user", t.answer.user, "channel", t.answer.channel,
				"error", look)
			b.say(ctx, t.answer, card.Reply(commands.ProblemReply{
				What: "Slack did not answer, so I cannot tell which card this thread is of.", State: "Nothing was done.",
				Do: "Try again in a minute, or name the stack in it.", Ref: ref,
			}))
			return
		}
		if err != nil {
			b.sayUsage(ctx, t, err)
			return
		}
		t.invocation = &inv
	}
	if t.invocation.OpensForm() && t.trigger != "" {
		if b.openForm(ctx, t) {
			return
		}
		if t.invocation.UID == "" && t.invocation.Stack == "" { // from the shortcut, which no button can replace
			b.say(ctx, t.answer, card.Reply(commands.ProblemReply{
				What: "Slack did not open the form.", State: "Nothing was done.", Do: "Use the shortcut again.",
			}))
			return
		}
	}
	b.carryOutInvocation(ctx, t, func(ctx context.Context) commands.Reply { return b.handler.Do(ctx, t.request()) })
}

func (t *task) request() commands.Request {
	req := commands.Request{Invocation: *t.invocation, User: t.answer.user, Channel: t.answer.channel, Operation: t.operation}
	if t.turn != nil {
		req.Placed = t.turn.pass
	}
	return req
}

// carryOutInvocation executes a task and sends the reply to its author.
func (b *Bot) carryOutInvocation(ctx context.Context, t *task, do func(context.Context) commands.Reply) {
	reply := b.patiently(ctx, t.answer, do)
	b.look(reply)
	if reply == nil && (t.answer.replace || t.answer.view != "") {
		reply = commands.Notice("Taken. The channel shows what becomes of it.")
	}
	if reply != nil {
		b.say(ctx, t.answer, t.rendered(reply))
	}
}

// rendered renders a reply. For a form that failed or was refused it adds the form's input.
func (t *task) rendered(reply commands.Reply) card.Message {
	m := card.Reply(reply)
	if t.invocation == nil || !t.invocation.Form {
		return m
	}
	switch reply.Document().Kind {
	case commands.KindProblem:
		return card.WithAgain(m, *t.invocation)
	case commands.KindRefusal:
		return card.WithTyped(m, *t.invocation)
	default:
		return m
	}
}

// look triggers a check of the Cloud 66 token after a failure.
func (b *Bot) look(reply commands.Reply) {
	if reply != nil && reply.Document().Ref != "" {
		signal(b.ready.again)
	}
}

// patiently runs do and sends the asker an interim message after slowAnswer.
func (b *Bot) patiently(ctx context.Context, to answer, do func(context.Context) commands.Reply) commands.Reply {
	if to.view != "" { // the form's view already says so
		return do(ctx)
	}
	waiting, done := context.WithCancel(ctx)
	var hint sync.WaitGroup
	defer hint.Wait()
	defer done() // a hint still in flight would only delay the reply
	hint.Go(func() {
		select {
		case <-waiting.Done():
		case <-time.After(slowAnswer):
			to.replace = false
			b.tell(waiting, to, card.Reply(commands.Notice("⏳ This takes longer than it should. I am still on it.")))
		}
	})
	return do(ctx)
}
