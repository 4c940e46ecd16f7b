package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/authz/guard"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/storage"
)

// Unlock takes locks back, and AskUnlock asks the holder of one to do so.
const (
	Unlock    Verb = "unlock"
	AskUnlock Verb = "ask-unlock"
)

var (
	unlockSpec = Spec{
		Verb: Unlock, group: toGuard, Right: authz.Lock, Changes: true,
		Args:     []Arg{argStacksOrID},
		Summary:  "Takes locks back: all of these stacks, written as they were locked, or one by the id that locks shows.",
		Examples: []string{"unlock mystack@production", "unlock '*@production'", "unlock k3f9"},
		gate:     (*Handler).gateUnlock,
		run:      (*Handler).unlock,
	}
	askUnlockSpec = Spec{
		Verb: AskUnlock, Button: true, Right: authz.Redeploy, Changes: true, ownNonce: true,
		Args: []Arg{argStack, {Word: "LOCK", opt: Rule}},
		run:  (*Handler).askUnlock,
	}
)

// gateUnlock authorizes the end of locks. A holder may unlock anywhere.
func (h *Handler) gateUnlock(ctx context.Context, c *call) error {
	inv := c.Invocation
	visible, err := h.visibleLocks(ctx, c)
	if err != nil {
		return err
	}
	meant := named(inv, visible, func(l *guard.Lock) (id, glob string) { return l.ID, l.Stacks })
	if len(meant) == 0 && !c.standing.Some(authz.Lock) {
		return h.refuseOn(ctx, c.Request, noneAtAll, inv.Options[Glob])
	}
	if len(meant) == 0 {
		return instead(noLock(inv, visible))
	}
	for _, l := range meant {
		may, err := h.mayUnlock(ctx, c, l)
		if err != nil {
			return err
		}
		if may {
			c.locks = append(c.locks, l.Lock)
		}
	}
	if len(c.locks) == 0 {
		return h.refuseOn(ctx, c.Request, "it covers stacks that are not for them to lock", meant[0].Stacks)
	}
	return h.Authz.Permit(ctx, c.asked(storage.StackRef{}), "they hold it, or may lock all that it covers")
}

// noLock says that no lock is written like that, and offers those that there are.
func noLock(inv Invocation, all []*guard.Lock) Reply {
	p := ProblemReply{What: "No lock is on " + quoted(inv.Options[Glob]) + ".", State: "Nothing was unlocked."}
	if inv.Options[Rule] != "" {
		p.What = "That lock is not there any more."
	}
	if len(all) == 0 {
		p.Do = "You can see none that there is."
		return p
	}
	p.Do = "A lock is taken back as it was written. These are there:"
	var named []doc.Button
	var alike []markup.Text // locks of the same stacks, told apart by their id
	for _, l := range all[:min(len(all), maxLocksNamed)] {
		label := l.Stacks
		if slices.ContainsFunc(all, func(other *guard.Lock) bool { return other.Stacks == l.Stacks && other.ID != l.ID }) {
			label = l.ID
			alike = append(alike, markup.Format("%s is on %s: “%s”", markup.Code(l.ID), wording.Stacks(l.Stacks), l.Reason))
		}
		named = append(named, unlockButton("Unlock "+label, l.ID))
	}
	return p.Document().With(doc.Lines(alike...), doc.Buttons(named...))
}

func unlockButton(label, id string) doc.Button {
	return Button(label, Invocation{Verb: Unlock, Options: Options{Rule: id}}, "unlock-"+id)
}

const maxLocksNamed = 5

// unlock deletes locks, tells the channels where they were made, their holders, and those who asked for it.
func (h *Handler) unlock(ctx context.Context, c *call) (Reply, error) {
	req, now := c.Request, time.Now()
	mute := h.member(ctx, req) != nil || req.subject().Direct()
	var ended []storage.Lock
	err := h.Channels.Announce(ctx, req, func(tx storage.Tx) (said []Announcement, err error) {
		ended = nil
		here := mute
		for _, l := range c.locks {
			l, found, err := storage.Locks.Find(tx, l.ID)
			if err != nil {
				return nil, err
			}
			if !found || l.Over {
				continue
			}
			ended, here = append(ended, l), here || l.Channel == req.Channel
			told, err := EndLock(tx, l, req.User, now)
			if said = append(said, told...); err != nil {
				return nil, err
			}
			if err := storage.Locks.Delete(tx, l.ID); err != nil {
				return nil, err
			}
		}
		if len(ended) > 0 && !here {
			said = append(said, Announcement{Key: "unlocked/" + storage.NewID(now), Reply: unlocked(ended, req.User)})
		}
		return said, nil
	})
	if err != nil {
		return nil, err
	}
	h.resubscribed(ctx)
	switch {
	case len(ended) == 0:
		return Notice("Somebody unlocked that just before. Nothing was changed."), nil
	case mute && !slices.ContainsFunc(ended, func(l storage.Lock) bool { return l.Channel == req.Channel }):
		return unlocked(ended, req.User), nil
	default:
		return nil, nil
	}
}

func unlocked(locks []storage.Lock, by string) doc.Document {
	all := each(locks, func(l storage.Lock) markup.Text {
		return markup.Format("%s (lock %s)", wording.Stacks(l.Stacks), markup.Code(l.ID))
	})
	return doc.Say("unlocked", markup.Format("🔓 %s unlocked %s", markup.User(by), markup.Join(all, ", ")))
}

// EndLock returns what is told of a lock's end: in the channel where it was made, to its holder and to those who asked for it. by is who
// unlocked it, "" if its time is over.
func EndLock(tx storage.Tx, l storage.Lock, by string, now time.Time) (said []Announcement, err error) {
	over := LockSaid{Lock: l, Over: true, By: by}
	if _, there, err := storage.Messages.Find(tx, lockKey(l.ID)); err != nil {
		return nil, err
	} else if there {
		said = append(said, Announcement{Key: lockKey(l.ID), Channel: l.Channel, Reply: over, Later: true})
	}
	id := l.ID + "/" + storage.NewID(now)
	if by != "" {
		said = append(said, Announcement{Key: "unlocked/" + id, Channel: l.Channel, Reply: unlocked([]storage.Lock{l}, by)})
	}
	if by != "" && by != l.Holder {
		said = append(said, Announcement{Key: "unlocked-holder/" + id, User: l.Holder, Reply: over})
	}
	for _, user := range slices.Sorted(maps.Keys(l.Asked)) {
		key := askKey(l, user)
		if _, there, err := storage.Messages.Find(tx, key); err != nil {
			return nil, err
		} else if there {
			said = append(said, Announcement{Key: key, User: l.Holder, Reply: over, Later: true})
		}
		if user != by {
			said = append(said, Announcement{Key: "unlocked-asker/" + user + "/" + id, User: user, Reply: over})
		}
	}
	return said, nil
}

func askKey(l storage.Lock, user string) string {
	return fmt.Sprintf("unlock-request/%s/%s/%d", l.ID, user, l.Asked[user].Unix())
}

func (h *Handler) askUnlock(ctx context.Context, c *call) (Reply, error) {
	inv, req, now := c.Invocation, c.Request, time.Now()
	if inv.olderThan(requestAge) {
		return nil, tooOld(requestAge)
	}
	l, _, err := storage.Locks.Look(ctx, h.Records, inv.Options[Rule])
	if err != nil {
		return nil, err
	}
	if l.Holder != "" {
		person, err := h.People.Person(ctx, l.Holder) // where Slack does not tell, they are asked
		if errors.Is(err, authz.ErrNoPerson) || err == nil && person.Deactivated {
			return nil, notDone("The account of who holds the lock is deactivated.", "An admin can unlock it, or override it.")
		}
	}
	err = h.Channels.Announce(ctx, req, func(tx storage.Tx) (_ []Announcement, err error) {
		var found bool
		if l, found, err = storage.Locks.Find(tx, inv.Options[Rule]); err != nil {
			return nil, err
		}
		switch {
		case !found || l.Expired(now):
			return nil, instead(Notice("That lock is not there any more: try again what you were about to do."))
		case now.Sub(l.Asked[req.User]) < askEvery:
			return nil, instead(Notice("The holder of the lock was asked within the last hour, and has a button for it."))
		}
		asked := maps.Clone(l.Asked)
		maps.DeleteFunc(asked, func(_ string, at time.Time) bool { return now.Sub(at) >= requestAge })
		if l.Asked = asked; l.Asked == nil {
			l.Asked = map[string]time.Time{}
		}
		l.Asked[req.User] = now
		ask := UnlockAsked{Lock: l, Stack: RefOf(c.stack), By: req.User}
		return []Announcement{{Key: askKey(l, req.User), User: l.Holder, Reply: ask, Stays: true}}, storage.Locks.Put(tx, l.ID, l)
	})
	if err != nil {
		return nil, err
	}
	asked := markup.Format("I have asked %s by a direct message. You are told when it is unlocked.", markup.User(l.Holder))
	return doc.Say(kindNotice, asked), nil
}

// UnlockAsked asks the holder of a lock to unlock it.
type UnlockAsked struct {
	Lock  storage.Lock
	Stack storage.StackRef
	By    string
}

// Document asks, with a button that unlocks.
func (a UnlockAsked) Document() doc.Document {
	l := a.Lock
	return doc.Say("unlock-asked",
		markup.Format("🔒 %s wants to change %s and asks you to unlock it.", markup.User(a.By), wording.Stack(a.Stack)),
		markup.Format("You locked %s%s: “%s” (lock %s)", wording.Stacks(l.Stacks), lockTime(l), l.Reason, markup.Code(l.ID)),
	).With(doc.Buttons(unlockButton("Unlock", l.ID).As(doc.Primary)))
}
