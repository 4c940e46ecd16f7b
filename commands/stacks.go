package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Stacks lists stacks.
const Stacks Verb = "stacks"

var stacksSpec = Spec{
	Verb: Stacks, Right: authz.View,
	Args:     []Arg{{Word: "[text]", opt: Text}},
	Summary:  "Lists the stacks that you may see here, with their state and last deployment.",
	Examples: []string{"stacks", "stacks web", "stacks '*@production'"},
	run:      (*Handler).stacks,
}

// Limits for reading the newest deployments of many stacks: concurrent requests, and the time that users wait for a page.
const (
	newestAtOnce = 5
	newestWait   = 4 * time.Second
)

// stacks returns a page of the visible stacks with their newest deployments.
func (h *Handler) stacks(ctx context.Context, c *call) (Reply, error) {
	inv, views := c.Invocation, may(c.standing, authz.View)
	visible := func(s cloud66.Stack) bool { return holds(s, inv.Options[Text]) && views(s) }
	seen, err := h.Directory.visible(ctx, visible)
	if err != nil {
		return nil, err
	}
	sortStacks(seen)
	p := pageOf(inv.Number(Page), rowsPerPage, len(seen))
	shown, err := h.Directory.asNow(ctx, seen[p.from:p.to], visible)
	if err != nil {
		return nil, err
	}
	entries, err := h.newest(ctx, shown)
	if err != nil {
		return nil, err
	}
	return StacksReply{page: p, Text: inv.Options[Text], Stacks: entries, At: time.Now()}, nil
}

// holds reports whether a stack's name@environment contains a text or matches it as a glob.
func holds(s cloud66.Stack, text string) bool {
	if strings.ContainsAny(text, "*?[") {
		if pattern, err := authz.ParsePattern(text); err == nil && pattern.Match(RefOf(s)) {
			return true
		}
	}
	return strings.Contains(authz.Fold(RefOf(s).String()), authz.Fold(text))
}

// newest adds the newest and the live deployments to stacks, except those that cannot be read in time. A spent budget is an error.
func (h *Handler) newest(ctx context.Context, stacks []cloud66.Stack) ([]StackEntry, error) {
	all, err := h.readEach(ctx, stacks, apiPage, newestWait)
	if err != nil {
		return nil, err
	}
	entries := make([]StackEntry, len(stacks))
	return entries, h.Records.View(ctx, func(tx storage.Tx) error {
		for i, s := range stacks {
			entries[i].Stack = s
			if all[i] == nil {
				continue
			}
			got := all[i].Deployments
			if entries[i].Never = len(got) == 0; entries[i].Never {
				continue
			}
			last, err := entryOf(tx, s.UID, got[0])
			if err != nil {
				return err
			}
			entries[i].Newest = &last
			if live := slices.IndexFunc(got, func(d cloud66.Deployment) bool { return d.IsLive && !d.Reverted }); live >= 0 {
				entries[i].Live = got[live].ID
			}
		}
		return nil
	})
}

// readEach reads the newest deployments of stacks concurrently. An entry is nil if it cannot be read in time. The only error is a
// spent budget.
func (h *Handler) readEach(ctx context.Context, stacks []cloud66.Stack, limit int, wait time.Duration) ([]*cloud66.DeploymentRange, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	all := make([]*cloud66.DeploymentRange, len(stacks))
	var reads errgroup.Group
	reads.SetLimit(newestAtOnce)
	for i, s := range stacks {
		reads.Go(func() error {
			got, err := h.Cloud.DeploymentRange(ctx, s.UID, 0, limit)
			if errors.Is(err, cloud66.ErrBudget) {
				return err
			}
			if err != nil {
				h.Log.DebugContext(ctx, "the newest deployments of a stack could not be read", "stack", s.UID, "error", err)
				return nil
			}
			all[i] = &got
			return nil
		})
	}
	return all, reads.Wait()
}

// StacksReply is a page of the visible stacks.
type StacksReply struct {
	page

	Text   string // filter of the names, "" for all
	Stacks []StackEntry
	At     time.Time
}

// StackEntry is a stack with its newest deployment and its live one.
type StackEntry struct {
	Stack  cloud66.Stack
	Newest *Entry // nil if unknown
	Live   int64  // 0 if unknown
	Never  bool   // the stack was never deployed
}

// Document shows one line per stack.
func (r StacksReply) Document() doc.Document {
	with, which := "", r.String()
	if r.Text != "" {
		with = fmt.Sprintf(" with “%s”", markup.Shorten(r.Text, wording.MaxName))
	}
	title := which + with
	if r.total == 0 {
		title = "none" + with + " that you may see here"
	}
	d := doc.Document{Kind: "stacks", Blocks: []doc.Block{doc.Lines(markup.Format("*Stacks*: %s", title))}}
	for _, e := range r.Stacks {
		var show doc.Button
		if !e.Never {
			show = Button("Show", Invocation{Verb: Show, UID: e.Stack.UID}, "show-"+markup.Shorten(e.Stack.UID, wording.MaxName))
		}
		d.Blocks = append(d.Blocks, doc.Row(e.row(r.At).Cut(maxRow), show))
	}
	return listed(d, r.pageButtons(Invocation{Verb: Stacks, Options: Options{Text: r.Text}}))
}

// row renders a stack as one line: its typeable name, what came last and how, what is live, and its health. The state that the list of
// stacks gives may be older than the deployments, so it is shown only where these are unknown.
func (e StackEntry) row(now time.Time) markup.Text {
	s := e.Stack
	name := markup.Code(markup.Shorten(RefOf(s).Label(), wording.MaxName))
	parts := []markup.Text{markup.Format("%s %s %s", name, stackSign(s), stackState(s))}
	if e.Newest != nil {
		sign, state := e.Newest.standing()
		if e.Live == e.Newest.Deployment.ID {
			sign = cmp.Or(illness(s), sign)
		}
		parts[0] = markup.Format("%s %s #%d %s", name, sign, e.Newest.Deployment.ID, state)
		if at := cmp.Or(e.Newest.Deployment.FinishedAt, e.Newest.Deployment.StartedAt); !at.IsZero() {
			parts[0] = markup.Format("%s %s", parts[0], wording.Ago(at, now))
		}
		if e.Live != 0 && e.Live != e.Newest.Deployment.ID {
			parts = append(parts, markup.Format("#%d is live", e.Live))
		}
	}
	if building := s.Health == cloud66.HealthBuilding && e.Newest != nil; s.Health != cloud66.HealthUnknown && !building {
		parts = append(parts, markup.Format("%s", strings.ToLower(s.Health.String())))
	}
	switch {
	case e.Never:
		parts = append(parts, markup.Format("never deployed"))
	case e.Newest == nil && !s.LastActivity.IsZero():
		parts = append(parts, markup.Format("last active %s", wording.Ago(s.LastActivity, now)))
	}
	return markup.Join(parts, " · ")
}

// stackState describes a stack's current or last activity.
func stackState(s cloud66.Stack) string {
	switch s.Status {
	case cloud66.StatusDeployed:
		return "deployed"
	case cloud66.StatusFailed:
		return "failed"
	case cloud66.StatusQueued:
		return "queued"
	default:
		return strings.ToLower(s.Status.String())
	}
}

func stackSign(s cloud66.Stack) string {
	switch s.Status {
	case cloud66.StatusDeploying, cloud66.StatusAnalyzing:
		return "🔵"
	case cloud66.StatusQueued, cloud66.StatusPendingAnalysis:
		return "🕓"
	case cloud66.StatusFailed, cloud66.StatusUnableToAnalyze:
		return "🔴"
	case cloud66.StatusDeployed:
		return cmp.Or(illness(s), "🟢")
	}
	return cmp.Or(illness(s), "⚪")
}

// illness returns the sign of a stack that is not well, or "".
func illness(s cloud66.Stack) string {
	switch s.Health {
	case cloud66.HealthFailed:
		return "🔴"
	case cloud66.HealthImpaired:
		return "🟠"
	}
	return ""
}
