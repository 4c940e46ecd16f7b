package commands

import (
	"time"

	"c66bot/authz/guard"
	"c66bot/bot/card/doc"
	"c66bot/storage"
)

func goldenLock(change func(l *storage.Lock)) storage.Lock {
	l := storage.Lock{
		ID: "k3f9", Channel: "C1", Stacks: "web*@production", Holder: "U0KIM", Reason: "the migration runs", At: goldenNow.Add(-time.Hour),
	}
	change(&l)
	return l
}

// goldenLocked are the answers about locks, by name.
func goldenLocked() map[string]Reply {
	plain := goldenLock(func(*storage.Lock) {})
	timed := goldenLock(func(l *storage.Lock) {
		l.ID, l.Stacks, l.Reason, l.Until = "p7qx", "*", "release day", goldenNow.Add(2*time.Hour)
	})
	weekly := goldenLock(func(l *storage.Lock) {
		l.ID, l.Stacks, l.Reason, l.Every, l.Zone = "b2cd", "*@production", "no deployments at the weekend", "fri 16:00-mon 08:00", "Europe/Berlin"
	})
	ask := Invocation{Verb: AskUnlock, UID: "abc123", Options: Options{Rule: "k3f9"}, Nonce: "n", AskedAt: goldenNow.Unix()}
	over := Invocation{
		Verb: Redeploy, UID: "abc123", Options: Options{Ref: "main", Override: given}, Fill: true, Nonce: "n", AskedAt: goldenNow.Unix(),
	}
	unlock := Invocation{Verb: Unlock, Options: Options{Rule: "k3f9"}}
	return map[string]Reply{
		"lock":              LockSaid{Lock: plain, Fits: 3},
		"lock-timed":        LockSaid{Lock: timed, Fits: 1},
		"lock-weekly":       LockSaid{Lock: weekly},
		"lock-over":         LockSaid{Lock: timed, Over: true},
		"lock-unlocked":     LockSaid{Lock: plain, Over: true, By: "U0LIN"},
		"unlocked":          unlocked([]storage.Lock{plain, timed}, "U0LIN"),
		"unlock-asked":      UnlockAsked{Lock: plain, Stack: goldenStack, By: "U0SAM"},
		"locked":            LockedReply{Stack: goldenStack, Locks: []storage.Lock{plain}, Ask: &ask},
		"locked-to-admin":   LockedReply{Stack: goldenStack, Locks: []storage.Lock{timed, plain}, Unlock: &unlock, Override: &over},
		"locked-no-admin":   LockedReply{Stack: goldenStack, Locks: []storage.Lock{plain}, Ask: &ask, MayNot: true},
		"locks":             goldenLockLines(plain, timed, weekly),
		"lock-none-of-that": noLock(Invocation{Options: Options{Glob: "web"}}, goldenBook(plain, weekly)),
	}
}

func goldenBook(locks ...storage.Lock) []*guard.Lock { return guard.NewBook(1, locks).Locks() }

func goldenLockLines(locks ...storage.Lock) doc.Document {
	d := doc.Document{Kind: "locks"}
	for _, l := range goldenBook(locks...) {
		d.Blocks = append(d.Blocks, doc.Lines(lockLine(l, goldenNow)))
	}
	return d
}

func hostileLock(bad string) storage.Lock {
	return storage.Lock{ID: bad, Channel: "C1", Stacks: bad, Holder: bad, Reason: bad, At: goldenNow, Every: bad, Zone: bad}
}
