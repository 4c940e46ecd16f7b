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
	Verb: Stacks, group: toLook, Right: authz.View,
	Args:     []Arg{{Word: "[text]", opt: Text}},
	Summary:  "Lists the stacks that you may see here. A row says what is live, what came last and how, and the health.",
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
	return StacksReply{page: p, Text: inv.Options[Text], Stacks: entries, Command: h.Command, At: time.Now()}, nil
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

	Text    string // filter of the names, "" for all
	Stacks  []StackEntry
	Command string
	At      time.Time
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
	rows, untold := make([]markup.Text, len(r.Stacks)), 0
	for i, e := range r.Stacks {
		rows[i] = e.row(r.At).Cut(maxRow)
		if e.Newest == nil && !e.Never {
			untold++
		}
	}
	if len(rows) > 0 {
		d.Blocks = append(d.Blocks, doc.Lines(rows...))
		if untold > 0 {
			const old = "Cloud 66 did not tell in time what is live on %d of these: there I show what its list of stacks said last"
			d.Blocks = append(d.Blocks, doc.Small(markup.Format(old, untold)))
		}
		d.Blocks = append(d.Blocks, moreOnOne(r.Command, Invocation{Verb: Show}, RefOf(r.Stacks[0].Stack)))
	}
	return listed(d, r.pageButtons(Invocation{Verb: Stacks, Options: Options{Text: r.Text}}))
}

// row renders a stack as one line: its sign and name, what is live, what came last and how, and its health. The state that the list of
// stacks gives may be older than the deployments, so it is shown only where these are unknown.
func (e StackEntry) row(now time.Time) markup.Text {
	s, last := e.Stack, e.Newest
	parts := []markup.Text{markup.Format("%s %s", e.sign(), wording.Stack(RefOf(s)))}
	switch {
	case e.Never:
		parts = append(parts, markup.Format("never deployed"))
	case last == nil && s.LastActivity.IsZero():
		parts = append(parts, markup.Format("%s", stackState(s)))
	case last == nil:
		parts = append(parts, markup.Format("%s", stackState(s)), markup.Format("last active %s", wording.Ago(s.LastActivity, now)))
	case e.Live == last.Deployment.ID && !last.ended().IsZero():
		parts = append(parts, markup.Format("live #%d for %s", e.Live, wording.Age(now.Sub(last.ended()))))
	case e.Live == last.Deployment.ID:
		parts = append(parts, markup.Format("live #%d", e.Live))
	case e.Live != 0:
		parts = append(parts, markup.Format("live #%d", e.Live), last.lately(now))
	default:
		parts = append(parts, last.lately(now))
	}
	if word, ok := healths[s.Health]; ok && (last == nil || s.Health != cloud66.HealthBuilding) {
		parts = append(parts, markup.Format("%s", word))
	}
	return markup.Join(parts, " · ")
}

// ended returns the end of a deployment, or its start if it has no end.
func (e Entry) ended() time.Time { return cmp.Or(e.Deployment.FinishedAt, e.Deployment.StartedAt) }

// lately describes a deployment by its number, its state and when that began, as in "#1094 cancelled 15 min ago".
func (e Entry) lately(now time.Time) markup.Text {
	_, state := e.standing()
	what := markup.Format("#%d %s", e.Deployment.ID, state)
	switch at := e.ended(); {
	case at.IsZero():
		return what
	case e.Deployment.Running():
		return markup.Format("%s for %s", what, wording.Age(now.Sub(at)))
	default:
		return markup.Format("%s %s", what, wording.Ago(at, now))
	}
}

func stackState(s cloud66.Stack) string {
	switch s.Status {
	case cloud66.StatusDeployed:
		return "deployed"
	case cloud66.StatusFailed:
		return "failed"
	case cloud66.StatusQueued:
		return "queued"
	case cloud66.StatusAbsent:
		return "state unknown"
	default:
		return strings.ToLower(s.Status.String())
	}
}

var healths = map[cloud66.StackHealth]string{
	cloud66.HealthHealthy: "healthy", cloud66.HealthImpaired: "impaired", cloud66.HealthFailed: "failing", cloud66.HealthBuilding: "building",
}

// sign returns what a stack needs first: what is under way, then what is wrong, then that it is live.
func (e StackEntry) sign() string {
	under, wrong := phase(e.Stack), e.Stack.Status == cloud66.StatusFailed || e.Stack.Status == cloud66.StatusUnableToAnalyze
	last := ""
	if e.Newest != nil {
		d := e.Newest.Deployment
		last, _ = e.Newest.standing()
		under, wrong = "", last == wording.Sign(storage.Failed)
		if !d.Ended() {
			under = last
		}
	}
	switch {
	case under != "":
		return under
	case e.Stack.Health == cloud66.HealthFailed:
		return "🚨"
	case wrong:
		return wording.Sign(storage.Failed)
	case e.Stack.Health == cloud66.HealthImpaired:
		return "⚠️"
	case e.Live != 0 || e.Newest == nil && e.Stack.Status == cloud66.StatusDeployed:
		return wording.Sign(storage.Succeeded)
	default:
		return cmp.Or(last, wording.Sign(storage.Over))
	}
}

// phase returns the sign of what is under way by the list of stacks, or "".
func phase(s cloud66.Stack) string {
	switch s.Status {
	case cloud66.StatusDeploying, cloud66.StatusAnalyzing:
		return wording.Sign(storage.Started)
	case cloud66.StatusQueued, cloud66.StatusPendingAnalysis:
		return wording.Sign(storage.Queued)
	}
	return ""
}
