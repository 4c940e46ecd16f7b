package commands

import (
	"context"
	"errors"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
)

// Help lists the available commands.
const Help Verb = "help"

var helpSpec = Spec{
	Verb: Help, group: ofBot,
	Args:     []Arg{{Word: "[command]", opt: Topic}},
	Summary:  "Says what you can do here.",
	Examples: []string{"help", "help redeploy"},
	gate:     func(*Handler, context.Context, *call) error { return nil }, // for everyone, but it needs to know what they may
	run:      (*Handler).help,
}

func (h *Handler) help(ctx context.Context, c *call) (Reply, error) {
	standing := c.standing
	if _, known := h.Directory.known(may(standing, authz.View)); !known && standing.Some(authz.View) {
		h.listed(ctx, func(cloud66.Stack) bool { return false }) // they are known below
	}
	reply := HelpReply{Command: h.Command, Profiles: h.Profiles, Admins: h.admins(), MayNot: true, Direct: c.subject().Direct()}
	for _, spec := range Specs {
		if spec.Button || spec.Right != "" && !standing.Some(spec.Right) {
			continue
		}
		stack, ok := h.Directory.known(may(standing, spec.onStacks()))
		if spec.Verb == Promote {
			stack, spec, ok = h.between(standing, spec)
		}
		if ok {
			spec = spec.with(stack)
		} else if strings.Contains(spec.Examples[0], "mystack@") { // an example must not name a stack that does not exist
			spec.Examples = []string{strings.Join(append([]string{string(spec.Verb)}, spec.Words()...), " ")}
		}
		reply.Specs = append(reply.Specs, spec)
		reply.MayNot = reply.MayNot && spec.Right == ""
	}
	known := func(s Spec) bool { return string(s.Verb) == c.Invocation.Options[Topic] }
	if asked, ok := specOf(c.Invocation.Options[Topic]); ok && !slices.ContainsFunc(reply.Specs, known) {
		return nil, h.mayNot(ctx, c.Request, asked.Verb)
	}
	if reply.MayNot {
		err := h.mayNot(ctx, c.Request, Stacks)
		first, ok := errors.AsType[answerError](err)
		if !ok {
			return nil, err
		}
		refused, _ := first.Reply.(RefusalReply)
		reply.Ask, reply.Admins = refused.Ask, refused.Admins
	}
	topic := slices.IndexFunc(reply.Specs, known)
	if topic >= 0 && !reply.MayNot {
		reply.Topic = &reply.Specs[topic]
	}
	return reply, nil
}

// between returns a stack whose version the user may bring to another of its name, and promote with the environment of that one in its
// examples.
func (h *Handler) between(standing authz.Standing, promote Spec) (from cloud66.Stack, _ Spec, ok bool) {
	stacks := slices.Clone(h.Directory.last())
	sortStacks(stacks)
	named := map[string][]cloud66.Stack{}
	for _, s := range stacks {
		named[authz.Fold(s.Name)] = append(named[authz.Fold(s.Name)], s)
	}
	for _, onto := range stacks {
		all := named[authz.Fold(onto.Name)]
		if len(all) < 2 || onto.Environment == "" || !may(standing, authz.Redeploy)(onto) {
			continue
		}
		i := slices.IndexFunc(all, func(s cloud66.Stack) bool {
			return authz.Fold(s.Environment) != authz.Fold(onto.Environment) && may(standing, authz.View)(s)
		})
		if i >= 0 {
			promote.Examples = each(promote.Examples, func(example string) string {
				return strings.Replace(example, otherExample+" production", otherExample+" "+shellWord(onto.Environment), 1)
			})
			return all[i], promote, true
		}
	}
	return cloud66.Stack{}, promote, false
}

func (h *Handler) mayNot(ctx context.Context, req Request, verb Verb) error {
	req.Invocation = Invocation{Verb: verb}
	return h.refusal(ctx, req, RefusalReply{}, "*")
}

// onStacks returns the right on a stack that a user of the command has.
func (s Spec) onStacks() authz.Action {
	if s.Right == "" || s.Right == authz.Admin {
		return authz.View
	}
	return s.Right
}

// with puts a stack into the command's examples, so that they can be copied, and leaves out those for another kind of stack.
func (s Spec) with(stack cloud66.Stack) Spec {
	name := shellWord(typeable(RefOf(stack)))
	var examples []string
	for _, example := range s.Examples {
		if strings.Contains(example, "--ref") && stack.Docker() || strings.Contains(example, "--services") && !stack.Docker() {
			continue
		}
		examples = append(examples, strings.NewReplacer(exampleStack, name, otherExample, name).Replace(example))
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
	Ask      *Invocation // asks for the first right, where the user may nothing and can ask
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
			"I run this team's Cloud 66 deployments. You may not use me here yet. An admin can allow it: %s.", r.Admins.names(),
		)).With(doc.Buttons(askButton(r.Ask)))
	case r.Topic != nil:
		return r.topic()
	}
	head := markup.Format("*What you can do here*")
	d := doc.Document{Kind: kind, Blocks: []doc.Block{doc.Lines(head)}}
	var all []markup.Text
	for _, g := range groups {
		lines := []markup.Text{markup.Format("*%s*", string(g))}
		for _, spec := range r.Specs {
			if spec.group == g {
				lines = append(lines, markup.Format("%s %s", markup.Code(r.Command+" "+spec.Examples[0]), spec.short()))
			}
		}
		if len(lines) > 1 {
			d.Blocks = append(d.Blocks, doc.Lines(lines...))
			all = append(all, markup.Format("%s: %s", string(g), markup.Join(lines[1:], "; ")))
		}
	}
	more := r.Specs[0]
	foot := markup.Format("A stack is its name, name@environment, or its UID. More on one command: %s",
		markup.Code(r.Command+" help "+string(more.Verb)))
	d.Blocks = append(d.Blocks, doc.Small(foot))
	d.Brief = markup.Brief(head, append(all, foot)...)
	return d
}

// group is a heading of the help.
type group string

const (
	toLook   group = "Look"
	toDeploy group = "Deploy"
	toHear   group = "Hear"
	toGuard  group = "Guard"
	ofRights group = "Rights"
	ofBot    group = "The bot"
)

var groups = []group{toLook, toDeploy, toHear, toGuard, ofRights, ofBot}

// short returns the beginning of the summary, to stand behind the command on its line.
func (s Spec) short() string {
	text := s.Summary
	if at := strings.IndexAny(text, ".:;"); at >= 0 {
		text = text[:at]
	}
	return strings.ToLower(text[:1]) + text[1:]
}

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
