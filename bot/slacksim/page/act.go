package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"c66bot/bot/slacksim"
)

// act is what a person does. Which fields count depends on Do.
type act struct {
	As      string `json:"as"` // a person of the switch
	Do      string `json:"do"` // a key of acts
	Channel string `json:"channel"`
	Thread  string `json:"thread"` // timestamp of a thread's parent
	TS      string `json:"ts"`     // of a message
	Block   string `json:"block"`  // block_id of an element
	Action  string `json:"action"` // action_id of an element
	Text    string `json:"text"`   // what is typed, or the text of the option that is chosen
}

func (a act) address() string { return slacksim.Address(a.Block, a.Action) }

// acts implements what people do. A Delivery is waited for.
var acts = map[string]func(context.Context, *slacksim.Person, act) (any, *slacksim.Delivery, error){
	"command": func(_ context.Context, p *slacksim.Person, a act) (any, *slacksim.Delivery, error) {
		return nil, p.Command(a.Channel, a.Text), nil
	},
	"say": func(_ context.Context, p *slacksim.Person, a act) (any, *slacksim.Delivery, error) {
		_, err := p.Say(a.Channel, a.Thread, a.Text)
		return nil, nil, err
	},
	"edit": func(_ context.Context, p *slacksim.Person, a act) (any, *slacksim.Delivery, error) {
		return nil, nil, p.Edit(a.Channel, a.TS, a.Text)
	},
	"shortcut": func(_ context.Context, p *slacksim.Person, a act) (any, *slacksim.Delivery, error) {
		return nil, p.Shortcut(a.Action), nil
	},
	"click": func(_ context.Context, p *slacksim.Person, a act) (any, *slacksim.Delivery, error) {
		d, err := p.Click(a.Channel, slacksim.Message{TS: a.TS}, a.address())
		return nil, d, err
	},
	"click view": func(_ context.Context, p *slacksim.Person, a act) (any, *slacksim.Delivery, error) {
		d, err := p.ClickView(a.address())
		return nil, d, err
	},
	"fill": func(_ context.Context, p *slacksim.Person, a act) (any, *slacksim.Delivery, error) {
		return nil, nil, p.Fill(a.address(), a.Text)
	},
	"choose": func(_ context.Context, p *slacksim.Person, a act) (any, *slacksim.Delivery, error) {
		d, err := p.Choose(a.address(), a.Text)
		return nil, d, err
	},
	"search": func(ctx context.Context, p *slacksim.Person, a act) (any, *slacksim.Delivery, error) {
		options, _, err := p.Search(ctx, a.address(), a.Text)
		return options, nil, err
	},
	"submit": func(_ context.Context, p *slacksim.Person, _ act) (any, *slacksim.Delivery, error) {
		d, err := p.Submit()
		if d == nil && err != nil {
			return nil, nil, nil // What is wrong is beside the fields.
		}
		return nil, d, err
	},
	"close view": func(_ context.Context, p *slacksim.Person, _ act) (any, *slacksim.Delivery, error) {
		p.CloseView()
		return nil, nil, nil
	},
}

func (p *Page) act(w http.ResponseWriter, r *http.Request) {
	a, err := body[act](w, r)
	do, known := acts[a.Do]
	switch {
	case err != nil:
	case !p.isShown(a.As):
		err = fmt.Errorf("%s is nobody here", a.As)
	case a.Do == "read":
		p.read(a)
		reply(w, nil, nil)
		return
	case !known:
		err = fmt.Errorf("%q is nothing that one can do", a.Do)
	}
	if err != nil {
		reply(w, nil, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 15*time.Second) // Slack gives an app three.
	defer cancel()
	result, delivery, err := do(ctx, p.cfg.Workspace.Person(a.As), a)
	if err == nil && delivery != nil {
		_, err = delivery.Wait(ctx)
	}
	if failed, ok := errors.AsType[*slacksim.DeliveryError](err); ok {
		err = failed // in the words that Slack shows
	}
	reply(w, result, err)
}

func (p *Page) isShown(user string) bool {
	return slices.ContainsFunc(p.cfg.People, func(shown Person) bool { return shown.ID == user })
}

func (p *Page) read(a act) {
	p.mu.Lock()
	if p.reads[a.As] == nil {
		p.reads[a.As] = map[string]string{}
	}
	p.reads[a.As][a.Channel] = max(p.reads[a.As][a.Channel], a.TS)
	p.mu.Unlock()
	p.cfg.Workspace.Touch()
}
