// Package doc holds messages as neutral blocks: lines of text, small print and buttons. Whoever has something to say builds a Document;
// package kit draws it as Block Kit. A document has no limits of its own: kit cuts what Slack would not take.
package doc

import (
	"slices"

	"c66bot/bot/card/markup"
)

// Document is a message. Its fallback text, for notifications and screen readers, comes out of its blocks unless Brief is set.
type Document struct {
	Kind   string // of answer, for the log
	Ref    string // a reference to the log's record of an error, "" where nothing failed
	Brief  markup.Fallback
	Blocks []Block
}

// Block is a part of a document: lines with buttons beside or below them. A block without lines and buttons is left out.
type Block struct {
	Lines   []markup.Text
	Small   bool // in smaller type
	Buttons []Button
}

// Lines shows each text on a line of its own.
func Lines(lines ...markup.Text) Block { return Block{Lines: lines} }

// Row is one line with a button beside it.
func Row(line markup.Text, beside Button) Block {
	return Block{Lines: []markup.Text{line}, Buttons: []Button{beside}}
}

// Small shows lines in smaller type, side by side.
func Small(lines ...markup.Text) Block { return Block{Lines: lines, Small: true} }

// Buttons shows buttons side by side.
func Buttons(buttons ...Button) Block { return Block{Buttons: buttons} }

// Say is a document of a few lines, the first of which matters most.
func Say(kind string, lines ...markup.Text) Document {
	return Document{Kind: kind, Brief: markup.Brief(lines[0], markup.Join(lines[1:], " ")), Blocks: []Block{Lines(markup.Join(lines, "\n"))}}
}

// Document makes a document an answer.
func (d Document) Document() Document { return d }

// With adds blocks at the end.
func (d Document) With(blocks ...Block) Document {
	if lines := linesOf(blocks); len(lines) > 0 {
		d.Brief = d.Fallback().With(lines...)
	}
	d.Blocks = append(slices.Clip(d.Blocks), blocks...)
	return d
}

// Fallback is the text beside the blocks.
func (d Document) Fallback() markup.Fallback {
	lines := linesOf(d.Blocks)
	if d.Brief != (markup.Fallback{}) || len(lines) == 0 {
		return d.Brief
	}
	return markup.Brief(lines[0], lines[1:]...)
}

func linesOf(blocks []Block) (lines []markup.Text) {
	for _, b := range blocks {
		lines = append(lines, b.Lines...)
	}
	return lines
}

// MaxButtons is how many buttons stand side by side; kit leaves out more.
const MaxButtons = 25

// Style is how much a button stands out.
type Style string

// The styles. Without one a button is plain.
const (
	Primary Style = "primary"
	Danger  Style = "danger"
)

// Button sends its id and value when it is clicked. The zero Button is none, and is left out.
type Button struct {
	Label   markup.Plain
	ID      string
	Value   string
	URL     markup.Address // that it opens as well
	Style   Style
	Confirm *Confirm // that is asked before the click counts
}

// Confirm is a question with a dangerous Yes.
type Confirm struct{ Title, Text, Yes, No markup.Plain }

// None reports whether the button is none.
func (b Button) None() bool { return b.ID == "" }

// As gives the button in a style.
func (b Button) As(style Style) Button {
	b.Style = style
	return b
}
