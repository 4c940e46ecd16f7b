package card

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// The blocks and elements of the form. What belongs to one stack carries its UID, so that another stack's fields begin anew.
const (
	blockStack   = "stack"
	blockChannel = "channel"
	blockProfile = "profile"
	blockReason  = "reason"

	blockRef      = "ref/"
	blockServices = "services/"
	blockVersion  = "version/"

	// ActionStack and ActionChannel are the action ids of the choices upon which the form is filled anew.
	ActionStack   = "stack"
	ActionChannel = "channel"
	actionField   = "field"

	thisVersion, newestVersion = "this", "newest"
)

// Limits of views (Slack's reference of modals and of Block Kit), in characters.
const (
	maxViewTitle   = 24
	maxOption      = 75
	maxOptions     = 100
	maxOptionValue = 150
	maxPlaceholder = 150
	maxHint        = 2000
)

const formTitle = "Redeploy a stack"

// Loading is what a form shows until it is known what goes into it.
func Loading() slack.ModalViewRequest {
	return plainView(FormState{}, []slack.Block{section("⏳ One moment, I am looking at how things stand …")})
}

// Inside shows a message inside a form's window, where nothing can be sent any more.
func Inside(m Message, state FormState) slack.ModalViewRequest {
	if state.Choose {
		return plainView(state, append([]slack.Block{channelField(state.Channel)}, m.Blocks...))
	}
	return plainView(state, m.Blocks)
}

// WithTyped adds to a message what was typed into a form, and a button that opens the form again with it, so that it is not lost.
func WithTyped(m Message, sent commands.Invocation) Message {
	typed := sent.OptionsTyped()
	if typed == "" {
		return m
	}
	line := md("What you had typed: %s", code(typed))
	return message(plain(mrkdwn(m.Text), line), append(m.Blocks, small(line))...)
}

// WithAgain adds what was typed too, and a button that opens the form again with it.
func WithAgain(m Message, sent commands.Invocation) Message {
	m = WithTyped(m, sent)
	return message(m.Text, append(m.Blocks, actions(button("Redeploy", sent.Again(), "redeploy")))...)
}

func plainView(state FormState, blocks []slack.Block) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plainText(formTitle, maxViewTitle), Close: plainText("Close", maxViewTitle), PrivateMetadata: state.encode(),
		Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// Form renders the form of a redeploy.
func Form(r commands.FormReply) slack.ModalViewRequest {
	if p := r.Fill.Profile; p != "" && !slices.Contains(r.Profiles, p) { // what was asked for is offered, though nobody listed it
		r.Profiles = append([]string{p}, r.Profiles...)
	}
	state := stateOf(r)
	r.Profiles = state.Profiles
	var blocks []slack.Block
	if r.Choose {
		blocks = append(blocks, channelField(r.Channel))
	}
	if r.Note != nil {
		blocks = append(blocks, Reply(r.Note).Blocks...)
	}
	if r.Channel != "" {
		blocks = append(blocks, stackField(r.Stack))
	}
	if r.Stack != nil {
		blocks = append(blocks, about(r), small(facts(r.Facts)...))
		blocks = append(blocks, stackFields(r)...)
		blocks = append(blocks, textField(blockReason, "Reason", r.Fill.Reason, "The card shows it", 500, false))
	}
	view := plainView(state, withoutNil(blocks))
	if r.Channel != "" {
		view.Submit = plainText("Redeploy", maxViewTitle)
	}
	return view
}

func withoutNil(blocks []slack.Block) []slack.Block {
	var kept []slack.Block
	for _, b := range blocks {
		if b != nil {
			kept = append(kept, b)
		}
	}
	return kept
}

// about names the stack and what is deployed where nothing else is said.
func about(r commands.FormReply) slack.Block {
	text := md("*Redeploy* %s", stackName(*r.Stack))
	if r.Git && r.Branch != "" && r.Version == nil { // else the choice says so
		text = md("%s: the newest commit of %s, unless you say otherwise.", text, code(r.Branch))
	}
	return section(text)
}

func facts(all []string) []mrkdwn {
	lines := make([]mrkdwn, len(all))
	for i, f := range all {
		lines[i] = md("%s", f)
	}
	return lines
}

// stackFields are the fields that the stack takes.
func stackFields(r commands.FormReply) []slack.Block {
	var blocks []slack.Block
	uid := r.Stack.UID
	if r.Version != nil {
		blocks = append(blocks, versionField(versionBlock(uid), r))
	}
	if r.Git {
		blocks = append(blocks, textField(refBlock(uid), "Branch, tag or commit", r.Fill.Ref, cut("Empty for "+fallback(r.Branch, "the stack's own branch"), maxPlaceholder), 255, false))
	}
	if r.Docker {
		blocks = append(blocks, servicesField(servicesBlock(uid), r))
	}
	if len(r.Profiles) > 0 {
		blocks = append(blocks, profileField(r))
	}
	return blocks
}

// servicesField asks which services to redeploy, with which tags.
func servicesField(block string, r commands.FormReply) slack.Block {
	list, hint := current(r.Services), "Left as it is, all are redeployed as they are; a line taken out leaves that service alone."
	if filled := r.Fill.Services; filled != "" || list == "" {
		list, hint = strings.ReplaceAll(filled, ",", "\n"), "Where it is empty, all are redeployed as they are."
	}
	field := textField(block, "Services and tags", list, "api:1.4.2", 1000, true)
	field.Hint = plainText("One a line, as name:tag. "+hint, maxHint)
	return field
}

// current lists services with the tags that they have, one a line; it is empty where that is too long for a field.
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

func textField(block, label, value, placeholder string, most int, lines bool) *slack.InputBlock {
	element := slack.NewPlainTextInputBlockElement(plainText(placeholder, maxPlaceholder), actionField)
	element.Multiline, element.MaxLength, element.InitialValue = lines, most, cut(strings.ToValidUTF8(value, ""), most)
	b := slack.NewInputBlock(block, plainText(label, maxHint), nil, element)
	b.Optional = true
	return b
}

// versionField offers the commit of a deployment beside the newest one.
func versionField(block string, r commands.FormReply) slack.Block {
	d := r.Version
	newest := option(newestVersion, "The newest commit of "+fallback(r.Branch, "the stack's branch"))
	this := option(thisVersion, fmt.Sprintf("Redeploy this version: %s, #%d", shortHash(d.GitHash), d.ID))
	radio := slack.NewRadioButtonsBlockElement(actionField, newest, this)
	radio.InitialOption = newest
	if r.Fill.Ref == d.GitHash {
		radio.InitialOption = this
	}
	return slack.NewInputBlock(block, plainText("Version", maxHint), nil, radio)
}

func profileField(r commands.FormReply) slack.Block {
	options := make([]*slack.OptionBlockObject, 0, len(r.Profiles))
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plainText("None", maxPlaceholder), actionField)
	for i, p := range r.Profiles {
		o := option(numberOf(i), p)
		options = append(options, o)
		if p == r.Fill.Profile {
			element.InitialOption = o
		}
	}
	element.Options = options
	b := slack.NewInputBlock(blockProfile, plainText("Deployment profile", maxHint), nil, element)
	b.Optional = true
	return b
}

func numberOf(i int) string { return strconv.Itoa(i) }

func option(value, text string) *slack.OptionBlockObject {
	return slack.NewOptionBlockObject(value, plainText(text, maxOption), nil)
}

// stackField searches the stacks. Choosing one has the form filled for it.
func stackField(stack *storage.StackRef) slack.Block {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plainText("Type to search", maxPlaceholder), ActionStack)
	all := 0
	element.MinQueryLength = &all
	block := stackBlock("")
	if stack != nil {
		element.InitialOption = StackOption(storage.StackRef{UID: stack.UID, Name: stack.String()})
		block = stackBlock(stack.UID)
	}
	b := slack.NewInputBlock(block, plainText("Stack", maxHint), nil, element)
	b.DispatchAction = true
	return b
}

// StackOption is a stack among those that a search offers. It is nil for one whose UID cannot be an option's value.
func StackOption(stack storage.StackRef) *slack.OptionBlockObject {
	if stack.UID == "" || len(stack.UID) > maxOptionValue {
		return nil
	}
	return option(stack.UID, fallback(stack.Name, stack.UID))
}

// channelField asks where the card goes, and whose rules decide. It is no input, so that it can stand where nothing can be sent.
func channelField(channel string) slack.Block {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeConversations, plainText("Choose a channel", maxPlaceholder), ActionChannel)
	element.Filter = &slack.SelectBlockElementFilter{Include: []string{"public", "private"}, ExcludeBotUsers: true}
	element.InitialConversation = channel
	b := section("*Channel*\nIts rules decide whether you may, and the card is posted there.")
	b.BlockID, b.Accessory = blockChannel, slack.NewAccessory(element)
	return b
}

// open offers the form of a redeploy.
func open(r commands.OpenReply) Message {
	head := md("%s: the button opens the form. Nothing is done before you send it.", stackName(r.Stack))
	b := button("Redeploy", r.Form, "redeploy")
	if b != nil {
		b.Style = slack.StylePrimary
	}
	return message(plain(head), section(head), actions(b))
}
