package commands

import (
	"strings"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
)

// HelpReply explains the commands that this person may use, or one of them.
type HelpReply struct {
	Command  string // the slash command's name
	Specs    []Spec
	Topic    *Spec // one command in full
	Profiles []string
	MayNot   bool // this person may use nothing but help
	Direct   bool // in a direct message
	Admins   Admins
}

// Document lists the commands, or explains one in full.
func (r HelpReply) Document() doc.Document {
	const kind = "help"
	switch {
	case r.MayNot && r.Direct:
		return doc.Say(kind, markup.Format(
			"I run this team's Cloud 66 deployments. In a direct message that is for the bot's admins alone: ask in a channel."))
	case r.MayNot:
		return doc.Say(kind, markup.Format(
			"I run this team's Cloud 66 deployments. You may not use me here yet. The bot's admins can allow it: %s.", r.Admins.names()))
	case r.Topic != nil:
		return r.topic()
	}
	lines := []markup.Text{markup.Format("What you can do here:")}
	for _, spec := range r.Specs {
		lines = append(lines, markup.Format("%s\n%s", markup.Code(r.Command+" "+spec.Examples[0]), spec.Summary))
	}
	more := markup.Code(r.Command + " help redeploy")
	foot := markup.Format("A stack is its name, name@environment, or its UID. More on one command: %s", more)
	return doc.Document{
		Kind: kind, Brief: markup.Brief(lines[0], markup.Join(append(lines[1:], foot), "; ")),
		Blocks: []doc.Block{doc.Lines(lines...), doc.Small(foot)},
	}
}

// topic explains one command in full.
func (r HelpReply) topic() doc.Document {
	spec := r.Topic
	usage := strings.Join(append([]string{r.Command, string(spec.Verb)}, spec.Words...), " ")
	lines := []markup.Text{markup.Format("%s\n%s", markup.Code(usage), spec.Summary)}
	for _, o := range spec.Options {
		line := markup.Format("%s %s", markup.Code(strings.TrimSpace("--"+o.Name+" "+o.Value)), o.Summary)
		if o.Name == "profile" && len(r.Profiles) > 0 {
			line = markup.Format("%s: %s", line, strings.Join(r.Profiles, ", "))
		}
		lines = append(lines, line)
	}
	examples := []markup.Text{markup.Format("For example:")}
	for _, e := range spec.Examples {
		examples = append(examples, markup.Code(r.Command+" "+e))
	}
	return doc.Document{
		Kind: "help", Brief: markup.Brief(lines[0], markup.Join(append(lines[1:], examples...), "; ")),
		Blocks: []doc.Block{doc.Lines(lines...), doc.Lines(markup.Join(examples, "\n"))},
	}
}
