package markup

import "c66bot/commands/typography"

// Plain is one line of plain text, in which nothing is markup.
type Plain struct{ line string }

// Line makes plain text of text from outside, with pictures in place of the names of emoji.
func Line(s string) Plain { return Plain{OneLine(typography.Pictures(s))} }

// Cut shortens the text to a number of characters, at least one.
func (p Plain) Cut(most int) Plain { return Plain{Shorten(p.line, most)} }

// Empty reports whether there is no text.
func (p Plain) Empty() bool { return p.line == "" }

// String is the text as Slack wants it in an object of type plain_text.
func (p Plain) String() string { return p.line }
