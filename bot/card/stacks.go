package card

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// stacks shows a page of stacks, one line each.
func stacks(r commands.StacksReply) Message {
	head := md("*Stacks*: %s", stackPages(r))
	var lines []mrkdwn
	blocks := []slack.Block{section(head)}
	for _, e := range r.Stacks {
		line := cutMarkup(stackRow(e, r), maxRow)
		lines = append(lines, line)
		block := section(line)
		if b := button("Show", commands.Invocation{Verb: commands.Show, UID: e.Stack.UID}, "show-"+cut(e.Stack.UID, maxName)); b != nil && !e.Never {
			block.Accessory = slack.NewAccessory(b)
		}
		blocks = append(blocks, block)
	}
	turn := func(label, id string, page int) *slack.ButtonBlockElement {
		return button(label, commands.Invocation{Verb: commands.Stacks, Text: r.Text, Page: page}, id)
	}
	return message(plain(head, join(lines, "; ")), append(blocks, turns(r.Page, r.Offset+len(r.Stacks) < r.Total, turn))...)
}

func stackPages(r commands.StacksReply) string {
	with := ""
	if r.Text != "" {
		with = fmt.Sprintf(" with “%s”", cut(r.Text, maxName))
	}
	if r.Total == 0 {
		return fmt.Sprintf("none%s that you may see here", with)
	}
	return fmt.Sprintf("%d–%d of %d%s", r.Offset+1, r.Offset+len(r.Stacks), r.Total, with)
}

// stackRow is one stack in a line: what can be typed first, then sign and words of its state, then its last deployment.
func stackRow(e commands.StackEntry, r commands.StacksReply) mrkdwn {
	s := e.Stack
	ref := storage.StackRef{UID: s.UID, Name: s.Name, Environment: s.Environment}
	parts := []mrkdwn{md("%s %s %s", code(cut(ref.String(), maxName)), stackSign(s), stackState(s))}
	if s.Health != cloud66.HealthUnknown {
		parts = append(parts, md("%s", strings.ToLower(s.Health.String())))
	}
	switch {
	case e.Never:
		parts = append(parts, "never deployed")
	case e.Newest != nil:
		last := md("#%d", e.Newest.ID)
		if !e.Newest.StartedAt.IsZero() {
			last = md("%s %s", last, age(e.Newest.StartedAt, r.At))
		}
		parts = append(parts, last)
	case !s.LastActivity.IsZero():
		parts = append(parts, md("last active %s", age(s.LastActivity, r.At)))
	}
	return join(parts, " · ")
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
