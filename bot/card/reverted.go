package card

import (
	"c66bot/bot/card/doc"
	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// Reverted renders the rollback of a deployment.
func Reverted(stack storage.StackRef, d cloud66.Deployment) Message {
	line := markup.Format("%s %s #%d was rolled back", wording.Reverted, wording.Stack(stack), d.ID)
	if d.RevertedBy != "" {
		line = markup.Format("%s by %s", line, markup.Shorten(d.RevertedBy, wording.MaxName))
	}
	var at markup.Text
	if !d.RevertedAt.IsZero() {
		at = markup.When(d.RevertedAt) // the line above says what happened
	}
	show := commands.Invocation{Verb: commands.Show, UID: stack.UID, Deployment: d.ID}
	return draw(doc.Lines(line), doc.Small(at), doc.Buttons(commands.Button("Show", show, "show")))
}

// draw makes a message whose fallback text covers all of its blocks.
func draw(blocks ...doc.Block) Message { return kit.Draw(doc.Document{Blocks: blocks}) }

// StackChange is a rename of a stack, or its disappearance if Now is zero.
type StackChange struct {
	Was, Now storage.StackRef
	Fits     bool // a subscription of the channel matches the new name
}

// maxChanges is the number of changed stacks listed in one message.
const maxChanges = 30

// StackChanges renders the subscribed stacks that disappeared or were renamed. Above maxChanges it states their number and lists the first
// ones.
func StackChanges(changes []StackChange) Message {
	var lines []markup.Text
	if n := len(changes); n > maxChanges {
		const many = "%d stacks that this channel subscribes to are gone or are called otherwise now. %d of them:"
		lines = append(lines, markup.Format(many, n, maxChanges))
		changes = changes[:maxChanges]
	}
	for _, c := range changes {
		lines = append(lines, c.line())
	}
	return draw(doc.Lines(lines...))
}

func (c StackChange) line() markup.Text {
	was, now := wording.Stack(c.Was), wording.Stack(c.Now)
	switch {
	case c.Now.UID == "":
		return markup.Format("❓ %s is not among the stacks any more: it was deleted or renamed, or I may not see it.", was)
	case c.Fits:
		return markup.Format("%s is called %s now. This channel still subscribes to it.", was, now)
	default:
		const lost = "%s is called %s now. No subscription of this channel matches that name, so its deployments are not told here any more."
		return markup.Format(lost, was, now)
	}
}
