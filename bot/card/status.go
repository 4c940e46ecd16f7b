package card

import (
	"strings"
	"time"

	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/commands"
)

// status says how the bot is.
func status(r commands.StatusReply) Message {
	head := condition(r)
	lines := []markup.Text{budget(r), following(r), watching(r), unreadable(r), markup.Format("Version %s, running for %s", r.Version, commands.InWords(r.At.Sub(r.Since)))}
	for _, trouble := range r.Troubles {
		lines = append(lines, markup.Format("⚠️ %s", trouble))
	}
	if r.Others > 0 {
		lines = append(lines, markup.Format("The app has %d more connection%s than mine: stop the other instance", r.Others, plural(r.Others)))
	}
	if r.Ahead != 0 {
		lines = append(lines, clock(r.Ahead))
	}
	return kit.NewMessage(markup.Brief(head, lines...), append([]kit.Block{kit.Section(head)}, kit.Sections(lines)...)...)
}

// condition is how the bot is in one line, the worst of it.
func condition(r commands.StatusReply) markup.Text {
	switch {
	case r.Ready != nil:
		return markup.Format("🔴 I cannot do my work: %s", strings.ReplaceAll(r.Ready.Error(), "\n", "; "))
	case !r.Silent.IsZero():
		return markup.Format("🟠 I am connected to Slack, but Cloud 66 has not answered since %s", markup.When(r.Silent))
	case r.Others > 0:
		return markup.Format("🟠 I am connected, but another instance of me takes part of the commands")
	case r.List != nil:
		return markup.Format("🟠 I am connected, but Cloud 66 lists more stacks than I can work with")
	case len(r.Troubles) > 0:
		return markup.Format("🟠 I am connected, but something keeps me from a part of my work")
	case r.Budget.Rest == 0:
		return markup.Format("🟠 I am connected, but this hour's Cloud 66 requests are used up")
	case r.Budget.BackgroundRest == 0:
		return markup.Format("🟠 I am connected, but Cloud 66 requests run low")
	default:
		return markup.Format("🟢 I am well: connected to Slack, and Cloud 66 accepts my token")
	}
}

// clock says that this machine's clock is wrong.
func clock(ahead time.Duration) markup.Text {
	way := "ahead of"
	if ahead < 0 {
		way = "behind"
	}
	return markup.Format("This machine's clock is %s %s Slack's: correct it (NTP)", commands.InWords(ahead.Abs()), way)
}

func budget(r commands.StatusReply) markup.Text {
	b := r.Budget
	text := markup.Format("Cloud 66 requests: %d of %d left in this hour", b.Rest, b.PerHour)
	if b.ServerRest != nil {
		text = markup.Format("%s; Cloud 66 itself says %d", text, *b.ServerRest)
	}
	switch {
	case b.Rest == 0 && !b.NextTry.IsZero():
		return markup.Format("%s. The next is sent %s", text, markup.When(b.NextTry))
	case b.ReadingRest == 0:
		return markup.Format("%s. They are kept for redeploys and cancels", text)
	case b.BackgroundRest == 0:
		return markup.Format("%s. What people ask for goes first, what is followed waits", text)
	default:
		return text
	}
}

// following lists what is followed, of what this person may see.
func following(r commands.StatusReply) markup.Text {
	const most = 10
	switch {
	case r.Unknown:
		return markup.Format("What I follow: not shown, since Slack did not say who may see it")
	case len(r.Follows) == 0:
		return markup.Format("I follow no deployment that you may see here")
	}
	all := make([]markup.Text, 0, most)
	for _, f := range r.Follows[:min(most, len(r.Follows))] {
		number := markup.Format("#%d", f.Deployment)
		if f.Deployment == 0 {
			number = markup.Format("(not begun yet)")
		}
		all = append(all, markup.Format("%s %s", stackName(f.Stack), number))
	}
	text := markup.Format("I follow %d deployment%s: %s", len(r.Follows), plural(len(r.Follows)), markup.Join(all, ", "))
	if len(r.Follows) > most {
		return markup.Format("%s and %d more", text, len(r.Follows)-most)
	}
	return text
}

// watching says how what channels subscribe to is watched, of what this person may see. It is empty where nothing is.
func watching(r commands.StatusReply) markup.Text {
	w := r.Watch
	if r.Unknown || len(w.Stacks) == 0 {
		return markup.Text{}
	}
	text := markup.Format("For subscriptions I watch %d stack%s that you may see here", len(w.Stacks), plural(len(w.Stacks)))
	switch {
	case w.Interval >= time.Second:
		text = markup.Format("%s, each every %s", text, commands.InWords(w.Interval))
	case w.Interval > 0:
		text = markup.Format("%s, each more than once a second", text)
	}
	if w.LastSweep.IsZero() {
		return markup.Format("%s; I have not been through all of them yet", text)
	}
	return markup.Format("%s; I was through all of them %s", text, markup.When(w.LastSweep))
}

// unreadable names stacks that could not be read for a while.
func unreadable(r commands.StatusReply) markup.Text {
	const most = 10
	stacks := r.Watch.Unreadable
	if r.Unknown || len(stacks) == 0 {
		return markup.Text{}
	}
	names := make([]markup.Text, 0, most)
	for _, s := range stacks[:min(most, len(stacks))] {
		names = append(names, stackName(s))
	}
	text := markup.Format("Cloud 66 has not let me read for a while: %s", markup.Join(names, ", "))
	if len(stacks) > most {
		text = markup.Format("%s and %d more", text, len(stacks)-most)
	}
	return text
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
