package commands

import (
	"maps"
	"time"

	"c66bot/authz/guard"
	"c66bot/bot/card/doc"
	"c66bot/cloud66"
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
	again := goldenLock(func(l *storage.Lock) { l.ID = "m4tz" }) // a second one of the same stacks
	timed := goldenLock(func(l *storage.Lock) {
		l.ID, l.Stacks, l.Reason, l.Until = "p7qx", "*", "release day", goldenNow.Add(2*time.Hour)
	})
	weekly := goldenLock(func(l *storage.Lock) {
		l.ID, l.Stacks, l.Reason = "b2cd", "*@production", "no deployments at the weekend"
		l.Every, l.Zone = "fri 16:00-mon 08:00", "Europe/Berlin"
	})
	ask := Invocation{Verb: AskUnlock, UID: "abc123", Options: Options{Rule: "k3f9"}, Nonce: "n", AskedAt: goldenNow.Unix()}
	over := Invocation{
		Verb: Redeploy, UID: "abc123", Options: Options{Ref: "main", Override: given}, Fill: true, Nonce: "n", AskedAt: goldenNow.Unix(),
	}
	ships := whatShips(cloud66.Stack{}, []cloud66.Deployment{{
		ID: 1041, IsLive: true, GitHash: "9ab0c1d2ee", CommitURL: "https://github.com/acme/web/commit/9ab0c1d2ee",
	}}, "5e6f7a8b90000000000000000000000000000000")
	unlock := Invocation{Verb: Unlock, Options: Options{Rule: "k3f9"}}
	all := map[string]Reply{
		"lock":              LockSaid{Lock: plain, Fits: 3},
		"lock-timed":        LockSaid{Lock: timed, Fits: 1},
		"lock-weekly":       LockSaid{Lock: weekly},
		"lock-over":         LockSaid{Lock: timed, Over: true},
		"lock-unlocked":     LockSaid{Lock: plain, Over: true, By: "U0LIN"},
		"unlocked":          unlocked([]storage.Lock{plain, timed}, "U0LIN"),
		"unlock-asked":      UnlockAsked{Lock: plain, Stack: goldenStack, By: "U0SAM"},
		"locked":            LockedReply{Stack: goldenStack, Locks: []storage.Lock{plain}, Ask: &ask},
		"locked-to-admin":   LockedReply{Stack: goldenStack, Locks: []storage.Lock{timed, plain}, Unlock: &unlock, Override: &over, Ships: ships},
		"locked-no-admin":   LockedReply{Stack: goldenStack, Locks: []storage.Lock{plain}, Ask: &ask, MayNot: true},
		"locks":             goldenLockLines(plain, timed, weekly),
		"lock-none-of-that": noLock(Invocation{Options: Options{Glob: "web"}}, goldenBook(plain, again, weekly)),
	}
	maps.Copy(all, goldenApprovals())
	return all
}

func goldenBook(locks ...storage.Lock) []*guard.Lock { return guard.NewBook(1, locks, nil).Locks() }

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

func goldenApproval(change func(a *storage.Approval)) ApprovalReply {
	f := goldenAsked(storage.Asked)
	f.Asker, f.Wish.Ref = "U0SAM", "5e6f7a8b90000000000000000000000000000000"
	a := storage.Approval{
		ID: "h4jk", Channel: "C1", At: goldenNow, Until: goldenNow.Add(time.Hour), Follow: f, Live: 1041,
		LiveHash: "4f2c1d9000000000000000000000000000000000",
		LivePage: "https://github.com/acme/web/commit/4f2c1d9000000000000000000000000000000000",
		Needs:    []storage.Protection{{ID: "p7qx", Approvals: 2, Group: "S0OPS"}}, State: storage.Waiting,
	}
	change(&a)
	return ApprovalReply{a}
}

// goldenApprovals are the answers about protections and requests for approval, by name.
func goldenApprovals() map[string]Reply {
	p := storage.Protection{ID: "p7qx", Stacks: "*@production", Approvals: 2, Group: "S0OPS", After: "staging"}
	return map[string]Reply{
		"approval": goldenApproval(func(*storage.Approval) {}),
		"approval-again": goldenApproval(func(a *storage.Approval) {
			a.Changed, a.Given, a.GroupChanged = "#1043 is live now", []storage.Given{{User: "U0KIM"}}, goldenNow.Add(-3*time.Hour)
			a.Follow.Wish, a.Overrides = &storage.Wish{}, []string{"k3f9"}
		}),
		"approval-of-a-branch": goldenApproval(func(a *storage.Approval) { a.Follow.Wish.Ref = "main" }),
		"approval-unlinked":    goldenApproval(func(a *storage.Approval) { a.LivePage = "https://code.example.com/acme/web" }),
		"approval-approved": goldenApproval(func(a *storage.Approval) {
			a.State, a.Given = storage.Approved, []storage.Given{{User: "U0KIM"}, {User: "U0LIN"}}
		}),
		"approval-rejected": goldenApproval(func(a *storage.Approval) {
			a.State, a.By, a.Reason = storage.Rejected, "U0KIM", "not on a Friday"
		}),
		"approval-expired":   goldenApproval(func(a *storage.Approval) { a.State = storage.Expired }),
		"approval-withdrawn": goldenApproval(func(a *storage.Approval) { a.State = storage.Withdrawn }),
		"protection":         protectionSaid(p, "ops", "U0LIN", false),
		"protection-over":    protectionSaid(p, "ops", "U0LIN", true),
		"lock-reminder":      LockReminder(goldenLock(func(*storage.Lock) {})),
	}
}

func hostileApproval(bad string, state storage.Verdict) ApprovalReply {
	return goldenApproval(func(a *storage.Approval) {
		*a = storage.Approval{
			ID: bad, Channel: bad, Asked: bad, Follow: storage.Follow{
				Stack: storage.StackRef{UID: bad, Name: bad, Environment: bad}, Asker: bad,
				Wish: &storage.Wish{Ref: bad, Services: bad, Profile: bad, Reason: bad},
			},
			Live: 1, LiveHash: bad, LivePage: bad, Needs: []storage.Protection{{Approvals: 1, Group: bad}}, Overrides: []string{bad},
			Given: []storage.Given{{User: bad}}, Changed: bad, State: state, By: bad, Reason: bad, GroupChanged: goldenNow,
		}
	})
}
