package commands

import (
	"time"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// maxFact is how long one of a deployment's details can be, so that all fit into a message.
const maxFact = 650

// DetailReply is one deployment with every field that the API gives.
type DetailReply struct {
	Stack storage.StackRef
	Entry Entry
	Usual time.Duration // the stack's usual time, 0 where unknown
	Git   bool          // the stack can deploy a commit by its hash
	At    time.Time
}

// Document shows a line for each field.
func (r DetailReply) Document() doc.Document {
	d := r.Entry.Deployment
	sign, state := r.Entry.standing()
	head := markup.Format("%s %s: #%d %s%s", sign, wording.Stack(r.Stack), d.ID, state, r.time())
	facts := []markup.Text{
		fact("Started", orNotYet(d.StartedAt)), fact("Finished", orNotYet(d.FinishedAt)), fact("Asked by", r.Entry.who()),
		fact("Triggered", wording.Trigger(d).Trim()), fact("Reason", markup.Format("%s", r.Entry.Reason)),
		fact("Type", markup.Format("%s", d.DeployType.String())), fact("Outcome", outcomeOf(d)), fact("Commit", wording.Commit(d, d.GitHash)),
		fact("Ref", markup.Code(d.GitRef)), fact("Head", yesNo(d.IsHead)), fact("Live", yesNo(d.IsLive)), fact("Deploying", yesNo(d.IsDeploying)),
		fact("Reverted", reverted(d)), fact("Session", markup.Code(d.DeploySession)), fact("Snapshot", markup.Code(d.SnapshotUUID)),
	}
	return doc.Document{Kind: "show", Brief: markup.Brief(head, markup.Join(facts, "; ")), Blocks: []doc.Block{
		doc.Lines(head), doc.Lines(facts...), doc.Buttons(r.buttons()...),
	}}
}

// time says how long the deployment has taken, or what it waits for, to stand behind its state.
func (r DetailReply) time() markup.Text {
	d := r.Entry.Deployment
	switch {
	case d.Queued() && r.Entry.QueuedAfter != 0:
		return markup.Format(" behind #%d", r.Entry.QueuedAfter)
	case d.Running() && !d.StartedAt.IsZero() && r.Usual > 0:
		return markup.Format(", %s of about %s", wording.Roughly(r.At.Sub(d.StartedAt)), wording.Nearly(r.Usual))
	case d.Running() && !d.StartedAt.IsZero():
		return markup.Format(", %s so far", wording.Roughly(r.At.Sub(d.StartedAt)))
	case d.Ended() && d.Duration() > 0:
		return markup.Format(", took %s", wording.Duration(d.Duration()))
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

func orNotYet(t time.Time) markup.Text {
	if t.IsZero() {
		return markup.Format("not yet")
	}
	return markup.When(t)
}

func outcomeOf(d cloud66.Deployment) markup.Text {
	value, meaning := d.Outcome.String(), d.Outcome.Meaning
	if meaning == "" || meaning == value {
		return markup.Format("%s", value)
	}
	return markup.Format("%s", value+" ("+meaning+")")
}

func yesNo(b bool) markup.Text {
	if b {
		return markup.Format("yes")
	}
	return markup.Format("no")
}

func reverted(d cloud66.Deployment) markup.Text {
	text := yesNo(d.Reverted)
	if d.Reverted && d.RevertedBy != "" {
		text = markup.Format("%s, by %s", text, markup.Shorten(d.RevertedBy, wording.MaxName))
	}
	if d.Reverted && !d.RevertedAt.IsZero() {
		text = markup.Format("%s, %s", text, markup.When(d.RevertedAt))
	}
	return text
}

// buttons offers what this deployment allows, at most four, the dangerous one last.
func (r DetailReply) buttons() []doc.Button {
	d := r.Entry.Deployment
	on := Invocation{Verb: Show, UID: r.Stack.UID, Deployment: d.ID}
	refresh, commit := Button("Refresh", on, "refresh"), wording.CommitButton(d)
	if !d.Ended() {
		on.Verb = Follow
		return []doc.Button{Button("Follow", on, "follow"), refresh, commit, CancelButton(r.Stack, d.ID)}
	}
	again := Invocation{Verb: Redeploy, UID: r.Stack.UID}
	if r.Git && d.GitHash != "" {
		again.Deployment = d.ID // whose version the form offers
	}
	return []doc.Button{Button("Redeploy", again, "redeploy"), refresh, commit}
}
