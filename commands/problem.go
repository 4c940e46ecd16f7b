package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// errBegun wraps an error that occurred after a change was started.
var errBegun = errors.New("it was begun")

var errSlack = errors.New("asking Slack failed")

// Begun marks an error of a change that may be half done.
func Begun(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errBegun, err)
}

// answerError ends a request, or its transaction, with a reply that is not a fault.
type answerError struct{ Reply }

func instead(reply Reply) error { return answerError{reply} }

func (e answerError) Error() string { return e.Document().Fallback().String() }

// problem turns an error into a reply that the user can act on, and logs it under the same reference.
func (h *Handler) problem(ctx context.Context, req Request, err error) Reply {
	if answer, ok := errors.AsType[answerError](err); ok {
		return answer.Reply
	}
	if errors.Is(err, ErrTaken) {
		return Taken{}
	}
	if errors.Is(err, ErrFollowed) {
		return Notice("This channel follows that deployment already: see its card above.")
	}
	if card, ok := errors.AsType[*CardError](err); ok {
		return noCard(card, req.Invocation.spec().Right)
	}
	p := explain(err)
	p.Ref = NewReference()
	h.Log.ErrorContext(ctx, "command failed",
		"ref", p.Ref, "verb", req.Invocation.Verb, "user", req.User, "operation", req.Operation, "error", err)
	return p
}

// NewReference returns a short reference for the log, which a user can read out.
func NewReference() string {
	id := storage.NewID(time.Now())
	return id[len(id)-5:]
}

// explanations maps errors that are not Cloud 66's to a description and a remedy. The first match wins.
var explanations = []struct {
	kind     error
	what, do string
}{
	{context.Canceled, "I am shutting down.", "Try again in a minute."},
	{authz.ErrNoGroups, "This workspace's Slack plan has no user groups any more, and a rule of this channel denies something to one.",
		"An admin of the bot can take that rule back: access shows it."},
	{authz.ErrUnknown, "Slack did not answer. I cannot tell whether you may: who you are, or who is in which group or in this channel.",
		"Try again in a minute, or show the reference to an admin of the bot."},
	{errSlack, "Slack did not answer what I have to know for this.", "Try again in a minute."},
}

func explain(err error) ProblemReply {
	p := ProblemReply{
		What: "The bot could not do that: its own records or program failed.", State: "Nothing was done.",
		Do: "Show the reference to an admin of the bot; its log says more.",
	}
	if w := cloud66.WordsFor(err); w.What != "" {
		p.What, p.Do = w.What, w.Do
	}
	for _, e := range explanations {
		if errors.Is(err, e.kind) {
			p.What, p.Do = e.what, e.do
			break
		}
	}
	api, ok := errors.AsType[*cloud66.Error](err)
	if errors.Is(err, cloud66.ErrServer) && ok {
		p.What = fmt.Sprintf("Cloud 66 has a fault (HTTP %d).", api.Status)
	}
	if ok && api.Message != "" {
		p.What += " It says: " + api.Message
	}
	if ok && api.RetryAfter > 0 {
		p.Do = "Try again in " + wording.Duration(max(api.RetryAfter, time.Second)) + "."
	}
	if unclear(err) {
		p.State, p.Do = "Whether it was done is not clear; I did not try it twice.", "Look what is deploying before you try again."
	}
	return p
}

// unclear reports whether the failed operation may have taken effect. For requests to Cloud 66, that applies only to writes.
func unclear(err error) bool {
	if api, ok := errors.AsType[*cloud66.Error](err); ok {
		return api.Method != http.MethodGet && !cloud66.NothingDone(err)
	}
	return errors.Is(err, errBegun)
}

// noCard explains that nothing was done because the channel could not be informed.
func noCard(e *CardError, right authz.Action) ProblemReply {
	p := ProblemReply{State: "Nothing was done: what changes something is said in its channel."}
	if right == authz.Redeploy {
		p.State = "Nothing was done: a deployment is never started where nobody can watch it."
	}
	p.What, p.Do = "Slack did not take the message in time.", "Try again in a minute."
	if e.What != "" {
		p.What, p.Do = sentence(e.What), e.Do
	}
	return p
}

// notDone returns an answer that nothing was done, with an alternative.
func notDone(what, do string) error {
	return instead(ProblemReply{What: what, State: "Nothing was done.", Do: do})
}

// notDoneOn is notDone for a stack. In the example %s stands for its name.
func (h *Handler) notDoneOn(stack cloud66.Stack, what, do, example string) error {
	p := h.problemOn(stack, what, do, example)
	p.State = "Nothing was done."
	return instead(p)
}

// problemOn describes a problem of a request that only reads a stack.
func (h *Handler) problemOn(stack cloud66.Stack, what, do, example string) ProblemReply {
	ref := RefOf(stack)
	return ProblemReply{
		Stack: &ref, What: what, Do: do, Command: h.Command, Example: strings.Replace(example, "%s", shellWord(typeable(ref)), 1),
	}
}
