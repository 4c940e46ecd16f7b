package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"c66bot/bot/slacksim"
)

// reading is a message as it is read: its lines, the small print below them, its buttons.
type reading struct{ lines, small, buttons []string }

func content(m slacksim.Message) reading {
	r := reading{buttons: labels(m.Buttons())}
	if len(m.Blocks) == 0 {
		r.lines = strings.Split(plainBlock(m), "\n")
	}
	for _, block := range m.Blocks {
		block, _ := withDates(block).(map[string]any)
		switch block["type"] {
		case "actions":
		case "context":
			elements, _ := block["elements"].([]any)
			for _, element := range elements {
				r.small = append(r.small, plainBlock(m, map[string]any{"type": "context", "elements": []any{element}}))
			}
		default:
			delete(block, "accessory") // A button, which stands with the others.
			r.lines = append(r.lines, strings.Split(plainBlock(m, block), "\n")...)
		}
	}
	return r
}

// plainBlock is the text of one block of a message, or of a message without blocks.
func plainBlock(m slacksim.Message, block ...map[string]any) string {
	m.Blocks = block
	return withoutJoiners(m.Plain())
}

// withoutJoiners leaves out the word joiners, which show nothing in Slack and something in some terminals.
func withoutJoiners(text string) string { return strings.ReplaceAll(text, "\u2060", "") }

// dateToken is a time that Slack's clients show in the reader's own zone (Slack, Formatting text, Date formatting).
var dateToken = regexp.MustCompile(`<!date\^(\d+)\^([^|>]*)\|[^>]*>`)

// withDates replaces the times in a decoded JSON value by what a reader in this zone sees.
func withDates(v any) any {
	switch v := v.(type) {
	case string:
		return dateToken.ReplaceAllStringFunc(v, readDate)
	case []any:
		shown := make([]any, len(v))
		for i := range v {
			shown[i] = withDates(v[i])
		}
		return shown
	case map[string]any:
		shown := make(map[string]any, len(v))
		for key := range v {
			shown[key] = withDates(v[key])
		}
		return shown
	default:
		return v
	}
}

func readDate(token string) string {
	parts := dateToken.FindStringSubmatch(token)
	seconds, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return token
	}
	t := time.Unix(seconds, 0)
	day := t.Format("2 Jan")
	if day == time.Now().Format("2 Jan") {
		day = "today"
	}
	return strings.NewReplacer("{date_short_pretty}", day, "{time_secs}", t.Format(time.TimeOnly), "{time}", t.Format("15:04")).Replace(parts[2])
}

// labels writes buttons as [Show], and several of one kind as [Show]×10.
func labels(buttons []string) []string {
	var written []string
	for len(buttons) > 0 {
		same := 1
		for same < len(buttons) && buttons[same] == buttons[0] {
			same++
		}
		label := "[" + buttons[0] + "]"
		if same > 1 {
			label += fmt.Sprintf("×%d", same)
		}
		written, buttons = append(written, label), buttons[same:]
	}
	return written
}

// all is the whole message, a paragraph each.
func (r reading) all() []string {
	all := slices.Clone(r.lines)
	for _, row := range []string{strings.Join(r.small, " · "), strings.Join(r.buttons, " ")} {
		if row != "" {
			all = append(all, row)
		}
	}
	return all
}

// moved is what differs from an earlier state, in one line.
func (r reading) moved(before reading) string {
	old := append(before.all(), before.small...)
	var parts []string
	for _, part := range append(slices.Clone(r.lines), r.small...) {
		if !slices.Contains(old, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "  ")
}

// sign is the emoji that a card begins with: its state.
func sign(r reading) string {
	first, _, _ := strings.Cut(strings.Join(r.lines, " "), " ")
	return first
}
