// Package doc models a message as neutral blocks: lines of text, small print and buttons. Producers build a Document and package kit draws
// it as Block Kit. A Document has no limits of its own: kit cuts the excess over Slack's limits.
package doc

import (
	"slices"
	"strings"

	"c66bot/bot/card/markup"
)

// Document is a message. Its fallback text, for notifications and screen readers, is derived from its blocks unless Brief is set.
type Document struct {
	Kind   string // kind of reply, for the log
	Ref    string // reference of an error's log record, or ""
	Brief  markup.Fallback
	Blocks []Block
}

// Block is a part of a document: lines with buttons beside or below them. An empty block is omitted.
type Block struct {
	Lines   []markup.Text
	Small   bool // in smaller type
	Columns bool // in two columns
	Buttons []Button
}

// Lines shows each text on its own line.
func Lines(lines ...markup.Text) Block { return Block{Lines: lines} }

// Row shows one line with a button beside it.
func Row(line markup.Text, beside Button) Block {
	return Block{Lines: []markup.Text{line}, Buttons: []Button{beside}}
}

// Small shows lines in smaller type, side by side.
func Small(lines ...markup.Text) Block { return Block{Lines: lines, Small: true} }

// Columns shows texts in two columns, from left to right.
func Columns(texts ...markup.Text) Block { return Block{Lines: texts, Columns: true} }

// Buttons shows buttons side by side.
func Buttons(buttons ...Button) Block { return Block{Buttons: buttons} }

// Say is a document of a few lines, the most important one first.
func Say(kind string, lines ...markup.Text) Document {
	var rest markup.Text
	for _, line := range lines[1:] {
		if both := []markup.Text{rest, line}; strings.HasSuffix(rest.String(), ".") { // sentences need nothing between them
			rest = markup.Join(both, " ")
		} else {
			rest = markup.Join(both, " · ")
		}
	}
	return Document{Kind: kind, Brief: markup.Brief(lines[0], rest), Blocks: []Block{Lines(lines...)}}
}

// Document returns d, so that a Document is itself a reply.
func (d Document) Document() Document { return d }

// With returns a copy with blocks appended.
func (d Document) With(blocks ...Block) Document {
	if lines := linesOf(blocks); len(lines) > 0 {
		d.Brief = d.Fallback().With(lines...)
	}
	d.Blocks = append(slices.Clip(d.Blocks), blocks...)
	return d
}

// Fallback returns the text that accompanies the blocks.
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

// MaxButtons is the number of buttons in one row. kit omits any further ones.
const MaxButtons = 25

// Style is the emphasis of a button.
type Style string

// The styles. The zero Style is a plain button.
const (
	Primary Style = "primary"
	Danger  Style = "danger"
)

// Button sends its ID and Value when clicked. The zero Button means no button and is omitted.
type Button struct {
	Label   markup.Plain
	ID      string
	Value   string
	URL     markup.Address // opened by a click, in addition
	Style   Style
	Confirm *Confirm // asked before the click takes effect
}

// Confirm is a confirmation dialog with a destructive Yes.
type Confirm struct{ Title, Text, Yes, No markup.Plain }

// None reports whether b is no button.
func (b Button) None() bool { return b.ID == "" }

// As returns the button in a style.
func (b Button) As(style Style) Button {
	b.Style = style
	return b
}
