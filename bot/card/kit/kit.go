// Package kit draws documents and forms as Slack's blocks, elements and views. It is the only place where the types of slack-go are put
// together for what people read: whatever it shows is of a type of package markup, and whatever has a limit in Slack's reference of Block
// Kit (https://docs.slack.dev/reference/block-kit) is kept within it.
package kit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
)

// Slack's limits, in characters where they are of texts.
const (
	maxBlocks   = 50
	maxSection  = 3000
	maxContext  = 2000
	maxElements = 10 // of a context
	maxLabel    = 2000
	maxButton   = 75
	maxTitle    = 100 // of a question before a click
	maxConfirm  = 300
	maxAnswer   = 30
	// maxTexts leaves room for the buttons below the 13,000 characters that all blocks of a message may have.
	maxTexts = 10_500
)

// Message is a document for the Web API.
type Message struct{ doc doc.Document }

// Draw makes a message of a document.
func Draw(d doc.Document) Message {
	d.Brief = d.Fallback()
	return Message{d}
}

// With adds blocks at the end.
func (m Message) With(blocks ...doc.Block) Message { return Draw(m.doc.With(blocks...)) }

// Text is the message's fallback text.
func (m Message) Text() string { return m.doc.Brief.String() }

// Plain is the message as its text alone, for where Slack does not take its blocks and takes none without any.
func (m Message) Plain() Message {
	return Message{doc.Document{Brief: m.doc.Brief, Blocks: []doc.Block{doc.Lines(m.doc.Brief.Text())}}}
}

// Blocks are the message's blocks.
func (m Message) Blocks() []slack.Block { return Blocks(m.doc.Blocks...) }

// JSON encodes the blocks.
func (m Message) JSON() ([]byte, error) {
	b, err := json.Marshal(m.Blocks())
	if err != nil {
		return nil, fmt.Errorf("encode blocks: %w", err)
	}
	return b, nil
}

// Block is a block of a message or of a form.
type Block = slack.Block

// Blocks draws the blocks of a document. What they say beyond Slack's limit for all together is cut.
func Blocks(blocks ...doc.Block) []Block {
	d := drawer{room: maxTexts}
	for _, b := range blocks {
		switch {
		case b.Small:
			d.small(b.Lines)
		case len(b.Lines) > 0:
			d.sections(b)
		default:
			d.actions(b.Buttons)
		}
	}
	return d.blocks
}

// drawer draws block by block.
type drawer struct {
	blocks []Block
	room   int // for texts, in characters
}

func (d *drawer) add(b Block) {
	if len(d.blocks) < maxBlocks {
		d.blocks = append(d.blocks, b)
	}
}

// show makes an object of a text. It is verbatim: Slack makes no link and no mention of what only looks like one.
func (d *drawer) show(text markup.Text, most int) *slack.TextBlockObject {
	shown := cmp.Or(text.Cut(most).Cut(max(d.room, 1)).String(), markup.Nothing)
	d.room -= utf8.RuneCountInString(shown)
	return slack.NewTextBlockObject(slack.MarkdownType, shown, false, true)
}

// sections shows lines in as few sections as hold them, and a button beside the last one.
func (d *drawer) sections(b doc.Block) {
	var text markup.Text
	for _, line := range b.Lines {
		longer := markup.Join([]markup.Text{text, line}, "\n")
		if !text.Empty() && utf8.RuneCountInString(longer.String()) > maxSection {
			d.add(slack.NewSectionBlock(d.show(text, maxSection), nil, nil))
			longer = line
		}
		text = longer
	}
	var accessory *slack.Accessory
	if len(b.Buttons) > 0 && !b.Buttons[0].None() {
		accessory = slack.NewAccessory(element(b.Buttons[0]))
	}
	d.add(slack.NewSectionBlock(d.show(text, maxSection), nil, accessory))
}

func (d *drawer) small(lines []markup.Text) {
	var elements []slack.MixedElement
	for _, line := range lines {
		if !line.Empty() && len(elements) < maxElements {
			elements = append(elements, d.show(line, maxContext))
		}
	}
	if len(elements) > 0 {
		d.add(slack.NewContextBlock("", elements...))
	}
}

func (d *drawer) actions(buttons []doc.Button) {
	var elements []slack.BlockElement
	for _, b := range buttons {
		if !b.None() && len(elements) < doc.MaxButtons {
			elements = append(elements, element(b))
		}
	}
	if len(elements) > 0 {
		d.add(slack.NewActionBlock("", elements...))
	}
}

func element(b doc.Button) *slack.ButtonBlockElement {
	e := slack.NewButtonBlockElement(b.ID, b.Value, words(b.Label, maxButton))
	e.URL, e.Style = b.URL.String(), slack.Style(b.Style)
	if c := b.Confirm; c != nil {
		e.Confirm = slack.NewConfirmationBlockObject(
			words(c.Title, maxTitle), words(c.Text, maxConfirm), words(c.Yes, maxAnswer), words(c.No, maxAnswer))
		e.Confirm.Style = slack.StyleDanger
	}
	return e
}

// words makes an object of plain text.
func words(text markup.Plain, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, cmp.Or(text.Cut(most).String(), markup.Nothing), false, false)
}
