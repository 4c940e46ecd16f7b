package commands

import (
	"context"
	"time"

	"c66bot/authz"
	"c66bot/authz/guard"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
)

// Locks lists the locks.
const Locks Verb = "locks"

var locksSpec = Spec{
	Verb: Locks, group: toGuard, Right: authz.View,
	Summary:  "Shows what is locked, by whom and why.",
	Examples: []string{"locks"},
	run:      (*Handler).locks,
}

const locksPerPage = 10

func (h *Handler) locks(ctx context.Context, c *call) (Reply, error) {
	all, err := h.visibleLocks(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return doc.Say("locks", markup.Format("Nothing is locked that you can see.")), nil
	}
	p, at := pageOf(c.Invocation.Number(Page), locksPerPage, len(all)), time.Now()
	d := doc.Document{Kind: "locks", Blocks: []doc.Block{doc.Lines(markup.Format("*What is locked*: %s", p))}}
	for _, l := range all[p.from:p.to] {
		may, err := h.mayUnlock(ctx, c, l)
		if err != nil {
			h.Log.WarnContext(ctx, "whether somebody may unlock stacks could not be found out", "lock", l.ID, "error", err)
		}
		line := lockLine(l, at)
		if !may || err != nil {
			d.Blocks = append(d.Blocks, doc.Lines(line))
			continue
		}
		d.Blocks = append(d.Blocks, doc.Row(line, unlockButton("Unlock", l.ID)))
	}
	d.Blocks = append(d.Blocks, p.pageButtons(Invocation{Verb: Locks}))
	return d, nil
}

// lockLine describes a lock. The id comes first, since users type it.
func lockLine(l *guard.Lock, at time.Time) markup.Text {
	sign, when := "🔒", markup.Format("no end")
	switch {
	case !l.Holds(at):
		sign, when = "🔓", markup.Format("every week %s (%s), next %s", l.Every, l.Zone, markup.When(l.Opens(at)))
	case l.Every != "":
		when = markup.Format("every week %s (%s), now until %s", l.Every, l.Zone, markup.When(l.Ends(at)))
	case !l.Until.IsZero():
		when = markup.Format("until %s", markup.When(l.Until))
	}
	return markup.Join([]markup.Text{
		markup.Format("%s %s %s", sign, markup.Code(l.ID), wording.Stacks(l.Stacks)), markup.Format("by %s", markup.User(l.Holder)), when,
		markup.Format("“%s”", l.Reason),
	}, " · ").Cut(maxRow)
}
