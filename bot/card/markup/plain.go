package markup

import "c66bot/commands/typography"

// Plain is one line of plain text without markup.
type Plain struct{ line string }

// Line converts external text and replaces emoji names by pictures.
func Line(s string) Plain { return Plain{OneLine(typography.Pictures(s))} }

// Cut shortens the text to a number of characters, at least one.
func (p Plain) Cut(most int) Plain { return Plain{Shorten(p.line, most)} }

// Empty reports whether there is no text.
func (p Plain) Empty() bool { return p.line == "" }

// String returns the text for a plain_text object.
func (p Plain) String() string { return p.line }
