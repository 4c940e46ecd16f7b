package bot

import (
	"context"
	"encoding/json"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/card"
	"c66bot/bot/card/kit"
	"c66bot/bot/inbox"
	"c66bot/bot/webapi"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// shortcut is the callback id of the global shortcut that opens the form.
	shortcut = "redeploy"
	// openWait is the lifetime of a trigger (Slack, interactivity).
	openWait = 3 * time.Second
	// openTry bounds one try to open a form. showWait bounds all tries to show its content, showTry each of them. After wordWait the asker is
	// informed by another route.
	openTry  = 1500 * time.Millisecond
	showWait = time.Minute
	showTry  = 5 * time.Second
	wordWait = 8 * time.Second
	// maxAck leaves a margin below the 20,480 bytes of a frame to Slack. A longer frame closes the connection.
	maxAck = 18_000
)

// openForm opens the redeploy form at once as a loading view, because the trigger expires after 3 s. It returns the step that fills it in,
// or nil if Slack did not open it.
func (b *Bot) openForm(ctx context.Context, r *request) *inbox.Step {
	view, err := b.open(ctx, r, card.Loading())
	if err != nil {
		return nil
	}
	return &inbox.Step{Queue: queueOf(view), Do: b.fillForm(view, r, r.answer.channel == "")}
}

// openReason opens the window that asks for the reason which a request lacks, and reports whether it did.
func (b *Bot) openReason(ctx context.Context, r *request) bool {
	view, err := card.Reason(r.invocation, r.answer.channel)
	if err == nil {
		_, err = b.open(ctx, r, view)
	}
	return err == nil
}

// open opens a view while the trigger lasts, and returns its id.
func (b *Bot) open(ctx context.Context, r *request, loading slack.ModalViewRequest) (string, error) {
	loading.ExternalID = storage.NewID(time.Now()) // addresses the view if the response is lost
	var opened *slack.ViewResponse
	unclear := false
	err := webapi.Retry(ctx, time.Until(r.received.Add(openWait)), func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, openTry)
		defer cancel()
		opened, err = b.api.OpenViewContext(ctx, r.trigger, loading)
		if err == nil && opened.ID == "" {
			err = webapi.ErrEmpty
		}
		unclear = unclear || err != nil && !webapi.Judge(err).Untouched
		return err
	})
	if err != nil && unclear {
		err = webapi.Look(ctx, func(ctx context.Context) (err error) {
			opened, err = b.api.UpdateViewContext(ctx, loading, loading.ExternalID, "", "")
			if err == nil && opened.ID == "" {
				return webapi.ErrEmpty
			}
			return err
		})
	}
	if err != nil {
		b.log.WarnContext(ctx, "a form could not be opened", "user", r.answer.user, "channel", r.answer.channel, "error", err)
		return "", err
	}
	return opened.ID, nil
}

// queueOf returns the queue of a form's view: an older filling never overwrites a newer one. Slack's own guard, the hash of views.update,
// would keep the first one instead.
func queueOf(view string) string { return "view/" + view }

// fillForm returns the step that shows the content of a form.
func (b *Bot) fillForm(view string, r *request, choose bool) func(ctx context.Context) *inbox.Step {
	return func(ctx context.Context) *inbox.Step {
		reply := b.handler.Form(ctx, r.request())
		b.look(reply)
		var shown slack.ModalViewRequest
		if form, ok := reply.(commands.FormReply); ok {
			form.Choose = choose
			shown = card.Form(form)
		} else {
			state := card.FormState{Channel: r.answer.channel, Choose: choose}
			shown = card.Inside(card.Reply(reply), state.WithTyped(r.invocation))
		}
		b.showForm(ctx, view, r.answer, shown)
		return nil
	}
}

// refusedForm replaces a form that Slack does not show.
var refusedForm = commands.ProblemReply{
	What: "Slack did not take the content of the form.", State: "Nothing was done.",
	Do: "Close its window and open it again, or write the whole command with its options: help redeploy lists them.",
}

// lateForm is sent while Slack has not shown a form yet.
var lateForm = commands.ProblemReply{
	What: "Slack did not take the content of the form yet.", State: "Nothing was done. I keep trying for a minute.", Do: refusedForm.Do,
}

// showView updates a view. A response without ok is an error.
func (b *Bot) showView(ctx context.Context, shown slack.ModalViewRequest, id string) error {
	answer, err := b.api.UpdateViewContext(ctx, shown, "", "", id)
	if err == nil && !answer.Ok {
		return webapi.ErrEmpty
	}
	return err
}

// showForm shows content in a form's view, unless the view was closed in the meantime. If Slack does not accept it, the asker is informed
// by another route.
func (b *Bot) showForm(ctx context.Context, view string, to answer, shown slack.ModalViewRequest) {
	to.view = ""
	stop := b.after(ctx, wordWait, func(context.Context) { b.say(ctx, to, card.Reply(lateForm)) })
	err := webapi.Retry(ctx, showWait, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, showTry)
		defer cancel()
		err := b.showView(ctx, shown, view)
		if webapi.Is(err, webapi.TooMuch) {
			b.log.ErrorContext(ctx, "Slack refused a form; it is told in words", "error", err)
			err = b.showView(ctx, card.Inside(card.Reply(refusedForm).Plain(), card.FormState{Channel: to.channel}), view)
		}
		return err
	})
	late := stop()
	switch {
	case err == nil:
	case ctx.Err() != nil:
		to.view = view
		b.say(ctx, to, card.Reply(commands.ProblemReply{What: "I am shutting down.", State: "Nothing was done.",
			Do: "Open the form again in a minute."}))
	case webapi.Is(err, webapi.NoView):
		b.log.DebugContext(ctx, "a form was closed before it was filled in")
	default:
		said := refusedForm
		said.Ref = commands.NewReference()
		b.log.ErrorContext(ctx, "a form could not be filled in", "ref", said.Ref, "user", to.user, "error", err)
		if !late {
			b.say(ctx, to, card.Reply(said))
		}
	}
}

// readClickInForm reads a click in a form: the selection of a stack or channel, or a button of a message shown in its place.
func (b *Bot) readClickInForm(in interaction, r *request) *inbox.Command {
	state, action, view := card.ParseFormState(string(in.View.PrivateMetadata)), in.action(), string(in.View.ID)
	r.answer = answer{user: string(in.User), channel: state.Channel, view: view, choose: state.Choose}
	fields, err := in.View.fields()
	if err != nil {
		b.log.Warn("the fields of a form could not be read", "error", err)
	}
	typed := card.Typed(state, fields)
	switch {
	case action.ActionID == card.ActionStack: // keep the input of the fields
		typed.UID = string(action.SelectedOption.Value)
		if name, ok := card.AskedFor(typed.UID); ok {
			typed.UID, typed.Stack = "", name
		}
		r.invocation = typed
	case action.ActionID == card.ActionChannel:
		r.answer.channel = string(action.SelectedConversation)
		r.invocation = typed
	case action.Value == "":
		return nil // a field without dependents
	default:
		b.readButton(string(action.Value), r)
	}
	c := b.ask(r)
	if r.invocation.OpensForm() {
		c.Queue, c.Do = queueOf(view), b.fillForm(view, r, state.Choose)
	}
	return c
}

// readSearch reads a stack search. The acknowledgement carries the results.
func (b *Bot) readSearch(in interaction) *inbox.Command {
	r := &request{answer: answer{user: string(in.User), channel: card.ParseFormState(string(in.View.PrivateMetadata)).Channel}}
	c := b.ask(r)
	c.Kind, c.Do, c.Empty = inbox.Search, nil, suggestions(nil)
	c.Refusal = func(commands.Reply) any { return c.Empty }
	c.Content = func(ctx context.Context) (any, bool) {
		ctx, cancel := context.WithTimeout(ctx, inbox.AckWait)
		defer cancel()
		stacks, err := b.handler.Suggest(ctx, r.answer.user, r.answer.channel, string(in.Value))
		if err != nil {
			b.log.WarnContext(ctx, "the stacks could not be searched", "user", in.User, "error", err)
		}
		if err == nil && len(stacks) == 0 {
			if name := b.handler.Unfound(ctx, r.answer.user, r.answer.channel, string(in.Value)); name != "" {
				return options(card.AskOption(name)), false
			}
		}
		return suggestions(stacks), false
	}
	return c
}

func suggestions(found []storage.StackRef) any {
	all := make([]kit.Option, len(found))
	for i, stack := range found {
		all[i] = card.StackOption(stack)
	}
	return options(all...)
}

// options returns as many options as fit into one frame.
func options(all ...kit.Option) any {
	options, size := []*slack.OptionBlockObject{}, 0
	for _, option := range all {
		o := option.Object()
		if o == nil {
			continue
		}
		encoded, err := json.Marshal(o)
		if size += len(encoded) + 1; err != nil || size > maxAck {
			break
		}
		options = append(options, o)
	}
	return map[string]any{"options": options}
}

// readForm reads a submitted form. Invalid fields are reported beside the field. A refusal decided before the acknowledgement is due is
// shown in the view; otherwise the view closes.
func (b *Bot) readForm(in interaction) *inbox.Command {
	state := card.ParseFormState(string(in.View.PrivateMetadata))
	fields, err := in.View.fields()
	inv, wrong := card.ReadForm(state, fields)
	r := &request{answer: answer{user: string(in.User), channel: state.Channel}, operation: "form:" + string(in.View.ID), invocation: inv}
	if inv.Nonce != "" { // several windows of one button are one request
		r.operation = b.answerTo(inv, r.answer)
	}
	if err != nil || len(wrong) > 0 {
		r.invocation = commands.Invocation{}
		c := b.ask(r)
		c.Kind, c.Do = inbox.Change, nil
		c.Content = func(context.Context) (any, bool) { return wrongFields(state, fields, wrong), false }
		return c
	}
	c := b.ask(r)
	c.Kind = inbox.Change
	c.Refusal = func(reply commands.Reply) any {
		return update(card.Inside(card.WithTyped(card.Reply(reply), inv), state))
	}
	var do func(context.Context) (commands.Reply, *commands.Step)
	var refused commands.Reply
	c.Content = func(ctx context.Context) (any, bool) {
		r.invocation.Options[commands.Reason] = commands.Spoken(b.labelled(ctx, inv.Options[commands.Reason]))
		if do, refused = b.handler.Prepare(ctx, r.request()); do != nil {
			return nil, true
		}
		payload := c.Refusal(refused)
		return payload, payload == nil
	}
	c.Do = func(ctx context.Context) *inbox.Step { return b.next(ctx, r, b.patiently(ctx, r.answer), do, refused) }
	return c
}

// wrongFields reports invalid fields. If one of them is missing from the form, it shows a message instead, because Slack would show
// nothing.
func wrongFields(state card.FormState, fields card.Fields, wrong map[string]string) any {
	for block := range wrong {
		if _, shown := fields[block]; !shown {
			wrong = nil
			break
		}
	}
	if len(wrong) > 0 {
		return map[string]any{"response_action": "errors", "errors": wrong}
	}
	return update(card.Inside(card.Reply(commands.ProblemReply{
		What: "The form came back incomplete, or it is of another version of me.", State: "Nothing was done.", Do: "Open it anew.",
	}), card.FormState{Channel: state.Channel}))
}

// update returns an acknowledgement that replaces the form's view, or nil if that exceeds a frame. With nil the form closes.
func update(shown slack.ModalViewRequest) any {
	payload := map[string]any{"response_action": "update", "view": shown}
	if encoded, err := json.Marshal(payload); err != nil || len(encoded) > maxAck {
		return nil
	}
	return payload
}
