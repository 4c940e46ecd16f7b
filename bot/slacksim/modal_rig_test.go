package slacksim

import (
	"strings"
)

const (
	submitGo = `,"submit":{"type":"plain_text","text":"Go"}`
	oneLine  = `[{"type":"section","text":{"type":"mrkdwn","text":"Hello"}}]`
)

// modal is a view with blocks; more is JSON that begins with a comma.
func modal(blocks, more string) string {
	return `{"type":"modal","title":{"type":"plain_text","text":"Title"},"blocks":` + blocks + more + `}`
}

// form is a view with a submit button and blocks.
func form(blocks ...string) string { return modal("["+strings.Join(blocks, ",")+"]", submitGo) }

// input is an input block whose block_id and action_id are the label in lower case.
func input(label, element, more string) string {
	id := strings.ToLower(label)
	return `{"type":"input","block_id":"` + id + `","label":{"type":"plain_text",` +
		`"text":"` + label + `"},"element":{"action_id":"` + id + `",` + element + `}` + more + `}`
}

// textInput is an input to type into.
func textInput(label, fields, more string) string {
	return input(label, `"type":"plain_text_input"`+fields, more)
}

// optionJSON is an option object.
func optionJSON(text string) string {
	return `{"text":{"type":"plain_text","text":"` + text + `"},"value":"` + strings.ToLower(text) + `"}`
}

// options are the options of a menu, as a field in JSON.
func options(texts ...string) string {
	var all []string
	for _, text := range texts {
		all = append(all, optionJSON(text))
	}
	return `,"options":[` + strings.Join(all, ",") + `]`
}

// trigger is the trigger_id of a command that Lin sends now.
func (r *rig) trigger(l *link) string {
	r.t.Helper()
	d := r.w.Person(lin).Command(general, "/c66")
	l.ack(l.read(), "")
	return d.TriggerID
}

// show opens a view for Lin and returns the answer's view.
func (r *rig) show(l *link, view string) map[string]any {
	r.t.Helper()
	return object(r.ok("views.open", "trigger_id", r.trigger(l), "view", view).json["view"])
}

// view is what Lin looks at.
func (r *rig) view() View {
	r.t.Helper()
	v, open := r.w.Person(lin).View()
	if !open {
		r.t.Fatal("no view is open")
	}
	return v
}

// must fails the test on an error.
func (r *rig) must(d *Delivery, err error) *Delivery {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}
