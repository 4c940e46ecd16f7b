package card

import (
	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// Reverted renders that a deployment was rolled back off the servers.
func Reverted(stack storage.StackRef, d cloud66.Deployment) Message {
	line := markup.Format("↩️ %s: #%d was rolled back", stackName(stack), d.ID)
	if d.RevertedBy != "" {
		line = markup.Format("%s by %s", line, markup.Shorten(d.RevertedBy, maxName))
	}
	var at markup.Text
	if !d.RevertedAt.IsZero() {
		at = markup.Format("rolled back %s", markup.When(d.RevertedAt))
	}
	on := commands.Invocation{Verb: commands.Show, UID: stack.UID, Deployment: d.ID}
	return kit.NewMessage(markup.Brief(line, at), kit.Section(line), kit.Small(at), kit.Actions(button("Show", on, "show")))
}

// StackChange is that a stack bears another name, or is gone, where Now is zero.
type StackChange struct {
	Was, Now storage.StackRef
	Fits     bool // the channel still subscribes to it under its new name
}

// StackChanges renders which stacks that a channel subscribes to are gone or bear another name.
func StackChanges(changes []StackChange) Message {
	lines := make([]markup.Text, len(changes))
	for i, c := range changes {
		switch {
		case c.Now.UID == "":
			lines[i] = markup.Format("❔ %s is not among the stacks any more: it was deleted or renamed, or I may not see it.", stackName(c.Was))
		case c.Fits:
			lines[i] = markup.Format("%s is called %s now. This channel still subscribes to it.", stackName(c.Was), stackName(c.Now))
		default:
			lines[i] = markup.Format("%s is called %s now. No subscription of this channel fits that name, so its deployments are not told here any more.",
				stackName(c.Was), stackName(c.Now))
		}
	}
	return kit.NewMessage(markup.Brief(lines[0], lines[1:]...), kit.Sections(lines)...)
}
