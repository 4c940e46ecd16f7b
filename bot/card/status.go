package card

import (
	"strings"

	"github.com/slack-go/slack"

	"c66bot/commands"
)

// status says how the bot is.
func status(r commands.StatusReply) Message {
	head := condition(r)
	lines := []mrkdwn{budget(r), following(r), md("Version %s, running for %s", r.Version, commands.InWords(r.At.Sub(r.Since)))}
	if r.Others > 0 {
		lines = append(lines, md("The app has %d more connection%s than mine: stop the other instance", r.Others, plural(r.Others)))
	}
	return message(plain(head, lines...), append([]slack.Block{section(head)}, sections(lines)...)...)
}

// condition is how the bot is in one line, the worst of it.
func condition(r commands.StatusReply) mrkdwn {
	switch {
	case r.Ready != nil:
		return md("🔴 I cannot do my work: %s", strings.ReplaceAll(r.Ready.Error(), "\n", "; "))
	case r.Others > 0:
		return "🟠 I am connected, but another instance of me takes part of the commands"
	case r.Budget.Rest == 0:
		return "🟠 I am connected, but this hour's Cloud 66 requests are used up"
	case r.Budget.BackgroundRest == 0:
		return "🟠 I am connected, but Cloud 66 requests run low"
	default:
		return "🟢 I am well: connected to Slack, and Cloud 66 accepts my token"
	}
}

func budget(r commands.StatusReply) mrkdwn {
	b := r.Budget
	text := md("Cloud 66 requests: %d of %d left in this hour", b.Rest, b.PerHour)
	if b.ServerRest != nil {
		text = md("%s; Cloud 66 itself says %d", text, *b.ServerRest)
	}
	switch {
	case b.Rest == 0 && !b.NextTry.IsZero():
		return md("%s. The next is sent %s", text, when(b.NextTry))
	case b.BackgroundRest == 0:
		return md("%s. What people ask for goes first, what is followed waits", text)
	default:
		return text
	}
}

// following lists what is followed, of what this person may see.
func following(r commands.StatusReply) mrkdwn {
	const most = 10
	switch {
	case r.Unknown:
		return "What I follow: not shown, since Slack did not say who may see it"
	case len(r.Follows) == 0:
		return "I follow no deployment that you may see here"
	}
	all := make([]mrkdwn, 0, most)
	for _, f := range r.Follows[:min(most, len(r.Follows))] {
		number := md("#%d", f.Deployment)
		if f.Deployment == 0 {
			number = "(not begun yet)"
		}
		all = append(all, md("%s %s", stackName(f.Stack), number))
	}
	text := md("I follow %d deployment%s: %s", len(r.Follows), plural(len(r.Follows)), join(all, ", "))
	if len(r.Follows) > most {
		return md("%s and %d more", text, len(r.Follows)-most)
	}
	return text
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
