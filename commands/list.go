package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// List lists the deployments of a stack.
const List Verb = "list"

var listSpec = Spec{
	Verb: List, group: toLook, Right: authz.View,
	Args:    []Arg{argStack},
	Options: pick(Outcome, By, Page),
	Summary: "Lists a stack's deployments, newest first.",
	Examples: []string{
		"list mystack@production", "list mystack@production --page 2", "list mystack@production --outcome failed",
		"list mystack@production --by lin",
	},
	run: (*Handler).list,
}

// maxRow is the maximum length of a row, so that ten fit into a message.
const maxRow = 900

const (
	rowsPerPage = 10
	// searchPages is the maximum number of pages of 30 that are read to find the live deployment.
	searchPages = 10
	apiPage     = 30
)

func (h *Handler) list(ctx context.Context, c *call) (Reply, error) {
	inv, stack := c.Invocation, c.stack
	if inv.Options[Outcome] != "" || inv.Options[By] != "" {
		return h.listSome(ctx, stack, inv)
	}
	page := max(1, inv.Number(Page))
	offset := (page - 1) * rowsPerPage
	got, err := h.Cloud.DeploymentRange(ctx, stack.UID, offset, rowsPerPage)
	if err != nil {
		return nil, err
	}
	if last := max(1, (got.Total+rowsPerPage-1)/rowsPerPage); page > last {
		return h.noPage(stack, page, last), nil
	}
	entries, err := h.entries(ctx, stack.UID, got.Deployments)
	if err != nil {
		return nil, err
	}
	return ListReply{
		Stack: RefOf(stack), Entries: entries, Page: page, Offset: offset, Total: got.Total, Command: h.Command, At: time.Now(),
	}, nil
}

func (h *Handler) noPage(stack cloud66.Stack, page, last int) Reply {
	there := "there is only one"
	if last > 1 {
		there = fmt.Sprintf("there are %d pages", last)
	}
	return h.problemOn(stack, fmt.Sprintf("there is no page %d: %s.", page, there), "", fmt.Sprintf("list %%s --page %d", last))
}

// Entry is a deployment with the facts that only this bot knows.
type Entry struct {
	Deployment  cloud66.Deployment
	AskedBy     string          // Slack user who requested it here, "" if nobody did
	Wish        *storage.Wish   // that request
	Cancelled   *storage.Cancel // the cancellation requested here
	Unhealthy   bool            // its stack fell ill after it went live
	Said        string          // what Cloud 66 said of its failure, "" if that is not known
	QueuedAfter int64           // the deployment that runs before it, 0 if unknown
}

// who returns the starter: the asker if it was requested here, else the name from Cloud 66. With a shared token, the API returns
// the token's owner.
func (e Entry) who() markup.Text {
	if e.AskedBy != "" {
		return markup.User(e.AskedBy)
	}
	return markup.Format("%s", markup.Shorten(e.Deployment.TriggeredBy, wording.MaxName))
}

// standing returns the sign and the word for the deployment's state.
func (e Entry) standing() (sign, word string) {
	sign, word = wording.State(e.Deployment, e.Cancelled)
	return sign, markup.Shorten(word, wording.MaxName)
}

// entries adds to deployments who requested them here and how, and who requested their cancellation.
func (h *Handler) entries(ctx context.Context, uid string, deployments []cloud66.Deployment) ([]Entry, error) {
	return storage.Read(ctx, h.Records, func(tx storage.Tx) (entries []Entry, err error) {
		for _, d := range deployments {
			entry, wrong := entryOf(tx, uid, d)
			entries, err = append(entries, entry), errors.Join(err, wrong)
		}
		return entries, err
	})
}

func (h *Handler) entry(ctx context.Context, uid string, d cloud66.Deployment) (Entry, error) {
	entries, err := h.entries(ctx, uid, []cloud66.Deployment{d})
	if err != nil {
		return Entry{}, err
	}
	return entries[0], nil
}

func entryOf(tx storage.Tx, uid string, d cloud66.Deployment) (Entry, error) {
	entry, key := Entry{Deployment: d}, storage.DeploymentKey(uid, d.ID)
	cancel, cancelled, err := storage.Cancels.Find(tx, key)
	if cancelled {
		entry.Cancelled = &cancel
	}
	kept, _, errKept := storage.History.Find(tx, key)
	entry.Unhealthy = !kept.UnhealthyAt.IsZero()
	if kept.Outcome == d.Outcome.String() {
		entry.Said = kept.Said
	}
	wish, found, err2 := storage.Wishes.Find(tx, key)
	if err = errors.Join(err, err2, errKept); err != nil || !found {
		return entry, err
	}
	follow, _, err := storage.Follows.Find(tx, wish.Follow)
	entry.AskedBy = follow.Asker
	entry.Wish = follow.Wish
	return entry, err
}

// ListReply is a page of a stack's deployments.
type ListReply struct {
	Stack   storage.StackRef
	Entries []Entry
	Page    int // from 1
	Offset  int // of the first entry, from 0; in a filtered list, of the first deployment examined
	Total   int
	Command string
	At      time.Time

	Filter Invocation // Outcome, By and the typed Page of a filtered list; zero if it is not filtered
	Trail  string     // of this page, if the list is filtered
	Older  string     // trail of the next page, "" for none
	Looked int        // deployments examined for this page, if the list is filtered
}

// Document shows one line per deployment and the buttons that turn the pages in place.
func (r ListReply) Document() doc.Document {
	d := doc.Document{Kind: "list", Blocks: []doc.Block{doc.Lines(markup.Format("%s: %s", wording.Stack(r.Stack), r.title()))}}
	rows := make([]markup.Text, len(r.Entries))
	for i, e := range r.Entries {
		rows[i] = e.row(r.At).Cut(maxRow)
	}
	if len(rows) > 0 {
		show := Invocation{Verb: Show, Deployment: r.Entries[0].Deployment.ID}
		d.Blocks = append(d.Blocks, doc.Lines(rows...), moreOnOne(r.Command, show, r.Stack))
	}
	return listed(d, doc.Buttons(r.pager()...))
}

// moreOnOne shows what tells more of a row. A button in each row would leave a phone little room for it.
func moreOnOne(command string, show Invocation, stack storage.StackRef) doc.Block {
	return doc.Small(markup.Format("More on one: %s", markup.Code(command+" "+show.line(typeable(stack)))))
}

// listed completes a list: it joins the rows into the fallback text and appends the blocks in end.
func listed(d doc.Document, end ...doc.Block) doc.Document {
	var rows []markup.Text
	for _, b := range d.Blocks[1:] {
		rows = append(rows, b.Lines...)
	}
	d.Brief = markup.Brief(d.Blocks[0].Lines[0], markup.Join(rows, "; "))
	d.Blocks = append(d.Blocks, end...)
	return d
}

func (r ListReply) narrowed() bool {
	return r.Filter.Options[Outcome] != "" || r.Filter.Options[By] != ""
}

// title describes the deployments on the page; for a filtered list, the filter and the number of deployments examined.
func (r ListReply) title() markup.Text {
	switch {
	case r.Total == 0:
		return markup.Format("this stack has never been deployed")
	case !r.narrowed():
		return markup.Format("deployments %s", page{from: r.Offset, to: r.Offset + len(r.Entries), total: r.Total})
	}
	deployments := markup.Format("deployment%s", wording.Plural(len(r.Entries)))
	what := markup.Join([]markup.Text{markup.Format("%s", r.Filter.Options[Outcome]), deployments}, " ")
	if id := UserOf(r.Filter.Options[By]); id != "" {
		what = markup.Format("%s by %s", what, markup.User(id))
	} else if r.Filter.Options[By] != "" {
		what = markup.Format("%s by “%s”", what, markup.Shorten(r.Filter.Options[By], wording.MaxName))
	}
	count := "no"
	if len(r.Entries) > 0 {
		count = fmt.Sprint(len(r.Entries))
	}
	if r.Looked == r.Total {
		return markup.Format("%s %s among all %d", count, what, r.Total)
	}
	return markup.Format("%s %s among %s", count, what, page{from: r.Offset, to: r.Offset + r.Looked, total: r.Total})
}

// pager returns the buttons to other pages. Those of a filtered list go back along its trail, then to the typed page.
func (r ListReply) pager() []doc.Button {
	button := func(label, id, trail string, page int) doc.Button {
		inv := r.Filter
		inv.Verb, inv.UID, inv.Options[Trail] = List, r.Stack.UID, trail
		return Button(label, inv.OnPage(page), id)
	}
	current, older := r.Page, r.Offset+len(r.Entries) < r.Total
	olderPage := r.Page + 1
	if r.narrowed() {
		current, older, olderPage = r.Filter.Number(Page), r.Older != "", r.Filter.Number(Page)
	}
	var buttons []doc.Button
	switch {
	case r.Trail != "":
		buttons = append(buttons, button("Newer", "newer", NewerTrail(r.Trail), current))
	case current > 1:
		buttons = append(buttons, button("Newer", "newer", "", current-1))
	}
	if older {
		buttons = append(buttons, button("Older", "older", r.Older, olderPage))
	}
	return append(buttons, button("Refresh", "refresh", r.Trail, current))
}

// row renders a deployment as one line: the sign of its state, its number, since users type it, and the word for its state.
func (e Entry) row(now time.Time) markup.Text {
	d := e.Deployment
	sign, state := e.standing()
	parts := []markup.Text{markup.Format("%s #%d %s", sign, d.ID, state), wording.Commit(d, wording.ShortHash(d.GitHash))}
	if !d.StartedAt.IsZero() {
		parts = append(parts, markup.Format("%s", wording.Ago(d.StartedAt, now)))
	}
	return markup.Join(append(parts, e.shortly()), " · ")
}

// shortly is who in a row: of an address, what stands before its @.
func (e Entry) shortly() markup.Text {
	if e.AskedBy != "" {
		return markup.User(e.AskedBy)
	}
	name, _, _ := strings.Cut(e.Deployment.TriggeredBy, "@")
	return markup.Format("%s", markup.Shorten(cmp.Or(name, e.Deployment.TriggeredBy), wording.MaxName))
}
