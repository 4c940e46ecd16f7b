package demo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"c66bot/bot/slacksim"
)

// The widths of the columns of a line: time, channel, label, text.
const (
	timeWidth    = 8 + 1
	channelWidth = 9
	labelWidth   = 15
	usualWidth   = 100 // of all, where it is not known
	leastWidth   = 60
)

// style is a parameter of Select Graphic Rendition (ECMA-48).
type style string

const (
	plain  style = ""
	dim    style = "2"
	bold   style = "1"
	yellow style = "33"
	cyan   style = "36"
)

// rules is the sign of messages about rules, which are no cards.
const rules = "🔑"

// arrow precedes a thread reply.
const arrow = "  ↳ "

// Terminal prints moments.
type Terminal struct {
	w      io.Writer
	colour bool
	width  int                         // of a line
	seen   map[string]slacksim.Message // The last printed state of each message, by timestamp.
}

// NewTerminal returns a Terminal that prints to w, with colours if colour is set, in lines of a width; 0 is the usual one.
func NewTerminal(w io.Writer, colour bool, width int) *Terminal {
	return &Terminal{w: w, colour: colour, width: max(cmp.Or(width, usualWidth), leastWidth), seen: map[string]slacksim.Message{}}
}

// text is the width of the column of texts.
func (t *Terminal) text() int { return t.width - timeWidth - channelWidth - labelWidth }

// Show prints a moment, if it is visible to people. Its errors are those of the writer.
func (t *Terminal) Show(m Moment) error {
	switch e := m.Event; {
	case m.Title != "":
		_, err := fmt.Fprintf(t.w, "\n%s\n%s\n", t.in(bold, m.Title), t.in(dim, strings.Repeat("─", t.width)))
		return err
	case m.Narration != "":
		return t.print(m.Time, "", cyan, wrap(m.Narration, t.width-timeWidth))
	case e == nil:
		return t.line(m.Time, m.Channel, m.Label, bold, m.Text...)
	case e.View != nil:
		return t.window(*e)
	case e.Message != nil && e.Kind != slacksim.KindDeleted:
		return t.message(e.Time, e.Kind, *e.Message)
	default:
		return nil
	}
}

// message prints the new state of a message. For a card in an unchanged state it prints only the changed parts.
func (t *Terminal) message(at time.Time, kind string, m slacksim.Message) error {
	before, edited := t.seen[m.TS]
	t.seen[m.TS] = m
	now, all := read(m), read(m)
	show := func(label string, as style, text ...string) error { return t.line(at, m.Channel, label, as, text...) }
	if isReply(m) {
		if !m.Ephemeral && kind != slacksim.KindSaid {
			all = []string{strings.Join(all, " ")}
		}
		for i, paragraph := range all {
			all[i] = "    " + paragraph
		}
		all[0] = arrow + strings.TrimSpace(all[0])
	}
	switch sameState := edited && sign(now) == sign(read(before)); {
	case kind == slacksim.KindSaid:
		return show(name(m.User)+" writes", bold, all...)
	case m.Ephemeral && edited, edited && sign(now) == rules:
		return show("it turns into", yellow, all...)
	case m.Ephemeral:
		return show("only "+name(m.For)+" sees", yellow, all...)
	case isReply(m) && m.Broadcast:
		return show("everybody sees", cyan, all[0], "    (in its thread, and in the channel too)")
	case isReply(m):
		return show("in its thread", dim, all...)
	case sameState:
		if moved := moved(now, read(before)); strings.Trim(moved, "▓░") != "" { // A change of the bar alone is skipped.
			return show("the card now", dim, moved)
		}
		return nil
	case edited:
		return show("the card now", cyan, all...)
	default:
		return show("everybody sees", cyan, all...)
	}
}

// window prints the new state of a person's modal: all of it, only the fields with errors, or one line for a modal without controls.
func (t *Terminal) window(e slacksim.Event) error {
	label, view := name(e.User)+"'s window", *e.View
	view.Blocks = shown(view.Blocks, " ")
	text := withoutJoiners(view.Plain())
	for _, field := range view.Fields() {
		text = strings.Replace(text, "\n"+field+": ", "\n▸ "+field+": ", 1)
	}
	lines := strings.Split(text, "\n")
	switch {
	case e.Kind == slacksim.KindViewClosed:
		return t.line(e.Time, "", label, dim, "closes")
	case len(view.Errors) > 0:
		var faulty []string
		for _, line := range lines {
			if field, fault, found := strings.Cut(line, " ! "); found {
				faulty = append(faulty, field, "  ! "+fault)
			}
		}
		return t.line(e.Time, "", label, yellow, faulty...)
	case len(view.Fields()) == 0 && len(view.Buttons()) == 0: // A loading view or a notice.
		return t.line(e.Time, "", label, yellow, lines[1])
	}
	framed := []string{"┌ " + lines[0]} // The first line is the title, the last the modal's own buttons.
	for _, line := range lines[1 : len(lines)-1] {
		for _, part := range wrap(line, t.text()-2) {
			framed = append(framed, "│ "+part)
		}
	}
	return t.line(e.Time, "", label, yellow, append(framed, "└ "+lines[len(lines)-1])...)
}

func (t *Terminal) line(at time.Time, channel, label string, as style, text ...string) error {
	var lines []string
	for _, paragraph := range text {
		lines = append(lines, wrap(paragraph, t.text())...)
	}
	return t.print(at, pad(channelName(channel), channelWidth)+t.in(as, pad(label, labelWidth)), plain, lines)
}

// print prints lines, the first after the time and the gutter, the others indented.
func (t *Terminal) print(at time.Time, gutter string, as style, lines []string) error {
	indent := timeWidth
	if gutter != "" {
		indent = t.width - t.text()
	}
	gutter = t.in(dim, at.Format(time.TimeOnly)) + " " + gutter
	for _, line := range lines {
		if _, err := fmt.Fprintln(t.w, gutter+t.in(as, line)); err != nil {
			return err
		}
		gutter = strings.Repeat(" ", indent)
	}
	return nil
}

func (t *Terminal) in(s style, text string) string {
	if !t.colour || s == plain {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(1, width-utf8.RuneCountInString(text)))
}

// wrap breaks a text between words into lines of at most width characters, unless a word is longer. All lines have the indent of the first.
func wrap(text string, width int) (lines []string) {
	body := strings.TrimLeft(text, " ↳")
	line := text[:len(text)-len(body)]
	margin := strings.Repeat(" ", utf8.RuneCountInString(line))
	for i, word := range strings.Split(body, " ") {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines, line = append(lines, line), margin+word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// separator separates the parts of a card's small print.
const separator = "\u00a0· "

// read returns the visible text of a message in paragraphs: its lines, and its buttons in one row.
func read(m slacksim.Message) []string {
	m.Blocks = shown(m.Blocks, separator)
	return strings.Split(withoutJoiners(m.Plain()), "\n")
}

// moved returns the changed parts of a card in one line.
func moved(now, before []string) string {
	old := strings.Split(strings.Join(before[1:], separator), separator)
	parts := strings.Split(strings.Join(now[1:], separator), separator)
	parts = slices.DeleteFunc(parts, func(part string) bool { return slices.Contains(old, part) })
	if now[0] != before[0] {
		parts = append([]string{now[0]}, parts...)
	}
	return strings.Join(parts, "  ")
}

// sign returns the emoji at the start of a card, which stands for its state.
func sign(lines []string) string {
	first, _, _ := strings.Cut(lines[0], " ")
	return first
}

// withoutJoiners removes word joiners, which are invisible in Slack but not in some terminals.
func withoutJoiners(text string) string { return strings.ReplaceAll(text, "\u2060", "") }

// dateToken matches a date in JSON that Slack's clients show in the reader's time zone (Slack, Formatting text, Date formatting).
var dateToken = regexp.MustCompile(`\\u003c!date\^(\d+)\^([^|\\]*)\|[^\\]*\\u003e`)

// shown copies blocks for a terminal: with dates in the local time zone, and with a separator in the small print.
func shown(blocks []map[string]any, separator string) (copied []map[string]any) {
	text, err := json.Marshal(blocks)
	if err != nil {
		return blocks
	}
	text = dateToken.ReplaceAllFunc(text, func(token []byte) []byte {
		parts := dateToken.FindSubmatch(token)
		seconds, _ := strconv.ParseInt(string(parts[1]), 10, 64) // Digits only.
		at := time.Unix(seconds, 0)
		day := at.Format("2 Jan")
		if day == time.Now().Format("2 Jan") {
			day = "today"
		}
		names := strings.NewReplacer("{date_short_pretty}", day, "{time_secs}", at.Format(time.TimeOnly), "{time}", at.Format("15:04"))
		return []byte(names.Replace(string(parts[2])))
	})
	if err := json.Unmarshal(text, &copied); err != nil {
		return blocks
	}
	for _, block := range copied {
		if elements, ok := block["elements"].([]any); ok && block["type"] == "context" {
			var texts []string
			for _, element := range elements {
				text, _ := element.(map[string]any)["text"].(string)
				texts = append(texts, text)
			}
			block["elements"] = []any{map[string]any{"type": "mrkdwn", "text": strings.Join(texts, separator), "verbatim": true}}
		}
	}
	return copied
}
