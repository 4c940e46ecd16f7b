package commands

import (
	"context"
	"errors"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/storage"
)

// Tell has its user told when a stack is free.
const Tell Verb = "tell"

var tellSpec = Spec{
	Verb: Tell, Button: true, Right: authz.Redeploy, Changes: true, Begins: true,
	Args: []Arg{argStack}, run: (*Handler).tell, // it carries the options of the redeploy, for the form
}

// tell records that the user waits. Later requests for the same stack replace earlier ones.
func (h *Handler) tell(ctx context.Context, c *call) (Reply, error) {
	ref := RefOf(c.stack)
	if c.Invocation.olderThan(questionAge) {
		return nil, tooOld(questionAge)
	}
	form := Invocation{Verb: Redeploy, UID: ref.UID, Options: c.Invocation.Options, Fill: true, In: c.Channel}
	value, err := form.Value()
	if err != nil { // the options are too long for a button
		form.Options = Options{}
		if value, err = form.Value(); err != nil {
			return nil, err
		}
	}
	w := storage.Waiter{Stack: ref, User: c.User, Channel: c.Channel, Form: value, At: time.Now()}
	err = h.Records.Update(ctx, func(tx storage.Tx) error {
		return errors.Join(c.decided(tx), Take(tx, c.Operation, c.User), storage.Conclude(tx, c.Operation, storage.Done),
			storage.Waiters.Put(tx, ref.UID+"/"+c.User, w))
	})
	if err != nil {
		return nil, err
	}
	h.Waits()
	return noticeOn(&ref, "I tell you in a direct message when nothing runs or waits on it and no lock holds it, for a day at most."), nil
}

// Free tells a user who waits that a stack is free. The button opens the form that they wanted.
func Free(w storage.Waiter) doc.Document {
	d := doc.Say("free", markup.Format("🔔 %s is free: nothing runs or waits on it.", wording.Stack(w.Stack)))
	return d.With(doc.Buttons(doc.Button{Label: markup.Line("Redeploy"), ID: "redeploy", Value: w.Form}.As(doc.Primary)))
}
