package commands

import (
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// goldenQuestions are the questions before a redeploy, and what a user who waits is told, by name.
func goldenQuestions() map[string]Reply {
	h := &Handler{Config: Config{Profiles: []string{"quick", "full"}, Command: "/c66"}}
	live, waits := goldenEnded(cloud66.OutcomeSuccess, 292*time.Second), goldenRunning()
	live.ID, live.GitHash, live.CommitURL = 1041, "9ab0c1d2ee", "https://github.com/acme/web/commit/9ab0c1d2ee"
	waits.ID, waits.IsDeploying, waits.StartedAt, waits.GitHash = 1043, false, time.Time{}, ""
	sought := goldenAsked(storage.Asked)
	b := busy{open: []Entry{{Deployment: goldenRunning(), AskedBy: "U0KIM"}, {Deployment: waits}}, sought: []storage.Follow{sought}}
	ask := func(options Options, b busy, strange, moved bool) Reply {
		ships := whatShips(cloud66.Stack{Git: "git@github.com:acme/web.git"}, []cloud66.Deployment{waits, goldenRunning(), live}, options[Ref])
		inv := Invocation{Verb: Redeploy, Options: options, Nonce: "n", AskedAt: 1, Newest: waits.ID}
		return h.doubt(inv, goldenStack, b, strange, !b.free(), moved, ships)
	}
	commit := Options{Ref: "5e6f7a8b90000000000000000000000000000000", Reason: "fix the login"}
	strange := commit
	strange[Profile] = "quik"
	return map[string]Reply{
		"busy":         ask(commit, b, false, false),
		"busy-moved":   ask(Options{Ref: "main"}, b, false, true),
		"busy-strange": ask(strange, b, true, false),
		"strange":      ask(strange, busy{}, true, false),
		"free": Free(storage.Waiter{Stack: goldenStack, User: "U0LIN", Form: Invocation{
			Verb: Redeploy, UID: "abc123", Fill: true,
		}.resumed()}),
	}
}
