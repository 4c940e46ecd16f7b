package card

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

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
		panic(fmt.Sprintf("card: no rendering for %T", r))
	}
}

// Usage renders what was not understood in a typed command.
func Usage(e *commands.UsageError, command string) Message {
	lines := []mrkdwn{md("%s", e.What)}
	if e.Near != "" {
		lines[0] = md("%s Did you mean %s?", e.What, code(e.Near))
	}
	if e.Example != "" {
		lines = append(lines, md("For example: %s", code(command+" "+e.Example)))
	}
	return said(lines)
}

// said is a message of a few lines, the first of which matters most.
func said(lines []mrkdwn) Message {
	return message(plain(lines[0], join(lines[1:], " ")), section(join(lines, "\n")))
}

func problem(r commands.ProblemReply) Message {
	what := md("%s", r.What)
	if r.Stack != nil {
		what = md("%s: %s", stackName(*r.Stack), r.What)
	}
	lines := []mrkdwn{what}
	if next := strings.TrimSpace(r.State + " " + r.Do); next != "" {
		lines = append(lines, md("%s", next))
	}
	if r.Example != "" {
		lines = append(lines, md("For example: %s", code(r.Command+" "+r.Example)))
	}
	if r.Ref != "" {
		lines[len(lines)-1] = md("%s (ref %s)", lines[len(lines)-1], code(r.Ref))
	}
	return said(lines)
}

func notice(r commands.NoticeReply) Message {
	text := md("%s", r.Text)
	if r.Stack != nil {
		text = md("%s: %s", stackName(*r.Stack), r.Text)
	}
	return said([]mrkdwn{text})
}

func choice(r commands.ChoiceReply) Message {
	buttons := make([]*slack.ButtonBlockElement, 0, len(r.Options))
	var typed []mrkdwn
	for i, o := range r.Options {
		b := button(o.Label, o.Invocation, fmt.Sprintf("choose-%d", i))
		if b == nil || len(buttons) == maxButtons {
			typed = append(typed, code(cut(o.Label, maxName)))
			continue
		}
		buttons = append(buttons, b)
	}
	lines := []mrkdwn{md("%s", r.What)}
	if len(typed) > 0 {
		lines = append(lines, md("Too long, or too many, for buttons: type the command again with one of %s.", join(typed, ", ")))
	}
	labels := make([]mrkdwn, len(r.Options))
	for i, o := range r.Options {
		labels[i] = md("%s", cut(o.Label, maxName))
	}
	return message(plain(lines[0], append([]mrkdwn{join(labels, ", ")}, lines[1:]...)...), section(join(lines, "\n")), actions(buttons...))
}

func question(r commands.QuestionReply) Message {
	head := md("%s: %s", stackName(r.Stack), r.What)
	facts := make([]mrkdwn, len(r.Facts))
	for i, f := range r.Facts {
		facts[i] = md("%s", f)
	}
	yes := button("Yes, "+r.YesText, r.Yes, "yes")
	if yes != nil {
		yes.Style = slack.StylePrimary
		if r.Danger {
			yes.Style = slack.StyleDanger
		}
	}
	no := button("No", commands.Invocation{Verb: commands.Dismiss, Nonce: r.Yes.Nonce}, "no")
	return message(plain(head, join(facts, " ")), section(head), small(facts...), actions(yes, no))
}

func help(r commands.HelpReply) Message {
	if r.MayNot {
		text := md("I run this team's Cloud 66 deployments. You may not use me here yet. The bot's admins can allow it: %s.", admins(r.Admins))
		if r.Direct {
			text = md("I run this team's Cloud 66 deployments. In a direct message that is for the bot's admins alone: ask in a channel.")
		}
		return said([]mrkdwn{text})
	}
	if r.Topic != nil {
		return helpOn(r)
	}
	lines := []mrkdwn{"What you can do here:"}
	for _, spec := range r.Specs {
		lines = append(lines, md("%s\n%s", code(r.Command+" "+spec.Examples[0]), spec.Summary))
	}
	foot := md("A stack is its name, name@environment, or its UID. More on one command: %s", code(r.Command+" help redeploy"))
	return message(plain(lines[0], join(append(lines[1:], foot), "; ")), append(sections(lines), small(foot))...)
}

// helpOn explains one command in full.
func helpOn(r commands.HelpReply) Message {
	spec := r.Topic
	usage := strings.Join(append([]string{r.Command, string(spec.Verb)}, spec.Words...), " ")
	lines := []mrkdwn{md("%s\n%s", code(usage), spec.Summary)}
	for _, o := range spec.Options {
		option := "--" + o.Name
		if o.Value != "" {
			option += " " + o.Value
		}
		line := md("%s %s", code(option), o.Summary)
		if o.Name == "profile" && len(r.Profiles) > 0 {
			line = md("%s: %s", line, strings.Join(r.Profiles, ", "))
		}
		lines = append(lines, line)
	}
	examples := []mrkdwn{"For example:"}
	for _, e := range spec.Examples {
		examples = append(examples, code(r.Command+" "+e))
	}
	return message(plain(lines[0], join(append(lines[1:], examples...), "; ")), append(sections(lines), section(join(examples, "\n")))...)
}
