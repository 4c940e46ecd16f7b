package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Show shows a deployment.
const Show Verb = "show"

var showSpec = Spec{
	Verb: Show, Right: authz.View,
	Args:     []Arg{argStack, {Word: "[ID|latest|live|head]", Example: "1042", take: takeWhich, show: Invocation.which}},
	Summary:  "Shows one deployment, the latest unless you say which.",
	Examples: []string{"show mystack@production", "show mystack@production live", "show mystack@production 1042"},
	run:      (*Handler).show,
}

func takeWhich(i *Invocation, word string) error {
	if i.set(pick(Which)[0], word) == nil {
		return nil
	}
	if err := takeID(i, word); err != nil {
		return fmt.Errorf("%w, or latest, live or head", err)
	}
	return nil
}

// maxFact is the maximum length of a detail, so that all details fit into a message.
const maxFact = 650

func (h *Handler) show(ctx context.Context, c *call) (Reply, error) {
	inv, stack := c.Invocation, c.stack
	newest, err := h.Cloud.DeploymentRange(ctx, stack.UID, 0, apiPage)
	if err != nil {
		return nil, err
	}
	if len(newest.Deployments) == 0 {
		ref := RefOf(stack)
		return noticeOn(&ref, "this stack has never been deployed."), nil
	}
	deployment, found, err := h.pick(ctx, stack.UID, inv, newest)
	if err != nil {
		return nil, err
	}
	if !found {
		return h.noDeployment(stack, inv, newest), nil
	}
	entry, err := h.entry(ctx, stack.UID, deployment)
	if err != nil {
		return nil, err
	}
	entry.QueuedAfter = aheadOf(newest.Deployments, deployment)
	return DetailReply{
		Stack: RefOf(stack), Entry: entry, Usual: cloud66.UsualDuration(newest.Deployments, deployment.Type()),
		Git: !stack.Docker(), At: time.Now(),
	}, nil
}

// pick returns the deployment that the invocation refers to.
func (h *Handler) pick(ctx context.Context, uid string, inv Invocation, newest cloud66.DeploymentRange) (cloud66.Deployment, bool, error) {
	if inv.Deployment != 0 {
		d, err := h.Cloud.Deployment(ctx, uid, inv.Deployment)
		if errors.Is(err, cloud66.ErrNotFound) {
			return cloud66.Deployment{}, false, nil
		}
		return d, err == nil, err
	}
	fits := func(cloud66.Deployment) bool { return true }
	switch inv.Options[Which] {
	case "live":
		fits = func(d cloud66.Deployment) bool { return d.IsLive }
	case "head":
		fits = func(d cloud66.Deployment) bool { return d.IsHead }
	}
	for page := newest; ; {
		for _, d := range page.Deployments {
			if fits(d) {
				return d, true, nil
			}
		}
		next := page.Offset + apiPage
		if next >= newest.Total || next >= searchPages*apiPage {
			return cloud66.Deployment{}, false, nil
		}
		var err error
		if page, err = h.Cloud.DeploymentRange(ctx, uid, next, apiPage); err != nil {
			return cloud66.Deployment{}, false, err
		}
	}
}

func (h *Handler) noDeployment(stack cloud66.Stack, inv Invocation, newest cloud66.DeploymentRange) Reply {
	latest := newest.Deployments[0].ID
	what := fmt.Sprintf("none of its last %d deployments is %s.", min(newest.Total, searchPages*apiPage), inv.Options[Which])
	if inv.Deployment != 0 {
		what = fmt.Sprintf("there is no deployment #%d of this stack.", inv.Deployment)
	}
	return h.problemOn(stack, what, fmt.Sprintf("Its latest is #%d.", latest), fmt.Sprintf("show %%s %d", latest))
}

// aheadOf returns the running deployment that a queued one waits for, 0 if unknown.
func aheadOf(newest []cloud66.Deployment, d cloud66.Deployment) int64 {
	if !d.Queued() {
		return 0
	}
	for _, other := range newest {
		if other.ID < d.ID && other.Running() {
			return other.ID
		}
	}
	return 0
}

// DetailReply is a deployment with all fields of the API.
type DetailReply struct {
	Stack storage.StackRef
	Entry Entry
	Usual time.Duration // the stack's usual deployment time, 0 if unknown
	Git   bool          // the stack can deploy a commit by its hash
	At    time.Time
}

// Document shows one line per field.
func (r DetailReply) Document() doc.Document {
	d := r.Entry.Deployment
	sign, state := r.Entry.standing()
	head := markup.Format("%s %s: #%d %s%s", sign, wording.Stack(r.Stack), d.ID, state, r.time())
	facts := []markup.Text{
		fact("Started", orNotYet(d.StartedAt, d.Queued())), fact("Finished", orNotYet(d.FinishedAt, !d.Ended())), fact("Asked by", r.Entry.who()),
		fact("Triggered", wording.Trigger(d).Trim()), fact("Reason", markup.Format("%s", r.Entry.Reason)),
		fact("Type", markup.Format("%s", d.DeployType.String())), fact("Outcome", outcomeOf(d)), fact("Commit", wording.Commit(d, d.GitHash)),
		fact("Ref", markup.Code(d.GitRef)), fact("Head", yesNo(d.IsHead)), fact("Live", yesNo(d.IsLive)), fact("Deploying", yesNo(d.IsDeploying)),
		fact("Reverted", reverted(d)), fact("Session", markup.Code(d.DeploySession)), fact("Snapshot", markup.Code(d.SnapshotUUID)),
	}
	return doc.Document{Kind: "show", Brief: markup.Brief(head, markup.Join(facts, "; ")), Blocks: []doc.Block{
		doc.Lines(head), doc.Lines(facts...), doc.Buttons(r.buttons()...),
	}}
}

// time describes how long the deployment has taken or what it waits for, to follow its state.
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

// fact renders a detail as one line, empty if there is no value.
func fact(name string, value markup.Text) markup.Text {
	if value.Empty() {
		return markup.Text{}
	}
	return markup.Format("%s: %s", name, value.Cut(maxFact))
}

// orNotYet renders a time. Where it is unknown, nothing is shown, except if it has still to come.
func orNotYet(t time.Time, tocome bool) markup.Text {
	switch {
	case !t.IsZero():
		return markup.When(t)
	case tocome:
		return markup.Format("not yet")
	}
	return markup.Text{}
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

// buttons returns the actions available on this deployment: at most four, the dangerous one last.
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
		again.Deployment = d.ID // the form offers its version
	}
	return []doc.Button{Button("Redeploy", again, "redeploy"), refresh, commit}
}
