package kit

import (
	"github.com/slack-go/slack"

	"c66bot/bot/card/markup"
)

// MaxButtons is how many buttons stand side by side.
const MaxButtons = 25

const (
	maxButton  = 75
	maxTitle   = 100
	maxConfirm = 300
	maxAnswer  = 30
)

// Button is a button. The zero Button is none, and is left out.
type Button struct{ element *slack.ButtonBlockElement }

// NewButton makes a button that sends an action id and a value, neither of which anyone sees.
func NewButton(id, value string, label markup.Plain) Button {
	return Button{slack.NewButtonBlockElement(id, value, words(label, maxButton))}
}

// LinkButton opens an address; it is none where that is none. Slack sends a click on it too.
func LinkButton(id string, label markup.Plain, to markup.Address) Button {
	if to.Empty() {
		return Button{}
	}
	b := NewButton(id, "", label)
	b.element.URL = to.String()
	return b
}

// None reports whether it is none.
func (b Button) None() bool { return b.element == nil }

// Primary makes the button the one that is meant to be clicked.
func (b Button) Primary() Button { return b.styled(slack.StylePrimary) }

// Danger makes the button red.
func (b Button) Danger() Button { return b.styled(slack.StyleDanger) }

func (b Button) styled(style slack.Style) Button {
	if b.element != nil {
		b.element.Style = style
	}
	return b
}

// Asking has Slack ask, with a red button for yes, before the button is clicked.
func (b Button) Asking(title, text, yes, no markup.Plain) Button {
	if b.element != nil {
		b.element.Confirm = slack.NewConfirmationBlockObject(words(title, maxTitle), words(text, maxConfirm), words(yes, maxAnswer), words(no, maxAnswer))
		b.element.Confirm.Style = slack.StyleDanger
	}
	return b
}

// Actions shows buttons side by side, as many as fit; it is none where there is none.
func Actions(buttons ...Button) Block {
	var elements []slack.BlockElement
	for _, b := range buttons {
		if b.element != nil && len(elements) < MaxButtons {
			elements = append(elements, b.element)
		}
	}
	if len(elements) == 0 {
		return Block{}
	}
	return Block{block: slack.NewActionBlock("", elements...)}
}
