package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// maxSuggestions is the maximum number of stacks in a search result; Slack shows 100.
const maxSuggestions = 100

// Form prepares the redeploy form. It returns a FormReply, filled in as far as possible, or another Reply that refuses or asks
// for the stack. Without a channel the form asks for one, since the channel's rules decide.
func (h *Handler) Form(ctx context.Context, req Request) Reply {
	started := time.Now()
	reply, err := h.form(cloud66.Changing(ctx, req.User), req)
	return h.said(ctx, req, started, reply, err)
}

func (h *Handler) form(ctx context.Context, req Request) (Reply, error) {
	inv := req.Invocation
	reply := FormReply{Channel: req.Channel, Profiles: h.Profiles, Fill: inv}
	if req.Channel == "" {
		return reply, nil
	}
	c := &call{Request: req, spec: Spec{Right: authz.Redeploy}} // nothing begins yet
	var err error
	if c.standing, err = h.Authz.Standing(ctx, req.subject()); err != nil {
		return nil, h.unknown(ctx, req, err)
	}
	if err := h.gateSome(ctx, c); err != nil {
		return nil, err
	}
	if err := h.cardless(ctx, req); err != nil {
		return nil, err
	}
	if inv.UID == "" && inv.Stack == "" {
		h.Directory.prepare(ctx) // for the stack search
		return reply, nil
	}
	err = h.gateStack(ctx, c)
	if refused, ok := errors.AsType[answerError](err); ok && errors.Is(err, errNoStack) {
		reply.Note, reply.Fill = refused.Reply, inv.Again()
		return reply, nil
	}
	if err != nil {
		return nil, err
	}
	return h.fill(ctx, reply, c.stack)
}

func (h *Handler) fill(ctx context.Context, reply FormReply, stack cloud66.Stack) (Reply, error) {
	newest, err := h.Cloud.DeploymentRange(ctx, stack.UID, 0, apiPage)
	if err != nil {
		return nil, err
	}
	if err := h.asShown(ctx, &reply.Fill, stack, newest.Deployments); err != nil {
		return nil, err
	}
	if reply.Services, err = h.services(ctx, stack); err != nil {
		return nil, err
	}
	if reply.Version, err = h.version(ctx, stack, reply.Fill.Deployment, newest.Deployments); err != nil {
		return nil, err
	}
	ref := RefOf(stack)
	held, err := h.heldFacts(ctx, ref, false)
	if err != nil {
		return nil, err
	}
	sought, err := h.sought(ctx, stack.UID)
	if err != nil {
		return nil, err
	}
	running, err := h.busyWith(ctx, stack.UID, newest.Deployments, sought)
	if err != nil {
		return nil, err
	}
	reply.Facts = slices.Concat(held, facts(stack, newest.Deployments, running))
	if profile := reply.Fill.Options[Profile]; h.strange(profile) {
		reply.Facts = append(reply.Facts, fmt.Sprintf("The profile %s is not among those that are configured.", quoted(profile)))
	}
	reply.Stack, reply.Branch, reply.Docker = &ref, stack.GitBranch, stack.Docker()
	wanted := cloud66.Deployment{GitHash: reply.Fill.Options[Ref]}
	if reply.Version != nil {
		wanted = *reply.Version
	}
	reply.Ships = ships(stack, newest.Deployments, wanted)
	reply.Fill.Stack, reply.Fill.UID, reply.Fill.Deployment, reply.Fill.Shown = "", stack.UID, 0, ShownAs(ref.String())
	reply.Fill.Newest, reply.Fill.AskedAt = newestID(newest.Deployments), time.Now().Unix()
	return reply, nil
}

// asShown fills in what the card shows whose button was clicked, except the reason.
func (h *Handler) asShown(ctx context.Context, inv *Invocation, stack cloud66.Stack, newest []cloud66.Deployment) error {
	id := inv.Follow
	if inv.Follow = ""; id == "" {
		return nil
	}
	f, _, err := storage.Follows.Look(ctx, h.Records, id)
	if err != nil || f.Stack.UID != stack.UID {
		return err
	}
	var shown storage.Wish
	if i := slices.IndexFunc(newest, func(d cloud66.Deployment) bool { return d.ID == f.Deployment }); i >= 0 {
		shown.Ref = newest[i].GitRef
	}
	if f.Wish != nil {
		shown = *f.Wish
	}
	if stack.Docker() {
		shown.Ref = ""
	} else {
		shown.Services = ""
	}
	for opt, value := range map[Opt]string{Ref: shown.Ref, Services: shown.Services, Profile: shown.Profile} {
		if err := inv.Set(opt, value); err != nil { // only a ref that Cloud 66 named can be none that is taken
			h.Log.InfoContext(ctx, "the form leaves out what a card shows", "stack", stack.UID, "deployment", f.Deployment, "error", err)
		}
	}
	return nil
}

// services returns the services of a docker stack with their tags. It returns none if the API cannot list them.
func (h *Handler) services(ctx context.Context, stack cloud66.Stack) ([]cloud66.Service, error) {
	if !stack.Docker() {
		return nil, nil
	}
	services, err := h.Cloud.Services(ctx, stack.UID)
	if errors.Is(err, cloud66.ErrNotFound) {
		return nil, nil
	}
	return services, err
}

// version returns the deployment whose commit can be redeployed: it has a commit, and its stack accepts a ref.
func (h *Handler) version(ctx context.Context, stack cloud66.Stack, id int64, newest []cloud66.Deployment) (*cloud66.Deployment, error) {
	if id == 0 || stack.Docker() {
		return nil, nil
	}
	if i := slices.IndexFunc(newest, func(d cloud66.Deployment) bool { return d.ID == id }); i >= 0 {
		return withCommit(newest[i]), nil
	}
	d, err := h.Cloud.Deployment(ctx, stack.UID, id)
	if errors.Is(err, cloud66.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return withCommit(d), nil
}

func withCommit(d cloud66.Deployment) *cloud66.Deployment {
	if _, err := checkRef(d.GitHash); err != nil || d.GitHash == "" {
		return nil
	}
	return &d
}

func isLive(d cloud66.Deployment) bool { return d.IsLive }

// ships links what changes if a version replaces what is live on a stack. It is empty for a branch, whose newest commit the API does not
// tell, and where what is live or the repository is not known.
func ships(stack cloud66.Stack, newest []cloud66.Deployment, wanted cloud66.Deployment) markup.Text {
	i := slices.IndexFunc(newest, isLive)
	if i < 0 {
		return markup.Text{}
	}
	wanted.CommitURL = cmp.Or(wanted.CommitURL, stack.Git)
	page := wording.Changes(newest[i], wanted)
	if page.Empty() {
		return markup.Text{}
	}
	return markup.Format("%s · %s", markup.Code(wording.ShortHash(wanted.GitHash)), wording.WhatChanges(page))
}

// whatShips does so behind what is live.
func whatShips(stack cloud66.Stack, newest []cloud66.Deployment, ref string) markup.Text {
	changes := ships(stack, newest, cloud66.Deployment{GitHash: ref})
	if changes.Empty() {
		return changes
	}
	live := newest[slices.IndexFunc(newest, isLive)]
	return markup.Format("Live now: #%d %s · wanted: %s", live.ID, wording.Commit(live, wording.ShortHash(live.GitHash)), changes)
}

// facts lists what a user should know before a redeploy.
func facts(stack cloud66.Stack, newest []cloud66.Deployment, running busy) []string {
	var facts []string
	if i := slices.IndexFunc(newest, isLive); i >= 0 {
		live := fmt.Sprintf("Live now is #%d", newest[i].ID)
		if hash := newest[i].GitHash; hash != "" {
			live += ", commit " + wording.ShortHash(hash)
		}
		facts = append(facts, live+".")
	}
	if facts = append(facts, running.facts()...); running.free() && stack.IsBusy {
		facts = append(facts, "Cloud 66 is busy with this stack: this would wait.")
	}
	if usual := cloud66.UsualDuration(newest, cloud66.TypeRedeploy); usual > 0 {
		facts = append(facts, "It usually takes "+wording.Duration(usual)+".")
	}
	return facts
}

// Suggest returns the stacks that the user may redeploy in the channel and whose name contains the typed text, first those that begin with
// it. It waits no longer than the context allows.
func (h *Handler) Suggest(ctx context.Context, user, channel, typed string) ([]storage.StackRef, error) {
	standing, err := h.Authz.Standing(ctx, authz.Subject{User: user, Channel: channel})
	if err != nil || !standing.Some(authz.Redeploy) {
		return nil, err
	}
	all, err := h.Directory.soon(cloud66.Reading(ctx, user))
	if err != nil {
		return nil, err
	}
	typed, has := Field(typed), may(standing, authz.Redeploy)
	found := only(all, func(s cloud66.Stack) bool { return holds(s, typed) && has(s) })
	sortStacks(found)
	begins := func(s cloud66.Stack) bool { return strings.HasPrefix(authz.Fold(RefOf(s).String()), authz.Fold(typed)) }
	found = slices.Concat(only(found, begins), slices.DeleteFunc(found, begins))
	found = found[:min(len(found), maxSuggestions)]
	tellApart(found)
	return refsOf(found), nil
}

// Unfound returns the name that access can be asked for where a search for the typed text found nothing: "" if nothing is named, or if the
// user may redeploy every stack, or none.
func (h *Handler) Unfound(ctx context.Context, user, channel, typed string) string {
	name, who := Field(typed), authz.Subject{User: user, Channel: channel}
	standing, err := h.Authz.Standing(ctx, who)
	if err != nil || channel == "" || who.Direct() || name == "" || plain("name", name, maxStackName) != nil ||
		!standing.Some(authz.Redeploy) || standing.All(authz.Redeploy) {
		return ""
	}
	return name
}
