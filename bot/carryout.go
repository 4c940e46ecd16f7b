package bot

import (
	"context"
	"errors"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/inbox"
	"c66bot/bot/routine"
	"c66bot/commands"
)

// slowAnswer is the delay after which a waiting asker gets an interim message.
const slowAnswer = 5 * time.Second

// carryOut does the work of a request, up to the point where it waits for the turn of its stack.
func (b *Bot) carryOut(ctx context.Context, r *request) *inbox.Step {
	if r.problem != nil {
		b.say(ctx, r.answer, card.Reply(*r.problem))
		return nil
	}
	if r.typed && !b.complete(ctx, r) {
		return nil
	}
	if r.invocation.AsksReason() && r.trigger != "" && b.openReason(ctx, r) {
		return nil
	}
	if r.invocation.OpensForm() && r.trigger != "" {
		if filling := b.openForm(ctx, r); filling != nil {
			return filling
		}
		if r.answer.channel == "" { // from the shortcut, which no button can replace
			b.say(ctx, r.answer, card.Reply(commands.ProblemReply{
				What: "Slack did not open the form.", State: "Nothing was done.", Do: "Use the shortcut again.",
			}))
			return nil
		}
	}
	waited := b.patiently(ctx, r.answer)
	do, reply := b.handlerOf(r).Prepare(ctx, r.request())
	return b.next(ctx, r, waited, do, reply)
}

func (r *request) request() commands.Request {
	return commands.Request{Invocation: r.invocation, User: r.answer.user, Channel: r.answer.channel, Operation: r.operation}
}

// next does the next part of a request. After the last one it replies to the author.
func (b *Bot) next(ctx context.Context, r *request, waited func() bool, do func(context.Context) (commands.Reply, *commands.Step),
	reply commands.Reply) *inbox.Step {
	if do != nil {
		var rest *commands.Step
		if reply, rest = do(ctx); rest != nil {
			return &inbox.Step{Queue: rest.Queue, Do: func(ctx context.Context) *inbox.Step { return b.next(ctx, r, waited, rest.Do, nil) }}
		}
	}
	waited()
	b.look(reply)
	if reply == nil && (r.answer.replace || r.answer.view != "") {
		reply = commands.Notice("Taken. The channel shows what becomes of it.")
	}
	if reply != nil {
		b.say(ctx, r.answer.with(reply), r.rendered(reply))
	}
	return nil
}

// rendered renders a reply. For a form that failed or was refused it adds the form's input.
func (r *request) rendered(reply commands.Reply) card.Message {
	m := card.Reply(reply)
	if !r.invocation.Form {
		return m
	}
	switch kind := reply.Document().Kind; {
	case kind == commands.KindProblem && r.invocation.Verb == commands.Redeploy:
		return card.WithAgain(m, r.invocation)
	case kind == commands.KindProblem, kind == commands.KindRefusal:
		return card.WithTyped(m, r.invocation)
	default:
		return m
	}
}

// look triggers a check of the Cloud 66 token after a failure.
func (b *Bot) look(reply commands.Reply) {
	if reply != nil && reply.Document().Ref != "" {
		routine.Signal(b.ready.again)
	}
}

// patiently sends a waiting asker an interim message after slowAnswer. waited ends the wait. An interim message still in flight would only
// delay the reply.
func (b *Bot) patiently(ctx context.Context, to answer) (waited func() bool) {
	if to.view != "" { // the form's view already says so
		return func() bool { return false }
	}
	to.replace = false
	return b.after(ctx, slowAnswer, func(waiting context.Context) {
		b.tell(waiting, to, card.Reply(commands.Notice("⏳ This takes longer than it should. I am still on it.")))
	})
}

// after calls do after a delay, unless stop is called first. stop ends the context of do, waits for it, and reports whether it was called.
func (b *Bot) after(ctx context.Context, delay time.Duration, do func(ctx context.Context)) (stop func() bool) {
	ctx, cancel := context.WithCancel(ctx)
	called := make(chan bool, 1)
	b.inbox.Go(func() {
		late := routine.Sleep(ctx, delay)
		if late {
			do(ctx)
		}
		called <- late
	})
	return func() bool {
		cancel()
		return <-called
	}
}

// sayUsage replies to a command that could not be parsed.
func (b *Bot) sayUsage(ctx context.Context, r *request, here commands.Here, err error) {
	var usage *commands.UsageError
	if !errors.As(err, &usage) {
		usage = &commands.UsageError{What: "I could not read that command: " + err.Error(), Example: "help"}
	}
	b.log.InfoContext(ctx, "command not understood", "user", r.answer.user, "channel", r.answer.channel, "what", usage.What)
	b.say(ctx, r.answer, card.Reply(b.handlerOf(r).Unread(ctx, r.request(), r.text, here, usage)))
}

// handlerOf returns the handler of a request, whose examples can be typed where the request comes from.
func (b *Bot) handlerOf(r *request) *commands.Handler {
	if r.mention {
		return b.handler.Mentioned()
	}
	return b.handler
}
