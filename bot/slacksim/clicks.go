package slacksim

import (
	"fmt"
	"strings"
)

// button is a button with the block that it stands in.
type button struct {
	blockID string
	element map[string]any
}

// Click clicks the first button with the given label on the message as it is
// now. A confirm dialog is accepted and noted in the Delivery.
func (p *Person) Click(channel string, m Message, label string) (*Delivery, error) {
	return p.press(channel, m, false, "label "+label, func(e map[string]any) bool { return labelOf(e) == label })
}

// ClickAction clicks the first button whose action_id begins with prefix on the message as it is now.
func (p *Person) ClickAction(channel string, m Message, prefix string) (*Delivery, error) {
	return p.press(channel, m, false, "action_id "+prefix, func(e map[string]any) bool {
		id, _ := e["action_id"].(string)
		return strings.HasPrefix(id, prefix)
	})
}

// ClickOld clicks a button of the message as m shows it, as a client does that has not seen a later edit.
func (p *Person) ClickOld(channel string, m Message, label string) (*Delivery, error) {
	return p.press(channel, m, true, "label "+label, func(e map[string]any) bool { return labelOf(e) == label })
}

func (p *Person) press(channel string, m Message, old bool, wanted string, match func(map[string]any) bool) (*Delivery, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	c, u := p.w.channels[channel], p.w.users[p.id]
	if c == nil || u == nil || u.Deleted || !c.has(p.id) {
		return nil, fmt.Errorf("%s is no member of %s and cannot click there", p.id, channel)
	}
	current := find(c, m.TS)
	if current == nil || current.tombstone || !p.reads(current) {
		return nil, fmt.Errorf("%s sees no message %s in %s", p.id, m.TS, channel)
	}
	blocks := current.Blocks
	if old {
		blocks = m.Blocks
	}
	for _, b := range buttons(blocks) {
		if match(b.element) {
			return p.send(c, u, current, b), nil
		}
	}
	return nil, fmt.Errorf("the message %s in %s has no button with the %s", m.TS, channel, wanted)
}

// send makes the delivery of one click.
func (p *Person) send(c *channelState, u *User, m *Message, b button) *Delivery {
	d := p.w.newDelivery()
	d.channel, d.user = c.ID, u.ID
	d.OpenedURL, _ = b.element["url"].(string)
	d.Confirm = confirmOf(b.element)
	p.w.record(Event{Kind: KindClick, Channel: c.ID, User: u.ID, TS: m.TS, Text: labelOf(b.element)})
	return p.w.interact(d, p.w.clickPayload(d, c, u, m, b), false)
}

// confirmOf is the element's confirm dialog, or nil.
func confirmOf(element map[string]any) *Confirm {
	confirm := object(element["confirm"])
	if confirm == nil {
		return nil
	}
	return &Confirm{
		Title: textOf(confirm["title"]), Text: textOf(confirm["text"]),
		Confirm: textOf(confirm["confirm"]), Deny: textOf(confirm["deny"]),
	}
}

// buttons are the buttons of blocks in the order of reading.
func buttons(blocks []map[string]any) []button {
	var found []button
	for _, b := range blocks {
		id, _ := b["block_id"].(string)
		elements := []any{b["accessory"]}
		if b["type"] == "actions" {
			elements = list(b["elements"])
		}
		for _, e := range elements {
			if element := object(e); element["type"] == "button" {
				found = append(found, button{blockID: id, element: element})
			}
		}
	}
	return found
}

func labelOf(element map[string]any) string { return textOf(element["text"]) }

func textOf(v any) string {
	text, _ := object(v)["text"].(string)
	return text
}
