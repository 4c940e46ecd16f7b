package kit

import (
	"strings"

	"github.com/slack-go/slack"

	"c66bot/bot/card/markup"
)

// MaxOptions is how many options a choice can have, and MaxOptionValue how many bytes an option's value.
const (
	MaxOptions     = 100
	MaxOptionValue = 150
)

// Slack's limits of forms (https://docs.slack.dev/reference/views), in characters.
const (
	maxViewTitle   = 24
	maxOption      = 75
	maxPlaceholder = 150
)

// View is a form's window for the Web API.
type View = slack.ModalViewRequest

// Modal makes a form's window. Without words to submit it, nothing can be sent.
func Modal(title, shut, submit markup.Plain, metadata string, blocks ...Block) View {
	v := View{
		Type: slack.VTModal, Title: words(title, maxViewTitle), Close: words(shut, maxViewTitle), PrivateMetadata: metadata,
		Blocks: slack.Blocks{BlockSet: blocks},
	}
	if !submit.Empty() {
		v.Submit = words(submit, maxViewTitle)
	}
	return v
}

// Field is what all fields of a form have.
type Field struct {
	Block, Action string // ids
	Label, Hint   markup.Plain
	Optional      bool
	Dispatch      bool // what is chosen is sent at once
}

func (f Field) with(element slack.BlockElement) Block {
	b := slack.NewInputBlock(f.Block, words(f.Label, maxLabel), nil, element)
	if !f.Hint.Empty() {
		b.Hint = words(f.Hint, maxLabel)
	}
	b.Optional, b.DispatchAction = f.Optional, f.Dispatch
	return b
}

// Input is a field for text. What stands in it at first is what could have been typed into it: Slack shows it as it is.
func Input(f Field, value string, placeholder markup.Plain, most int, lines bool) Block {
	element := slack.NewPlainTextInputBlockElement(words(placeholder, maxPlaceholder), f.Action)
	element.Multiline, element.MaxLength = lines, most
	element.InitialValue = markup.Shorten(strings.ToValidUTF8(value, ""), most)
	return f.with(element)
}

// Option is one of a choice. The zero Option is none.
type Option struct{ object *slack.OptionBlockObject }

// NewOption makes an option of a text and the value that is sent for it.
func NewOption(value string, text markup.Plain) Option {
	return Option{slack.NewOptionBlockObject(value, words(text, maxOption), nil)}
}

// Object is the option for the answer to a search; nil where it is none.
func (o Option) Object() *slack.OptionBlockObject { return o.object }

func objects(options []Option) []*slack.OptionBlockObject {
	all := make([]*slack.OptionBlockObject, len(options))
	for i, o := range options {
		all[i] = o.object
	}
	return all
}

// Radio is a field that shows its options, one of which is chosen at first.
func Radio(f Field, chosen Option, options ...Option) Block {
	element := slack.NewRadioButtonsBlockElement(f.Action, objects(options)...)
	element.InitialOption = chosen.object
	return f.with(element)
}

// Select is a field that opens a list of options, of which one may be chosen at first.
func Select(f Field, placeholder markup.Plain, chosen Option, options []Option) Block {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, words(placeholder, maxPlaceholder), f.Action, objects(options)...)
	element.InitialOption = chosen.object
	return f.with(element)
}

// Search is a field whose options are searched for, from the first character on.
func Search(f Field, placeholder markup.Plain, chosen Option) Block {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, words(placeholder, maxPlaceholder), f.Action)
	all := 0
	element.MinQueryLength, element.InitialOption = &all, chosen.object
	return f.with(element)
}

// Channels is a text with a choice of channels beside it. It is no input, so that it can stand where nothing can be sent.
func Channels(block, action string, text markup.Text, placeholder markup.Plain, chosen string) Block {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeConversations, words(placeholder, maxPlaceholder), action)
	element.Filter = &slack.SelectBlockElementFilter{Include: []string{"public", "private"}, ExcludeBotUsers: true}
	element.InitialConversation = chosen
	d := drawer{room: maxSection}
	b := slack.NewSectionBlock(d.show(text, maxSection), nil, slack.NewAccessory(element))
	b.BlockID = block
	return b
}
