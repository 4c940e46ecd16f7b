package card

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// Block and action ids of the form. Per-stack blocks carry the stack's UID, so that the fields of another stack start empty.
const (
	blockStack   = "stack"
	blockChannel = "channel"
	blockProfile = "profile"
	blockReason  = "reason"

	blockRef      = "ref/"
	blockServices = "services/"
	blockVersion  = "version/"

	// ActionStack and ActionChannel are the action ids of the selections that trigger a refill of the form.
	ActionStack   = "stack"
	ActionChannel = "channel"
	actionField   = "field"

	thisVersion, newestVersion = "this", "newest"
)

const formTitle = "Redeploy a stack"

// Loading renders the form's placeholder while its content is looked up.
func Loading() kit.View {
	return plainView(FormState{}, kit.Blocks(doc.Lines(markup.Format("⏳ One moment, I am looking at how things stand …")))...)
}

// Reason renders the window that asks for the reason which an invocation takes.
func Reason(inv commands.Invocation, channel string) (kit.View, error) {
	value, err := inv.Value()
	if err != nil {
		return kit.View{}, err
	}
	title, about := inv.ReasonWanted()
	field := kit.Field{Block: blockReason, Action: actionField, Label: markup.Line("Reason"), Hint: markup.Line(about)}
	input := kit.Input(field, inv.Options[commands.Reason], markup.Line("Why?"), 500, false)
	state := FormState{Channel: channel, Wants: value}
	return kit.Modal(markup.Line(title), markup.Line("Close"), markup.Line(title), state.encode(), input), nil
}

// Inside renders a message in the form's modal, without a submit button.
func Inside(m Message, state FormState) kit.View {
	if state.Choose {
		return plainView(state, append([]kit.Block{channelField(state.Channel)}, m.Blocks()...)...)
	}
	return plainView(state, m.Blocks()...)
}

// WithTyped appends the form's input to a message, so that it is not lost.
func WithTyped(m Message, sent commands.Invocation) Message {
	typed := sent.OptionsTyped()
	if typed == "" {
		return m
	}
	line := markup.Format("What you had typed: %s", markup.Code(typed))
	return m.With(doc.Small(line))
}

// WithAgain appends the form's input and a button that reopens the form with it.
func WithAgain(m Message, sent commands.Invocation) Message {
	return WithTyped(m, sent).With(doc.Buttons(commands.Button("Redeploy", sent.Again(), "redeploy")))
}

// plainView is the form's modal without a submit button.
func plainView(state FormState, blocks ...kit.Block) kit.View { return window(state, "", blocks) }

func window(state FormState, submit string, blocks []kit.Block) kit.View {
	return kit.Modal(markup.Line(formTitle), markup.Line("Close"), markup.Line(submit), state.encode(), blocks...)
}

// Form renders the redeploy form.
func Form(r commands.FormReply) kit.View {
	if p := r.Fill.Options[commands.Profile]; p != "" && !slices.Contains(r.Profiles, p) { // requested by name, though not configured
		r.Profiles = append([]string{p}, r.Profiles...)
	}
	state := stateOf(r)
	r.Profiles = state.Profiles
	var blocks []kit.Block
	if r.Choose {
		blocks = append(blocks, channelField(r.Channel))
	}
	if r.Note != nil {
		blocks = append(blocks, Reply(r.Note).Blocks()...)
	}
	if r.Channel != "" {
		blocks = append(blocks, stackField(r.Stack))
	}
	if r.Stack != nil {
		blocks = append(blocks, kit.Blocks(about(r)...)...)
		blocks = append(blocks, stackFields(r)...)
		blocks = append(blocks, textField(blockReason, "Reason", r.Fill.Options[commands.Reason], "The card shows it", 500))
	}
	if r.Channel == "" {
		return plainView(state, blocks...)
	}
	return window(state, "Redeploy", blocks)
}

// about describes the stack, the default revision and the facts to note.
func about(r commands.FormReply) []doc.Block {
	text := markup.Format("*Redeploy* %s", wording.Stack(*r.Stack))
	if !r.Docker && r.Branch != "" && r.Version == nil { // otherwise the version field shows it
		text = markup.Format("%s: the newest commit of %s, unless you say otherwise.", text, markup.Code(r.Branch))
	}
	facts := make([]markup.Text, len(r.Facts))
	for i, f := range r.Facts {
		facts[i] = markup.Format("%s", f)
	}
	return []doc.Block{doc.Lines(text), doc.Small(markup.Join(append(facts, r.Ships), "\n"))}
}

// stackFields returns the fields that apply to the stack.
func stackFields(r commands.FormReply) []kit.Block {
	var blocks []kit.Block
	uid := r.Stack.UID
	if r.Version != nil {
		blocks = append(blocks, versionField(blockOf(blockVersion, uid), r))
	}
	if r.Docker {
		blocks = append(blocks, servicesField(blockOf(blockServices, uid), r))
	} else {
		placeholder := "Empty for " + cmp.Or(r.Branch, "the stack's own branch")
		blocks = append(blocks, textField(blockOf(blockRef, uid), "Branch, tag or commit", r.Fill.Options[commands.Ref], placeholder, 255))
	}
	if len(r.Profiles) > 0 {
		blocks = append(blocks, profileField(r))
	}
	return blocks
}

// servicesField is the field for the services to redeploy and their tags.
func servicesField(block string, r commands.FormReply) kit.Block {
	list, hint := current(r.Services), "Left as it is, all are redeployed as they are; a line taken out leaves that service alone."
	if filled := r.Fill.Options[commands.Services]; filled != "" || list == "" {
		list, hint = strings.ReplaceAll(filled, ",", "\n"), "Where it is empty, all are redeployed as they are."
	}
	field := fieldOf(block, "Services and tags")
	field.Hint = markup.Line("One a line, as name:tag. " + hint)
	return kit.Input(field, list, markup.Line("api:1.4.2"), 1000, true)
}

// current lists services with their tags, one per line. It returns "" if the list is too long for the field.
func current(services []cloud66.Service) string {
	lines := make([]string, len(services))
	for i, s := range services {
		lines[i] = s.Name
		if s.ImageTag != "" {
			lines[i] += ":" + s.ImageTag
		}
	}
	all := strings.Join(lines, "\n")
	if len(all) > 1000 {
		return ""
	}
	return all
}

func fieldOf(block, label string) kit.Field {
	return kit.Field{Block: block, Action: actionField, Label: markup.Line(label), Optional: true}
}

func textField(block, label, value, placeholder string, most int) kit.Block {
	return kit.Input(fieldOf(block, label), value, markup.Line(placeholder), most, false)
}

// versionField offers the commit of a deployment and the newest commit.
func versionField(block string, r commands.FormReply) kit.Block {
	d := r.Version
	newest := option(newestVersion, "The newest commit of "+cmp.Or(r.Branch, "the stack's branch"))
	this := option(thisVersion, fmt.Sprintf("Redeploy this version: %s, #%d", wording.ShortHash(d.GitHash), d.ID))
	chosen := newest
	if r.Fill.Options[commands.Ref] == d.GitHash {
		chosen = this
	}
	field := fieldOf(block, "Version")
	field.Optional = false
	return kit.Radio(field, chosen, newest, this)
}

func profileField(r commands.FormReply) kit.Block {
	options := make([]kit.Option, len(r.Profiles))
	var chosen kit.Option
	for i, p := range r.Profiles {
		options[i] = option(strconv.Itoa(i), p)
		if p == r.Fill.Options[commands.Profile] {
			chosen = options[i]
		}
	}
	return kit.Select(fieldOf(blockProfile, "Deployment profile"), markup.Line("None"), chosen, options)
}

func option(value, text string) kit.Option { return kit.NewOption(value, markup.Line(text)) }

// stackField is the stack search. A selection refills the form for that stack.
func stackField(stack *storage.StackRef) kit.Block {
	field := kit.Field{Block: stackBlock(""), Action: ActionStack, Label: markup.Line("Stack"), Dispatch: true}
	var chosen kit.Option
	if stack != nil {
		chosen = StackOption(*stack)
		field.Block = stackBlock(stack.UID)
	}
	return kit.Search(field, markup.Line("Type to search"), chosen)
}

// StackOption makes a search option of a stack. It is the zero Option if the UID is empty or too long for an option's value.
func StackOption(stack storage.StackRef) kit.Option {
	if stack.UID == "" || len(stack.UID) > kit.MaxOptionValue {
		return kit.Option{}
	}
	return option(stack.UID, cmp.Or(stack.Label(), stack.UID))
}

// asking begins the value of the search option that stands for a name of no stack. No UID begins so.
const asking = "?"

// AskOption makes the only option of a search that found nothing, which asks for access. It is the zero Option if the name is too long.
func AskOption(name string) kit.Option {
	if len(asking+name) > kit.MaxOptionValue {
		return kit.Option{}
	}
	return option(asking+name, "Ask for access to “"+name+"”")
}

// AskedFor returns the name in the value of an AskOption.
func AskedFor(value string) (name string, ok bool) { return strings.CutPrefix(value, asking) }

// channelField selects the channel that receives the card and whose rules apply. It is a section rather than an input block, because a
// modal without a submit button cannot contain inputs.
func channelField(channel string) kit.Block {
	text := markup.Format("*Channel*\nIts rules decide whether you may, and the card is posted there.")
	return kit.Channels(blockChannel, ActionChannel, text, markup.Line("Choose a channel"), channel)
}
