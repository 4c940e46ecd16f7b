package card

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/slack-go/slack"

	"c66bot/cloud66"
	"c66bot/commands"
)

// maxRow is how long a row of a list can be, so that ten fit into a message.
const maxRow = 900

// list shows a page of deployments, one line each, with buttons that turn the pages in place.
func list(r commands.ListReply) Message {
	head := md("%s: %s", stackName(r.Stack), pages(r))
	var lines []mrkdwn
	blocks := []slack.Block{section(head)}
	for _, e := range r.Entries {
		line := cutMarkup(row(e, r.At), maxRow)
		lines = append(lines, line)
		block := section(line)
		show := commands.Invocation{Verb: commands.Show, UID: r.Stack.UID, Deployment: e.Deployment.ID}
		if b := button("Show", show, fmt.Sprintf("show-%d", e.Deployment.ID)); b != nil {
			block.Accessory = slack.NewAccessory(b)
		}
		blocks = append(blocks, block)
	}
	return message(plain(head, join(lines, "; ")), append(blocks, actions(pager(r)...))...)
}

// pages says where in the list one is.
func pages(r commands.ListReply) mrkdwn {
	switch {
	case r.Total == 0:
		return "this stack has never been deployed"
	case isNarrowed(r):
		return narrowed(r)
	default:
		return md("deployments %d–%d of %d", r.Offset+1, r.Offset+len(r.Entries), r.Total)
	}
}

func isNarrowed(r commands.ListReply) bool { return r.Filter.Outcome != "" || r.Filter.By != "" }

// narrowed says what the deployments of a filtered list have in common, and how far it was looked.
func narrowed(r commands.ListReply) mrkdwn {
	deployments := md("deployment%s", plural(len(r.Entries)))
	what := join([]mrkdwn{md("%s", r.Filter.Outcome), deployments}, " ")
	if id := commands.UserOf(r.Filter.By); id != "" {
		what = md("%s by %s", what, user(id))
	} else if r.Filter.By != "" {
		what = md("%s by “%s”", what, cut(r.Filter.By, maxName))
	}
	count := md("%d", len(r.Entries))
	if len(r.Entries) == 0 {
		count = "no"
	}
	if r.Looked == r.Total {
		return md("%s %s among all %d", count, what, r.Total)
	}
	return md("%s %s among %d–%d of %d", count, what, r.Offset+1, r.Offset+r.Looked, r.Total)
}

// narrowedPager turns the pages of a filtered list. The page that was typed, if one was, is the one that the trail leads back to.
func narrowedPager(r commands.ListReply) []*slack.ButtonBlockElement {
	turn := func(label, id, trail string, page int) *slack.ButtonBlockElement {
		inv := r.Filter
		inv.Verb, inv.UID, inv.Trail, inv.Page = commands.List, r.Stack.UID, trail, page
		return button(label, inv, id)
	}
	page := r.Filter.Page
	var buttons []*slack.ButtonBlockElement
	switch {
	case r.Trail != "":
		buttons = append(buttons, turn("Newer", "newer", commands.NewerTrail(r.Trail), page))
	case page > 1:
		buttons = append(buttons, turn("Newer", "newer", "", page-1))
	}
	if r.Older != "" {
		buttons = append(buttons, turn("Older", "older", r.Older, page))
	}
	return append(buttons, turn("Refresh", "refresh", r.Trail, page))
}

func pager(r commands.ListReply) []*slack.ButtonBlockElement {
	if isNarrowed(r) {
		return narrowedPager(r)
	}
	turn := func(label, id string, page int) *slack.ButtonBlockElement {
		return button(label, commands.Invocation{Verb: commands.List, UID: r.Stack.UID, Page: page}, id)
	}
	var buttons []*slack.ButtonBlockElement
	if r.Page > 1 {
		buttons = append(buttons, turn("Newer", "newer", r.Page-1))
	}
	if r.Offset+len(r.Entries) < r.Total {
		buttons = append(buttons, turn("Older", "older", r.Page+1))
	}
	return append(buttons, turn("Refresh", "refresh", r.Page))
}

// row is one deployment in a line: its number first, since it can be typed, then sign and word of its state.
func row(e commands.Entry, now time.Time) mrkdwn {
	d := e.Deployment
	sign, state := standing(e)
	parts := []mrkdwn{md("#%d %s %s", d.ID, sign, cut(state, maxName)), link(d.CommitURL, code(shortHash(d.GitHash)))}
	if !d.StartedAt.IsZero() {
		parts = append(parts, md("%s", age(d.StartedAt, now)))
	}
	return join(append(parts, who(e)), " · ")
}

// who names the person: the one who asked here, or the one Cloud 66 names. With one token for all, the API names the token's owner.
func who(e commands.Entry) mrkdwn {
	if e.AskedBy != "" {
		return user(e.AskedBy)
	}
	return md("%s", cut(e.Deployment.TriggeredBy, maxName))
}

// standing gives the sign and the word for where a deployment stands.
func standing(e commands.Entry) (sign, word string) {
	d := e.Deployment
	switch {
	case d.Queued():
		return "🕓", "queued"
	case d.Running():
		return "🔵", "deploying"
	}
	word = commands.OutcomeInWords(d, e.Cancelled)
	switch {
	case d.Outcome.Kind == cloud66.OutcomeSuccess && d.IsLive:
		return "🟢", "live"
	case d.Outcome.Kind == cloud66.OutcomeSuccess:
		return "🟢", word
	case word == "cancelled":
		return "⚪", word
	case d.Outcome.Kind == cloud66.OutcomeFailed:
		return "🔴", word
	default:
		return "❔", word
	}
}

// age says how long ago something was, as in "3 hours ago".
func age(t, now time.Time) string { return humanize.RelTime(t, now, "ago", "from now") }

// detail shows one deployment with every field that the API gives.
func detail(r commands.DetailReply) Message {
	d := r.Entry.Deployment
	sign, state := standing(r.Entry)
	head := md("%s %s: #%d %s%s", sign, stackName(r.Stack), d.ID, cut(state, maxName), standingMore(r))
	facts := []mrkdwn{
		fact("Started", whenever(d.StartedAt)), fact("Finished", whenever(d.FinishedAt)), fact("Asked by", who(r.Entry)), fact("Triggered", mrkdwn(strings.TrimSpace(string(triggered(d))))),
		fact("Reason", md("%s", r.Entry.Reason)), fact("Type", md("%s", d.DeployType.String())), fact("Outcome", md("%s", labelled(d.Outcome.String(), d.Outcome.Meaning))),
		fact("Commit", link(d.CommitURL, code(d.GitHash))), fact("Ref", code(d.GitRef)), fact("Head", yesNo(d.IsHead)), fact("Live", yesNo(d.IsLive)),
		fact("Deploying", yesNo(d.IsDeploying)), fact("Reverted", reverted(d)), fact("Session", code(d.DeploySession)), fact("Snapshot", code(d.SnapshotUUID)),
	}
	blocks := append([]slack.Block{section(head)}, sections(facts)...)
	return message(plain(head, join(facts, "; ")), append(blocks, actions(detailButtons(r)...))...)
}

// standingMore adds the time to the state.
func standingMore(r commands.DetailReply) mrkdwn {
	d := r.Entry.Deployment
	switch {
	case d.Queued() && r.Entry.QueuedAfter != 0:
		return md(" behind #%d", r.Entry.QueuedAfter)
	case d.Running() && !d.StartedAt.IsZero() && r.Usual > 0:
		return md(", %s of about %s", roughly(r.At.Sub(d.StartedAt)), nearly(r.Usual))
	case d.Running() && !d.StartedAt.IsZero():
		return md(", %s so far", roughly(r.At.Sub(d.StartedAt)))
	case d.Ended() && d.Duration() > 0:
		return md(", took %s", commands.InWords(d.Duration()))
	default:
		return ""
	}
}

// fact is one line of a deployment's details, empty where there is nothing to say.
func fact(name string, value mrkdwn) mrkdwn {
	if value == "" {
		return ""
	}
	return md("%s: %s", name, cutMarkup(value, maxFact))
}

// maxFact is how long one of a deployment's details can be, so that all fit into a message.
const maxFact = 650

func whenever(t time.Time) mrkdwn {
	if t.IsZero() {
		return "not yet"
	}
	return when(t)
}

// triggered says who started a deployment and how, to stand behind a word.
func triggered(d cloud66.Deployment) mrkdwn {
	if d.TriggeredBy == "" {
		return viaInWords(d.TriggeredVia)
	}
	return md(" by %s%s", cut(d.TriggeredBy, maxName), viaInWords(d.TriggeredVia))
}

func labelled(value, meaning string) string {
	if meaning == "" || meaning == value {
		return value
	}
	return value + " (" + meaning + ")"
}

func yesNo(b bool) mrkdwn {
	if b {
		return "yes"
	}
	return "no"
}

func reverted(d cloud66.Deployment) mrkdwn {
	if !d.Reverted {
		return "no"
	}
	text := mrkdwn("yes")
	if d.RevertedBy != "" {
		text = md("%s, by %s", text, cut(d.RevertedBy, maxName))
	}
	if !d.RevertedAt.IsZero() {
		text = md("%s, %s", text, when(d.RevertedAt))
	}
	return text
}

// detailButtons offers what this deployment allows, at most four, the dangerous one last.
func detailButtons(r commands.DetailReply) []*slack.ButtonBlockElement {
	d := r.Entry.Deployment
	on := func(verb commands.Verb) commands.Invocation {
		return commands.Invocation{Verb: verb, UID: r.Stack.UID, Deployment: d.ID}
	}
	refresh := button("Refresh", on(commands.Show), "refresh")
	commit := linkButton("Commit", d.CommitURL)
	if !d.Ended() {
		return []*slack.ButtonBlockElement{button("Follow", on(commands.Follow), "follow"), refresh, commit, cancelButton(r.Stack, d.ID)}
	}
	again := commands.Invocation{Verb: commands.Redeploy, UID: r.Stack.UID}
	if r.Git && d.GitHash != "" {
		again.Deployment = d.ID // whose version the form offers
	}
	return []*slack.ButtonBlockElement{button("Redeploy", again, "redeploy"), refresh, commit}
}
