package main

import (
	"strings"
	"time"

	"c66bot/bot/slacksim"
)

// window shows what became of the window that a person has open: all of it, or what is wrong with what was sent.
func (p *printer) window(e slacksim.Event) {
	label := name(e.User) + "'s window"
	switch {
	case e.Kind == slacksim.KindViewClosed:
		p.at(e.Time, "", label, dim, "closes")
	case len(e.View.Errors) > 0:
		p.at(e.Time, "", label, yellow, faulty(*e.View)...)
	case len(e.View.Fields()) == 0 && len(e.View.Buttons()) == 0: // It is not filled in yet, or tells something.
		p.at(e.Time, "", label, yellow, strings.Split(shownView(*e.View), "\n")[1])
	default:
		p.box(e.Time, label, strings.Split(shownView(*e.View), "\n"))
	}
}

// box shows a window with its title first and its own buttons last.
func (p *printer) box(when time.Time, label string, lines []string) {
	framed := []string{"┌ " + lines[0]}
	for _, line := range lines[1 : len(lines)-1] {
		for _, part := range wrap(line, lineWidth-indent-2) {
			framed = append(framed, "│ "+part)
		}
	}
	p.at(when, "", label, yellow, append(framed, "└ "+lines[len(lines)-1])...)
}

// shownView is all that a window shows. Each field is marked, and times are those of this zone.
func shownView(v slacksim.View) string {
	blocks := v.Blocks
	v.Blocks = make([]map[string]any, len(blocks))
	for i, block := range blocks {
		v.Blocks[i], _ = withDates(block).(map[string]any)
	}
	text := withoutJoiners(v.Plain())
	for _, field := range v.Fields() {
		text = strings.Replace(text, "\n"+field+": ", "\n▸ "+field+": ", 1)
	}
	return text
}

// faulty are the fields with what is wrong with them.
func faulty(v slacksim.View) []string {
	var lines []string
	for line := range strings.Lines(shownView(v)) {
		if field, fault, found := strings.Cut(strings.TrimSuffix(line, "\n"), " ! "); found {
			lines = append(lines, field, "  ! "+fault)
		}
	}
	return lines
}
