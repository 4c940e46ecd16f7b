// Package kit makes Slack's blocks, elements and views. It is the only place where the types of slack-go are put together for what people
// read: whatever it shows is of a type of package markup, and whatever has a limit in Slack's reference of Block Kit
// (https://docs.slack.dev/reference/block-kit) is kept within it.
package kit

import (
	"cmp"

	"github.com/slack-go/slack"

	"c66bot/bot/card/markup"
)

// Slack's limits, in characters.
const (
	maxSection  = 3000
	maxContext  = 2000
	maxElements = 10 // of a context
	maxLabel    = 2000
)

// Block is a block of a message or of a form. The zero Block is none, and is left out.
type Block struct {
	block slack.Block
	texts []shown // those that may be long
}

// shown is a text and the object that shows it.
type shown struct {
	object *slack.TextBlockObject
	text   markup.Text
}

// show makes an object of a text. It is verbatim: Slack makes no link and no mention of what only looks like one.
func show(text markup.Text, most int) shown {
	text = text.Cut(most)
	return shown{slack.NewTextBlockObject(slack.MarkdownType, cmp.Or(text.String(), markup.Nothing), false, true), text}
}

// cut shortens what is shown, and gives how much room that leaves.
func (s shown) cut(room int) int {
	s.object.Text = cmp.Or(s.text.Cut(max(room, 1)).String(), markup.Nothing)
	return room - len([]rune(s.object.Text))
}

// words makes an object of plain text.
func words(text markup.Plain, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, cmp.Or(text.Cut(most).String(), markup.Nothing), false, false)
}

// Section shows a text.
func Section(text markup.Text) Block { return SectionWith(text, Button{}) }

// SectionWith shows a text and, if there is one, a button beside it.
func SectionWith(text markup.Text, beside Button) Block {
	s := show(text, maxSection)
	var accessory *slack.Accessory
	if beside.element != nil {
		accessory = slack.NewAccessory(beside.element)
	}
	return Block{slack.NewSectionBlock(s.object, nil, accessory), []shown{s}}
}

// Small shows lines below, in Slack's smaller type. Empty lines are left out; it is none where none is left.
func Small(lines ...markup.Text) Block {
	var elements []slack.MixedElement
	var texts []shown
	for _, line := range lines {
		if !line.Empty() && len(elements) < maxElements {
			s := show(line, maxContext)
			elements, texts = append(elements, s.object), append(texts, s)
		}
	}
	if len(elements) == 0 {
		return Block{}
	}
	return Block{slack.NewContextBlock("", elements...), texts}
}

// Sections shows lines in as few sections as hold them.
func Sections(lines []markup.Text) []Block {
	var blocks []Block
	var text markup.Text
	for _, line := range lines {
		longer := markup.Join([]markup.Text{text, line}, "\n")
		if !text.Empty() && len([]rune(longer.String())) > maxSection {
			blocks = append(blocks, Section(text))
			longer = line
		}
		text = longer
	}
	return append(blocks, Section(text))
}
