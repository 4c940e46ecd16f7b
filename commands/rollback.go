package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands/versions"
	"c66bot/storage"
)

// Rollback returns a stack to a version that was live before.
const Rollback Verb = "rollback"

var rollbackSpec = Spec{
	Verb: Rollback, group: toDeploy, Right: authz.Redeploy, Changes: true, Writes: true, Begins: true,
	Args:    []Arg{argStack},
	Options: pick(To, Reason, Override),
	Summary: "Returns a stack to a version that was live before. It shows what that undoes, and asks.",
	Examples: []string{
		"rollback mystack@production", `rollback mystack@production --to 1042 --reason "the login fails"`,
		`rollback mystack@production --override --reason "hotfix of the outage"`,
	},
	asks: func(i Invocation) bool { return i.Fill || !i.Yes }, // a button that overrides a lock still lacks the reason
	check: func(_ Spec, i Invocation) error {
		if i.Yes && (i.Options[To] == "" || i.Sight == "") {
			return errors.New("a yes to a rollback does not say to what")
		}
		return nil
	},
	run: (*Handler).rollback,
}

// maxVersions is how many versions a question about a rollback offers.
const maxVersions = 5

// back is a rollback as its question shows it.
type back struct {
	past

	stack cloud66.Stack
	to    versions.Version
	by    bringing
}

func (h *Handler) rollback(ctx context.Context, c *call) (Reply, error) {
	return h.bring(ctx, c, h.planBack)
}

// planBack plans a rollback. Once it has begun it offers a lock, so that nobody deploys over it what was just undone.
func (h *Handler) planBack(ctx context.Context, c *call) (p plan, err error) {
	inv, stack, ref := c.Invocation, c.stack, RefOf(c.stack)
	b, err := h.backOf(ctx, stack, inv)
	if err != nil {
		return p, err
	}
	if shown := inv.Deployment; shown != 0 && !slices.Contains(b.live.Deployments, shown) {
		gone := h.problemOn(stack, fmt.Sprintf("#%d is not live. %s", shown, b.isLive()), "You can roll back what is live.", "")
		gone.State, gone.Choices = "Nothing was done.", []Choice{{"Roll back", Invocation{Verb: Rollback, UID: stack.UID}}}
		return p, instead(gone)
	}
	p = plan{
		by: &b.by, question: b.question, sight: b.sight(), listed: b.listed,
		yes:  Invocation{UID: stack.UID, Options: Options{To: strconv.FormatInt(b.to.ID(), 10)}},
		wish: storage.Wish{Origin: b.to.ID()},
		moved: h.notDoneOn(stack, "that has changed since the question was shown. "+b.isLive(), "Look at it, then ask again.",
			"rollback %s"),
	}
	if c.standing.Decide(authz.Lock, ref).Allowed {
		why := fmt.Sprintf("rolled back from #%d to #%d", b.live.ID(), b.to.ID())
		lock := Invocation{Verb: Lock, Options: Options{Glob: authz.Exactly(ref), For: "2h", Reason: why}}.once()
		p.begun = doc.Say(string(Rollback), markup.Format("%s: the card in the channel shows the rollback.", wording.Stack(ref)),
			markup.Format("Lock it for 2 h, so that nobody deploys again what it undoes?")).With(doc.Buttons(Button("Lock", lock, "lock")))
	}
	return p, nil
}

// nowLive names what is live.
func (p past) nowLive() string {
	if p.live.ID() == 0 {
		return "nothing that Cloud 66 tells of"
	}
	return fmt.Sprintf("#%d", p.live.ID())
}

// isLive says what is live, and what is deploying.
func (p past) isLive() string {
	text := "Cloud 66 tells of nothing that is live."
	if p.live.ID() != 0 {
		text = fmt.Sprintf("Live now is #%d.", p.live.ID())
	}
	if d := p.open(); d != nil {
		text += fmt.Sprintf(" #%d has not ended.", d.ID)
	}
	return text
}

func (b back) sight() string {
	return sight(RefOf(b.stack).String(), b.live.ID(), b.live.Commit, b.live.Services, b.newest(), b.to.ID(), b.by.ref, b.by.services)
}

// backOf finds the version that a stack is to return to, and what brings it back.
func (h *Handler) backOf(ctx context.Context, stack cloud66.Stack, inv Invocation) (b back, err error) {
	to := inv.Options[To]
	b.stack = stack
	b.past, err = h.pastOf(ctx, stack, func(p past) bool {
		if to != "" {
			return len(p.named(to)) > 0
		}
		return p.live.ID() != 0 && len(p.before) >= maxVersions
	})
	if err != nil {
		return b, err
	}
	if to == "" {
		if len(b.before) == 0 {
			return b, h.notDoneOn(stack, "nothing else was live on this stack before. "+b.isLive(), "", "list %s")
		}
		b.to = b.before[0]
	} else if b.to, err = h.chosen(ctx, b, inv); err != nil {
		return b, err
	}
	b.by, err = h.bringingOf(ctx, stack, b.to)
	return b, err
}

// named returns the versions that a number of a deployment or the beginning of a hash may mean. A number that a deployment has is no hash.
func (p past) named(to string) (found []versions.Version) {
	all := append([]versions.Version{p.live}, p.before...)
	id, err := strconv.ParseInt(to, 10, 64)
	for _, v := range all {
		if err == nil && slices.Contains(v.Deployments, id) {
			return []versions.Version{v}
		}
	}
	for _, v := range all {
		if len(to) >= shortestHash && strings.HasPrefix(strings.ToLower(v.Commit), to) {
			found = append(found, v)
		}
	}
	return found
}

// chosen returns the version that --to means. Where it means none that a rollback can return to, the error says why.
func (h *Handler) chosen(ctx context.Context, b back, inv Invocation) (none versions.Version, err error) {
	to, stack := inv.Options[To], b.stack
	switch found := b.named(to); {
	case len(found) > 1:
		inv.Stack, inv.UID = "", stack.UID
		options := each(found, func(v versions.Version) Choice {
			inv.Options[To] = strconv.FormatInt(v.ID(), 10)
			return Choice{fmt.Sprintf("#%d %s", v.ID(), markup.Shorten(v.Commit, 2*shortestHash)), inv}
		})
		return none, instead(choiceOf(fmt.Sprintf("%s means %d versions of %s. Which one?", quoted(to), len(found), RefOf(stack)), options))
	case len(found) == 1 && found[0].ID() != b.live.ID():
		return found[0], nil
	case len(found) == 1:
		return none, b.refused(h, fmt.Sprintf("%s is what is live.", asNumber(to)))
	}
	if id, err := strconv.ParseInt(to, 10, 64); err == nil {
		d, err := h.Cloud.Deployment(ctx, stack.UID, id)
		switch {
		case err == nil:
			return none, b.refused(h, neverLive(d))
		case !errors.Is(err, cloud66.ErrNotFound):
			return none, err
		case len(to) < shortestHash:
			return none, b.refused(h, fmt.Sprintf("there is no deployment #%d of this stack.", id))
		}
	}
	if i := slices.IndexFunc(b.listed, func(d cloud66.Deployment) bool { return strings.HasPrefix(strings.ToLower(d.GitHash), to) }); i >= 0 {
		return none, b.refused(h, neverLive(b.listed[i]))
	}
	return none, b.refused(h, fmt.Sprintf("no deployment of this stack has the commit %s.", quoted(to)))
}

// refused refuses a version, and names one that was live before.
func (b back) refused(h *Handler, what string) error {
	if len(b.before) == 0 {
		return h.notDoneOn(b.stack, what, "Nothing else was live on this stack before.", "list %s")
	}
	numbers := each(b.before[:min(maxVersions, len(b.before))], func(v versions.Version) string {
		return asNumber(strconv.FormatInt(v.ID(), 10))
	})
	return h.notDoneOn(b.stack, what, "These were live before: "+strings.Join(numbers, ", ")+".",
		fmt.Sprintf("rollback %%s --to %d", b.before[0].ID()))
}

// neverLive says that a deployment brought no version.
func neverLive(d cloud66.Deployment) string {
	if !d.Ended() {
		return fmt.Sprintf("#%d has not ended, so it was never live.", d.ID)
	}
	how := wording.Outcome(d, nil)
	if d.Type() == cloud66.TypeScale {
		how += " (scale)"
	}
	return fmt.Sprintf("#%d was never live: it %s.", d.ID, how)
}

// asNumber shows what --to means: a deployment with its sign, or a hash.
func asNumber(to string) string {
	if _, err := strconv.ParseInt(to, 10, 64); err == nil && len(to) < shortestHash {
		return "#" + to
	}
	return to
}

// question shows what is live, what would come back and what that undoes, asks, and offers the other versions.
func (b *back) question(yes Invocation) doc.Document {
	ref := RefOf(b.stack)
	head := markup.Format("%s: roll back to #%d?", wording.Stack(ref), b.to.ID())
	facts := []markup.Text{markup.Format("Live now: %s", describe(b.live, true)), markup.Format("Back to: %s", describe(b.to, false))}
	if b.live.ID() == 0 {
		facts[0] = markup.Format("Cloud 66 tells of nothing that is live.")
		head = markup.Format("%s: bring back #%d?", wording.Stack(ref), b.to.ID())
	}
	facts = append(append(facts, undone(b.to, b.live)), b.by.notes...)
	facts = append(append(facts, b.waits()...), because(yes))
	d := asked("rollback", head, facts, Button("Yes, roll back", yes, "yes").As(doc.Danger), yes.Nonce)
	other := Invocation{Verb: Rollback, UID: ref.UID, Options: yes.Options}
	var rows []doc.Block
	for _, v := range b.before {
		if other.Options[To] = strconv.FormatInt(v.ID(), 10); v.ID() != b.to.ID() && len(rows) < maxVersions {
			rows = append(rows, doc.Row(lived(v, false).Cut(maxRow), Button(fmt.Sprintf("Take #%d", v.ID()), other, fmt.Sprintf("take-%d", v.ID()))))
		}
	}
	if len(rows) > 0 {
		d = d.With(append([]doc.Block{doc.Lines(markup.Format("These were live before, too"))}, rows...)...)
	}
	return d
}

// undone links what a return from a version to another one undoes.
func undone(to, from versions.Version) markup.Text {
	page := wording.Compare(from.Page, to.Commit, from.Commit)
	if page.Empty() {
		return markup.Text{}
	}
	return markup.Format("This undoes: %s", markup.Link(page, markup.Format("what changed in between")))
}
