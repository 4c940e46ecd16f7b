package bot

import (
	"context"
	"encoding/json"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/card"
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

// openForm opens the redeploy form at once as a loading view, because the trigger expires after 3 s, and then fills it in. It returns false
// if Slack did not open it.
func (b *Bot) openForm(ctx context.Context, t *task) bool {
	loading := card.Loading()
	loading.ExternalID = storage.NewID(time.Now()) // addresses the view if the response is lost
	var opened *slack.ViewResponse
	unclear := false
	err := webapi.Retry(ctx, time.Until(t.received.Add(openWait)), func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, openTry)
		defer cancel()
		opened, err = b.api.OpenViewContext(ctx, t.trigger, loading)
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
		b.log.WarnContext(ctx, "a form could not be opened", "user", t.answer.user, "channel", t.answer.channel, "error", err)
		return false
	}
	b.fillForm(ctx, opened.ID, t, t.answer.channel == "")
	return true
}

// fillForm shows the content of a form, unless newer content is in progress.
func (b *Bot) fillForm(ctx context.Context, id string, t *task, choose bool) {
	f := b.windows.begin(id)
	defer b.windows.end(f)
	reply := b.handler.Form(ctx, t.request())
	b.look(reply)
	var shown slack.ModalViewRequest
	if form, ok := reply.(commands.FormReply); ok {
		form.Choose = choose
		shown = card.Form(form)
	} else {
		state := card.FormState{Channel: t.answer.channel, Choose: choose}
		shown = card.Inside(card.Reply(reply), state.WithTyped(*t.invocation))
	}
	b.showForm(ctx, f, t.answer, shown)
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

// sayLate sends lateForm after wordWait, unless stop is called first. stop reports whether lateForm was sent.
func (b *Bot) sayLate(ctx context.Context, to answer) (stop func() bool) {
	to.view = ""
	shown, said := make(chan struct{}), make(chan bool, 1)
	b.tasks.Go(b.caught(func(commands.Reply) { said <- false }, func() {
		select {
		case <-shown:
			said <- false
		case <-ctx.Done():
			said <- false
		case <-time.After(wordWait):
			b.say(ctx, to, card.Reply(lateForm))
			said <- true
		}
	}))
	return func() bool { close(shown); return <-said }
}

// showForm shows content in a form's view, unless the view was closed in the meantime. If Slack does not accept it, the asker is informed
// by another route.
func (b *Bot) showForm(ctx context.Context, f *filling, to answer, shown slack.ModalViewRequest) {
	stop := b.sayLate(ctx, to)
	err := webapi.Retry(ctx, showWait, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, showTry)
		defer cancel()
		return b.windows.show(f, func() error {
			err := b.showView(ctx, shown, f.id)
			if webapi.Is(err, webapi.TooMuch) {
				b.log.ErrorContext(ctx, "Slack refused a form; it is told in words", "error", err)
				err = b.showView(ctx, card.Inside(card.Reply(refusedForm).Plain(), card.FormState{Channel: to.channel}), f.id)
			}
			return err
		})
	})
	late := stop()
	switch {
	case err == nil:
	case ctx.Err() != nil:
		to.view = f.id
		b.say(ctx, to, card.Reply(commands.ProblemReply{What: "I am shutting down.", State: "Nothing was done.",
			Do: "Open the form again in a minute."}))
	case webapi.Is(err, webapi.NoView):
		b.log.DebugContext(ctx, "a form was closed before it was filled in")
	default:
		said := refusedForm
		said.Ref = commands.NewReference()
		b.log.ErrorContext(ctx, "a form could not be filled in", "ref", said.Ref, "user", to.user, "error", err)
		if to.view = ""; !late {
			b.say(ctx, to, card.Reply(said))
		}
	}
}

func readShortcut(in interaction) *task {
	return &task{
		answer: answer{user: string(in.User)}, operation: "shortcut:" + string(in.TriggerID), trigger: string(in.TriggerID),
		invocation: &commands.Invocation{Verb: commands.Redeploy},
	}
}

// readClickInForm reads a click in a form: the selection of a stack or channel, or a button of a message shown in its place.
func (b *Bot) readClickInForm(in interaction, t *task) *task {
	state, action := card.ParseFormState(string(in.View.PrivateMetadata)), in.action()
	t.answer = answer{user: string(in.User), channel: state.Channel, view: string(in.View.ID), choose: state.Choose}
	fields, err := in.View.fields()
	if err != nil {
		b.log.Warn("the fields of a form could not be read", "error", err)
	}
	typed := card.Typed(state, fields)
	switch {
	case action.ActionID == card.ActionStack: // keep the input of the fields
		typed.UID = string(action.SelectedOption.Value)
		t.invocation = &typed
	case action.ActionID == card.ActionChannel:
		t.answer.channel = string(action.SelectedConversation)
		t.invocation = &typed
	case action.Value == "":
		return nil // a field without dependents
	default:
		b.readButton(string(action.Value), t)
	}
	if t.invocation != nil && t.invocation.OpensForm() {
		t.do = func(ctx context.Context) { b.fillForm(ctx, string(in.View.ID), t, state.Choose) }
	}
	return t
}

// readSearch reads a stack search. The acknowledgement carries the results.
func (b *Bot) readSearch(in interaction) *task {
	channel := b.channels.Now(card.ParseFormState(string(in.View.PrivateMetadata)).Channel)
	t := &task{kind: aSearch, answer: answer{user: string(in.User), channel: channel}}
	t.decline = func(commands.Reply) any { return suggestions(nil) }
	t.say = func(ctx context.Context) any {
		found := make(chan []storage.StackRef, 1)
		b.tasks.Go(b.caught(func(commands.Reply) { found <- nil }, func() {
			stacks, err := b.handler.Suggest(ctx, t.answer.user, channel, string(in.Value))
			if err != nil {
				b.log.WarnContext(ctx, "the stacks could not be searched", "user", in.User, "error", err)
			}
			found <- stacks
		}))
		select {
		case stacks := <-found:
			return suggestions(stacks)
		case <-ctx.Done():
			return suggestions(nil)
		}
	}
	return t
}

// suggestions returns as many options as fit into one frame.
func suggestions(found []storage.StackRef) any {
	options, size := []*slack.OptionBlockObject{}, 0
	for _, stack := range found {
		o := card.StackOption(stack).Object()
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
func (b *Bot) readForm(in interaction) *task {
	state := card.ParseFormState(string(in.View.PrivateMetadata))
	fields, err := in.View.fields()
	inv, wrong := card.ReadForm(state, fields)
	t := &task{kind: aChange, answer: answer{user: string(in.User), channel: state.Channel}, operation: "form:" + string(in.View.ID),
		invocation: &inv}
	if err != nil || len(wrong) > 0 {
		t.invocation = nil
		t.say = func(context.Context) any { return wrongFields(state, fields, wrong) }
		return t
	}
	inside := func(reply commands.Reply) any {
		return update(card.Inside(card.WithTyped(card.Reply(reply), inv), state))
	}
	t.decline = inside
	t.say = func(ctx context.Context) any {
		decided := b.decide(t)
		select {
		case d := <-decided:
			if d.do == nil {
				if payload := inside(d.reply); payload != nil {
					t.answered = true
					return payload
				}
			}
			decided <- d
		case <-ctx.Done():
		}
		t.do = func(ctx context.Context) { b.carryOutForm(ctx, t, decided) }
		return nil
	}
	return t
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

// decision is the result of Prepare: the function that carries the form out, or the reply if do is nil.
type decision struct {
	do    func(context.Context) commands.Reply
	reply commands.Reply
}

// decide runs Prepare for a form, concurrently with the acknowledgement.
func (b *Bot) decide(t *task) chan decision {
	decided, req := make(chan decision, 1), t.request()
	b.tasks.Go(b.caught(func(r commands.Reply) { decided <- decision{reply: r} }, func() {
		req.Invocation.Options[commands.Reason] = commands.Spoken(b.labelled(b.work, req.Invocation.Options[commands.Reason]))
		do, reply := b.handler.Prepare(b.work, req)
		decided <- decision{do, reply}
	}))
	return decided
}

// carryOutForm carries a form out once its decision is known.
func (b *Bot) carryOutForm(ctx context.Context, t *task, decided chan decision) {
	b.carryOutInvocation(ctx, t, func(ctx context.Context) commands.Reply {
		d := <-decided
		if d.do == nil {
			return d.reply
		}
		return d.do(ctx)
	})
}

// update returns an acknowledgement that replaces the form's view, or nil if that exceeds a frame. With nil the form closes.
func update(shown slack.ModalViewRequest) any {
	payload := map[string]any{"response_action": "update", "view": shown}
	if encoded, err := json.Marshal(payload); err != nil || len(encoded) > maxAck {
		return nil
	}
	return payload
}
