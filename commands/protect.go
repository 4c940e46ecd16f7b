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
	"c66bot/authz/guard"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Protect has changes of stacks wait for approval, and Unprotect takes that back.
const (
	Protect   Verb = "protect"
	Unprotect Verb = "unprotect"
)

var (
	protectSpec = Spec{
		Verb: Protect, group: toGuard, Right: authz.Admin, Changes: true,
		Args:    []Arg{argStacks},
		Options: slices.Concat(pick(Approvals), []Option{byGroup()}, pick(After)),
		Summary: "What changes these stacks from Slack waits until others approve it: one who has the right to approve, unless you say " +
			"otherwise. Nobody approves their own.",
		Examples: []string{
			"protect '*@production'", "protect mystack@production --approvals 2 --by @deployers",
			"protect mystack@production --approvals 0 --after staging",
		},
		check: checkProtect,
		run:   (*Handler).protect,
	}
	unprotectSpec = Spec{
		Verb: Unprotect, group: toGuard, Right: authz.Admin, Changes: true,
		Args:     []Arg{argStacks},
		Summary:  "Takes the protection of these stacks back, written as they were protected, or by its id.",
		Examples: []string{"unprotect mystack@production", "unprotect p7qx"},
		run:      (*Handler).unprotect,
	}
)

const (
	maxProtections = 200
	maxApprovals   = 5
)

// byGroup names the group whose members may approve.
func byGroup() Option {
	o := pick(By)[0]
	o.Value, o.Summary, o.also = "@group", "only members of this group who have the right to approve", []string{"from", "group"}
	o.check = func(v string) (string, error) {
		who, err := parseWho(v)
		if err != nil || !groupID.MatchString(who) {
			return "", fmt.Errorf("%s is no user group: choose one from the list that Slack shows while you type its name", quoted(v))
		}
		return who, nil
	}
	return o
}

// checkProtect rejects a protection that protects nothing, or a group that would approve nothing.
func checkProtect(s Spec, i Invocation) error {
	switch none := i.Options[Approvals] == "0"; {
	case none && i.Options[After] == "":
		return s.usage("--approvals", "Without approvals and without --after it would protect nothing.")
	case none && i.Options[By] != "":
		return s.usage("--by", "--by says who approves, and with --approvals 0 nobody does.")
	}
	if at := strings.LastIndexByte(i.Options[Glob], '@'); at >= 0 && authz.Fold(i.Options[Glob][at+1:]) == authz.Fold(i.Options[After]) {
		return s.usage("--after", "These stacks are in %s themselves: nothing of them can have been live there first.", quoted(i.Options[After]))
	}
	return nil
}

// protect stores a protection. One of the same stacks is replaced.
func (h *Handler) protect(ctx context.Context, c *call) (Reply, error) {
	inv, req, now := c.Invocation, c.Request, time.Now()
	group, err := h.who(ctx, cmp.Or(inv.Options[By], authz.Everyone))
	if err != nil {
		return nil, err
	}
	all, err := h.Directory.visible(ctx, may(c.standing, authz.View))
	if err != nil {
		return nil, err
	}
	if err := noEnvironment(inv.Options[After], all); err != nil {
		return nil, err
	}
	if err := h.member(ctx, req); err != nil {
		return nil, err
	}
	p := storage.Protection{
		Channel: req.Channel, Stacks: inv.Options[Glob], Approvals: 1, Group: inv.Options[By], After: inv.Options[After], By: req.User, At: now,
	}
	if inv.Options[Approvals] != "" {
		p.Approvals = inv.Number(Approvals)
	}
	book, err := h.book(ctx)
	if err != nil {
		return nil, err
	}
	handles, key := h.handles(ctx, book), "protection/"+storage.NewID(now)
	err = h.Channels.Announce(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		made, was, err := addProtection(tx, p)
		now := protectionSaid(made, group.handle, req.User, false)
		said := []Announcement{{Key: key, Reply: now}}
		if was.ID != "" && was.Channel != req.Channel {
			there := protectionSaid(was, handles[was.Group], req.User, true).With(now.Blocks...)
			said = append(said, Announcement{Key: key + "/there", Channel: was.Channel, Reply: there})
		}
		return said, err
	})
	if err != nil {
		return nil, err
	}
	pattern, err := authz.ParsePattern(p.Stacks)
	if err != nil {
		return nil, err
	}
	return h.covering(ctx, c, pattern).notice("The protection stands, but no stack that you see"), nil
}

// noEnvironment says that no stack has an environment.
func noEnvironment(environment string, stacks []cloud66.Stack) error {
	if environment == "" {
		return nil
	}
	var names []string
	for _, s := range stacks {
		if authz.Fold(s.Environment) == authz.Fold(environment) {
			return nil
		}
		if s.Environment != "" && !slices.Contains(names, s.Environment) {
			names = append(names, s.Environment)
		}
	}
	slices.Sort(names)
	return notDone("No stack has the environment "+quoted(environment)+".", "There are "+joinQuoted(names)+".")
}

// addProtection stores a protection, in place of one of the same stacks, which it returns.
func addProtection(tx storage.Tx, p storage.Protection) (made, was storage.Protection, err error) {
	all, err := storage.Protections.All(tx, "")
	if i := slices.IndexFunc(all, func(old storage.Protection) bool { return authz.SamePattern(old.Stacks, p.Stacks) }); i >= 0 {
		was, p.ID = all[i], all[i].ID
	}
	switch {
	case err != nil || p.ID != "":
	case len(all) >= maxProtections:
		full := fmt.Sprintf("There are %d protections, as many as there can be.", maxProtections)
		err = notDone(full, "Write one pattern for many stacks.")
	default:
		p.ID, err = storage.Protections.ShortID(tx, "")
	}
	if err != nil {
		return p, was, err
	}
	return p, was, storage.Protections.Put(tx, p.ID, p)
}

func (h *Handler) unprotect(ctx context.Context, c *call) (Reply, error) {
	req, glob := c.Request, c.Invocation.Options[Glob]
	if err := h.member(ctx, req); err != nil {
		return nil, err
	}
	book, err := h.book(ctx)
	if err != nil {
		return nil, err
	}
	handles, reader, seen := h.handles(ctx, book), h.reader(ctx, c), []string(nil) // who makes rules need not see any stack
	for _, p := range book.Protections() {
		if reader.sees("", p.Pattern()) {
			seen = append(seen, p.Stacks)
		}
	}
	key := "unprotected/" + storage.NewID(time.Now())
	err = h.Channels.Announce(ctx, req, func(tx storage.Tx) (said []Announcement, err error) {
		all, err := storage.Protections.All(tx, "")
		ended := named(c.Invocation, all, func(p storage.Protection) (id, glob string) { return p.ID, p.Stacks })
		if err == nil && len(ended) == 0 {
			there := "You can see none that there is."
			if len(seen) > 0 {
				there = "Protected are " + someQuoted(seen) + "."
			}
			return nil, instead(ProblemReply{What: "No protection is on " + quoted(glob) + ".", State: "Nothing was changed.", Do: there})
		}
		for _, p := range ended {
			err = errors.Join(err, storage.Protections.Delete(tx, p.ID))
			told := Announcement{Key: key + "/" + p.ID, Reply: protectionSaid(p, handles[p.Group], req.User, true)}
			if said = append(said, told); p.Channel != req.Channel {
				told.Key, told.Channel = told.Key+"/there", p.Channel
				said = append(said, told)
			}
		}
		return said, err
	})
	return nil, err
}

// handles returns the names of the groups that protections name.
func (h *Handler) handles(ctx context.Context, book *guard.Book) map[string]string {
	all := map[string]string{}
	for _, p := range book.Protections() {
		all[p.Group] = h.named(ctx, p.Group)
	}
	return all
}

func protectionSaid(p storage.Protection, handle, by string, over bool) doc.Document {
	if over {
		return doc.Say("protection", markup.Format("⚠️ %s took the protection of %s back: %s (protection %s)",
			markup.User(by), wording.Stacks(p.Stacks), protects(p, handle), markup.Code(p.ID)))
	}
	return doc.Say("protection", markup.Format("🔐 %s protected %s: %s (protection %s)",
		markup.User(by), wording.Stacks(p.Stacks), protects(p, handle), markup.Code(p.ID)))
}

func protects(p storage.Protection, handle string) markup.Text {
	var parts []markup.Text
	if p.Approvals > 0 {
		needs := markup.Format("what changes it waits for %d approval%s", p.Approvals, wording.Plural(p.Approvals))
		if p.Group != "" {
			needs = markup.Format("%s by @%s", needs, markup.Shorten(handle, wording.MaxName))
		}
		parts = append(parts, needs)
	}
	if p.After != "" {
		parts = append(parts, markup.Format("only what is or was live on %s may go there", markup.Code(p.After)))
	}
	return markup.Join(parts, "; ")
}
