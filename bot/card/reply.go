package card

import (
	"fmt"
	"strings"

	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/commands"
)

// Reply renders an answer for the one who asked.
func Reply(r commands.Reply) Message {
	switch r := r.(type) {
	case commands.HelpReply:
		return help(r)
	case commands.ListReply:
		return list(r)
	case commands.DetailReply:
		return detail(r)
	case commands.ChoiceReply:
		return choice(r)
	case commands.QuestionReply:
		return question(r)
	case commands.RefusalReply:
		return refusal(r)
	case commands.ProblemReply:
		return problem(r)
	case commands.NoticeReply:
		return notice(r)
	case commands.StacksReply:
		return stacks(r)
	case commands.AccessReply:
		return access(r)
	case commands.WhyReply:
		return why(r)
	case commands.RuleReply:
		return rule(r)
	case commands.RequestReply:
		return request(r)
	case commands.OpenReply:
		return open(r)
	case commands.StatusReply:
		return status(r)
	default:
		return ofSubscriptions(r)
	}
}

// ofSubscriptions renders an answer about what channels subscribe to.
func ofSubscriptions(r commands.Reply) Message {
	switch r := r.(type) {
	case commands.SubscribedReply:
		return subscribed(r)
	case commands.UnsubscribedReply:
		return unsubscribed(r)
	case commands.SubscriptionsReply:
		return subscriptions(r)
	case commands.SuspendedReply:
		return suspended(r)
	case commands.PowerlessReply:
		return powerless(r)
	default:
		panic(fmt.Sprintf("card: no rendering for %T", r))
	}
}

// Usage renders what was not understood in a typed command.
func Usage(e *commands.UsageError, command string) Message {
	lines := []markup.Text{markup.Format("%s", e.What)}
	if e.Near != "" {
		lines[0] = markup.Format("%s Did you mean %s?", e.What, markup.Code(e.Near))
	}
	if e.Example != "" {
		lines = append(lines, markup.Format("For example: %s", markup.Code(command+" "+e.Example)))
	}
	return said(lines)
}

// said is a message of a few lines, the first of which matters most.
func said(lines []markup.Text) Message {
	return kit.NewMessage(markup.Brief(lines[0], markup.Join(lines[1:], " ")), kit.Section(markup.Join(lines, "\n")))
}

func problem(r commands.ProblemReply) Message {
	what := markup.Format("%s", r.What)
	if r.Stack != nil {
		what = markup.Format("%s: %s", stackName(*r.Stack), r.What)
	}
	lines := []markup.Text{what}
	if next := strings.TrimSpace(r.State + " " + r.Do); next != "" {
		lines = append(lines, markup.Format("%s", next))
	}
	if r.Example != "" {
		lines = append(lines, markup.Format("For example: %s", markup.Code(r.Command+" "+r.Example)))
	}
	if r.Ref != "" {
		lines[len(lines)-1] = markup.Format("%s (ref %s)", lines[len(lines)-1], markup.Code(r.Ref))
	}
	return said(lines)
}

func notice(r commands.NoticeReply) Message {
	text := markup.Format("%s", r.Text)
	if r.Stack != nil {
		text = markup.Format("%s: %s", stackName(*r.Stack), r.Text)
	}
	return said([]markup.Text{text})
}

func choice(r commands.ChoiceReply) Message {
	buttons := make([]kit.Button, 0, len(r.Options))
	var typed []markup.Text
	for i, o := range r.Options {
		b := button(o.Label, o.Invocation, fmt.Sprintf("choose-%d", i))
		if b.None() || len(buttons) == kit.MaxButtons {
			typed = append(typed, markup.Code(markup.Shorten(o.Label, maxName)))
			continue
		}
		buttons = append(buttons, b)
	}
	lines := []markup.Text{markup.Format("%s", r.What)}
	if len(typed) > 0 {
		lines = append(lines, markup.Format("Too long, or too many, for buttons: type the command again with one of %s.", markup.Join(typed, ", ")))
	}
	labels := make([]markup.Text, len(r.Options))
	for i, o := range r.Options {
		labels[i] = markup.Format("%s", markup.Shorten(o.Label, maxName))
	}
	return kit.NewMessage(markup.Brief(lines[0], append([]markup.Text{markup.Join(labels, ", ")}, lines[1:]...)...), kit.Section(markup.Join(lines, "\n")), kit.Actions(buttons...))
}

func question(r commands.QuestionReply) Message {
	head := markup.Format("%s: %s", stackName(r.Stack), r.What)
	facts := make([]markup.Text, len(r.Facts))
	for i, f := range r.Facts {
		facts[i] = markup.Format("%s", f)
	}
	yes := button("Yes, "+r.YesText, r.Yes, "yes").Primary()
	if r.Danger {
		yes = yes.Danger()
	}
	no := button("No", commands.Invocation{Verb: commands.Dismiss, Nonce: r.Yes.Nonce}, "no")
	return kit.NewMessage(markup.Brief(head, markup.Join(facts, " ")), kit.Section(head), kit.Small(facts...), kit.Actions(yes, no))
}

func help(r commands.HelpReply) Message {
	if r.MayNot {
		text := markup.Format("I run this team's Cloud 66 deployments. You may not use me here yet. The bot's admins can allow it: %s.", admins(r.Admins))
		if r.Direct {
			text = markup.Format("I run this team's Cloud 66 deployments. In a direct message that is for the bot's admins alone: ask in a channel.")
		}
		return said([]markup.Text{text})
	}
	if r.Topic != nil {
		return helpOn(r)
	}
	lines := []markup.Text{markup.Format("What you can do here:")}
	for _, spec := range r.Specs {
		lines = append(lines, markup.Format("%s\n%s", markup.Code(r.Command+" "+spec.Examples[0]), spec.Summary))
	}
	foot := markup.Format("A stack is its name, name@environment, or its UID. More on one command: %s", markup.Code(r.Command+" help redeploy"))
	return kit.NewMessage(markup.Brief(lines[0], markup.Join(append(lines[1:], foot), "; ")), append(kit.Sections(lines), kit.Small(foot))...)
}

// helpOn explains one command in full.
func helpOn(r commands.HelpReply) Message {
	spec := r.Topic
	usage := strings.Join(append([]string{r.Command, string(spec.Verb)}, spec.Words...), " ")
	lines := []markup.Text{markup.Format("%s\n%s", markup.Code(usage), spec.Summary)}
	for _, o := range spec.Options {
		option := "--" + o.Name
		if o.Value != "" {
			option += " " + o.Value
		}
		line := markup.Format("%s %s", markup.Code(option), o.Summary)
		if o.Name == "profile" && len(r.Profiles) > 0 {
			line = markup.Format("%s: %s", line, strings.Join(r.Profiles, ", "))
		}
		lines = append(lines, line)
	}
	examples := []markup.Text{markup.Format("For example:")}
	for _, e := range spec.Examples {
		examples = append(examples, markup.Code(r.Command+" "+e))
	}
	return kit.NewMessage(markup.Brief(lines[0], markup.Join(append(lines[1:], examples...), "; ")), append(kit.Sections(lines), kit.Section(markup.Join(examples, "\n")))...)
}
