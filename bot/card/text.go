// Package card renders what people see: replies and deployments as Block Kit, with a fallback text that says the same. Its functions are
// pure.
package card

import (
	"cmp"

	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/commands"
	"c66bot/storage"
)

// Message is what a message says.
type Message = kit.Message

// maxName is how much of a name is shown, in characters: one long text must not push out the others.
const maxName = 100

// stackName shows a stack as in "*web* · production".
func stackName(s storage.StackRef) markup.Text {
	name := markup.Format("*%s*", named(s))
	if s.Environment == "" {
		return name
	}
	return markup.Format("%s · %s", name, markup.Shorten(s.Environment, maxName))
}

// named is the stack's name, or what identifies it where that shows nothing.
func named(s storage.StackRef) string {
	return markup.Shorten(cmp.Or(markup.OneLine(s.Name), markup.OneLine(s.UID), "a stack without a name"), maxName)
}

// button makes a button whose action id begins with the word that it shows. It is none where the request does not fit into a button.
func button(label string, inv commands.Invocation, id string) kit.Button {
	value, err := inv.Value()
	if err != nil {
		return kit.Button{}
	}
	return kit.NewButton(id, value, markup.Line(label))
}

// commitButton opens a commit's page, where there is one. A click on it changes nothing.
func commitButton(address string) kit.Button {
	return kit.LinkButton("commit", markup.Line("Commit"), markup.WebAddress(address))
}
