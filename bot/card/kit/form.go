package kit

import (
	"strings"

	"github.com/slack-go/slack"

	"c66bot/bot/card/markup"
)

// MaxOptions is the number of options in a select element. MaxOptionValue is the size of an option's value, in bytes.
const (
	MaxOptions     = 100
	MaxOptionValue = 150
)

// Slack's limits for views (https://docs.slack.dev/reference/views), in characters.
const (
	maxViewTitle   = 24
	maxOption      = 75
	maxPlaceholder = 150
)

// View is a modal for the Web API.
type View = slack.ModalViewRequest

// Modal makes a modal. If submit is empty, it has no submit button.
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

// Field holds the properties common to all form fields.
type Field struct {
	Block, Action string // ids
	Label, Hint   markup.Plain
	Optional      bool
	Dispatch      bool // a selection is sent at once
}

func (f Field) with(element slack.BlockElement) Block {
	b := slack.NewInputBlock(f.Block, words(f.Label, maxLabel), nil, element)
	if !f.Hint.Empty() {
		b.Hint = words(f.Hint, maxLabel)
	}
	b.Optional, b.DispatchAction = f.Optional, f.Dispatch
	return b
}

// Input is a text field. value is the initial content, which Slack displays literally, like typed text.
func Input(f Field, value string, placeholder markup.Plain, most int, lines bool) Block {
	element := slack.NewPlainTextInputBlockElement(words(placeholder, maxPlaceholder), f.Action)
	element.Multiline, element.MaxLength = lines, most
	element.InitialValue = markup.Shorten(strings.ToValidUTF8(value, ""), most)
	return f.with(element)
}

// Option is an option of a select element. The zero Option means none.
type Option struct{ object *slack.OptionBlockObject }

// NewOption makes an option from its label and the value sent for it.
func NewOption(value string, text markup.Plain) Option {
	return Option{slack.NewOptionBlockObject(value, words(text, maxOption), nil)}
}

// Object returns the option for an options response, or nil for the zero Option.
func (o Option) Object() *slack.OptionBlockObject { return o.object }

func objects(options []Option) []*slack.OptionBlockObject {
	all := make([]*slack.OptionBlockObject, len(options))
	for i, o := range options {
		all[i] = o.object
	}
	return all
}

// Radio is a field of radio buttons with one of them preselected.
func Radio(f Field, chosen Option, options ...Option) Block {
	element := slack.NewRadioButtonsBlockElement(f.Action, objects(options)...)
	element.InitialOption = chosen.object
	return f.with(element)
}

// Select is a drop-down field. chosen is preselected unless it is the zero Option.
func Select(f Field, placeholder markup.Plain, chosen Option, options []Option) Block {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, words(placeholder, maxPlaceholder), f.Action, objects(options)...)
	element.InitialOption = chosen.object
	return f.with(element)
}

// Search is a select field with an external data source and no minimum query length.
func Search(f Field, placeholder markup.Plain, chosen Option) Block {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, words(placeholder, maxPlaceholder), f.Action)
	all := 0
	element.MinQueryLength, element.InitialOption = &all, chosen.object
	return f.with(element)
}

// Channels is a text with a channel selection beside it. It is not an input block, so it also works in a modal without a submit button.
func Channels(block, action string, text markup.Text, placeholder markup.Plain, chosen string) Block {
	element := slack.NewOptionsSelectBlockElement(slack.OptTypeConversations, words(placeholder, maxPlaceholder), action)
	element.Filter = &slack.SelectBlockElementFilter{Include: []string{"public", "private"}, ExcludeBotUsers: true}
	element.InitialConversation = chosen
	d := drawer{room: maxSection}
	b := slack.NewSectionBlock(d.show(text, maxSection), nil, slack.NewAccessory(element))
	b.BlockID = block
	return b
}
