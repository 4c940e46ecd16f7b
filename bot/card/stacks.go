package card

import (
	"fmt"
	"strings"

	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// stacks shows a page of stacks, one line each.
func stacks(r commands.StacksReply) Message {
	head := markup.Format("*Stacks*: %s", stackPages(r))
	var lines []markup.Text
	blocks := []kit.Block{kit.Section(head)}
	for _, e := range r.Stacks {
		line := stackRow(e, r).Cut(maxRow)
		lines = append(lines, line)
		var show kit.Button
		if !e.Never {
			show = button("Show", commands.Invocation{Verb: commands.Show, UID: e.Stack.UID}, "show-"+markup.Shorten(e.Stack.UID, maxName))
		}
		blocks = append(blocks, kit.SectionWith(line, show))
	}
	turn := func(label, id string, page int) kit.Button {
		return button(label, commands.Invocation{Verb: commands.Stacks, Text: r.Text, Page: page}, id)
	}
	return kit.NewMessage(markup.Brief(head, markup.Join(lines, "; ")), append(blocks, turns(r.Page, r.Offset+len(r.Stacks) < r.Total, turn))...)
}

func stackPages(r commands.StacksReply) string {
	with := ""
	if r.Text != "" {
		with = fmt.Sprintf(" with “%s”", markup.Shorten(r.Text, maxName))
	}
	if r.Total == 0 {
		return fmt.Sprintf("none%s that you may see here", with)
	}
	return fmt.Sprintf("%d–%d of %d%s", r.Offset+1, r.Offset+len(r.Stacks), r.Total, with)
}

// stackRow is one stack in a line: what can be typed first, then sign and words of its state, then its last deployment.
func stackRow(e commands.StackEntry, r commands.StacksReply) markup.Text {
	s := e.Stack
	ref := storage.StackRef{UID: s.UID, Name: s.Name, Environment: s.Environment}
	parts := []markup.Text{markup.Format("%s %s %s", markup.Code(markup.Shorten(ref.String(), maxName)), stackSign(s), stackState(s))}
	if s.Health != cloud66.HealthUnknown {
		parts = append(parts, markup.Format("%s", strings.ToLower(s.Health.String())))
	}
	switch {
	case e.Never:
		parts = append(parts, markup.Format("never deployed"))
	case e.Newest != nil:
		last := markup.Format("#%d", e.Newest.ID)
		if !e.Newest.StartedAt.IsZero() {
			last = markup.Format("%s %s", last, age(e.Newest.StartedAt, r.At))
		}
		parts = append(parts, last)
	case !s.LastActivity.IsZero():
		parts = append(parts, markup.Format("last active %s", age(s.LastActivity, r.At)))
	}
	return markup.Join(parts, " · ")
}

// stackState says shortly what a stack is doing or did last.
func stackState(s cloud66.Stack) string {
	switch s.Status {
	case cloud66.StatusDeployed:
		return "deployed"
	case cloud66.StatusFailed:
		return "failed"
	case cloud66.StatusQueued:
		return "queued"
	default:
		return strings.ToLower(s.Status.String())
	}
}

func stackSign(s cloud66.Stack) string {
	switch {
	case s.Status == cloud66.StatusDeploying, s.Status == cloud66.StatusAnalyzing:
		return "🔵"
	case s.Status == cloud66.StatusQueued, s.Status == cloud66.StatusPendingAnalysis:
		return "🕓"
	case s.Status == cloud66.StatusFailed, s.Status == cloud66.StatusUnableToAnalyze, s.Health == cloud66.HealthFailed:
		return "🔴"
	case s.Health == cloud66.HealthImpaired:
		return "🟠"
	case s.Status == cloud66.StatusDeployed:
		return "🟢"
	default:
		return "⚪"
	}
}
