package commands

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/authz/guard"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Lock locks stacks.
const Lock Verb = "lock"

var lockSpec = Spec{
	Verb: Lock, group: toGuard, Right: authz.Lock, Changes: true,
	Args: []Arg{argStacks, {
		Word: "REASON", Missing: "Why? Write the reason after the stacks of a %s: whoever is refused reads it.", opt: Reason, rest: true,
	}},
	Options: pick(For, Every, Zone),
	Summary: "Nobody redeploys these stacks from Slack, in any channel, until they are unlocked. What runs already goes on. " +
		"<stacks> may hold wildcards, and * is every stack.",
	Examples: []string{
		"lock mystack@production database migration", "lock '*@production' --for 2h release day",
		`lock '*' --every "fri 16:00-mon 08:00" --tz Europe/Berlin no deployments at the weekend`,
	},
	check: checkLock,
	gate:  (*Handler).gateCovered,
	run:   (*Handler).lock,
}

const (
	// maxLocks is the maximum number of locks.
	maxLocks = 500
	// maxLocksTheir is that of one holder, who cannot keep the others from locking.
	maxLocksTheir = 100
	// maxFor is the longest time of a lock with an end.
	maxFor = 366 * 24 * time.Hour
)

func checkLock(s Spec, i Invocation) error {
	switch {
	case i.Options[Reason] == "":
		return s.usage("", "Why? Write the reason after the stacks: whoever is refused reads it.")
	case i.Options[For] != "" && i.Options[Every] != "":
		return s.usage("--for", "A lock has either a time (--for) or a part of each week (--every), not both.")
	case i.Options[Zone] != "" && i.Options[Every] == "":
		return s.usage("--tz", "--tz is the time zone of --every, which is missing.")
	}
	return nil
}

var lockFor = regexp.MustCompile(`^(?:(\d{1,3})w)?(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m(?:in)?)?$`)

// checkFor accepts a time such as 30m, 2h, 1d12h or 2w.
func checkFor(v string) (string, error) {
	v = strings.ToLower(strings.ReplaceAll(v, " ", ""))
	if d := forTime(v); d <= 0 {
		return "", fmt.Errorf("%s is no time: write it as in 30m, 2h or 3d", quoted(v))
	} else if d > maxFor {
		return "", fmt.Errorf("%s is too long: at most a year, or leave it out and unlock it later", quoted(v))
	}
	return v, nil
}

// forTime returns the time that a value of --for stands for, 0 if it is none.
func forTime(v string) (sum time.Duration) {
	parts := lockFor.FindStringSubmatch(v)
	if parts == nil {
		return 0
	}
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute} {
		n, _ := strconv.Atoi(parts[i+1]) // digits, or empty
		sum += time.Duration(n) * unit
	}
	return sum
}

// timeIn finds where words say how long: "2h" or "2 hours", behind "for" or at either end. The value is as --for takes it, "" if none is.
func timeIn(words []word) (from, to int, value string) {
	for i := range words {
		from, to, value = i, i+1, strings.ToLower(words[i].plain())
		if i+1 < len(words) {
			if unit := unitOf(words[i+1].plain()); unit != "" && forTime(value+unit) > 0 {
				to, value = i+2, value+unit
			}
		}
		behind := i > 0 && strings.EqualFold(words[i-1].plain(), "for")
		if forTime(value) > 0 && (behind || from == 0 || to == len(words)) {
			if behind {
				from--
			}
			return from, to, value
		}
	}
	return 0, 0, ""
}

// unitOf returns the letter of --for for a unit in words, "" if it is none.
func unitOf(word string) string {
	switch strings.TrimSuffix(strings.ToLower(word), "s") {
	case "week", "wk":
		return "w"
	case "day":
		return "d"
	case "hour", "hr", "h":
		return "h"
	case "minute", "min":
		return "m"
	}
	return ""
}

func checkEvery(v string) (string, error) {
	_, full, err := guard.ParseWindow(v, time.UTC)
	return full, err
}

func checkZone(v string) (string, error) {
	zone, err := guard.ParseZone(v)
	if err != nil {
		return "", err
	}
	return zone.String(), nil
}

func (h *Handler) lock(ctx context.Context, c *call) (Reply, error) {
	on := c.covered
	if on.listed && len(on.mine) == 0 && on.pattern.Literal() {
		return nil, nothingToLock(c)
	}
	l, err := h.lockOf(ctx, c.Request)
	if err != nil {
		return nil, err
	}
	if err := h.member(ctx, c.Request); err != nil {
		return nil, err
	}
	err = h.Channels.Announce(ctx, c.Request, func(tx storage.Tx) ([]Announcement, error) {
		made, err := addLock(tx, l)
		return []Announcement{{Key: lockKey(made.ID), Reply: LockSaid{Lock: made, Fits: on.fits()}, Stays: true}}, err
	})
	if err != nil {
		return nil, err
	}
	h.resubscribed(ctx)
	return on.notice("The lock stands, but no stack that you may lock"), nil
}

// nothingToLock says that a name is that of no stack: who locks one relies on it.
func nothingToLock(c *call) error {
	near, inv := nearestStacks(c.covered.known, c.Invocation.Options[Glob]), c.Invocation.once()
	return instead(ProblemReply{
		What: "No stack that you may lock is called " + quoted(c.Invocation.Options[Glob]) + ".", State: "Nothing was locked.",
		Do: "The environment is written out, or with a wildcard.", Choices: each(near, func(ref storage.StackRef) Choice {
			inv.Options[Glob] = authz.Exactly(ref)
			return Choice{ref.Label(), inv}
		}),
	})
}

// lockOf returns the requested lock. A window without a zone is in that of its maker.
func (h *Handler) lockOf(ctx context.Context, req Request) (storage.Lock, error) {
	inv, at := req.Invocation, time.Now()
	l := storage.Lock{
		Channel: req.Channel, Stacks: inv.Options[Glob], Holder: req.User, Reason: inv.Options[Reason], At: at, Every: inv.Options[Every],
		Zone: inv.Options[Zone],
	}
	if d := forTime(inv.Options[For]); d > 0 {
		l.Until = at.Add(d)
	}
	if l.Every != "" && l.Zone == "" {
		person, err := h.People.Person(ctx, req.User)
		if err != nil {
			return l, fromSlack(err)
		}
		if _, err := guard.ParseZone(person.Zone); err != nil {
			return l, notDone("Slack does not tell me your time zone.", "Say which one is meant, as in --tz Europe/Berlin.")
		}
		l.Zone = person.Zone
	}
	return l, nil
}

func addLock(tx storage.Tx, l storage.Lock) (storage.Lock, error) {
	all, err := storage.Locks.All(tx, "")
	theirs := 0
	for _, other := range all {
		if other.Holder == l.Holder && !other.Expired(l.At) {
			theirs++
		}
	}
	switch {
	case err != nil:
	case theirs >= maxLocksTheir:
		err = notDone(fmt.Sprintf("You hold %d locks already.", theirs), "Unlock some, or write one pattern for many stacks.")
	case len(all) >= maxLocks:
		err = notDone(fmt.Sprintf("There are %d locks, as many as there can be.", maxLocks), "Unlock some, or write one pattern for many stacks.")
	}
	if err == nil {
		l.ID, err = storage.Locks.ShortID(tx, "")
	}
	if err != nil {
		return l, err
	}
	return l, storage.Locks.Put(tx, l.ID, l)
}

func lockKey(id string) string { return "lock/" + id }

// LockSaid announces a lock in the channel where it was made, and its end.
type LockSaid struct {
	Lock storage.Lock
	Fits int    // stacks that it covers when it is made; -1 if unknown
	Over bool   // it has ended
	By   string // who unlocked it; "" if its time was over
}

// Document shows the lock. While it stands it offers to unlock it.
func (s LockSaid) Document() doc.Document {
	l := s.Lock
	sign := "🔒"
	if s.Over {
		sign = "🔓"
	}
	when := lockTime(l)
	if !s.Over && when.Empty() {
		when = markup.Format(" until it is unlocked")
	}
	head := markup.Format("%s %s locked %s%s: “%s” (lock %s)", sign,
		markup.User(l.Holder), wording.Stacks(l.Stacks), when, l.Reason, markup.Code(l.ID))
	if s.Over {
		return doc.Say("lock", head, s.ended())
	}
	d := doc.Say("lock", head)
	switch {
	case s.Fits == 1:
		d = d.With(doc.Small(markup.Format("1 stack is locked. It can be looked at and cancelled, not redeployed.")))
	case s.Fits > 1:
		d = d.With(doc.Small(markup.Format("%d stacks are locked. They can be looked at and cancelled, not redeployed.", s.Fits)))
	}
	return d.With(doc.Buttons(unlockButton("Unlock", l.ID)))
}

func (s LockSaid) ended() markup.Text {
	if s.By == "" {
		return markup.Format("Its time is over.")
	}
	return markup.Format("%s unlocked it.", markup.User(s.By))
}

// LockReminder reminds the holder of a lock without an end.
func LockReminder(l storage.Lock) doc.Document {
	return doc.Say("lock-reminder", markup.Format("🔒 You hold the lock on %s since %s: “%s” (lock %s)",
		wording.Stacks(l.Stacks), markup.When(l.At), l.Reason, markup.Code(l.ID))).With(doc.Buttons(unlockButton("Unlock", l.ID)))
}

// lockTime says when a lock holds, with a space before it; "" for always.
func lockTime(l storage.Lock) markup.Text {
	switch {
	case l.Every != "":
		return markup.Format(" every week %s (%s)", l.Every, l.Zone)
	case !l.Until.IsZero():
		return markup.Format(" until %s", markup.When(l.Until))
	default:
		return markup.Text{}
	}
}

func (h *Handler) book(ctx context.Context) (*guard.Book, error) { return h.shelf.Look(ctx, h.Records) }

// visibleLocks returns the locks that a user may see, oldest first: their own, and those that cover a stack that they may see.
func (h *Handler) visibleLocks(ctx context.Context, c *call) ([]*guard.Lock, error) {
	book, err := h.book(ctx)
	if err != nil {
		return nil, err
	}
	r, at := h.reader(ctx, c), time.Now()
	return slices.DeleteFunc(slices.Clone(book.Locks()), func(l *guard.Lock) bool {
		return l.Expired(at) || !r.sees(l.Holder, l.Pattern())
	}), nil
}

// mayUnlock reports whether a user may take a lock back: its holder, and who may lock every stack that it covers.
func (h *Handler) mayUnlock(ctx context.Context, c *call, l *guard.Lock) (bool, error) {
	if l.Holder == c.User || c.standing.All(authz.Lock) {
		return true, nil
	}
	all, err := h.Directory.visible(ctx, func(cloud66.Stack) bool { return true })
	if err != nil {
		return false, err
	}
	holder, err := h.Authz.Standing(ctx, holderOf(l))
	unknown, covers := err != nil, false
	if err != nil && !errors.Is(err, authz.ErrUnknown) {
		return false, err
	}
	for _, s := range all {
		ref := RefOf(s)
		if !l.Match(ref) || !unknown && !holder.Decide(authz.Lock, ref).Allowed {
			continue
		}
		if !c.standing.Decide(authz.Lock, ref).Allowed {
			return false, nil
		}
		covers = true
	}
	return covers, nil
}
