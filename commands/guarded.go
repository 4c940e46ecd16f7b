package commands

import (
	"context"
	"errors"
	"fmt"
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

// ruling is what only Slack can tell of the locks on a stack.
type ruling struct {
	changes int64           // of the rules
	covers  map[string]bool // by lock: its holder may lock the stack
}

// errMoved means that a lock was made or a rule changed since the ruling.
var errMoved = errors.New("a lock was made just before")

// maxRulings bounds how often a redeploy is judged anew because locks are made meanwhile.
const maxRulings = 10

// Redeploy implements Progress.
func (g guarded) Redeploy(ctx context.Context, start Start) (err error) {
	for range maxRulings {
		judged, err := g.h.judge(ctx, start.Follow.Stack)
		if err != nil {
			return err
		}
		var locks []storage.Lock
		passing := start
		passing.Decided = func(tx storage.Tx) error {
			if locks, err = g.h.locksOn(tx, start.Follow.Stack, judged, time.Now()); err != nil {
				return err
			}
			return g.h.pass(tx, start, locks)
		}
		err = g.Progress.Redeploy(ctx, passing)
		switch {
		case errors.Is(err, errMoved):
			continue
		case errors.Is(err, errLocked):
			return g.h.locked(ctx, start, locks)
		default:
			return err
		}
	}
	return errMoved
}

// errLocked means that a lock holds a stack.
var errLocked = errors.New("the stack is locked")

// judge finds out which locks on a stack cover it: those whose holder may lock it now. Where Slack does not tell, a lock covers it.
func (h *Handler) judge(ctx context.Context, stack storage.StackRef) (ruling, error) {
	r := ruling{changes: h.Authz.Changes(), covers: map[string]bool{}}
	book, err := h.book(ctx)
	if err != nil {
		return r, err
	}
	for _, l := range book.On(stack) {
		if r.covers[l.ID], err = h.covers(ctx, l, stack); err != nil {
			return r, err
		}
	}
	return r, nil
}

// covers reports whether the holder of a lock may lock a stack now.
func (h *Handler) covers(ctx context.Context, l *guard.Lock, stack storage.StackRef) (bool, error) {
	standing, err := h.Authz.Standing(ctx, authz.Subject{User: l.Holder, Channel: l.Channel})
	if errors.Is(err, authz.ErrUnknown) {
		h.Log.WarnContext(ctx, "whether the holder of a lock may lock a stack cannot be found out; it is taken for locked",
			"lock", l.ID, "user", l.Holder, "stack", stack.String(), "error", err)
		return true, nil
	}
	return err == nil && standing.Decide(authz.Lock, stack).Allowed, err
}

// locksOn returns the locks that hold a stack at a time, as a transaction sees them. It fails with errMoved if the ruling does not know one.
func (h *Handler) locksOn(tx storage.Tx, stack storage.StackRef, judged ruling, at time.Time) ([]storage.Lock, error) {
	book, err := h.shelf.Read(tx)
	if err != nil {
		return nil, err
	}
	if h.Authz.Changes() != judged.changes {
		return nil, errMoved
	}
	var holding []storage.Lock
	for _, l := range book.On(stack) {
		covers, known := judged.covers[l.ID]
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
		if judged, err = h.judge(ctx, stack); err != nil {
			return nil, err
		}
		err = h.Records.View(ctx, func(tx storage.Tx) (err error) {
			holding, err = h.locksOn(tx, stack, judged, time.Now())
			return err
		})
		if !errors.Is(err, errMoved) {
			return holding, err
		}
	}
	return holding, err
}

// heldFacts tells the user of a form what will refuse it.
func (h *Handler) heldFacts(ctx context.Context, stack storage.StackRef) (facts []string, err error) {
	locks, err := h.HeldBy(ctx, stack)
	for _, l := range locks {
		facts = append(facts, fmt.Sprintf("🔒 Locked by %s: “%s” (lock %s). This will be refused.", h.named(ctx, l.Holder), l.Reason, l.ID))
	}
	return facts, err
}

// pass decides on a redeploy in the transaction that begins it, and records the decision.
func (h *Handler) pass(tx storage.Tx, start Start, locks []storage.Lock) error {
	c := start.call
	if len(locks) == 0 {
		return start.Decided(tx)
	}
	if c == nil || c.Invocation.Options[Override] == "" || !c.standing.Admin().Allowed {
		return errLocked
	}
	decision := c.decision
	decision.Reason += "; as an admin they override " + lockIDs(locks)
	decision.Rule, decision.By = nil, storage.Decider{Kind: storage.ByLock, ID: locks[0].ID}
	return authz.Record(c.judged, decision)(tx)
}

// lockIDs names locks for the audit.
func lockIDs(locks []storage.Lock) string {
	words := make([]string, len(locks))
	for i, l := range locks {
		words[i] = fmt.Sprintf("lock %s of %s", l.ID, l.Holder)
	}
	return strings.Join(words, ", ")
}

// locked records that a redeploy was refused because of locks, and returns the answer.
func (h *Handler) locked(ctx context.Context, start Start, locks []storage.Lock) error {
	c := start.call
	if c == nil {
		return errLocked
	}
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
	if c.standing.Admin().Allowed {
		over := c.Invocation.once()
		over.Stack, over.UID, over.Form, over.Fill = "", r.Stack.UID, false, true
		over.Options[Override] = given
		r.Override = &over
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
}

// Document refuses, and offers what would help.
func (r LockedReply) Document() doc.Document {
	lines := []markup.Text{markup.Format("⛔ %s is locked. Nothing was done.", wording.Stack(r.Stack))}
	if r.MayNot {
		lines[0] = markup.Format("⛔ %s is locked, and only an admin may override that. Nothing was done.", wording.Stack(r.Stack))
	}
	for _, l := range r.Locks[:min(len(r.Locks), maxLocksNamed)] {
		lines = append(lines, markup.Format("🔒 by %s%s: “%s” (lock %s)", markup.User(l.Holder), untilWhen(l.Until), l.Reason, markup.Code(l.ID)))
	}
	d := doc.Say(KindRefusal, lines...)
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

// AsksReason reports whether the invocation is by a button and still lacks the reason that it takes.
func (i Invocation) AsksReason() bool { return i.Fill && i.Options[Override] != "" }

// ReasonWanted returns the label of the window that asks for the reason, and what becomes of it.
func (i Invocation) ReasonWanted() (label, about string) {
	return "Override", "The stack is locked. The card and the audit show why you deploy it all the same."
}

// reasonless rejects what takes a reason and has none.
func (s Spec) reasonless(i Invocation) error {
	if i.Options[Override] != "" && i.Options[Reason] == "" && !i.Fill {
		return s.usage("--override", "--override takes a reason: write why behind --reason.")
	}
	return nil
}

// wantsReason is the answer to what lacks a reason where no window can ask for it.
func (h *Handler) wantsReason(inv Invocation, stack storage.StackRef) ProblemReply {
	inv.Options[Reason] = "WHY"
	return ProblemReply{
		Stack: &stack, What: "this takes a reason, and Slack opened no window to ask for it.", State: "Nothing was done.",
		Do: "Write it in the command.", Command: h.Command, Example: inv.line(typeable(stack)),
	}
}
