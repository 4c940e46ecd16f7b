package kit

import (
	"encoding/json"
	"fmt"

	"github.com/slack-go/slack"

	"c66bot/bot/card/markup"
)

const (
	maxBlocks = 50
	// maxTexts leaves room for the buttons below the 13,000 characters that all blocks of a message may have.
	maxTexts = 10_500
)

// Message is what a message says: blocks, and a text for notifications and screen readers that says the same.
type Message struct {
	text   markup.Fallback
	blocks []Block
}

// NewMessage puts blocks together. What they say beyond Slack's limit for all together is cut.
func NewMessage(text markup.Fallback, blocks ...Block) Message {
	m := Message{text: text}
	room := maxTexts
	for _, b := range blocks {
		if b.block == nil || len(m.blocks) == maxBlocks {
			continue
		}
		for _, t := range b.texts {
			room = t.cut(room)
		}
		m.blocks = append(m.blocks, b)
	}
	return m
}

// With adds to a message what its text says besides, and blocks below.
func (m Message) With(besides markup.Text, blocks ...Block) Message {
	text := m.text
	if !besides.Empty() {
		text = text.With(besides)
	}
	return NewMessage(text, append(append([]Block{}, m.blocks...), blocks...)...)
}

// Shown are the message's blocks, to be shown inside a form.
func (m Message) Shown() []Block { return m.blocks }

// Text is the message's text.
func (m Message) Text() string { return m.text.String() }

// Plain is the message as its text alone, for where Slack does not take its blocks and takes none without any.
func (m Message) Plain() Message { return NewMessage(m.text, Section(m.text.Text())) }

// Blocks are the message's blocks for the Web API.
func (m Message) Blocks() []slack.Block { return blocksOf(m.blocks) }

func blocksOf(all []Block) []slack.Block {
	var blocks []slack.Block
	for _, b := range all {
		if b.block != nil {
			blocks = append(blocks, b.block)
		}
	}
	return blocks
}

// JSON encodes the blocks for the Web API.
func (m Message) JSON() ([]byte, error) {
	b, err := json.Marshal(m.Blocks())
	if err != nil {
		return nil, fmt.Errorf("encode blocks: %w", err)
	}
	return b, nil
}
