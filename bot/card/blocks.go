package card

import (
	"cmp"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"c66bot/commands"
)

// Slack's limits (Block Kit reference), in characters.
const (
	maxSection = 3000
	maxContext = 2000
	maxButton  = 75
	maxConfirm = 300
	maxTitle   = 100
	maxBlocks  = 50
	maxURL     = 3000
	maxButtons = 25 // side by side
	// maxFallback leaves room below the 4,000 that an edit may have; maxTexts leaves room for the buttons below the 13,000 of all blocks.
	maxFallback = 3000
	maxTexts    = 10_500
)

// nothing stands where a text shows nothing, which Slack would refuse.
const nothing = "–"

// Message is what a message says: blocks, and a text for notifications and screen readers that says the same.
type Message struct {
	Text   string
	Blocks []slack.Block
}

// JSON encodes the blocks for the Web API.
func (m Message) JSON() ([]byte, error) {
	b, err := json.Marshal(m.Blocks)
	if err != nil {
		return nil, fmt.Errorf("encode blocks: %w", err)
	}
	return b, nil
}

// section shows text. It is verbatim: Slack makes no link and no mention of what only looks like one.
func section(text mrkdwn) *slack.SectionBlock {
	return slack.NewSectionBlock(markup(cutMarkup(text, maxSection)), nil, nil)
}

// small shows lines below, in Slack's smaller type. Empty lines are left out; it is nil where none is left.
func small(lines ...mrkdwn) slack.Block {
	var elements []slack.MixedElement
	for _, line := range lines {
		if line != "" && len(elements) < 10 {
			elements = append(elements, markup(cutMarkup(line, maxContext)))
		}
	}
	if len(elements) == 0 {
		return nil
	}
	return slack.NewContextBlock("", elements...)
}

func markup(text mrkdwn) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, cmp.Or(string(text), nothing), false, true)
}

func plainText(text string, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, cut(cmp.Or(oneLine(text), nothing), most), false, false)
}

// button makes a button whose action id begins with the word that it shows. It is nil where the request does not fit into a button.
func button(label string, inv commands.Invocation, id string) *slack.ButtonBlockElement {
	value, err := inv.Value()
	if err != nil {
		return nil
	}
	return slack.NewButtonBlockElement(id, value, plainText(label, maxButton))
}

// linkButton opens an address. Slack sends a click on it too, which changes nothing.
func linkButton(label, url string) *slack.ButtonBlockElement {
	if !webAddress(url) {
		return nil
	}
	b := slack.NewButtonBlockElement("commit", "", plainText(label, maxButton))
	b.URL = url
	return b
}

// danger makes a button red and has Slack ask before it is clicked.
func danger(b *slack.ButtonBlockElement, title, text, yes, no string) *slack.ButtonBlockElement {
	if b == nil {
		return nil
	}
	b.Style = slack.StyleDanger
	confirm := slack.NewConfirmationBlockObject(plainText(title, maxTitle), plainText(text, maxConfirm), plainText(yes, 30), plainText(no, 30))
	confirm.Style = slack.StyleDanger
	b.Confirm = confirm
	return b
}

// actions shows buttons, at most 25, those that are nil left out; it is nil where none is left.
func actions(buttons ...*slack.ButtonBlockElement) slack.Block {
	var elements []slack.BlockElement
	for _, b := range buttons {
		if b != nil {
			elements = append(elements, b)
		}
	}
	if len(elements) == 0 {
		return nil
	}
	return slack.NewActionBlock("", elements...)
}

// sections shows lines in as few sections as hold them.
func sections(lines []mrkdwn) []slack.Block {
	var blocks []slack.Block
	var text mrkdwn
	for _, line := range lines {
		longer := join([]mrkdwn{text, line}, "\n")
		if text != "" && utf8.RuneCountInString(string(longer)) > maxSection {
			blocks = append(blocks, section(text))
			longer = line
		}
		text = longer
	}
	return append(blocks, section(text))
}

// message puts blocks together, those that are nil left out. What they say beyond Slack's limit for all together is cut.
func message(text string, blocks ...slack.Block) Message {
	m := Message{Text: text}
	room := maxTexts
	for _, b := range blocks {
		if b == nil || len(m.Blocks) == maxBlocks {
			continue
		}
		for _, t := range texts(b) {
			t.Text = string(cutMarkup(mrkdwn(t.Text), max(room, 1)))
			room -= utf8.RuneCountInString(t.Text)
		}
		m.Blocks = append(m.Blocks, b)
	}
	return m
}

// texts gives the texts of a block that may be long.
func texts(b slack.Block) []*slack.TextBlockObject {
	switch b := b.(type) {
	case *slack.SectionBlock:
		return []*slack.TextBlockObject{b.Text}
	case *slack.ContextBlock:
		var all []*slack.TextBlockObject
		for _, e := range b.ContextElements.Elements {
			if t, ok := e.(*slack.TextBlockObject); ok {
				all = append(all, t)
			}
		}
		return all
	default:
		return nil
	}
}
