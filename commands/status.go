package commands

import (
	"context"
	"slices"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Status reports the state of the bot.
const Status Verb = "status"

var statusSpec = Spec{
	Verb: Status, group: ofBot,
	Summary:  "Says how the bot itself is: its connections, the API budget, what it follows.",
	Examples: []string{"status"},
	run:      (*Handler).status,
}

// BotStatus is the bot's own state.
type BotStatus struct {
	Version string
	Since   time.Time // start time
	Others  int       // connections of other processes of the same app
	Ready   error     // nil if the bot is ready
	// Troubles describes partial failures in words; they name no stack.
	Troubles []string
	Silent   time.Time // since when Cloud 66 has not answered; zero if it does
	Budget   cloud66.BudgetState
	LeftOut  map[cloud66.LeftOut]int // records of Cloud 66's lists that cannot be read
	Ahead    time.Duration           // how far this machine's clock is ahead of Slack's; 0 if they agree
}

// WatchStatus is the state of the watch over the subscribed stacks.
type WatchStatus struct {
	Stacks     []storage.StackRef // the watched stacks
	Interval   time.Duration      // measured interval between two polls of a stack; 0 if unknown
	LastSweep  time.Time          // end of the last sweep over all stacks
	Unreadable []storage.StackRef // stacks that have been unreadable for a while
}

// StatusReply is the bot's state as shown to one user.
type StatusReply struct {
	BotStatus

	Follows []storage.Follow // of stacks visible to the user, newest first
	Watch   WatchStatus      // restricted to stacks visible to the user
	LeftOut []markup.Text    // BotStatus.LeftOut in words, restricted to stacks visible to the user
	Unknown bool             // the stacks visible to the user could not be determined
	At      time.Time
}

// status returns the bot's state. If the stacks visible to the user cannot be determined, it shows no deployments.
func (h *Handler) status(ctx context.Context, c *call) (Reply, error) {
	standing, unknown := h.Authz.Standing(ctx, c.subject())
	reply := StatusReply{BotStatus: h.Status(), Unknown: unknown != nil, At: time.Now()}
	if unknown != nil {
		h.Log.WarnContext(ctx, "what somebody may see could not be found out", "error", unknown)
		return reply, nil
	}
	hidden := func(s storage.StackRef) bool { return !standing.Decide(authz.View, s).Allowed }
	open, err := storage.Read(ctx, h.Records, func(tx storage.Tx) ([]storage.Follow, error) { return storage.OpenFollows(tx, "") })
	reply.Follows = slices.DeleteFunc(open, func(f storage.Follow) bool { return hidden(f.Stack) })
	slices.SortFunc(reply.Follows, func(a, b storage.Follow) int { return strings.Compare(b.ID, a.ID) }) // ids sort by age
	reply.LeftOut = h.leftOut(reply.BotStatus.LeftOut, standing)
	reply.Watch = h.Watch()
	reply.Watch.Stacks = slices.DeleteFunc(slices.Clone(reply.Watch.Stacks), hidden)
	reply.Watch.Unreadable = slices.DeleteFunc(slices.Clone(reply.Watch.Unreadable), hidden)
	return reply, err
}

// leftOut puts the records that cannot be read into words, as far as the user may see their stacks.
func (h *Handler) leftOut(all map[cloud66.LeftOut]int, standing authz.Standing) (words []markup.Text) {
	if len(all) == 0 {
		return nil
	}
	refs := map[string]storage.StackRef{}
	for _, s := range h.Directory.last() {
		refs[s.UID] = RefOf(s)
	}
	for left, count := range all {
		ref, listed := refs[left.UID]
		if left.UID == "" {
			ref = storage.StackRef{Name: left.Name, Environment: left.Environment}
		}
		named := left.Name != "" || listed
		if left.UID != "" && !listed || named && !standing.Decide(authz.View, ref).Allowed {
			continue
		}
		text := markup.Format("%s", left.What)
		if count > 1 {
			text = markup.Format("%d × %s", count, left.What)
		}
		if named {
			text = markup.Format("%s (%s)", text, wording.Stack(ref))
		}
		words = append(words, text)
	}
	slices.SortFunc(words, func(a, b markup.Text) int { return strings.Compare(a.String(), b.String()) })
	return words
}

// Document starts with the most severe problem.
func (r StatusReply) Document() doc.Document {
	var lines []markup.Text
	for _, trouble := range r.Troubles {
		lines = append(lines, markup.Format("%s", trouble))
	}
	if len(r.LeftOut) > 0 {
		left := wording.Some(r.LeftOut, maxNamed)
		lines = append(lines, markup.Format("Left out of what Cloud 66 lists, since I cannot read it: %s", left))
	}
	if r.Others > 0 {
		lines = append(lines,
			markup.Format("The app has %d more connection%s than mine: stop the other instance", r.Others, wording.Plural(r.Others)))
	}
	if r.Ahead != 0 {
		way := "ahead of"
		if r.Ahead < 0 {
			way = "behind"
		}
		lines = append(lines, markup.Format("This machine's clock is %s %s Slack's: correct it (NTP)", wording.Duration(r.Ahead.Abs()), way))
	}
	lines = append(lines, r.unreadable(), r.budget(), r.following(), r.watching())
	lines = append(lines, markup.Format("Version %s, running for %s", r.Version, wording.Duration(r.At.Sub(r.Since))))
	return doc.Document{Kind: "status", Blocks: []doc.Block{doc.Lines(r.condition()), doc.Lines(lines...)}}
}

// condition summarizes the state in one line by the most severe problem.
func (r StatusReply) condition() markup.Text {
	switch {
	case r.Ready != nil:
		return markup.Format("🚨 I cannot do my work: %s", strings.ReplaceAll(r.Ready.Error(), "\n", "; "))
	case !r.Silent.IsZero():
		return markup.Format("⚠️ Connected to Slack, but Cloud 66 has not answered since %s", markup.When(r.Silent))
	case r.Others > 0:
		return markup.Format("⚠️ Connected, but another instance of me takes part of the commands")
	case len(r.Troubles) > 0:
		return markup.Format("⚠️ Connected, but not all of my work succeeds")
	case r.Budget.Rest == 0:
		return markup.Format("⚠️ Connected, but this hour's Cloud 66 requests are used up")
	case r.Budget.BackgroundRest == 0:
		return markup.Format("⚠️ Connected, but Cloud 66 requests run low")
	case !r.unreadable().Empty():
		return markup.Format("⚠️ Connected, but Cloud 66 does not let me read all stacks")
	default:
		return markup.Format("✅ Connected to Slack, and Cloud 66 accepts the token")
	}
}

func (r StatusReply) budget() markup.Text {
	b := r.Budget
	text := markup.Format("Cloud 66 requests: %d of %d left in this hour", b.Rest, b.PerHour)
	if b.ServerRest != nil {
		text = markup.Format("%s; Cloud 66 itself says %d", text, *b.ServerRest)
	}
	switch {
	case b.Rest == 0 && !b.NextTry.IsZero():
		return markup.Format("%s. The next is sent %s", text, markup.When(b.NextTry))
	case b.ReadingRest == 0:
		return markup.Format("%s. They are kept for redeploys and cancels", text)
	case b.BackgroundRest == 0:
		return markup.Format("%s. What people ask for goes first, what is followed waits", text)
	default:
		return text
	}
}

const maxNamed = 10

func (r StatusReply) following() markup.Text {
	switch {
	case r.Unknown:
		return markup.Format("What I follow: not shown, since Slack did not say who may see it")
	case len(r.Follows) == 0:
		return markup.Format("I follow no deployment that you may see here")
	}
	all := each(r.Follows, func(f storage.Follow) markup.Text {
		if f.Deployment == 0 {
			return markup.Format("%s (not begun yet)", wording.Stack(f.Stack))
		}
		return markup.Format("%s #%d", wording.Stack(f.Stack), f.Deployment)
	})
	return markup.Format("I follow %d deployment%s: %s", len(all), wording.Plural(len(all)), wording.Some(all, maxNamed))
}

// watching describes the watch over the subscribed stacks visible to the user. It is empty if there are none.
func (r StatusReply) watching() markup.Text {
	w := r.Watch
	if r.Unknown || len(w.Stacks) == 0 {
		return markup.Text{}
	}
	text := markup.Format("For subscriptions I watch %d stack%s that you may see here", len(w.Stacks), wording.Plural(len(w.Stacks)))
	switch {
	case w.Interval >= time.Second:
		text = markup.Format("%s, each every %s", text, wording.Duration(w.Interval))
	case w.Interval > 0:
		text = markup.Format("%s, each more than once a second", text)
	}
	if w.LastSweep.IsZero() {
		return markup.Format("%s; I have not been through all of them yet", text)
	}
	return markup.Format("%s; I was through all of them %s", text, markup.When(w.LastSweep))
}

func (r StatusReply) unreadable() markup.Text {
	if r.Unknown || len(r.Watch.Unreadable) == 0 {
		return markup.Text{}
	}
	names := wording.Some(each(r.Watch.Unreadable, wording.Stack), maxNamed)
	return markup.Format("Cloud 66 has not let me read for a while: %s", names)
}
