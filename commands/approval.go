package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"c66bot/authz"
	"c66bot/authz/guard"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Approve and Reject answer a request for approval, and Withdraw takes it back.
const (
	Approve  Verb = "approve"
	Reject   Verb = "reject"
	Withdraw Verb = "withdraw"
)

var (
	approveSpec = Spec{
		Verb: Approve, Button: true, Right: authz.Approve, Changes: true, Writes: true, Begins: true,
		Args: []Arg{argStack, {Word: "REQUEST", opt: Rule}},
		run:  (*Handler).approve,
	}
	rejectSpec = Spec{
		Verb: Reject, Button: true, Right: authz.Approve, Changes: true, Begins: true,
		Args:    []Arg{argStack, {Word: "REQUEST", opt: Rule}},
		Options: pick(Reason),
		asks:    func(i Invocation) bool { return i.Options[Reason] == "" },
		run:     (*Handler).reject,
	}
	withdrawSpec = Spec{
		Verb: Withdraw, Button: true, Right: authz.Redeploy, Changes: true, Begins: true,
		Args: []Arg{argStack, {Word: "REQUEST", opt: Rule}},
		run:  (*Handler).withdraw,
	}
)

// askApproval has a redeploy wait for the approval of others, with a card that asks for it.
func (h *Handler) askApproval(ctx context.Context, start Start, needs []storage.Protection, overrides []string) error {
	c, now := start.call, time.Now()
	if utf8.RuneCountInString(wishText(*start.Follow.Wish, "").String()) > maxWishText {
		return notDone("That is too long to be shown in whole to those who approve it.", "Name fewer services, or shorter ones.")
	}
	newest, err := h.Cloud.DeploymentRange(ctx, start.Follow.Stack.UID, 0, apiPage)
	if err != nil {
		return err
	}
	a := storage.Approval{
		Channel: c.Channel, Operation: start.Operation, Asked: c.asked(start.Follow.Stack).Asked, At: now,
		Until: now.Add(h.ApprovalsExpire), Follow: start.Follow, Overrides: overrides, Needs: needs, State: storage.Waiting,
	}
	sees(&a, newest.Deployments)
	a.Follow.Wish.NewestBefore = newestID(newest.Deployments)
	if a.GroupChanged, err = h.groupChanged(ctx, needs, now); err != nil {
		return err
	}
	decision := c.decision
	decision.Rule, decision.By = nil, storage.Decider{Kind: storage.ByProtection, ID: needs[0].ID}
	decision.Reason += "; it waits for approval"
	return h.Channels.Announce(ctx, c.Request, func(tx storage.Tx) ([]Announcement, error) {
		if err := authz.Record(c.judged, decision)(tx); err != nil {
			return nil, err
		}
		made, err := addApproval(tx, a)
		return ApprovalSaid(made), err
	})
}

// maxWishText is the longest text of what would go live, as Slack takes it: nobody approves what is cut off.
const maxWishText = 2000

// freshGroup is how long a change of a group of approvers is worth a word.
const freshGroup = 24 * time.Hour

// groupChanged returns when who is in a group that approves was changed last, zero if that was more than freshGroup ago.
func (h *Handler) groupChanged(ctx context.Context, protections []storage.Protection, now time.Time) (last time.Time, err error) {
	for _, p := range protections {
		if p.Group == "" {
			continue
		}
		group, err := h.People.Group(ctx, p.Group)
		if errors.Is(err, authz.ErrNoGroup) || errors.Is(err, authz.ErrNoGroups) {
			continue // nobody is in it; the configured admins count all the same
		}
		if err != nil {
			return last, fromSlack(err)
		}
		if last.Before(group.Changed) && now.Sub(group.Changed) < freshGroup {
			last = group.Changed
		}
	}
	return last, nil
}

// Limits of the requests that wait for approval: of all, and of one person, who cannot keep the others from asking.
const (
	maxWaiting      = 200
	maxWaitingTheir = 20
)

// addApproval stores a request under a new id, unless the same one waits already.
func addApproval(tx storage.Tx, a storage.Approval) (storage.Approval, error) {
	all, err := storage.Approvals.All(tx, "")
	waiting := slices.DeleteFunc(all, func(old storage.Approval) bool { return old.State != storage.Waiting || !a.At.Before(old.Until) })
	same := func(old storage.Approval) bool {
		return old.Follow.Stack.UID == a.Follow.Stack.UID && old.Follow.Asker == a.Follow.Asker && old.Asked == a.Asked
	}
	theirs := 0
	for _, old := range waiting {
		if old.Follow.Asker == a.Follow.Asker {
			theirs++
		}
	}
	switch {
	case err != nil:
	case slices.ContainsFunc(waiting, same):
		err = instead(Notice("You asked for that already, and it waits for approval: see its card."))
	case theirs >= maxWaitingTheir:
		err = notDone(fmt.Sprintf("%d requests of yours wait for approval already.", theirs), "Withdraw some, or wait for the answers.")
	case len(waiting) >= maxWaiting:
		err = notDone("Too much waits for approval already.", "Try again when some of it is answered.")
	default:
		a.ID, err = storage.Approvals.ShortID(tx, "")
	}
	if err != nil {
		return a, err
	}
	return a, storage.PutApproval(tx, a)
}

func approvalKey(a storage.Approval) string { return fmt.Sprintf("approval/%s/%d", a.ID, a.At.Unix()) }

// waiting returns the request that a button is about, or an error with an answer if it does not wait any more.
func waiting(tx storage.Tx, c *call, now time.Time) (storage.Approval, error) {
	a, found, err := storage.Approvals.Find(tx, c.Invocation.Options[Rule])
	switch {
	case err != nil:
		return a, err
	case !found || a.Follow.Stack.UID != c.stack.UID || a.Channel != c.Channel:
		return a, notDone("That request is not there any more.", "Ask for it again if it is still wanted.")
	case a.State == storage.Waiting && !now.Before(a.Until):
		return a, notDone("That request expired: nobody approved it in time.", "Ask for it again if it is still wanted.")
	case a.State != storage.Waiting:
		return a, instead(doc.Say(kindNotice, markup.Format("Nothing was done: that redeploy %s", verdict(a))))
	}
	return a, nil
}

// voter is somebody who approves, as far as it counts.
type voter struct {
	may, configured bool
	groups          []string
}

// counts reports whether an approval counts for a protection.
func (v voter) counts(p storage.Protection) bool {
	return v.may && (p.Group == "" || v.configured || slices.Contains(v.groups, p.Group))
}

// still returns what somebody may who asked or approved before: nothing, if their account is not in use any more.
func (h *Handler) still(ctx context.Context, user, channel string) (none authz.Standing, err error) {
	person, err := h.People.Person(ctx, user)
	if errors.Is(err, authz.ErrNoPerson) || err == nil && person.Deactivated {
		return none, nil
	}
	if err != nil {
		return none, fromSlack(err)
	}
	return h.Authz.Standing(ctx, authz.Subject{User: user, Channel: channel})
}

// voters finds out for whom of those who approved a request that counts now. The one who asked never does.
func (h *Handler) voters(
	ctx context.Context, a storage.Approval, protections []storage.Protection, users []string,
) (map[string]voter, error) {
	all := map[string]voter{}
	grouped := slices.ContainsFunc(protections, func(p storage.Protection) bool { return p.Group != "" })
	for _, user := range users {
		standing, err := h.still(ctx, user, a.Channel)
		if err != nil {
			return nil, err
		}
		v := voter{may: user != a.Follow.Asker && standing.Decide(authz.Approve, a.Follow.Stack).Allowed, configured: standing.Configured()}
		if grouped && v.may && !v.configured {
			if v.groups, err = h.People.GroupsOf(ctx, user); err != nil {
				return nil, fromSlack(err)
			}
		}
		all[user] = v
	}
	return all, nil
}

// enough reports whether no protection waits for more approvals.
func enough(protections []storage.Protection, voters map[string]voter) bool {
	return !slices.ContainsFunc(protections, func(p storage.Protection) bool {
		n := 0
		for _, v := range voters {
			if v.counts(p) {
				n++
			}
		}
		return n < p.Approvals
	})
}

// approvalsOver returns the protections of a stack that ask for approvals.
func approvalsOver(book *guard.Book, stack storage.StackRef) (all []storage.Protection) {
	for _, p := range book.Over(stack) {
		if p.Approvals > 0 {
			all = append(all, p.Protection)
		}
	}
	return all
}

// voting returns a request with the protections that wait for approval and those who approve it, the user included. It fails if the
// user's answer does not count.
func (h *Handler) voting(ctx context.Context, c *call) (
	a storage.Approval, protections []storage.Protection, voters map[string]voter, err error,
) {
	if a, err = storage.Read(ctx, h.Records, func(tx storage.Tx) (storage.Approval, error) { return waiting(tx, c, time.Now()) }); err != nil {
		return a, nil, nil, err
	}
	does, own, notOfGroup := "approves", [2]string{"Nobody approves their own request, not even an admin.", elseApproves},
		[2]string{"Your approval does not count here: it takes a member of the group that the request names.", elseApproves}
	if c.spec.Verb == Reject {
		does, own, notOfGroup = "rejects", [2]string{"This is your own request.", "Withdraw it."},
			[2]string{"That is for a member of the group that the request names.", "Tell one of them why."}
	}
	if a.Follow.Asker == c.User {
		return a, nil, nil, h.notCounted(ctx, c, "nobody "+does+" their own request", own)
	}
	book, err := h.book(ctx)
	if err != nil {
		return a, nil, nil, err
	}
	protections = approvalsOver(book, RefOf(c.stack))
	users := []string{c.User}
	for _, g := range a.Given {
		users = append(users, g.User)
	}
	voters, err = h.voters(ctx, a, protections, users)
	if err == nil && len(protections) > 0 && !slices.ContainsFunc(protections, voters[c.User].counts) {
		err = h.notCounted(ctx, c, "not in the group that approves", notOfGroup)
	}
	return a, protections, voters, err
}

const elseApproves = "Somebody else who may approve has to."

func (h *Handler) notCounted(ctx context.Context, c *call, reason string, said [2]string) error {
	if err := h.Authz.Refuse(ctx, c.judged, reason); err != nil {
		return err
	}
	return notDone(said[0], said[1])
}

func (h *Handler) approve(_ context.Context, c *call) (Reply, error) {
	return c.then(QueueOf(Redeploy, c.stack.UID), func(ctx context.Context) (Reply, error) { return nil, h.approveNow(ctx, c) })
}

// approveNow adds an approval in the turn of the stack. With the last one that it waits for, the redeploy begins.
func (h *Handler) approveNow(ctx context.Context, c *call) error {
	a, protections, voters, err := h.voting(ctx, c)
	if err != nil {
		return err
	}
	if c.Invocation.Sight != approvalSight(a) {
		return notDone("The request has changed since this was shown to you.", "Look at it, then approve it again.")
	}
	if err := h.stillAsked(ctx, c, &a); err != nil {
		return err
	}
	newest, err := h.Cloud.DeploymentRange(ctx, c.stack.UID, 0, apiPage)
	if err != nil {
		return err
	}
	group, err := h.groupChanged(ctx, protections, time.Now()) // behind voters, whose groups are not newer than this
	if err != nil {
		return err
	}
	why := movedSince(a, RefOf(c.stack), newest.Deployments)
	if why == "" && group.After(a.GroupChanged) {
		why = "who is in the group of approvers was changed"
	}
	if a.GroupChanged, a.Needs = group, protections; why != "" {
		return h.askAgain(ctx, c, a, newest.Deployments, why)
	}
	if enough(protections, voters) {
		if err := h.beginApproved(ctx, c, a, voters, newest.Deployments); err != nil {
			return err
		}
		a, found, err := storage.Approvals.Look(ctx, h.Records, a.ID)
		if err != nil || !found {
			return err
		}
		// Where this fails, whoever keeps the requests shows it later.
		return h.Channels.Amend(ctx, c.Request, Announcement{Key: approvalKey(a), Channel: a.Channel, Reply: ApprovalReply{a}})
	}
	return h.answered(ctx, c, c.decided, func(a *storage.Approval) error {
		if slices.ContainsFunc(a.Given, func(g storage.Given) bool { return g.User == c.User }) {
			return instead(Notice("You approved this already. It waits for others."))
		}
		a.Given, a.Needs = append(slices.Clone(a.Given), storage.Given{User: c.User, At: time.Now()}), protections
		return nil
	})
}

// stillAsked fails where who asked may not redeploy the stack any more, or where another redeploy of it begins, which the request does not
// show. An override ends with the right to it.
func (h *Handler) stillAsked(ctx context.Context, c *call, a *storage.Approval) error {
	asker, err := h.still(ctx, a.Follow.Asker, a.Channel)
	if err != nil {
		return err
	}
	if !asker.Decide(authz.Redeploy, RefOf(c.stack)).Allowed {
		return h.notCounted(ctx, c, "who asked for it may not redeploy it any more",
			[2]string{"Who asked for that may not redeploy it any more.", "Somebody who may can ask for it."})
	}
	if !asker.Admin().Allowed {
		a.Overrides = nil
	}
	sought, err := h.sought(ctx, c.stack.UID)
	if err == nil && len(sought) > 0 {
		err = notDone("Another redeploy of this stack begins at this moment.", "Look at its card, then approve this again.")
	}
	return err
}

// movedSince says what makes a request another one than was asked for, "" for nothing.
func movedSince(a storage.Approval, stack storage.StackRef, newest []cloud66.Deployment) string {
	var now storage.Approval
	sees(&now, newest)
	switch {
	case !a.Follow.Stack.Same(stack):
		return "the stack is called " + stack.String() + " now"
	case now.Live != a.Live:
		return fmt.Sprintf("#%d is live now", now.Live)
	case newestID(newest) != a.Follow.Wish.NewestBefore:
		return fmt.Sprintf("#%d has come since", newestID(newest))
	default:
		return ""
	}
}

// approvalSight is a digest of a request and of what it shows of the world, so that nobody approves what it showed before, or another one
// that has its id by now.
func approvalSight(a storage.Approval) string {
	w := a.Follow.Wish
	return sight(a.At.Unix(), a.Follow.Stack.String(), a.Live, w.NewestBefore, w.Ref, w.Services, w.Profile, a.Changed, a.GroupChanged.Unix(),
		a.Overrides)
}

// sees notes how things stand with a stack when approval is asked for.
func sees(a *storage.Approval, newest []cloud66.Deployment) {
	a.Live, a.LiveHash, a.LivePage = 0, "", ""
	if i := slices.IndexFunc(newest, isLive); i >= 0 {
		a.Live, a.LiveHash, a.LivePage = newest[i].ID, newest[i].GitHash, newest[i].CommitURL
	}
}

// askAgain asks for approval anew, since the world has moved.
func (h *Handler) askAgain(ctx context.Context, c *call, seen storage.Approval, newest []cloud66.Deployment, why string) error {
	notCounted := authz.Record(c.judged, authz.Decision{Reason: "approval is asked for again: " + why})
	err := h.answered(ctx, c, notCounted, func(a *storage.Approval) error {
		a.Given, a.Changed, a.Until = nil, why, time.Now().Add(h.ApprovalsExpire)
		a.Needs, a.GroupChanged = seen.Needs, seen.GroupChanged
		a.Follow.Stack, a.Follow.Wish.NewestBefore = RefOf(c.stack), newestID(newest)
		sees(a, newest)
		return nil
	})
	if err != nil {
		return err
	}
	return notDone("It is not what was asked for any more: "+why+".",
		"The request shows how things stand now. Look at it, then approve it again.")
}

// answered changes a request that still waits, shows it, and records the decision.
func (h *Handler) answered(ctx context.Context, c *call, decided func(storage.Tx) error, change func(a *storage.Approval) error) error {
	return h.Channels.Announce(ctx, c.Request, func(tx storage.Tx) ([]Announcement, error) {
		now := time.Now()
		a, err := waiting(tx, c, now)
		if err == nil {
			err = change(&a)
		}
		if err != nil {
			return nil, err
		}
		if a.State != storage.Waiting {
			a.EndedAt, a.Told = now, true
		}
		return ApprovalSaid(a), errors.Join(storage.PutApproval(tx, a), decided(tx))
	})
}

// beginApproved begins what was approved. The same transaction ends the request, so that two clicks at once are one deployment.
func (h *Handler) beginApproved(
	ctx context.Context, c *call, asked storage.Approval, voters map[string]voter, newest []cloud66.Deployment,
) error {
	id, f := asked.ID, asked.Follow
	f.Channel = asked.Channel // it may have another id by now
	f.Usual, f.Healthy = int64(cloud66.UsualDuration(newest, cloud66.TypeRedeploy).Seconds()), c.stack.Health == cloud66.HealthHealthy
	decided := func(tx storage.Tx) error {
		now := time.Now()
		a, err := waiting(tx, c, now)
		if err != nil {
			return err
		}
		book, err := h.shelf.Read(tx)
		if err != nil {
			return err
		}
		if !enough(approvalsOver(book, f.Stack), voters) {
			return notDone("The protection of the stack was changed just before.", "Look at the request, then approve it again.")
		}
		others := slices.DeleteFunc(slices.Clone(a.Given), func(g storage.Given) bool { return g.User == c.User || !voters[g.User].may })
		a.Given = slices.Concat(others, []storage.Given{{User: c.User, At: now}})
		a.State, a.EndedAt = storage.Approved, now
		decision := c.decision
		decision.Rule, decision.By = nil, storage.Decider{Kind: storage.ByApproval, ID: id}
		decision.Reason += fmt.Sprintf("; it was asked for by %s: %s", a.Follow.Asker, a.Asked)
		return errors.Join(storage.PutApproval(tx, a), authz.Record(c.judged, decision)(tx))
	}
	return h.Progress.Redeploy(ctx, Start{
		Operation: c.Operation, Follow: f, Decided: decided, keep: h.keepRunning(ctx, c.stack, newest), call: c, approved: true,
		overrides: asked.Overrides,
	})
}

func (h *Handler) reject(ctx context.Context, c *call) (Reply, error) {
	if _, _, _, err := h.voting(ctx, c); err != nil {
		return nil, err
	}
	return nil, h.answered(ctx, c, c.decided, func(a *storage.Approval) error {
		a.State, a.By, a.Reason = storage.Rejected, c.User, c.Invocation.Options[Reason]
		return nil
	})
}

func (h *Handler) withdraw(ctx context.Context, c *call) (Reply, error) {
	return nil, h.answered(ctx, c, c.decided, func(a *storage.Approval) error {
		if a.Follow.Asker != c.User {
			return notDone("Only who asked for it can withdraw it.", "Who may approve it can reject it.")
		}
		a.State = storage.Withdrawn
		return nil
	})
}

// ApprovalSaid returns what is told of a request: its message, and in its thread to the one who asked how it ended.
func ApprovalSaid(a storage.Approval) []Announcement {
	key := approvalKey(a)
	said := []Announcement{{Key: key, Channel: a.Channel, Reply: ApprovalReply{a}, Stays: a.State == storage.Waiting}}
	if a.State == storage.Rejected || a.State == storage.Expired {
		line := doc.Say("approval-ended", markup.Format("%s your redeploy %s", markup.User(a.Follow.Asker), verdict(a)))
		said = append(said, Announcement{Key: key + "/end", Parent: key, Channel: a.Channel, Reply: line})
	}
	return said
}

// ApprovalReply asks for approval, or shows how that ended.
type ApprovalReply struct{ Approval storage.Approval }

// Document shows what would go live, what is live, who approved it, and the buttons.
func (r ApprovalReply) Document() doc.Document {
	a := r.Approval
	w, stack := a.Follow.Wish, wording.Stack(a.Follow.Stack)
	if a.State != storage.Waiting {
		asker := markup.User(a.Follow.Asker)
		said := markup.Format("%s %s redeploy by %s %s", verdictSign[a.State], stack, asker, verdict(a))
		if a.State == storage.Approved {
			return doc.Say("approval", said, groupChanged(a))
		}
		return doc.Say("approval", said)
	}
	what := wishText(*w, a.LivePage)
	if w.Reason != "" {
		what = markup.Format("%s · “%s”", what, w.Reason)
	}
	lines := []markup.Text{markup.Format("🔐 %s redeploy by %s waits for approval", stack, markup.User(a.Follow.Asker)), what}
	if a.Live != 0 {
		live := markup.Format("Live now: #%d %s", a.Live, markup.Code(wording.ShortHash(a.LiveHash)))
		if page := wording.Compare(a.LivePage, a.LiveHash, w.Ref); !page.Empty() {
			live = markup.Format("%s · %s", live, wording.WhatChanges(page))
		}
		lines = append(lines, live)
	}
	if a.Changed != "" {
		lines = append(lines, markup.Format("Approval is asked for again: %s.", a.Changed))
	}
	lines = append(lines, needed(a))
	if len(a.Overrides) > 0 {
		lines = append(lines, markup.Format("It overrides the lock %s.", markup.Code(strings.Join(a.Overrides, ", "))))
	}
	lines = append(lines, groupChanged(a))
	about := Invocation{UID: a.Follow.Stack.UID, Options: Options{Rule: a.ID}} // of another name it is asked for again
	as := func(label string, verb Verb) doc.Button {
		inv := about
		if inv.Verb = verb; verb == Approve {
			inv.Sight = approvalSight(a)
		}
		return Button(label, inv, string(verb))
	}
	return doc.Say("approval", lines...).With(
		doc.Buttons(as("Approve", Approve).As(doc.Primary), as("Reject", Reject), as("Withdraw", Withdraw)))
}

// wishText says what would go live, by which a request is judged. Cloud 66 does not tell what a branch holds before it deploys it. where is
// the page of a commit of the stack.
func wishText(w storage.Wish, where string) markup.Text {
	ref := markup.Text{}
	switch {
	case w.Ref+w.Services == "":
		ref = markup.Format("No fixed version: what its branch or its images hold when it begins, as whoever can push there decides")
	case fullHash.MatchString(w.Ref):
		ref = wording.CommitBeside(where, w.Ref)
	case w.Ref != "":
		ref = markup.Format("%s as it is when this is approved: whoever can push there decides", markup.Code(w.Ref))
	}
	parts := []markup.Text{ref, markup.Code(w.Services)}
	if w.Profile != "" {
		parts = append(parts, markup.Format("profile %s", markup.Code(w.Profile)))
	}
	return markup.Join(parts, " · ")
}

// groupChanged says that the group of approvers was changed not long before; it is empty if it was not.
func groupChanged(a storage.Approval) markup.Text {
	if a.GroupChanged.IsZero() {
		return markup.Text{}
	}
	return markup.Format("Who is in the group of approvers was changed %s.", markup.When(a.GroupChanged))
}

// needed says how many approvals are wanted of whom, who has given one, and until when.
func needed(a storage.Approval) markup.Text {
	wants := each(a.Needs, func(p storage.Protection) markup.Text {
		want := markup.Format("%d approval%s of others", p.Approvals, wording.Plural(p.Approvals))
		if p.Group != "" {
			want = markup.Format("%s in %s", want, markup.Group(p.Group))
		}
		return want
	})
	text := markup.Format("Needs %s until %s", markup.Join(wants, " and "), markup.When(a.Until))
	if len(a.Given) > 0 {
		text = markup.Format("%s · approved by %s", text, approvers(a))
	}
	return text
}

func approvers(a storage.Approval) markup.Text {
	return markup.Join(each(a.Given, func(g storage.Given) markup.Text { return markup.User(g.User) }), ", ")
}

var verdictSign = map[storage.Verdict]string{
	storage.Approved: "✅", storage.Rejected: "⛔", storage.Expired: "⌛", storage.Withdrawn: "🚫",
}

func verdict(a storage.Approval) markup.Text {
	switch a.State {
	case storage.Approved:
		return markup.Format("was approved by %s", approvers(a))
	case storage.Rejected:
		return markup.Format("was rejected by %s: “%s”", markup.User(a.By), a.Reason)
	case storage.Expired:
		return markup.Format("expired: nobody approved it in time. Nothing was done.")
	default:
		return markup.Format("was withdrawn")
	}
}
