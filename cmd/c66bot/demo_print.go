package main

import (
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"c66bot/bot/slacksim"
)

// The columns of a line: time, channel, who does or sees it, what it is.
const (
	channelWidth = 9
	labelWidth   = 15
	indent       = 8 + 1 + channelWidth + labelWidth
	lineWidth    = 100
)

// style is how a terminal shows a text (ECMA-48, Select Graphic Rendition).
type style string

const (
	dim    style = "2"
	bold   style = "1"
	yellow style = "33"
	cyan   style = "36"
)

// printer shows what people do and what they see. The first error of its writer is kept.
type printer struct {
	w      io.Writer
	colour bool
	err    error
	seen   map[string]slacksim.Message // Each message as it was printed last, by its timestamp.
}

func newPrinter(w io.Writer, environ []string) *printer {
	p := &printer{w: w, seen: map[string]slacksim.Message{}}
	if file, ok := w.(*os.File); ok {
		info, err := file.Stat()
		p.colour = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	for _, entry := range environ {
		if no, found := strings.CutPrefix(entry, "NO_COLOR="); found && no != "" || entry == "TERM=dumb" {
			p.colour = false
		}
	}
	return p
}

// title begins a chapter.
func (p *printer) title(text string) {
	p.print("\n" + p.in(bold, text) + "\n" + p.in(dim, strings.Repeat("─", lineWidth)) + "\n")
}

// say tells what nobody in Slack sees.
func (p *printer) say(text string) {
	now := time.Now().Format(time.TimeOnly)
	for i, line := range wrap(text, lineWidth-9) {
		if i > 0 {
			now = strings.Repeat(" ", len(now))
		}
		p.print(p.in(dim, now) + " " + p.in(cyan, line) + "\n")
	}
}

// line shows something that happens now.
func (p *printer) line(channel, label string, text ...string) {
	p.at(time.Now(), channel, label, bold, text...)
}

func (p *printer) at(when time.Time, channel, label string, as style, text ...string) {
	gutter := p.in(dim, when.Format(time.TimeOnly)) + " " + pad(channelName(channel), channelWidth) + p.in(as, pad(label, labelWidth))
	for _, paragraph := range text {
		for _, line := range wrap(paragraph, lineWidth-indent) {
			p.print(gutter + line + "\n")
			gutter = strings.Repeat(" ", indent)
		}
	}
}

// event shows what an event in Slack lets people see. Of a card on which only the progress moved it shows what moved.
func (p *printer) event(e slacksim.Event) {
	switch {
	case e.View != nil:
		p.window(e)
	case e.Message != nil && e.Kind != slacksim.KindDeleted:
		p.message(e)
	}
}

func (p *printer) message(e slacksim.Event) {
	m := *e.Message
	before, edited := p.seen[m.TS]
	p.seen[m.TS] = m
	now := content(m)
	switch {
	case e.Kind == slacksim.KindSaid:
		p.at(e.Time, m.Channel, name(m.User)+" writes", bold, inThread(m, now.all())...)
	case m.Ephemeral && edited, edited && sign(now) == rules:
		p.at(e.Time, m.Channel, "it turns into", yellow, inThread(m, now.all())...)
	case m.Ephemeral:
		p.at(e.Time, m.Channel, "only "+name(m.For)+" sees", yellow, inThread(m, now.all())...)
	case isReply(m):
		p.reply(e.Time, m, now)
	case edited && sign(now) == sign(content(before)):
		if moved := now.moved(content(before)); strings.Trim(moved, "▓░") != "" { // The bar alone is no news.
			p.at(e.Time, m.Channel, "the card now", dim, moved)
		}
	case edited:
		p.at(e.Time, m.Channel, "the card now", cyan, now.all()...)
	default:
		p.at(e.Time, m.Channel, "everybody sees", cyan, now.all()...)
	}
}

// rules is the sign of what is said of rules, which is no card.
const rules = "🔑"

// inThread marks the paragraphs of a message in a thread.
func inThread(m slacksim.Message, paragraphs []string) []string {
	if !isReply(m) {
		return paragraphs
	}
	for i, paragraph := range paragraphs {
		mark := "    "
		if i == 0 {
			mark = "  " + arrow
		}
		paragraphs[i] = mark + paragraph
	}
	return paragraphs
}

func (p *printer) reply(when time.Time, m slacksim.Message, now reading) {
	text := "  " + arrow + strings.Join(now.all(), " ")
	if m.Broadcast {
		p.at(when, m.Channel, "everybody sees", cyan, text, "    (in its thread, and in the channel too)")
		return
	}
	p.at(when, m.Channel, "in its thread", dim, text)
}

func (p *printer) print(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, text)
	}
}

func (p *printer) in(s style, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(text)))
}

// arrow stands before a reply.
const arrow = "↳ "

// wrap breaks a text between words into lines of at most width characters, where no word is longer. Each is indented as the first is.
func wrap(text string, width int) []string {
	words := strings.TrimLeft(text, " ")
	margin := strings.Repeat(" ", len(text)-len(words))
	line := margin
	if reply, ok := strings.CutPrefix(words, arrow); ok {
		words, line, margin = reply, margin+arrow, margin+strings.Repeat(" ", utf8.RuneCountInString(arrow))
	}
	var lines []string
	empty := true
	for word := range strings.SplitSeq(words, " ") {
		switch {
		case empty:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines, line = append(lines, line), margin+word
		default:
			line += " " + word
		}
		empty = false
	}
	return append(lines, line)
}
