package commands

import (
	"context"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
)

// Help lists the available commands.
const Help Verb = "help"

var helpSpec = Spec{
	Verb:     Help,
	Args:     []Arg{{Word: "[command]", opt: Topic}},
	Summary:  "Says what you can do here.",
	Examples: []string{"help", "help redeploy"},
	gate:     func(*Handler, context.Context, *call) error { return nil }, // for everyone, but it needs to know what they may
	run:      (*Handler).help,
}

// help explains the commands that the user may use in this channel.
func (h *Handler) help(_ context.Context, c *call) (Reply, error) {
	standing := c.standing
	reply := HelpReply{Command: h.Command, Profiles: h.Profiles, Admins: h.admins(), MayNot: true, Direct: c.subject().Direct()}
	for _, spec := range Specs {
		allowed := spec.Right == "" || standing.Some(spec.Right)
		if spec.Right == authz.Admin {
			allowed = standing.Admin().Allowed
		}
		if !allowed || spec.Button {
			continue
		}
		if stack, ok := h.Directory.known(may(standing, spec.onStacks())); ok {
			spec = spec.with(shellWord(typeable(RefOf(stack))))
		}
		reply.Specs = append(reply.Specs, spec)
		reply.MayNot = reply.MayNot && spec.Right == ""
	}
	topic := slices.IndexFunc(reply.Specs, func(s Spec) bool { return string(s.Verb) == c.Invocation.Options[Topic] })
	if topic >= 0 && !reply.MayNot {
		reply.Topic = &reply.Specs[topic]
	}
	return reply, nil
}

// onStacks returns the right on a stack that a user of the command has.
func (s Spec) onStacks() authz.Action {
	if s.Right == "" || s.Right == authz.Admin {
		return authz.View
	}
	return s.Right
}

// with puts a stack into the command's examples, so that they can be copied.
func (s Spec) with(stack string) Spec {
	examples := make([]string, len(s.Examples))
	for i, example := range s.Examples {
		examples[i] = strings.ReplaceAll(example, exampleStack, stack)
	}
	s.Examples = examples
	return s
}

// HelpReply explains one command, or all those that the user may use.
type HelpReply struct {
	Command  string // the slash command's name
	Specs    []Spec
	Topic    *Spec // the command to explain in full; nil for all
	Profiles []string
	MayNot   bool // the user may use nothing but help
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

// topic explains a command in full.
func (r HelpReply) topic() doc.Document {
	spec := r.Topic
	usage := strings.Join(append([]string{r.Command, string(spec.Verb)}, spec.Words()...), " ")
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
