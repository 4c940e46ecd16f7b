package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands/typography"
	"c66bot/storage"
)

// Redeploy redeploys a stack.
const Redeploy Verb = "redeploy"

var redeploySpec = Spec{
	Verb: Redeploy, group: toDeploy, Right: authz.Redeploy, Changes: true, Writes: true, Begins: true, Form: true,
	Args:    []Arg{argStack},
	Options: pick(Ref, Services, Profile, Reason, Now, Wait, Override),
	Summary: "Redeploys a stack and follows it to its end. Without an option it opens a form first.",
	Examples: []string{
		"redeploy mystack@production", `redeploy mystack@production --ref main --reason "fix the login"`,
		"redeploy mystack@staging --services api:1.4.2,worker --now", "redeploy mystack@staging --profile canary --wait",
		`redeploy mystack@production --override --reason "hotfix of the outage"`,
	},
	asks: func(i Invocation) bool { return i.Fill || !i.Yes && i.OptionsTyped() == "" }, // options of other commands do not count
	run:  (*Handler).redeploy,
}

func (h *Handler) redeploy(ctx context.Context, c *call) (Reply, error) {
	inv, stack := c.Invocation, c.stack
	if inv.nowhere() {
		return offerForm(nil, inv), nil
	}
	if inv.stale() {
		return nil, tooOld(inv.lasts())
	}
	if err := h.misfit(ctx, stack, inv); err != nil {
		return nil, err
	}
	if inv.asks() { // the form could not be opened; a click on the offer opens it
		ref := RefOf(stack)
		inv.UID = stack.UID
		return offerForm(&ref, inv), nil
	}
	if err := h.cardless(ctx, c.Request); err != nil {
		return nil, err
	}
	return c.then(QueueOf(Redeploy, stack.UID), func(ctx context.Context) (Reply, error) { return h.begin(ctx, c) })
}

// begin begins a redeploy in the turn of its stack, or asks first.
func (h *Handler) begin(ctx context.Context, c *call) (Reply, error) {
	inv, stack, req := c.Invocation, c.stack, c.Request
	sought, err := storage.Read(ctx, h.Records, func(tx storage.Tx) ([]storage.Follow, error) {
		if err := Untaken(tx, req.Operation); err != nil {
			return nil, err
		}
		return storage.Sought(tx, stack.UID)
	})
	if err != nil {
		return nil, err
	}
	newest, err := h.Cloud.DeploymentRange(ctx, stack.UID, 0, apiPage)
	if err != nil {
		return nil, err
	}
	if question, err := h.doubts(ctx, c, newest.Deployments, sought); err != nil || question != nil {
		return question, err
	}
	return nil, h.deploy(ctx, c, newest.Deployments, storage.Wish{
		Ref: inv.Options[Ref], Services: inv.Options[Services], Profile: inv.Options[Profile], Reason: inv.Options[Reason],
	})
}

// deploy begins what was decided: a redeploy, a rollback or a promotion. newest are the stack's deployments before it.
func (h *Handler) deploy(ctx context.Context, c *call, newest []cloud66.Deployment, wish storage.Wish) error {
	wish.NewestBefore = newestID(newest)
	start := c.start(storage.Follow{Usual: int64(cloud66.UsualDuration(newest, cloud66.TypeRedeploy).Seconds()), Wish: &wish})
	start.keep, start.ships = h.keepRunning(ctx, c.stack, newest), whatShips(c.stack, newest, wish.Ref)
	return h.Progress.Redeploy(ctx, start)
}

// misfit rejects options that the stack does not support. If the kind of the stack is unknown, that is left to Cloud 66.
func (h *Handler) misfit(ctx context.Context, stack cloud66.Stack, inv Invocation) error {
	switch ref, services := inv.Options[Ref], inv.Options[Services]; {
	case stack.Framework == "":
		return nil
	case ref != "" && stack.Docker():
		return h.notDoneOn(stack, "a docker stack takes no --ref; it deploys images.", "Name services and their tags instead.",
			"redeploy %s --services web:1.4.2")
	case services != "" && !stack.Docker():
		return h.notDoneOn(stack, "--services is for docker stacks; this one is "+stack.Framework+".", "Name a branch, tag or commit instead.",
			"redeploy %s --ref main")
	case services == "":
		return nil
	}
	wanted, err := ParseServices(inv.Options[Services])
	if err != nil {
		return err
	}
	services, err := h.Cloud.Services(ctx, stack.UID)
	if err != nil {
		return err
	}
	names := each(services, func(s cloud66.Service) string { return s.Name })
	for _, w := range wanted {
		if slices.Contains(names, w.Name) || len(names) == 0 {
			continue
		}
		do, example := "It has "+joinQuoted(names)+".", names[0]
		if near := typography.Nearest(w.Name, names); near != "" {
			do, example = fmt.Sprintf("Did you mean %s? %s", quoted(near), do), near
		}
		return h.notDoneOn(stack, fmt.Sprintf("this stack has no service %s.", quoted(w.Name)), do, "redeploy %s --services "+example)
	}
	return nil
}

func tooOld(age time.Duration) error {
	return notDone("That is more than "+wording.Duration(age)+" old.", "Ask again, so that you see how things stand now.")
}

func newestID(newest []cloud66.Deployment) int64 {
	if len(newest) == 0 {
		return 0
	}
	return newest[0].ID
}
