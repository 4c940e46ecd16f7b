package card

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/commands"
)

// maxRow is how long a row of a list can be, so that ten fit into a message.
const maxRow = 900

// list shows a page of deployments, one line each, with buttons that turn the pages in place.
func list(r commands.ListReply) Message {
	head := markup.Format("%s: %s", stackName(r.Stack), pages(r))
	var lines []markup.Text
	blocks := []kit.Block{kit.Section(head)}
	for _, e := range r.Entries {
		line := row(e, r.At).Cut(maxRow)
		lines = append(lines, line)
		show := commands.Invocation{Verb: commands.Show, UID: r.Stack.UID, Deployment: e.Deployment.ID}
		blocks = append(blocks, kit.SectionWith(line, button("Show", show, fmt.Sprintf("show-%d", e.Deployment.ID))))
	}
	return kit.NewMessage(markup.Brief(head, markup.Join(lines, "; ")), append(blocks, kit.Actions(pager(r)...))...)
}

// pages says where in the list one is.
func pages(r commands.ListReply) markup.Text {
	switch {
	case r.Total == 0:
		return markup.Format("this stack has never been deployed")
	case isNarrowed(r):
		return narrowed(r)
	default:
		return markup.Format("deployments %d–%d of %d", r.Offset+1, r.Offset+len(r.Entries), r.Total)
	}
}

func isNarrowed(r commands.ListReply) bool { return r.Filter.Outcome != "" || r.Filter.By != "" }

// narrowed says what the deployments of a filtered list have in common, and how far it was looked.
func narrowed(r commands.ListReply) markup.Text {
	deployments := markup.Format("deployment%s", plural(len(r.Entries)))
	what := markup.Join([]markup.Text{markup.Format("%s", r.Filter.Outcome), deployments}, " ")
	if id := commands.UserOf(r.Filter.By); id != "" {
		what = markup.Format("%s by %s", what, markup.User(id))
	} else if r.Filter.By != "" {
		what = markup.Format("%s by “%s”", what, markup.Shorten(r.Filter.By, maxName))
	}
	count := markup.Format("%d", len(r.Entries))
	if len(r.Entries) == 0 {
		count = markup.Format("no")
	}
	if r.Looked == r.Total {
		return markup.Format("%s %s among all %d", count, what, r.Total)
	}
	return markup.Format("%s %s among %d–%d of %d", count, what, r.Offset+1, r.Offset+r.Looked, r.Total)
}

// narrowedPager turns the pages of a filtered list. The page that was typed, if one was, is the one that the trail leads back to.
func narrowedPager(r commands.ListReply) []kit.Button {
	turn := func(label, id, trail string, page int) kit.Button {
		inv := r.Filter
		inv.Verb, inv.UID, inv.Trail, inv.Page = commands.List, r.Stack.UID, trail, page
		return button(label, inv, id)
	}
	page := r.Filter.Page
	var buttons []kit.Button
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

func pager(r commands.ListReply) []kit.Button {
	if isNarrowed(r) {
		return narrowedPager(r)
	}
	turn := func(label, id string, page int) kit.Button {
		return button(label, commands.Invocation{Verb: commands.List, UID: r.Stack.UID, Page: page}, id)
	}
	var buttons []kit.Button
	if r.Page > 1 {
		buttons = append(buttons, turn("Newer", "newer", r.Page-1))
	}
	if r.Offset+len(r.Entries) < r.Total {
		buttons = append(buttons, turn("Older", "older", r.Page+1))
	}
	return append(buttons, turn("Refresh", "refresh", r.Page))
}

// row is one deployment in a line: its number first, since it can be typed, then sign and word of its state.
func row(e commands.Entry, now time.Time) markup.Text {
	d := e.Deployment
	sign, state := standing(e)
	parts := []markup.Text{markup.Format("#%d %s %s", d.ID, sign, markup.Shorten(state, maxName)), commitLink(d, shortHash(d.GitHash))}
	if !d.StartedAt.IsZero() {
		parts = append(parts, markup.Format("%s", age(d.StartedAt, now)))
	}
	return markup.Join(append(parts, who(e)), " · ")
}

// who names the person: the one who asked here, or the one Cloud 66 names. With one token for all, the API names the token's owner.
func who(e commands.Entry) markup.Text {
	if e.AskedBy != "" {
		return markup.User(e.AskedBy)
	}
	return markup.Format("%s", markup.Shorten(e.Deployment.TriggeredBy, maxName))
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
	head := markup.Format("%s %s: #%d %s%s", sign, stackName(r.Stack), d.ID, markup.Shorten(state, maxName), standingMore(r))
	facts := []markup.Text{
		fact("Started", whenever(d.StartedAt)), fact("Finished", whenever(d.FinishedAt)), fact("Asked by", who(r.Entry)), fact("Triggered", triggered(d).Trim()),
		fact("Reason", markup.Format("%s", r.Entry.Reason)), fact("Type", markup.Format("%s", d.DeployType.String())), fact("Outcome", markup.Format("%s", labelled(d.Outcome.String(), d.Outcome.Meaning))),
		fact("Commit", commitLink(d, d.GitHash)), fact("Ref", markup.Code(d.GitRef)), fact("Head", yesNo(d.IsHead)),
		fact("Live", yesNo(d.IsLive)),
		fact("Deploying", yesNo(d.IsDeploying)), fact("Reverted", reverted(d)), fact("Session", markup.Code(d.DeploySession)), fact("Snapshot", markup.Code(d.SnapshotUUID)),
	}
	blocks := append([]kit.Block{kit.Section(head)}, kit.Sections(facts)...)
	return kit.NewMessage(markup.Brief(head, markup.Join(facts, "; ")), append(blocks, kit.Actions(detailButtons(r)...))...)
}

// standingMore adds the time to the state.
func standingMore(r commands.DetailReply) markup.Text {
	d := r.Entry.Deployment
	switch {
	case d.Queued() && r.Entry.QueuedAfter != 0:
		return markup.Format(" behind #%d", r.Entry.QueuedAfter)
	case d.Running() && !d.StartedAt.IsZero() && r.Usual > 0:
		return markup.Format(", %s of about %s", roughly(r.At.Sub(d.StartedAt)), nearly(r.Usual))
	case d.Running() && !d.StartedAt.IsZero():
		return markup.Format(", %s so far", roughly(r.At.Sub(d.StartedAt)))
	case d.Ended() && d.Duration() > 0:
		return markup.Format(", took %s", commands.InWords(d.Duration()))
	default:
		return markup.Text{}
	}
}

// fact is one line of a deployment's details, empty where there is nothing to say.
func fact(name string, value markup.Text) markup.Text {
	if value.Empty() {
		return markup.Text{}
	}
	return markup.Format("%s: %s", name, value.Cut(maxFact))
}

// maxFact is how long one of a deployment's details can be, so that all fit into a message.
const maxFact = 650

func whenever(t time.Time) markup.Text {
	if t.IsZero() {
		return markup.Format("not yet")
	}
	return markup.When(t)
}

// triggered says who started a deployment and how, to stand behind a word.
func triggered(d cloud66.Deployment) markup.Text {
	if d.TriggeredBy == "" {
		return viaInWords(d.TriggeredVia)
	}
	return markup.Format(" by %s%s", markup.Shorten(d.TriggeredBy, maxName), viaInWords(d.TriggeredVia))
}

func labelled(value, meaning string) string {
	if meaning == "" || meaning == value {
		return value
	}
	return value + " (" + meaning + ")"
}

func yesNo(b bool) markup.Text {
	if b {
		return markup.Format("yes")
	}
	return markup.Format("no")
}

func reverted(d cloud66.Deployment) markup.Text {
	if !d.Reverted {
		return markup.Format("no")
	}
	text := markup.Format("yes")
	if d.RevertedBy != "" {
		text = markup.Format("%s, by %s", text, markup.Shorten(d.RevertedBy, maxName))
	}
	if !d.RevertedAt.IsZero() {
		text = markup.Format("%s, %s", text, markup.When(d.RevertedAt))
	}
	return text
}

// detailButtons offers what this deployment allows, at most four, the dangerous one last.
func detailButtons(r commands.DetailReply) []kit.Button {
	d := r.Entry.Deployment
	on := func(verb commands.Verb) commands.Invocation {
		return commands.Invocation{Verb: verb, UID: r.Stack.UID, Deployment: d.ID}
	}
	refresh := button("Refresh", on(commands.Show), "refresh")
	commit := commitButton(d)
	if !d.Ended() {
		return []kit.Button{button("Follow", on(commands.Follow), "follow"), refresh, commit, cancelButton(r.Stack, d.ID)}
	}
	again := commands.Invocation{Verb: commands.Redeploy, UID: r.Stack.UID}
	if r.Git && d.GitHash != "" {
		again.Deployment = d.ID // whose version the form offers
	}
	return []kit.Button{button("Redeploy", again, "redeploy"), refresh, commit}
}
