package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	Verb: Show, group: toLook, Right: authz.View,
	Args:     []Arg{argStack, {Word: "[ID|latest|live|head]", Example: "1042", take: takeWhich, show: Invocation.which}},
	Summary:  "Shows one deployment, the latest unless you say which.",
	Examples: []string{"show mystack@production", "show mystack@production live", "show mystack@production 1042"},
	gate:     (*Handler).gateShow,
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

// gateShow is gateStack, and also takes a number without a stack: that of a deployment of a visible stack, as far as the records tell.
// Where these tell of none or of several, it asks which stack is meant.
func (h *Handler) gateShow(ctx context.Context, c *call) error {
	id := numberAlone(c.Invocation)
	if id == 0 {
		return h.gateStack(ctx, c)
	}
	seen, err := h.Directory.visible(ctx, may(c.standing, authz.View))
	if err != nil || len(seen) == 0 || len(match(seen, c.Invocation.Stack)) > 0 {
		return h.gateStack(ctx, c)
	}
	known, err := h.having(ctx, seen, id)
	if err != nil {
		return err
	}
	if len(known) == 0 && len(seen) == 1 {
		known = seen
	}
	c.Invocation.Deployment = id
	if len(known) == 1 {
		c.Invocation.Stack, c.Invocation.UID = "", known[0].UID
		return h.gateStack(ctx, c)
	}
	if len(known) > 0 {
		seen = known
	}
	return instead(which(fmt.Sprintf("Which stack is #%d of?", id), c.Invocation, seen))
}

// numberAlone returns the number that stands where the stack should, as in "show 1042", 0 if there is none.
func numberAlone(inv Invocation) int64 {
	if inv.UID != "" || inv.which() != "" {
		return 0
	}
	id, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimSpace(inv.Stack), "#"), 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// having returns the stacks with a deployment of that number, as far as the records tell.
func (h *Handler) having(ctx context.Context, stacks []cloud66.Stack, id int64) ([]cloud66.Stack, error) {
	return storage.Read(ctx, h.Records, func(tx storage.Tx) (known []cloud66.Stack, err error) {
		for _, s := range stacks {
			key := storage.DeploymentKey(s.UID, id)
			_, ended, wrong1 := storage.History.Find(tx, key)
			_, asked, wrong2 := storage.Wishes.Find(tx, key)
			told, wrong3 := storage.Heard.All(tx, key+"/")
			if err = errors.Join(err, wrong1, wrong2, wrong3); ended || asked || len(told) > 0 {
				known = append(known, s)
			}
		}
		return known, err
	})
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
	picked, err := h.pick(ctx, stack.UID, inv, newest)
	if err != nil {
		return nil, err
	}
	if picked == nil {
		return h.noDeployment(stack, inv, newest), nil
	}
	deployment := *picked
	entry, err := h.entry(ctx, stack.UID, deployment)
	if err != nil {
		return nil, err
	}
	entry.QueuedAfter = aheadOf(newest.Deployments, deployment)
	followed, err := h.carded(ctx, c.Channel, stack.UID, deployment.ID)
	if err != nil {
		return nil, err
	}
	next, err := h.siblings(ctx, c.standing, stack)
	if err != nil {
		return nil, err
	}
	if next = only(next, may(c.standing, authz.Redeploy)); len(next) != 1 { // which one a button cannot ask
		next = nil
	}
	locks, err := h.HeldBy(ctx, RefOf(stack))
	if err != nil {
		return nil, err
	}
	return DetailReply{
		Locks: locks, Next: refsOf(next), Stack: RefOf(stack), Entry: entry, Before: replaces(newest.Deployments, deployment), Followed: followed,
		Usual: cloud66.UsualDuration(newest.Deployments, deployment.Type()), Git: !stack.Docker(), Page: h.Page(RefOf(stack)), At: time.Now(),
	}, nil
}

func (h *Handler) carded(ctx context.Context, channel, uid string, id int64) (bool, error) {
	open, err := storage.Read(ctx, h.Records, func(tx storage.Tx) ([]storage.Follow, error) { return storage.OpenFollows(tx, uid) })
	return slices.ContainsFunc(open, func(f storage.Follow) bool { return f.Channel == channel && f.Deployment == id }), err
}

// replaces returns the deployment whose version a deployment replaced or is to replace: the one before it that was live, as far as the
// newest tell, and for what has ended without going live the one that is live. It is the zero value if none is known.
func replaces(newest []cloud66.Deployment, d cloud66.Deployment) cloud66.Deployment {
	for _, other := range newest {
		before := other.ID < d.ID && other.Outcome.Kind == cloud66.OutcomeSuccess && !other.Reverted && other.GitHash != ""
		if before && d.Outcome.Kind == cloud66.OutcomeSuccess || other.IsLive && d.Outcome.Kind != cloud66.OutcomeSuccess {
			return other
		}
	}
	return cloud66.Deployment{}
}

// pick returns the deployment that the invocation refers to, nil if there is none.
func (h *Handler) pick(ctx context.Context, uid string, inv Invocation, newest cloud66.DeploymentRange) (*cloud66.Deployment, error) {
	if inv.Deployment != 0 {
		d, err := h.Cloud.Deployment(ctx, uid, inv.Deployment)
		if errors.Is(err, cloud66.ErrNotFound) {
			return nil, nil
		}
		return &d, err
	}
	for page := newest; ; {
		for _, d := range page.Deployments {
			if which := inv.Options[Which]; (d.IsLive || which != "live") && (d.IsHead || which != "head") {
				return &d, nil
			}
		}
		next := page.Offset + apiPage
		if next >= newest.Total || next >= searchPages*apiPage {
			return nil, nil
		}
		var err error
		if page, err = h.Cloud.DeploymentRange(ctx, uid, next, apiPage); err != nil {
			return nil, err
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

// DetailReply is a deployment with all fields of the API, and what the bot knows of it.
type DetailReply struct {
	Stack    storage.StackRef
	Entry    Entry
	Before   cloud66.Deployment // whose version it replaces, zero if unknown
	Usual    time.Duration      // the stack's usual deployment time, 0 if unknown
	Git      bool               // the stack can deploy a commit by its hash
	Followed bool               // by a card in the channel
	Locks    []storage.Lock     // that hold the stack; Until is when each ends for this time
	Next     []storage.StackRef // where what is live can be promoted to: one stack or none
	Page     markup.Address     // the stack's in Cloud 66's dashboard, zero if there is none
	At       time.Time
}

// Document shows the facts in two columns, what matters first. It leaves out what is "no" and what the headline says.
func (r DetailReply) Document() doc.Document {
	sign, _ := wording.State(r.Entry.Deployment, r.Entry.Cancelled)
	head := markup.Format("%s %s %s", sign, wording.Stack(r.Stack), r.happened())
	facts, last := r.facts(), r.last()
	locks := each(r.Locks[:min(len(r.Locks), maxLocksNamed)], func(l storage.Lock) markup.Text {
		return markup.Format("Locked by %s%s: “%s” (lock %s)", markup.User(l.Holder), untilWhen(l.Until), l.Reason, markup.Code(l.ID))
	})
	return doc.Document{Kind: "show", Brief: markup.Brief(head, markup.Join(slices.Concat(locks, facts, last), "; ")), Blocks: []doc.Block{
		doc.Lines(append([]markup.Text{head}, locks...)...), doc.Columns(facts...), doc.Small(last...), doc.Buttons(r.buttons()...),
	}}
}

// happened is the headline after the stack: the deployment, its state, and how long it has taken or what it waits for.
func (r DetailReply) happened() markup.Text {
	d := r.Entry.Deployment
	_, state := r.Entry.standing()
	running := d.Running() && !d.StartedAt.IsZero()
	switch {
	case d.Queued() && r.Entry.QueuedAfter != 0:
		return markup.Format("#%d is queued behind #%d", d.ID, r.Entry.QueuedAfter)
	case d.Queued():
		return markup.Format("#%d is queued", d.ID)
	case running && r.Usual > 0:
		return markup.Format("deploying #%d, %s of about %s", d.ID, wording.Roughly(r.At.Sub(d.StartedAt)), wording.Nearly(r.Usual))
	case running:
		return markup.Format("deploying #%d, %s so far", d.ID, wording.Roughly(r.At.Sub(d.StartedAt)))
	case d.Running():
		return markup.Format("deploying #%d", d.ID)
	}
	what := markup.Format("#%d %s", d.ID, state)
	switch {
	case state == "live":
		what = markup.Format("#%d is live", d.ID)
	case state == wording.RolledBack:
		what = markup.Format("#%d was %s", d.ID, state)
	case state == "cancelled" && r.Entry.Cancelled != nil:
		what = markup.Format("#%d was cancelled by %s", d.ID, markup.User(r.Entry.Cancelled.User))
	case state == "cancelled":
		what = markup.Format("#%d was cancelled", d.ID)
	}
	return markup.Format("%s%s", what, took(d, state))
}

// took is how long a deployment took, as a suffix to its state: empty if that is unknown, or would be taken for what a rollback took.
func took(d cloud66.Deployment, state string) markup.Text {
	lasted := wording.Duration(d.Duration())
	switch {
	case !d.Ended() || d.Duration() <= 0 || state == wording.RolledBack:
		return markup.Text{}
	case state == "failed" || state == "cancelled":
		return markup.Format(" after %s", lasted)
	default:
		return markup.Format(", took %s", lasted)
	}
}

// facts are the details in the order of their weight.
func (r DetailReply) facts() []markup.Text {
	d, e, wish, by := r.Entry.Deployment, r.Entry, r.Entry.Wish, wording.Started(r.Entry.Deployment)
	if e.AskedBy != "" {
		by = e.who()
	}
	if wish == nil {
		wish = &storage.Wish{}
	}
	version := markup.Join([]markup.Text{markup.Code(d.GitRef), wording.Commit(d, wording.ShortHash(d.GitHash))}, " @ ")
	if wish.Ref != "" && wish.Ref != d.GitRef {
		version = markup.Join([]markup.Text{markup.Code(wish.Ref), version}, ", ")
	}
	var cancel markup.Text
	if e.Cancelled != nil && wording.Outcome(d, e.Cancelled) != "cancelled" {
		cancel = markup.Format("by %s, %s", markup.User(e.Cancelled.User), markup.When(e.Cancelled.At))
	}
	return []markup.Text{
		fact("Cloud 66 says", markup.Format("%s", e.Said)), fact("By", by), fact("Reason", markup.Format("%s", wish.Reason)),
		fact("Version", markup.Join([]markup.Text{version, wording.WhatChanged(r.Before, d)}, " · ")),
		fact("Services", markup.Code(wish.Services)), fact("Profile", markup.Code(wish.Profile)),
		fact("Started", whenKnown(d.StartedAt)), fact("Ended", whenKnown(d.FinishedAt)),
		fact("Cancel asked", cancel), fact("Rolled back", reverted(d)), fact("Outcome", r.outcome()),
	}
}

// last are the details that matter to few. They name the starter of the bot's own deployments at Cloud 66, the owner of its token.
func (r DetailReply) last() []markup.Text {
	d, sign := r.Entry.Deployment, wording.Sign(storage.Succeeded)
	small := func(label, value string) markup.Text {
		if value == "" {
			return markup.Text{}
		}
		return markup.Join([]markup.Text{markup.Format("%s", label), markup.Code(value)}, " ").Cut(maxFact)
	}
	parts := []markup.Text{markup.Format("%s", d.DeployType.String())}
	if d.IsHead {
		parts = append(parts, markup.Format("head"))
	}
	if shown, _ := r.Entry.standing(); d.IsLive && (d.Reverted || shown != sign) {
		parts = append(parts, markup.Format("marked live"))
	}
	if by := wording.Started(d); r.Entry.AskedBy != "" && !by.Empty() {
		parts = append(parts, markup.Format("at Cloud 66 by %s", by.Cut(maxFact)))
	}
	parts = append(parts, small("session", d.DeploySession), small("snapshot", d.SnapshotUUID))
	return []markup.Text{markup.Join(parts, " · ")}
}

// fact renders a detail below its label. It is empty if there is no value.
func fact(label string, value markup.Text) markup.Text {
	if value.Empty() {
		return markup.Text{}
	}
	return markup.Format("*%s*\n%s", label, value.Cut(maxFact))
}

func whenKnown(t time.Time) markup.Text {
	if t.IsZero() {
		return markup.Text{}
	}
	return markup.When(t)
}

// outcome is Cloud 66's word for the end, empty where the headline says the same.
func (r DetailReply) outcome() markup.Text {
	d := r.Entry.Deployment
	value, meaning := d.Outcome.String(), d.Outcome.Meaning
	switch said := wording.Outcome(d, r.Entry.Cancelled); {
	case !d.Ended(), d.Outcome.Kind == cloud66.OutcomeSuccess, d.Outcome.Kind != "" && said == wording.Outcome(d, nil):
		return markup.Text{}
	case meaning == "" || meaning == value:
		return markup.Format("%s", value)
	default:
		return markup.Format("%s", value+" ("+meaning+")")
	}
}

// reverted says who rolled a deployment back and when.
func reverted(d cloud66.Deployment) markup.Text {
	if !d.Reverted {
		return markup.Text{}
	}
	by := markup.Format("%s", markup.Shorten(d.RevertedBy, wording.MaxName))
	text := markup.Join([]markup.Text{byWhom(by), whenKnown(d.RevertedAt)}, ", ")
	if text.Empty() {
		return markup.Format("yes")
	}
	return text
}

// OpenButton opens a page of Cloud 66's dashboard. It is none where there is no page.
func OpenButton(page markup.Address) doc.Button {
	if page.Empty() {
		return doc.Button{}
	}
	return doc.Button{ID: "open", Label: markup.Line("Open"), URL: page}
}

// buttons returns the actions available on this deployment, the dangerous one last.
func (r DetailReply) buttons() []doc.Button {
	d := r.Entry.Deployment
	on := Invocation{Verb: Show, UID: r.Stack.UID, Deployment: d.ID}
	if !d.Ended() {
		refresh, follow := Button("Refresh", on, "refresh"), doc.Button{}
		if on.Verb = Follow; !r.Followed {
			follow = Button("Follow", on, "follow")
		}
		return []doc.Button{follow, refresh, CancelButton(r.Stack, d.ID)}
	}
	again := Invocation{Verb: Redeploy, UID: r.Stack.UID}
	if r.Git && d.GitHash != "" {
		again.Deployment = d.ID // the form offers its version
	}
	all := []doc.Button{Button("Redeploy", again, "redeploy")}
	if d.Outcome.Kind != cloud66.OutcomeSuccess {
		all = append(all, OpenButton(r.Page))
	}
	if !d.IsLive || d.Reverted {
		return all
	}
	if r.Before.ID != 0 {
		all = append(all, Button("Roll back", Invocation{Verb: Rollback, UID: r.Stack.UID, Deployment: d.ID}, "roll-back"))
	}
	for _, s := range r.Next {
		promote := Invocation{Verb: Promote, UID: r.Stack.UID, Onto: s.UID, Options: Options{Environment: s.Environment}}
		all = append(all, Button("Promote", promote, "promote"))
	}
	return all
}
