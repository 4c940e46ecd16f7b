// Package kit draws documents and forms as Slack's blocks, elements and views. It is the only package that assembles slack-go types for
// display: every displayed text has a type of package markup, and kit enforces the limits of Slack's Block Kit reference
// (https://docs.slack.dev/reference/block-kit).
package kit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
)

// Slack's limits; those on texts are in characters.
const (
	maxBlocks   = 50
	maxSection  = 3000
	maxContext  = 2000
	maxElements = 10 // in a context block
	maxFields   = 10 // in a section
	maxField    = 2000
	maxLabel    = 2000
	maxButton   = 75
	maxTitle    = 100 // title of a confirmation dialog
	maxConfirm  = 300
	maxAnswer   = 30
	// maxTexts leaves room for buttons within the 13,000 characters that all blocks of a message may have.
	maxTexts = 10_500
)

// Message is a document ready for the Web API.
type Message struct{ doc doc.Document }

// Draw makes a message from a document.
func Draw(d doc.Document) Message {
	d.Brief = d.Fallback()
	return Message{d}
}

// With returns a copy with blocks appended.
func (m Message) With(blocks ...doc.Block) Message { return Draw(m.doc.With(blocks...)) }

// Text returns the message's fallback text.
func (m Message) Text() string { return m.doc.Brief.String() }

// Plain reduces the message to its fallback text in one block, for places where Slack rejected the blocks but requires some.
func (m Message) Plain() Message {
	return Message{doc.Document{Brief: m.doc.Brief, Blocks: []doc.Block{doc.Lines(m.doc.Brief.Text())}}}
}

// Blocks draws the message's blocks.
func (m Message) Blocks() []slack.Block { return Blocks(m.doc.Blocks...) }

// JSON returns the encoded blocks.
func (m Message) JSON() []byte {
	b, err := json.Marshal(m.Blocks())
	if err != nil {
		panic(fmt.Sprintf("blocks of strings cannot be encoded: %v", err))
	}
	return b
}

// Block is a block of a message or modal.
type Block = slack.Block

// Blocks draws blocks. Texts beyond maxTexts in total are cut.
func Blocks(blocks ...doc.Block) []Block {
	d := drawer{room: maxTexts}
	for _, b := range blocks {
		switch {
		case b.Small:
			d.small(b.Lines)
		case b.Columns:
			d.columns(b.Lines)
		case len(b.Lines) > 0:
			d.sections(b)
		default:
			d.actions(b.Buttons)
		}
	}
	return d.blocks
}

type drawer struct {
	blocks []Block
	room   int // left for texts, in characters
}

func (d *drawer) add(b Block) {
	if len(d.blocks) < maxBlocks {
		d.blocks = append(d.blocks, b)
	}
}

// show makes a mrkdwn object. It is verbatim, so that Slack does not turn lookalikes into links or mentions.
func (d *drawer) show(text markup.Text, most int) *slack.TextBlockObject {
	shown := cmp.Or(text.Cut(most).Cut(max(d.room, 1)).String(), markup.Nothing)
	d.room -= utf8.RuneCountInString(shown)
	return slack.NewTextBlockObject(slack.MarkdownType, shown, false, true)
}

// sections packs lines into as few sections as possible and puts the button beside the last one.
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

// columns draws texts as fields, in as many sections as they need.
func (d *drawer) columns(texts []markup.Text) {
	shown := slices.DeleteFunc(slices.Clone(texts), markup.Text.Empty)
	for some := range slices.Chunk(shown, maxFields) {
		fields := make([]*slack.TextBlockObject, len(some))
		for i, text := range some {
			fields[i] = d.show(text, maxField)
		}
		d.add(slack.NewSectionBlock(nil, fields, nil))
	}
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

// words makes a plain_text object.
func words(text markup.Plain, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, cmp.Or(text.Cut(most).String(), markup.Nothing), false, false)
}
