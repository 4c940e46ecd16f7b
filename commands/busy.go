package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands/typography"
	"c66bot/storage"
)

const maxBusy = 5

// busy is what runs or waits on a stack, oldest first.
type busy struct {
	open   []Entry          // deployments that have not ended
	sought []storage.Follow // redeploys of this bot whose deployment Cloud 66 does not list yet
}

func (b busy) free() bool { return len(b.open)+len(b.sought) == 0 }

// busyWith returns what runs or waits on a stack, given its newest deployments and the redeploys whose deployment is not known yet.
func (h *Handler) busyWith(ctx context.Context, uid string, newest []cloud66.Deployment, sought []storage.Follow) (busy, error) {
	entries, err := h.entries(ctx, uid, unended(newest))
	return busy{entries, sought}, err
}

// unended returns the deployments that run or wait, oldest first, given the newest first.
func unended(newest []cloud66.Deployment) []cloud66.Deployment {
	open := slices.DeleteFunc(slices.Clone(newest), cloud66.Deployment.Ended)
	slices.Reverse(open)
	return open
}

// lines describes what runs or waits: its state, since when, and by whom.
func (b busy) lines() (lines []markup.Text) {
	for _, e := range b.open {
		_, state := e.standing()
		line := markup.Format("#%d is %s", e.Deployment.ID, state)
		if !e.Deployment.StartedAt.IsZero() {
			line = markup.Format("%s since %s", line, markup.When(e.Deployment.StartedAt))
		}
		lines = append(lines, markup.Join([]markup.Text{line, byWhom(e.who())}, " · "))
	}
	for _, f := range b.sought {
		lines = append(lines, markup.Format("A redeploy that Cloud 66 does not list yet, asked for %s · by %s", markup.When(f.AskedAt),
			markup.User(f.Asker)))
	}
	if more := len(lines) - maxBusy; more > 0 {
		lines = append(lines[:maxBusy], markup.Format("and %d more", more))
	}
	return lines
}

func byWhom(who markup.Text) markup.Text {
	if who.Empty() {
		return who
	}
	return markup.Format("by %s", who)
}

// facts tells the user of a form the same, in short.
func (b busy) facts() []string {
	return behind(each(b.open, func(e Entry) cloud66.Deployment { return e.Deployment }), b.sought)
}

// behind says what a change would wait behind: deployments that have not ended, and redeploys that Cloud 66 does not list yet.
func behind(open []cloud66.Deployment, sought []storage.Follow) []string {
	names := each(open, func(d cloud66.Deployment) string {
		_, state := wording.State(d, nil)
		return fmt.Sprintf("#%d (%s)", d.ID, state)
	})
	if more := len(names) - maxBusy; more > 0 {
		names = append(names[:maxBusy], fmt.Sprintf("%d more", more))
	}
	if n := len(sought); n > 0 {
		names = append(names, fmt.Sprintf("%d redeploy%s that Cloud 66 does not list yet", n, wording.Plural(n)))
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"This would wait behind " + strings.Join(names, ", ") + "."}
}

// strange reports whether a profile is not among the configured ones, if there are any.
func (h *Handler) strange(profile string) bool {
	return profile != "" && len(h.Profiles) > 0 && !slices.Contains(h.Profiles, profile)
}

// doubts asks about a redeploy before it begins: whether it may queue behind what runs, and whether a profile that is not configured is
// meant. It returns nil where there is nothing to ask, or where the answer was given: by --wait, by a form that showed it, or by the Yes to
// such a question. Where the newest deployment is another one than the question showed, it asks again; a form says so.
func (h *Handler) doubts(ctx context.Context, c *call, newest []cloud66.Deployment, sought []storage.Follow) (Reply, error) {
	inv := c.Invocation
	b, err := h.busyWith(ctx, c.stack.UID, newest, sought)
	if err != nil {
		return nil, err
	}
	moved := inv.Yes && (inv.Newest != newestID(newest) || slices.ContainsFunc(b.sought, func(f storage.Follow) bool {
		return f.AskedAt.After(time.Unix(inv.AskedAt+1, 0))
	}))
	strange, waits := h.strange(inv.Options[Profile]), !b.free() && inv.Options[Wait] == ""
	if inv.Yes && !moved {
		return nil, nil
	}
	if moved && (inv.Form || !waits) {
		return nil, h.movedOn(c, newest)
	}
	if !strange && !waits {
		return nil, nil
	}
	var held []string
	asked := inv.once()
	if c.overrides() { // the Yes overrides the locks that this question shows
		if held, err = h.heldFacts(ctx, RefOf(c.stack), true); err != nil {
			return nil, err
		}
	}
	asked.Newest = newestID(newest)
	facts := append([]markup.Text{whatShips(c.stack, newest, inv.Options[Ref])}, asTexts(held)...)
	return h.doubt(asked, RefOf(c.stack), b, strange, waits, moved, facts...), nil
}

// movedOn is the answer to the Yes to a question, or to a form, that showed another deployment as the newest.
func (h *Handler) movedOn(c *call, newest []cloud66.Deployment) error {
	do := fmt.Sprintf("The newest is #%d now. Look at it, then ask again.", newestID(newest))
	shown := "the question"
	if c.Invocation.Form {
		shown = "the form"
	}
	return h.notDoneOn(c.stack, "there is a newer deployment than "+shown+" showed.", do, "")
}

func (h *Handler) doubt(inv Invocation, ref storage.StackRef, b busy, strange, waits, moved bool, facts ...markup.Text) Reply {
	inv.Stack, inv.UID, inv.Form, inv.Fill, inv.Shown = "", ref.UID, false, false, ShownAs(ref.String())
	profile := inv.Options[Profile]
	head, yes := markup.Format("%s is busy. Queue this redeploy behind what runs?", wording.Stack(ref)), "queue it"
	var small []markup.Text
	if moved {
		small = append(small, markup.Format("Something else has begun since you were asked. Nothing was done yet."))
	}
	if waits {
		small = append(small, b.lines()...)
	} else {
		head, yes = markup.Format("%s: redeploy with the profile %s?", wording.Stack(ref), markup.Code(profile)), "send it"
	}
	var near doc.Button
	if strange {
		known := h.Profiles[:min(len(h.Profiles), maxNamed)]
		small = append(small, markup.Format("The profile %s is not among those that are configured: %s.", markup.Code(profile),
			markup.Shorten(strings.Join(known, ", "), wording.MaxName)))
		if name := typography.Nearest(profile, h.Profiles); name != "" {
			other := inv
			other.Yes, other.Options[Profile] = false, name
			near = Button("Use "+name, other, "use-profile")
		}
	}
	small = append(small, facts...)
	sure := inv
	sure.Yes = true
	confirm := Button("Yes, "+yes, sure, "yes").As(doc.Primary)
	if confirm.None() {
		small = append(small, markup.Format("The options are too long for a button: send the command again with --wait."))
	}
	all := []doc.Button{confirm, near, Button("No", Invocation{Verb: Dismiss, Nonce: inv.Nonce}, "no")}
	if waits && !strange { // otherwise the profile is decided first
		tell := Invocation{Verb: Tell, UID: ref.UID, Nonce: inv.Nonce, AskedAt: inv.AskedAt, Shown: inv.Shown}
		for _, opt := range []Opt{Ref, Services, Profile, Reason} {
			tell.Options[opt] = inv.Options[opt]
		}
		all = append(all, Button("Tell me when it is free", tell, "tell"))
	}
	return doc.Document{Kind: "question", Brief: markup.Brief(head, small...), Blocks: []doc.Block{
		doc.Lines(head), doc.Small(markup.Join(small, "\n")), doc.Buttons(all...),
	}}
}
