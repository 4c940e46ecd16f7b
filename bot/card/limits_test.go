package card

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"c66bot/bot/slacksim"
)

// maxEdit is how long the text of an edit may be, and maxTotal how much all of a message's blocks may say, in characters (Web API).
const (
	maxEdit  = 4000
	maxTotal = 13000
)

// decoded gives a message's blocks as Slack gets them.
func decoded(t *testing.T, m Message) []map[string]any {
	t.Helper()
	raw := m.JSON()
	var blocks []map[string]any
	if err := json.Unmarshal(raw, &blocks); err != nil {
		t.Fatalf("blocks are no list of objects: %v\n%s", err, raw)
	}
	return blocks
}

// asRead gives the message as a reader in Slack gets it.
func asRead(t *testing.T, m Message) slacksim.Message {
	t.Helper()
	return slacksim.Message{Text: m.Text(), Blocks: decoded(t, m)}
}

// audit collects which of Slack's limits a message breaks.
type audit struct {
	faults []string
	total  int
}

func (a *audit) fault(format string, args ...any) {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
}

// broken gives the limits of Slack's that a message breaks.
func broken(t *testing.T, m Message) []string {
	t.Helper()
	return faults(m.Text(), decoded(t, m))
}

func faults(text string, blocks []map[string]any) []string {
	a := &audit{}
	if n := utf8.RuneCountInString(text); n == 0 || n > maxEdit {
		a.fault("the fallback text has %d characters", n)
	}
	if len(blocks) == 0 || len(blocks) > 50 {
		a.fault("%d blocks", len(blocks))
	}
	for i, b := range blocks {
		a.block(fmt.Sprintf("block %d", i), b)
	}
	if a.total >= maxTotal {
		a.fault("%d characters in all blocks", a.total)
	}
	return a.faults
}

func (a *audit) block(at string, b map[string]any) {
	ids := map[string]bool{}
	switch b["type"] {
	case "section":
		for _, f := range items(b["fields"]) {
			a.text(at+" field", f, "mrkdwn", 2000)
		}
		if fields, ok := b["fields"]; ok {
			a.number(at+" fields", len(items(fields)), 10)
		}
		if b["fields"] == nil || b["text"] != nil {
			a.text(at, b["text"], "mrkdwn", 3000)
		}
		if accessory, ok := b["accessory"]; ok {
			a.button(at+" accessory", accessory, ids)
		}
	case "context":
		elements := items(b["elements"])
		a.number(at+" elements", len(elements), 10)
		for _, e := range elements {
			a.text(at, e, "mrkdwn", 2000)
		}
	case "actions":
		elements := items(b["elements"])
		a.number(at+" elements", len(elements), 25)
		for _, e := range elements {
			a.button(at, e, ids)
		}
	default:
		a.fault("%s: unexpected type %v", at, b["type"])
	}
}

func items(v any) []any { l, _ := v.([]any); return l }

func (a *audit) number(what string, n, most int) {
	if n < 1 || n > most {
		a.fault("%s: %d", what, n)
	}
}

func (a *audit) text(at string, v any, kind string, most int) {
	o, _ := v.(map[string]any)
	s, _ := o["text"].(string)
	n := utf8.RuneCountInString(s)
	a.total += n
	if strings.TrimSpace(s) == "" || n > most {
		a.fault("%s: a text of %d characters, at most %d are allowed", at, n, most)
	}
	if o["type"] != kind {
		a.fault("%s: %v instead of %s", at, o["type"], kind)
	}
	if kind == "mrkdwn" && o["verbatim"] != true {
		a.fault("%s: mrkdwn that is not verbatim", at)
	}
	if strings.ContainsRune(s, utf8.RuneError) {
		a.fault("%s: broken characters", at)
	}
}

func (a *audit) button(at string, v any, ids map[string]bool) {
	o, _ := v.(map[string]any)
	if o["type"] != "button" {
		a.fault("%s: %v is no button", at, o["type"])
		return
	}
	a.text(at, o["text"], "plain_text", 75)
	id, _ := o["action_id"].(string)
	if ids[id] {
		a.fault("%s: action id %q twice", at, id)
	}
	ids[id] = true
	for field, most := range map[string]int{"value": 2000, "url": 3000, "action_id": 255} {
		if s, given := o[field].(string); given && (s == "" || len(s) > most) {
			a.fault("%s: %s of %d bytes", at, field, len(s))
		}
	}
	if confirm, ok := o["confirm"].(map[string]any); ok {
		for field, most := range map[string]int{"title": 100, "text": 300, "confirm": 30, "deny": 30} {
			a.text(at+" confirm "+field, confirm[field], "plain_text", most)
		}
	}
}

// buttonsOf gives a message's buttons in the order of reading.
func buttonsOf(t *testing.T, m Message) []map[string]any {
	t.Helper()
	return buttonsIn(decoded(t, m))
}

func buttonsIn(blocks []map[string]any) (found []map[string]any) {
	for _, b := range blocks {
		for _, e := range append(items(b["elements"]), b["accessory"]) {
			if o, _ := e.(map[string]any); o["type"] == "button" {
				found = append(found, o)
			}
		}
	}
	return found
}

func label(button map[string]any) string {
	text, _ := button["text"].(map[string]any)
	s, _ := text["text"].(string)
	return s
}
