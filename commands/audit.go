package commands

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/storage"
)

// Audit shows what was decided and what came of it.
const Audit Verb = "audit"

var auditSpec = Spec{
	Verb: Audit, group: ofRights, Right: authz.Admin,
	Args:    []Arg{{Word: "[<stack>]", Example: exampleStack, take: takeStack, show: argStack.show}},
	Options: pick(Asker, Since, Page),
	Summary: "Shows who asked for what, by what it was decided, and what came of it.",
	Examples: []string{
		"audit", "audit mystack@production", "audit mystack@production --since 7d", "audit --user @lin", "audit --page 2",
	},
	gate: (*Handler).gateAudit,
	run:  (*Handler).audit,
}

const (
	auditRows = 10
	// auditLooks is how many decisions are looked through for those that somebody may see who is no admin by the configuration.
	auditLooks = 2000
)

// gateAudit admits admins, and finds the stack among those that they may see.
func (h *Handler) gateAudit(ctx context.Context, c *call) error {
	if err := h.gateAdmin(ctx, c); err != nil {
		return err
	}
	inv := c.Invocation
	if strings.TrimSpace(inv.Stack+inv.UID) == "" {
		return nil
	}
	found, near, err := h.Directory.find(ctx, inv, may(c.standing, authz.View))
	switch {
	case err != nil:
		return err
	case len(found) == 0 && !c.standing.All(authz.View):
		what := fmt.Sprintf("I know no stack %s that you may look at here.", quoted(cmp.Or(inv.Stack, inv.UID)))
		return notDone(what, "Without a stack this shows what was decided in this channel.")
	case len(found) == 0:
		return h.notFound(ctx, c.Request, c.standing, near)
	case len(found) > 1:
		return instead(choice(inv, found))
	}
	c.stack = found[0]
	return nil
}

// audit shows a page of decisions: an admin by the configuration sees all, any other those of this channel on stacks that they may see.
func (h *Handler) audit(ctx context.Context, c *call) (Reply, error) {
	inv, at := c.Invocation, time.Now()
	filter := storage.AuditFilter{User: inv.Options[Asker], Stack: c.stack.UID}
	if inv.Options[Since] != "" {
		filter.Since = at.Add(-forTime(inv.Options[Since]))
	}
	r := auditReply{At: at, Filter: Invocation{Verb: Audit, UID: c.stack.UID, Options: Options{Asker: filter.User, Since: inv.Options[Since]}}}
	if c.stack.UID != "" {
		ref := RefOf(c.stack)
		r.Stack = &ref
	}
	err := h.Records.View(ctx, func(tx storage.Tx) (err error) {
		if c.standing.Configured() {
			_, total, err := storage.AuditPage(tx, filter, 0, 0)
			if err != nil {
				return err
			}
			r.page = pageOf(inv.Number(Page), auditRows, total)
			r.Entries, _, err = storage.AuditPage(tx, filter, r.page.from, auditRows)
			return err
		}
		seen, total, err := h.auditHere(tx, c, filter)
		r.page, r.Looked = pageOf(inv.Number(Page), auditRows, len(seen)), total > auditLooks
		r.Entries = seen[r.page.from:r.page.to]
		return err
	})
	return r, err
}

// auditHere returns the newest decisions that an admin by a rule may see, and how many the filter selects in all.
func (*Handler) auditHere(tx storage.Tx, c *call, filter storage.AuditFilter) (seen []storage.AuditEntry, total int, err error) {
	newest, total, err := storage.AuditPage(tx, filter, 0, auditLooks)
	for _, e := range newest {
		hidden := func(s storage.StackRef) bool {
			return s != (storage.StackRef{}) && !c.standing.Decide(authz.View, s).Allowed
		}
		if e.Channel == c.Channel && !hidden(e.Stack) && !hidden(e.Source) {
			seen = append(seen, e)
		}
	}
	return seen, total, err
}

type auditReply struct {
	page    page
	Entries []storage.AuditEntry
	Stack   *storage.StackRef // nil for all
	Looked  bool              // older ones were not looked at
	Filter  Invocation
	At      time.Time
}

// Document shows one line a decision.
func (r auditReply) Document() doc.Document {
	of := markup.Text{}
	if r.Stack != nil {
		of = markup.Format(" on %s", wording.Stack(*r.Stack))
	}
	if user := r.Filter.Options[Asker]; user != "" {
		of = markup.Format("%s of %s", of, markup.User(user))
	}
	if r.page.total == 0 {
		return doc.Say("audit", markup.Format("Nothing was decided%s that you can see here.", of))
	}
	d := doc.Document{Kind: "audit", Blocks: []doc.Block{doc.Lines(markup.Format("*Decisions*%s: %s", of, r.page))}}
	for _, e := range r.Entries {
		d.Blocks = append(d.Blocks, doc.Lines(auditLine(e, r.At)))
	}
	if r.Looked {
		d.Blocks = append(d.Blocks, doc.Small(markup.Format("Only the newest %d were looked at.", auditLooks)))
	}
	return listed(d, r.page.pageButtons(r.Filter))
}

// auditLine describes a decision: what came of it first, then who asked for what, where, by what it was decided, and when.
func auditLine(e storage.AuditEntry, now time.Time) markup.Text {
	sign, result := auditResult(e)
	where := markup.Channel(e.Channel)
	switch {
	case strings.HasPrefix(e.Channel, "D"):
		where = markup.Format("a direct message")
	case e.Channel == "":
		where = markup.Format("no channel")
	}
	by := markup.Format("by %s", e.By)
	if e.By == (storage.Decider{}) {
		by = markup.Format("%s", e.Reason)
	}
	return markup.Join([]markup.Text{
		markup.Format("%s %s %s", sign, markup.User(e.User), markup.Code(markup.Shorten(e.Asked, auditAsked))),
		markup.Format("%s", result), markup.Format("in %s", where), by, markup.Format("%s", wording.Ago(e.At, now)),
	}, " · ").Cut(maxRow)
}

const auditAsked = 200

// auditResult returns the sign and the words for what came of a decision.
func auditResult(e storage.AuditEntry) (sign, words string) {
	switch r := e.Result; {
	case !e.Allowed:
		return "⛔", "refused"
	case r == nil:
		return "❓", "not known yet"
	default:
		words = cmp.Or(outcomeWords[r.Outcome], string(r.Outcome))
		if r.Deployment != 0 {
			words = fmt.Sprintf("%s, #%d", words, r.Deployment)
		}
		if r.Outcome == storage.Done {
			return "✅", words
		}
		if r.Outcome == storage.NotDone || r.Outcome == storage.Refused {
			return "⚠️", words
		}
		return cmp.Or(verdictSign[storage.Verdict(r.Outcome)], wording.Sign(r.Outcome)), words
	}
}

// outcomeWords describes outcomes whose names do not.
var outcomeWords = map[storage.State]string{
	storage.Refused: "Cloud 66 refused it", storage.Unclear: "not known whether it began", storage.Unposted: "not sent, for want of a card",
	storage.State(storage.Waiting): "waits for approval", storage.Over: "ended", storage.Vanished: "not there any more",
}
