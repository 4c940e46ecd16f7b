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
	"c66bot/storage"
)

// guarded has every redeploy pass what guards its stack, in the transaction that begins it. Nothing deploys if that cannot be read.
type guarded struct {
	Progress

	h *Handler
}

// ruling is what only Slack and Cloud 66 can tell of what guards a stack.
type ruling struct {
	book    *guard.Book
	changes int64                  // of the rules
	covers  map[authz.Subject]bool // by holder of locks: they may lock the stack
	after   map[string]bool        // by environment that comes first: what is wanted is or was live there
}

// errMoved means that somebody made a lock or a rule changed since the ruling.
var errMoved = errors.New("a lock was made just before")

// maxRulings bounds how often a redeploy is judged anew because locks are made meanwhile.
const maxRulings = 10

// Redeploy implements Progress.
func (g guarded) Redeploy(ctx context.Context, start Start) error {
	for range maxRulings {
		judged, err := g.h.judge(ctx, start.Follow.Stack, start.Follow.Wish)
		if err == nil {
			err = g.h.stillMay(ctx, start)
		}
		if err != nil {
			return err
		}
		found, err := g.h.obstacles(judged.book, start, judged, time.Now())
		passing, shown := start, idsOf(found.overridden) // by the card
		passing.Follow.Wish = overriding(*start.Follow.Wish, found.overridden)
		passing.Decided = func(tx storage.Tx) error {
			book, err := g.h.shelf.Read(tx)
			if err == nil {
				found, err = g.h.obstacles(book, start, judged, time.Now())
			}
			if err == nil {
				err = pass(tx, start, found)
			}
			if err == nil && !slices.Equal(idsOf(found.overridden), shown) {
				err = errMoved
			}
			if err == nil && start.keep != nil {
				err = start.keep(tx)
			}
			return err
		}
		if err == nil {
			err = g.Progress.Redeploy(ctx, passing)
		}
		switch {
		case errors.Is(err, errMoved):
			continue
		case !errors.Is(err, errHeld):
			return err
		case len(found.locks) > 0:
			return g.h.locked(ctx, start, found)
		case found.early != nil:
			return g.h.tooEarly(ctx, start, found.early)
		default:
			return g.h.askApproval(ctx, start, found.approvals, idsOf(found.overridden))
		}
	}
	return errMoved
}

// stillMay fails with the refusal if who asked may not any more: what they asked for may have waited for its turn. It is called after the
// changes of the rules were counted for the ruling.
func (h *Handler) stillMay(ctx context.Context, start Start) (err error) {
	c, stack := start.call, start.Follow.Stack
	if c.standing, err = h.Authz.Standing(ctx, c.subject()); err != nil {
		return h.unknown(ctx, c.Request, err)
	}
	if c.standing.Decide(c.Invocation.right(), stack).Allowed {
		return nil
	}
	return h.authorize(ctx, c, stack)
}

func overriding(wish storage.Wish, locks []storage.Lock) *storage.Wish {
	wish.Overrides = each(locks, func(l storage.Lock) storage.Overridden {
		return storage.Overridden{Lock: l.ID, Holder: l.Holder, Channel: l.Channel}
	})
	return &wish
}

// obstacles are what keeps a redeploy from beginning.
type obstacles struct {
	at         time.Time      // when that was so
	locks      []storage.Lock // that hold and are not overridden
	overridden []storage.Lock
	early      *storage.Protection  // what is wanted was not live where it has to be first
	approvals  []storage.Protection // that wait for approvals
}

var errHeld = errors.New("a lock or a protection holds the stack")

// obstacles finds what is in the way of a redeploy. It fails with errMoved if the ruling does not know all of it.
func (h *Handler) obstacles(book *guard.Book, start Start, judged ruling, at time.Time) (found obstacles, err error) {
	stack, c := start.Follow.Stack, start.call
	found.at = at
	if found.locks, err = h.locksOn(book, stack, judged, at); err != nil {
		return found, err
	}
	overrides := func(l storage.Lock) bool { return slices.Contains(start.overrides, l.ID) }
	if !start.approved && c.overrides() {
		overrides = c.Invocation.overrides
	}
	found.overridden = slices.DeleteFunc(slices.Clone(found.locks), func(l storage.Lock) bool { return !overrides(l) })
	found.locks = slices.DeleteFunc(found.locks, overrides)
	for _, p := range book.Over(stack) {
		if p.After != "" && !comesFirst(p.Protection, stack) {
			was, known := judged.after[authz.Fold(p.After)]
			if !known {
				return found, errMoved
			}
			if !was {
				found.early = &p.Protection
			}
		}
	}
	if !start.approved {
		found.approvals = approvalsOver(book, stack)
	}
	return found, nil
}

// overrides reports whether an override opens a lock that holds: typed, any; by a button, one that held when its message was shown.
func (i Invocation) overrides(l storage.Lock) bool {
	shown := time.Unix(i.AskedAt, 0)
	return i.AskedAt == 0 || !l.At.After(shown) && guard.Holds(l, shown)
}

// overrides reports whether the user overrides locks, and may.
func (c *call) overrides() bool {
	return c.Invocation.Options[Override] != "" && c.standing.Admin().Allowed
}

func idsOf(locks []storage.Lock) []string {
	return each(locks, func(l storage.Lock) string { return l.ID })
}

// judge finds out which locks on a stack cover it: those whose holder may lock it now. Where Slack does not tell, a lock covers it. Of a
// wish it finds out whether it is or was live where it has to be first.
func (h *Handler) judge(ctx context.Context, stack storage.StackRef, wish *storage.Wish) (ruling, error) {
	r := ruling{changes: h.Authz.Changes(), covers: map[authz.Subject]bool{}, after: map[string]bool{}}
	book, err := h.book(ctx)
	if err != nil {
		return r, err
	}
	r.book = book
	for _, l := range book.On(stack) {
		if _, known := r.covers[holderOf(l)]; known {
			continue
		}
		if r.covers[holderOf(l)], err = h.covers(ctx, l, stack); err != nil {
			return r, err
		}
	}
	for _, p := range book.Over(stack) {
		if wish == nil || p.After == "" || comesFirst(p.Protection, stack) {
			continue
		}
		if r.after[authz.Fold(p.After)], err = h.wasLive(ctx, stack, p.After, *wish); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (h *Handler) covers(ctx context.Context, l *guard.Lock, stack storage.StackRef) (bool, error) {
	standing, err := h.Authz.Standing(ctx, holderOf(l))
	if errors.Is(err, authz.ErrUnknown) {
		h.Log.WarnContext(ctx, "whether the holder of a lock may lock a stack cannot be found out; it is taken for locked",
			"lock", l.ID, "user", l.Holder, "stack", stack.String(), "error", err)
		return true, nil
	}
	return err == nil && standing.Decide(authz.Lock, stack).Allowed, err
}

// holderOf returns the holder of a lock, whose rights do not end because Slack does not show the channel of the lock to the bot any more.
func holderOf(l *guard.Lock) authz.Subject {
	return authz.Subject{User: l.Holder, Channel: l.Channel, Unshown: true}
}

// locksOn returns the locks of a book that hold a stack at a time. It fails with errMoved if the ruling does not know the holder of one.
func (h *Handler) locksOn(book *guard.Book, stack storage.StackRef, judged ruling, at time.Time) ([]storage.Lock, error) {
	if h.Authz.Changes() != judged.changes {
		return nil, errMoved
	}
	var holding []storage.Lock
	for _, l := range book.On(stack) {
		covers, known := judged.covers[holderOf(l)]
		switch {
		case !known:
			return nil, errMoved
		case covers && l.Holds(at):
			lock := l.Lock
			lock.Until = l.Ends(at)
			holding = append(holding, lock)
		}
	}
	return holding, nil
}

// HeldBy returns the locks that hold a stack now; Until of each is when it ends for this time.
func (h *Handler) HeldBy(ctx context.Context, stack storage.StackRef) (holding []storage.Lock, err error) {
	for range maxRulings {
		var judged ruling
		if judged, err = h.judge(ctx, stack, nil); err != nil {
			return nil, err
		}
		if holding, err = h.locksOn(judged.book, stack, judged, time.Now()); !errors.Is(err, errMoved) {
			return holding, err
		}
	}
	return holding, err
}

// maxHeldReason keeps the reason of one lock from pushing the others out of a question.
const maxHeldReason = 50

// heldFacts tells the user of a form or a question what will refuse it, or what it overrides.
func (h *Handler) heldFacts(ctx context.Context, stack storage.StackRef, overrides bool) (facts []string, err error) {
	locks, err := h.HeldBy(ctx, stack)
	becomes := "This will be refused."
	if overrides {
		becomes = "This overrides it."
	}
	for _, l := range locks[:min(len(locks), maxLocksNamed)] {
		why := markup.Shorten(l.Reason, maxHeldReason)
		facts = append(facts, fmt.Sprintf("Locked by %s: “%s” (lock %s). %s", h.named(ctx, l.Holder), why, l.ID, becomes))
	}
	if more := len(locks) - maxLocksNamed; more > 0 {
		facts = append(facts, fmt.Sprintf("And by %d more lock%s. %s", more, wording.Plural(more), becomes))
	}
	if err != nil {
		return nil, err
	}
	book, err := h.book(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range book.Over(stack) {
		if p.Approvals > 0 {
			facts = append(facts, fmt.Sprintf("This waits for %d approval%s of others before it begins.",
				p.Approvals, wording.Plural(p.Approvals)))
		}
		if p.After != "" && !comesFirst(p.Protection, stack) {
			facts = append(facts, fmt.Sprintf("It takes only what is or was live on %s, by the full hash of its commit.", quoted(p.After)))
		}
	}
	return facts, nil
}

// pass decides on a redeploy in the transaction that begins it, and records the decision.
func pass(tx storage.Tx, start Start, found obstacles) error {
	switch c := start.call; {
	case len(found.locks) > 0 || found.early != nil || len(found.approvals) > 0:
		return errHeld
	case len(found.overridden) > 0 && !start.approved:
		decision := c.decision
		decision.Reason += "; as an admin they override " + lockIDs(found.overridden)
		decision.Rule, decision.By = nil, storage.Decider{Kind: storage.ByLock, ID: found.overridden[0].ID}
		return authz.Record(c.judged, decision)(tx)
	default:
		return start.Decided(tx)
	}
}

func lockIDs(locks []storage.Lock) string {
	return strings.Join(each(locks, func(l storage.Lock) string { return fmt.Sprintf("lock %s of %s", l.ID, l.Holder) }), ", ")
}

// locked records that a redeploy was refused because of locks, and returns the answer.
func (h *Handler) locked(ctx context.Context, start Start, found obstacles) error {
	c, locks := start.call, found.locks
	refused := authz.Decision{Reason: "locked: " + lockIDs(locks), By: storage.Decider{Kind: storage.ByLock, ID: locks[0].ID}}
	if err := h.Records.Update(ctx, authz.Record(c.asked(start.Follow.Stack), refused)); err != nil {
		return err
	}
	r := LockedReply{Stack: start.Follow.Stack, Locks: locks, MayNot: c.Invocation.Options[Override] != ""}
	if l := locks[0]; l.Holder == c.User || c.standing.Decide(authz.Lock, r.Stack).Allowed {
		r.Unlock = &Invocation{Verb: Unlock, Options: Options{Rule: l.ID}}
	} else {
		ask := Invocation{Verb: AskUnlock, UID: r.Stack.UID, Options: Options{Rule: l.ID}}.once()
		r.Ask = &ask
	}
	if c.standing.Admin().Allowed && !start.approved {
		over := c.Invocation.once()
		over.Stack, over.UID, over.Form, over.Fill = "", cmp.Or(c.source.UID, r.Stack.UID), false, true
		over.Options[Override], over.AskedAt = given, found.at.Unix() // it opens what is shown here
		r.Override, r.Ships = &over, start.ships
	}
	return instead(r)
}

// LockedReply refuses a change of a locked stack, with who holds the locks and why.
type LockedReply struct {
	Stack    storage.StackRef
	Locks    []storage.Lock // Until is when each ends for this time
	MayNot   bool           // to override takes an admin
	Ask      *Invocation    // asks the holder of the first one; nil for who may unlock it
	Unlock   *Invocation
	Override *Invocation // nil unless the asker is an admin
	Ships    markup.Text // what changes on the servers with an override, empty if that is unknown
}

// Document refuses, and offers what would help.
func (r LockedReply) Document() doc.Document {
	lines := []markup.Text{markup.Format("⛔ %s is locked. Nothing was done.", wording.Stack(r.Stack))}
	if r.MayNot {
		lines[0] = markup.Format("⛔ %s is locked, and only an admin may override that. Nothing was done.", wording.Stack(r.Stack))
	}
	for _, l := range r.Locks[:min(len(r.Locks), maxLocksNamed)] {
		lines = append(lines, markup.Format("By %s%s: “%s” (lock %s)", markup.User(l.Holder), untilWhen(l.Until), l.Reason, markup.Code(l.ID)))
	}
	if more := len(r.Locks) - maxLocksNamed; more > 0 {
		lines = append(lines, markup.Format("And by %d more lock%s.", more, wording.Plural(more)))
	}
	d := doc.Say(KindRefusal, append(lines, r.Ships)...)
	var all []doc.Button
	if r.Unlock != nil {
		all = append(all, Button("Unlock", *r.Unlock, "unlock-"+r.Unlock.Options[Rule]))
	}
	if r.Ask != nil {
		all = append(all, Button("Ask to unlock", *r.Ask, "ask-unlock"))
	}
	if r.Override != nil {
		all = append(all, Button("Override", *r.Override, "override"))
	}
	return d.With(doc.Buttons(all...))
}

func untilWhen(at time.Time) markup.Text {
	if at.IsZero() {
		return markup.Format(", until it is unlocked")
	}
	return markup.Format(" until %s", markup.When(at))
}
