package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands/versions"
	"c66bot/storage"
)

// comesFirst reports whether a stack is itself of the environment that a protection has come first.
func comesFirst(p storage.Protection, stack storage.StackRef) bool {
	return authz.Fold(p.After) == authz.Fold(stack.Environment)
}

// wasLive reports whether all that is wanted of a stack is or was live on the one of its name in an environment. A wish that does not say
// it exactly, by a full hash or by what each of its services is deployed from, was not.
func (h *Handler) wasLive(ctx context.Context, stack storage.StackRef, environment string, wish storage.Wish) (bool, error) {
	exactly := (wish.Ref == "" || fullHash.MatchString(wish.Ref)) && versions.Sent(wish.Services) == wish.Services
	if !exactly || wish.Ref+wish.Services == "" {
		return false, nil
	}
	if stays, err := h.stays(ctx, stack.UID, wish.Services); err != nil || !stays {
		return false, err
	}
	first, err := h.first(ctx, stack, environment)
	if err != nil {
		return false, err
	}
	for _, s := range first {
		listed, err := h.Cloud.DeploymentRange(ctx, s.UID, 0, apiPage)
		if err != nil {
			return false, err
		}
		kept, err := storage.Read(ctx, h.Records, func(tx storage.Tx) ([]storage.Deployed, error) {
			return storage.History.All(tx, s.UID+"/")
		})
		if err != nil {
			return false, err
		}
		live, before := versions.Of(listed.Deployments, kept)
		if (wish.Ref == "" || versions.WasLive(listed.Deployments, kept, wish.Ref)) && slices.ContainsFunc(append(before, live),
			func(v versions.Version) bool { return versions.Holds(v.Services, wish.Services) }) {
			return true, nil
		}
	}
	return false, nil
}

// stays reports whether services are deployed from what cannot be moved: no branch, and no tag that always means the newest. A service that
// Cloud 66 does not tell of may be built from a branch.
func (h *Handler) stays(ctx context.Context, uid, services string) (bool, error) {
	wanted, err := ParseServices(services)
	if err != nil || len(wanted) == 0 {
		return true, err
	}
	known, err := h.Cloud.Services(ctx, uid)
	if err != nil && !errors.Is(err, cloud66.ErrNotFound) {
		return false, err
	}
	for _, image := range wanted {
		i := slices.IndexFunc(known, func(s cloud66.Service) bool { return s.Name == image.Name })
		if i < 0 || moves(known[i], image) {
			return false, nil
		}
	}
	return true, nil
}

// first returns the stacks of a stack's name in an environment: those of its own account, if there are any.
func (h *Handler) first(ctx context.Context, stack storage.StackRef, environment string) ([]cloud66.Stack, error) {
	all, err := h.Directory.visible(ctx, func(s cloud66.Stack) bool {
		named := authz.Fold(s.Name) == authz.Fold(stack.Name) && authz.Fold(s.Environment) == authz.Fold(environment)
		return named || s.UID == stack.UID
	})
	account := ""
	if i := slices.IndexFunc(all, func(s cloud66.Stack) bool { return s.UID == stack.UID }); i >= 0 {
		account, all = all[i].AccountName, slices.Delete(all, i, i+1)
	}
	if own := only(all, func(s cloud66.Stack) bool { return s.AccountName == account }); len(own) > 0 {
		all = own
	}
	return all, err
}

// tooEarly records that a redeploy was refused because of the order of environments, and returns the answer.
func (h *Handler) tooEarly(ctx context.Context, start Start, p *storage.Protection) error {
	c, stack := start.call, start.Follow.Stack
	refused := authz.Decision{Reason: "it was not live on " + p.After, By: storage.Decider{Kind: storage.ByProtection, ID: p.ID}}
	if err := h.Records.Update(ctx, authz.Record(c.asked(stack), refused)); err != nil {
		return err
	}
	first := storage.StackRef{Name: stack.Name, Environment: p.After}
	does := fmt.Sprintf("%s promote %s %s", h.Command, shellWord(first.String()), shellWord(stack.Environment))
	by, way := "by the full hash of its commit", markup.Format("This does it: %s", markup.Code(does))
	if start.Follow.Wish.Services != "" {
		by = "by tags that stay what they are: no branch, and not " + latest
	}
	if start.Follow.Wish.From == first.String() { // it was that
		way = markup.Text{}
	}
	return instead(doc.Say(KindRefusal, markup.Format("⛔ %s takes only what is or was live on %s, %s. Nothing was done.",
		wording.Stack(stack), wording.Stack(first), by), way))
}
