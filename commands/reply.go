package commands

import (
	"fmt"
	"strings"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Reply is the answer to a request: a document or the data to build it. A nil Reply sends nothing, since the card or the channel
// shows the result.
type Reply interface{ Document() doc.Document }

// resultOf says for the log what became of a request.
func resultOf(reply Reply) string {
	if reply == nil {
		return "done"
	}
	d := reply.Document()
	switch first, _, _ := strings.Cut(d.Fallback().String(), "\n"); d.Kind {
	case KindRefusal:
		return "refused: " + markup.Shorten(first, maxLogged)
	case KindProblem:
		return "problem: " + markup.Shorten(first, maxLogged)
	case kindChoice, "question":
		return "asked back"
	default:
		return "answered"
	}
}

const maxLogged = 200

// Document kinds that callers distinguish.
const (
	KindProblem = "problem"
	KindRefusal = "refusal"
	kindNotice  = "notice"
	kindChoice  = "choice"
)

// ProblemReply describes a problem, the resulting state and the remedy.
type ProblemReply struct {
	Stack   *storage.StackRef
	What    string
	State   string
	Do      string
	Example string // a complete command to copy, without the slash command's name
	Command string // the slash command's name, for Example
	Ref     string // the reference in the log
	Choices []Choice
}

// Document renders the problem.
func (p ProblemReply) Document() doc.Document {
	lines := []markup.Text{markup.Format("⚠️ %s", about(p.Stack, p.What))}
	if next := strings.TrimSpace(p.State + " " + p.Do); next != "" {
		lines = append(lines, markup.Format("%s", next))
	}
	if p.Example != "" {
		lines = append(lines, markup.Format("For example: %s", markup.Code(p.Command+" "+p.Example)))
	}
	if p.Ref != "" {
		lines[len(lines)-1] = markup.Format("%s (error %s)", lines[len(lines)-1], markup.Code(p.Ref))
	}
	d := doc.Say(KindProblem, lines...).With(doc.Buttons(buttons(p.Choices)...))
	d.Ref = p.Ref
	return d
}

// Notice returns a short confirmation.
func Notice(text string) doc.Document { return noticeOn(nil, text) }

func noticeOn(stack *storage.StackRef, text string) doc.Document {
	return doc.Say(kindNotice, about(stack, text))
}

// about prefixes a text with the name of a stack, if there is one.
func about(stack *storage.StackRef, text string) markup.Text {
	if stack == nil {
		return markup.Format("%s", text)
	}
	return markup.Format("%s: %s", wording.Stack(*stack), text)
}

// Choice is a button that continues the request with a stack or a deployment.
type Choice struct {
	Label string
	To    Invocation
}

// buttons returns the buttons of choices that are not too long for one.
func buttons(choices []Choice) []doc.Button {
	all := make([]doc.Button, len(choices))
	for i, c := range choices {
		all[i] = Button(c.Label, c.To, fmt.Sprintf("choose-%d", i))
	}
	return all
}

// choiceOf asks which of several stacks or deployments is meant.
func choiceOf(what string, options []Choice) doc.Document {
	var shown []doc.Button
	var labels, typed []markup.Text
	for i, b := range buttons(options) {
		label := markup.Shorten(options[i].Label, wording.MaxName)
		labels = append(labels, markup.Format("%s", label))
		if !b.None() && len(shown) < doc.MaxButtons {
			shown = append(shown, b)
		} else {
			typed = append(typed, markup.Code(label))
		}
	}
	lines := []markup.Text{markup.Format("%s", what)}
	if len(typed) > 0 {
		const more = "Too long, or too many, for buttons: type the command again with one of %s."
		lines = append(lines, markup.Format(more, markup.Join(typed, ", ")))
	}
	d := doc.Say(kindChoice, lines...).With(doc.Buttons(shown...))
	d.Brief = markup.Brief(lines[0], append([]markup.Text{markup.Join(labels, ", ")}, lines[1:]...)...)
	return d
}

// question asks before something dangerous.
func question(head markup.Text, yes string, inv Invocation, fact string) doc.Document {
	return asked("question", head, asTexts([]string{fact}), Button("Yes, "+yes, inv, "yes").As(doc.Danger), inv.Nonce)
}

// asked is a question with its facts, a Yes and a No.
func asked(kind string, head markup.Text, facts []markup.Text, yes doc.Button, nonce string) doc.Document {
	return doc.Document{Kind: kind, Brief: markup.Brief(head, facts...), Blocks: []doc.Block{
		doc.Lines(head), doc.Small(markup.Join(facts, "\n")), doc.Buttons(yes, Button("No", Invocation{Verb: Dismiss, Nonce: nonce}, "no")),
	}}
}

func asTexts(facts []string) []markup.Text {
	return each(facts, func(fact string) markup.Text { return markup.Format("%s", fact) })
}

// Button returns the button of a request. Its action id starts with its label. It is zero if the request is too long for a value.
func Button(label string, inv Invocation, id string) doc.Button {
	value, err := inv.Value()
	if err != nil {
		return doc.Button{}
	}
	return doc.Button{Label: markup.Line(label), ID: id, Value: value}
}

// CancelButton returns a button that cancels after Slack's own confirmation dialog.
func CancelButton(stack storage.StackRef, id int64) doc.Button {
	const most = 60 // characters of each name, so that the consequence is not cut
	name := wording.Name(stack, most)
	if stack.Tag != "" {
		name += " · " + markup.Shorten(markup.OneLine(stack.Tag), most)
	}
	const consequence = "%s: #%d stops where it is. What is live stays live; servers that it has changed already may need another deployment."
	b := Button("Cancel", Invocation{Verb: Cancel, UID: stack.UID, Deployment: id, Yes: true}, "cancel")
	b.Confirm = &doc.Confirm{
		Title: markup.Line(fmt.Sprintf("Cancel #%d?", id)), Text: markup.Line(fmt.Sprintf(consequence, name, id)),
		Yes: markup.Line("Yes, cancel it"), No: markup.Line("No, let it run"),
	}
	return b
}

// page is a part of a list: its number, from 1, and the range of its entries.
type page struct{ number, from, to, total int }

// pageOf returns a page of a list; the last page if number is too high.
func pageOf(number, size, total int) page {
	last := max(1, (total+size-1)/size)
	number = min(max(1, number), last)
	from := (number - 1) * size
	return page{number, from, min(from+size, total), total}
}

// String returns the range of the entries, as in "31–40 of 95".
func (p page) String() string { return fmt.Sprintf("%d–%d of %d", p.from+1, p.to, p.total) }

// pageButtons returns the buttons to the adjacent pages, for a list without expiry. inv shows the list.
func (p page) pageButtons(inv Invocation) doc.Block {
	var back, next doc.Button
	if p.number > 1 {
		back = Button("Previous", inv.OnPage(p.number-1), "previous")
	}
	if p.to < p.total {
		next = Button("Next", inv.OnPage(p.number+1), "next")
	}
	return doc.Buttons(back, next)
}

// FormReply is the redeploy form, filled in as far as possible.
type FormReply struct {
	Channel  string            // decides by its rules and receives the card; "" until chosen
	Choose   bool              // the user can choose the channel
	Stack    *storage.StackRef // nil until chosen
	Note     Reply             // why the typed stack must be replaced; else nil
	Facts    []string          // for the user to know before sending
	Branch   string            // deployed if no ref is given, "" if unknown
	Docker   bool              // the stack accepts services, any other a ref
	Services []cloud66.Service
	Profiles []string
	Version  *cloud66.Deployment // deployment whose commit can be redeployed, nil if the API does not allow it
	Ships    markup.Text         // what changes with Version or the commit that is filled in, empty if unknown
	Fill     Invocation          // the known values: the options, Newest and AskedAt
}

// Document returns only the kind of the form for the log. Package card renders it as a modal.
func (FormReply) Document() doc.Document { return doc.Document{Kind: "form"} }

// offerForm offers the redeploy form if it could not be opened at once. Without a stack, the form asks for it; with a deployment, it offers
// its version, with a card what that shows.
func offerForm(stack *storage.StackRef, inv Invocation) doc.Document {
	form := inv.Again()
	form.Deployment, form.Follow, form.Fill = inv.Deployment, inv.Follow, form.OptionsTyped() != ""
	head := about(stack, "the button opens the form. Nothing is done before you send it.")
	if stack == nil {
		head = markup.Format("The button opens the form, with a search for the stack. Nothing is done before you send it.")
	}
	return doc.Document{Kind: "open", Blocks: []doc.Block{doc.Lines(head), doc.Buttons(Button("Redeploy", form, "redeploy").As(doc.Primary))}}
}
