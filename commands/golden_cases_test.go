package commands

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/storage"
)

// The moment at which every golden answer is rendered, and the stack that it is about.
var (
	goldenNow   = time.Date(2026, 3, 4, 10, 30, 0, 0, time.UTC)
	goldenStart = goldenNow.Add(-3*time.Minute - 7*time.Second)
	goldenStack = storage.StackRef{UID: "abc123", Name: "web", Environment: "production"}
)

func goldenKnown[K ~string](kind K) cloud66.Value[K] {
	return cloud66.Value[K]{Kind: kind, Raw: string(kind)}
}

// running is a deployment that is under way.
func goldenRunning() cloud66.Deployment {
	return cloud66.Deployment{
		ID: 1042, TriggeredBy: "owner@example.com", TriggeredVia: goldenKnown(cloud66.ViaAPI), StartedAt: goldenStart,
		Outcome: goldenKnown(cloud66.OutcomePending),
		GitHash: "4f2c1d90aa", GitRef: "main", DeploySession: "sess-1", DeployType: goldenKnown(cloud66.TypeRedeploy), IsHead: true,
		IsDeploying: true,
		CommitURL:   "https://git.example/acme/web/commit/4f2c1d90aa", SnapshotUUID: "snap-1",
	}
}

// ended is a deployment that is over.
func goldenEnded(outcome cloud66.Outcome, took time.Duration) cloud66.Deployment {
	d := goldenRunning()
	d.Outcome, d.IsDeploying, d.FinishedAt = goldenKnown(outcome), false, goldenStart.Add(took)
	d.IsLive = outcome == cloud66.OutcomeSuccess
	return d
}

// asked is a follow of a redeploy that was asked for here.
func goldenAsked(state storage.State) storage.Follow {
	return storage.Follow{
		ID: "f1", Stack: goldenStack, Deployment: 1042, Channel: "C1", Asker: "U0LIN", AskedAt: goldenStart.Add(-5 * time.Second), State: state,
		Wish:      &storage.Wish{Reference: "r1", Ref: "main", Profile: "quick", Reason: "fix the login"},
		StartedAt: goldenStart, Usual: 292,
	}
}

// unknown takes away what is not known before there is a deployment.
func goldenUnknown(f storage.Follow, said string) storage.Follow {
	f.Deployment, f.StartedAt, f.Said = 0, time.Time{}, said
	return f
}

// goldenSpecs are commands of each group of the help.
func goldenSpecs() (specs []Spec) {
	for _, verb := range []Verb{
		Redeploy, Show, List, Stacks, Cancel, Follow, Subscribe, Subscriptions, Lock, Locks, Access, Allow, Status, Help,
	} {
		specs = append(specs, Invocation{Verb: verb}.spec().with(cloud66.Stack{UID: "web1", Name: "web", Environment: "production"}))
	}
	return specs
}

// replies are answers of every kind, by name.
func goldenReplies() map[string]Reply {
	live, failed, queued := goldenEnded(
		cloud66.OutcomeSuccess,
		292*time.Second,
	), goldenEnded(
		cloud66.OutcomeFailed,
		130*time.Second,
	), goldenRunning()
	failed.ID, queued.ID = 1041, 1043
	queued.IsDeploying, queued.StartedAt = false, time.Time{}
	reverted := live
	reverted.ID, reverted.IsLive, reverted.Reverted, reverted.RevertedBy, reverted.RevertedAt = 1040, false, true, "kim@example.com", goldenNow
	cancel := &storage.Cancel{User: "U0KIM", At: goldenStart}
	before := goldenEnded(cloud66.OutcomeSuccess, time.Minute)
	before.ID, before.GitHash, before.CommitURL = 1040, "9ab0c1d2ee", "https://github.com/acme/web/commit/9ab0c1d2ee"
	failed.CommitURL = "https://github.com/acme/web/commit/" + failed.GitHash
	specs := []Spec{
		{
			Verb:     Redeploy,
			Args:     []Arg{{Word: "<stack>"}},
			Summary:  "Redeploys a stack.",
			Examples: []string{"redeploy web@production", "redeploy web@production --now"},
			Options:  []Option{{Name: "profile", Value: "NAME", Summary: "a deployment profile"}, {Name: "now", Summary: "without asking first"}},
		},
		{Verb: Help, Args: []Arg{{Word: "[command]"}}, Summary: "Says what you can do here.", Examples: []string{"help"}},
	}
	entry := func(d cloud66.Deployment) Entry { return Entry{Deployment: d} }
	all := map[string]Reply{
		"help":                HelpReply{Command: "/c66", Specs: goldenSpecs()},
		"help-on-one":         HelpReply{Command: "/c66", Topic: &specs[0], Profiles: []string{"quick", "full"}},
		"help-may-not":        HelpReply{Command: "/c66", MayNot: true, Admins: goldenAdmins},
		"help-may-not-direct": HelpReply{Command: "/c66", MayNot: true, Direct: true, Admins: goldenAdmins},
		"list-empty":          ListReply{Command: "/c66", Stack: goldenStack, Page: 1, At: goldenNow},
		"list-in-middle": ListReply{Command: "/c66", Stack: goldenStack, Page: 4, Offset: 30, Total: 95, At: goldenNow, Entries: []Entry{
			{
				Deployment:  queued,
				QueuedAfter: 1042,
			}, entry(goldenRunning()), {Deployment: live, AskedBy: "U0LIN"}, {Deployment: failed, Cancelled: cancel}, entry(reverted),
		}},
		"detail-queued": DetailReply{Stack: goldenStack, Entry: Entry{Deployment: queued, QueuedAfter: 1042}, Followed: true, At: goldenNow},
		"detail-failed": DetailReply{Stack: goldenStack, Entry: entry(failed), Before: before, At: goldenNow},
		"detail-failed-why": DetailReply{
			Stack: goldenStack, Entry: Entry{Deployment: failed, Said: "The build server is gone"}, Before: before, At: goldenNow,
			Page: markup.WebAddress("https://app.cloud66.com/dashboard"),
		},
		"detail-locked": DetailReply{
			Stack: goldenStack, Entry: entry(failed), At: goldenNow,
			Locks: []storage.Lock{{ID: "k3f9", Holder: "U0KIM", Stacks: "web*", Reason: "the migration runs"}},
		},
		"detail-cancelled": DetailReply{Stack: goldenStack, Entry: Entry{Deployment: failed, Cancelled: cancel}, At: goldenNow},
		"detail-running":   DetailReply{Stack: goldenStack, Entry: entry(goldenRunning()), Usual: 292 * time.Second, At: goldenNow},
		"detail-live": DetailReply{
			Stack: goldenStack,
			Entry: Entry{Deployment: live, AskedBy: "U0LIN", Wish: &storage.Wish{Ref: "v1.2", Profile: "quick", Reason: "fix the login"}},
			At:    goldenNow,
		},
		"detail-reverted": DetailReply{Stack: goldenStack, Entry: entry(reverted), At: goldenNow},
		"choice": choiceOf("“web” matches 2 stacks. Which one?", []Choice{
			{"web@production", Invocation{Verb: Show, UID: "a"}},
			{"web@staging", Invocation{Verb: Show, UID: "b"}},
		}),
		"choice-too-long-for-a-button": choiceOf("“web” matches 1 stacks. Which one?", []Choice{
			{"web@production", Invocation{Verb: Redeploy, UID: "a", Options: Options{Services: strings.Repeat("x", 2000)}}},
		}),
		"question": question(about(&goldenStack, "cancel #1042?"), "cancel it",
			Invocation{Verb: Cancel, UID: "abc123", Deployment: 1042, Yes: true, Nonce: "n"}, "What is live stays live."),
		"problem": ProblemReply{Stack: &goldenStack, What: "there is a newer deployment than when I asked.", State: "Nothing was done.",
			Do: "Look at it, then ask again.", Example: "redeploy web@production", Command: "/c66", Ref: "k3f9z"},
		"problem-without-stack": ProblemReply{What: "Cloud 66 cannot be reached.", Ref: "k3f9z"},
		"notice":                noticeOn(&goldenStack, "this stack has never been deployed."),
	}
	for _, more := range []map[string]Reply{
		goldenVersions(), goldenRefusals(), goldenRuled(), goldenStatuses(), goldenOverviews(), goldenSubscribing(), goldenUsages(),
		goldenLocked(), goldenAudits(), goldenQuestions(),
	} {
		maps.Copy(all, more)
	}
	return all
}

// usages are commands that were not understood, by name.
func goldenUsages() map[string]Reply {
	const line = `redeploy web@production --ref main --reason "fix the login"`
	run := Invocation{Verb: Redeploy, Stack: "web@production", Options: Options{Ref: "main", Reason: "fix the login"}, Nonce: "n", AskedAt: 1}
	return map[string]Reply{
		"usage-repaired": UsageReply{
			What: "--reason takes one value; several words go in quotes.", Command: "/c66", Line: line, Run: &run,
		},
		"usage-left-out": UsageReply{What: "--ref stands there twice; I take it once.", Command: "/c66", Line: "redeploy web --ref main"},
		"usage-missing":  UsageReply{What: "--ref needs a value: --ref REF.", Command: "@c66bot", Shape: "redeploy web --ref REF"},
		"usage-example":  UsageReply{What: "I don't know the command “make”.", Command: "/c66", Example: "help"},
		"usage-bare":     UsageReply{What: "A quote is opened and never closed.", Command: "/c66"},
	}
}

// hostile are texts that try to ping, to link, to format, or to break a message.
func goldenHostile() map[string]string {
	return map[string]string{
		"very long":        strings.Repeat("n", 1200),
		"very long words":  strings.Repeat("deploy it ", 120),
		"long in entities": strings.Repeat("&<>", 400),
		"long in marks":    strings.Repeat("* _ ~ ` ", 150),
		"emoji":            strings.Repeat("👩‍👩‍👧‍👦", 180),
		"turned writing":   "web\u202etset\u202c\u2066x\u2069\u200f",
		"only turned":      "\u202e\u2066",
		"line breaks":      "web\n\n> quote\r\n• x\u2028y\u0000z\t",
		"code":             "`rm -rf` ```block``` a`b c`d",
		"everyone":         "<!channel> <!here> <!everyone> @channel @here @everyone",
		"a user":           "<@U1> <@U1|x> <!subteam^S1|@ops> @lin",
		"a bare address":   "http://evil https://evil.example/x mailto:a@b.c www.evil.example",
		"a written link":   "<http://evil|web> <https://evil.example> <mailto:a@b.c|m> <#C1> <tel:1>",
		"half a link":      "web <http://evil| and <!date^1^x|y> |>",
		"bold":             "*a* *b* _c_ _d_ ~e~ *_~f~_*",
		"entities":         "&amp; &lt;!channel&gt; &amp;lt;@U1&amp;gt;",
		"a quote":          ">>> not a quote",
		"broken bytes":     "web\xff\xfe<@U1>",
		"a script":         "javascript:alert(1)",
		"an address cut":   "https://evil.example/a|<@U1>",
		"nothing":          "",
		"a blank":          "  ",
	}
}

func hostileRule(bad string) storage.Rule {
	return storage.Rule{ID: bad, Channel: "C1", Who: bad, Actions: []string{bad, bad}, Stacks: bad, By: bad, At: goldenNow, Until: goldenNow}
}

func hostileStacks(bad string) StacksReply {
	d := goldenEnded("", time.Minute)
	d.Outcome = cloud66.Value[cloud66.Outcome]{Raw: bad, Meaning: bad}
	s := cloud66.Stack{UID: bad, Name: bad, Environment: bad, AccountName: bad, Status: 99, Health: 99}
	rows := slices.Repeat([]StackEntry{{Stack: s, Newest: &Entry{Deployment: d}}}, 10)
	return StacksReply{Text: bad, Stacks: rows, page: page{2, 10, 20, 95}, At: goldenNow}
}

// goldenAdmins are the bot's admins: a group and a person.
var goldenAdmins = Admins{Users: []string{"U0ADA"}, Groups: []string{"S0OPS"}}

// given is a rule as it stands in the database.
func goldenGiven(id, who, stacks string, actions ...string) storage.Rule {
	return storage.Rule{ID: id, Channel: "C1", Who: who, Actions: actions, Stacks: stacks, By: "U0ADA", At: goldenNow.Add(-time.Hour)}
}

func goldenDenied(r storage.Rule) storage.Rule { r.Deny = true; return r }

func goldenEnding(r storage.Rule) storage.Rule { r.Until = goldenNow.Add(time.Hour); return r }

// refusals are refusals in every shape, by name.
func goldenRefusals() map[string]Reply {
	ask := &Invocation{Verb: Ask, Options: Options{Actions: "redeploy", Glob: "web@production"}, Nonce: "n", AskedAt: goldenNow.Unix()}
	base := RefusalReply{Right: authz.Redeploy, Admins: goldenAdmins, Ask: ask}
	with := func(change func(r *RefusalReply)) RefusalReply { r := base; change(&r); return r }
	return map[string]Reply{
		"refusal":                 RefusalReply{Right: authz.Redeploy, Admins: goldenAdmins},
		"refusal-named":           with(func(r *RefusalReply) { r.Stack, r.Holders = &goldenStack, []string{"S0DEVS", "U0KIM"} }),
		"refusal-named-no-holder": with(func(r *RefusalReply) { r.Stack = &goldenStack }),
		"refusal-many-holders": with(func(r *RefusalReply) {
			r.Stack, r.Holders = &goldenStack, []string{"U1", "U2", "U3", "U4", "U5", "U6", "U7"}
		}),
		"refusal-denied":       with(func(r *RefusalReply) { r.Stack, r.Denied, r.Ask = &goldenStack, "k3f9", nil }),
		"refusal-unknown-near": with(func(r *RefusalReply) { r.Typed, r.Near = "webb", []string{"web@production", "web@staging"} }),
		"refusal-unknown":      with(func(r *RefusalReply) { r.Typed, r.Right = "api", authz.View }),
		"refusal-elsewhere": ElsewhereReply{base, &CardError{
			What: "I am not a member of the channel", Do: "Invite me with /invite @c66bot, or ask in a channel that I am in.",
		}},
		"refusal-direct": RefusalReply{Right: authz.View, Admins: goldenAdmins, Direct: true},
		"refusal-to-make-rules": with(func(r *RefusalReply) {
			r.Right, r.Ask = authz.Admin, nil
		}),
		"refusal-to-look":          with(func(r *RefusalReply) { r.Right = authz.View }),
		"refusal-cancel-by-button": RefusalReply{Right: authz.Cancel, Stack: &goldenStack, Holders: []string{"everyone"}, Admins: goldenAdmins},
	}
}

// ruled are the answers about rules and requests, by name.
func goldenRuled() map[string]Reply {
	byUser, byGroup := goldenGiven("k3f9", "U0SAM", "web@production", "view", "redeploy"), goldenGiven("p7qx", "S0DEVS", "web*", "redeploy")
	all := goldenDenied(goldenGiven("b2cd", "everyone", "*@production", "redeploy", "cancel"))
	hour := goldenEnding(goldenGiven("h4jk", "U0KIM", "awesome app@production", "cancel"))
	wish := func(action, glob string, given *storage.Rule) storage.Asking {
		return storage.Asking{Action: action, Stacks: glob, Nonce: "n", At: goldenNow, Given: given}
	}
	asking := func(wishes ...storage.Asking) RequestReply {
		return RequestReply{storage.Request{User: "U0SAM", Wishes: wishes}, goldenAdmins, "/c66"}
	}
	first := asking(wish("view", "*", nil))
	first.First = true
	hourly := asking(wish("redeploy", "web@production*", &hour), wish("view", "*", nil))
	hourly.First = true
	then := wish("redeploy", "web@production", nil)
	then.Then = Invocation{Verb: Redeploy, Stack: "web@production", Options: Options{Now: "true"}}.resumed()
	why := func(right authz.Action, allowed bool, rule *storage.Rule, reason string) doc.Document {
		return decided(right, goldenStack, "U0SAM", authz.Decision{Allowed: allowed, Rule: rule, Reason: reason})
	}
	granted := goldenEnding(goldenGiven("h4jk", "U0SAM", "web@production", "redeploy"))
	then.Given = &granted
	return map[string]Reply{
		"access-empty":                   rulesPage(page{number: 1}, nil, goldenAdmins),
		"access":                         rulesPage(page{1, 0, 4, 4}, []storage.Rule{byUser, byGroup, all, hour}, goldenAdmins),
		"access-in-middle":               rulesPage(page{2, 15, 17, 35}, []storage.Rule{byUser, all}, goldenAdmins),
		"why-allowed":                    why(authz.Redeploy, true, &byUser, "rule k3f9 allows it"),
		"why-denied":                     why(authz.Redeploy, false, &all, "rule b2cd denies it"),
		"why-for-an-hour":                why(authz.Redeploy, true, &granted, "rule h4jk allows it"),
		"why-no-rule":                    why(authz.Cancel, false, nil, "no rule allows it"),
		"why-admin":                      why(authz.View, true, nil, "in the admins' group S0OPS"),
		"why-rules":                      why(authz.Admin, false, nil, "no rule allows it"),
		"rule-user":                      ruleAnnounced(byUser, "", "U0ADA", false),
		"rule-group":                     ruleAnnounced(byGroup, "devs", "U0ADA", false),
		"rule-everyone":                  ruleAnnounced(all, "", "U0ADA", false),
		"rule-for-an-hour":               ruleAnnounced(granted, "", "U0ADA", false),
		"rule-to-go-on":                  grantAnnounced(then),
		"request-first-rule":             first,
		"request-first-rule-for-an-hour": hourly,
		"rule-revoked":                   ruleAnnounced(byUser, "", "U0ADA", true),
		"rule-of-a-group-that-slack-does-not-tell": ruleAnnounced(byGroup, "", "U0ADA", true),
		"request":         asking(wish("redeploy", "web@production", nil)),
		"request-to-look": asking(wish("view", "*", nil)),
		"request-granted": asking(wish("redeploy", "web@production", &granted)),
		"request-of-two":  asking(wish("redeploy", "web@production", &granted), wish("view", "api*", nil)),
		"open":            offerForm(&goldenStack, Invocation{Verb: Redeploy, UID: goldenStack.UID}),
	}
}

// statuses are answers about the bot itself, by name.
func goldenStatuses() map[string]Reply {
	base := StatusReply{
		BotStatus: BotStatus{Version: "1.2.3", Since: goldenNow.Add(-49 * time.Hour),
			Budget: cloud66.BudgetState{PerHour: 3000, Used: 260, Rest: 2740, ReadingRest: 2440, BackgroundRest: 2140}},
		Follows: []storage.Follow{goldenAsked(storage.Started), goldenUnknown(goldenAsked(storage.Asked), "")}, At: goldenNow,
	}
	with := func(change func(r *StatusReply)) StatusReply { r := base; change(&r); return r }
	rest := 12
	return map[string]Reply{
		"status":                Reply(base),
		"status-nothing":        with(func(r *StatusReply) { r.Follows = nil }),
		"status-unknown-person": with(func(r *StatusReply) { r.Follows, r.Unknown = nil, true }),
		"status-not-ready": with(func(r *StatusReply) {
			r.Ready = errors.Join(errors.New("Slack's connection has not said hello"), errors.New("Cloud 66 refuses the token"))
		}),
		"status-low": with(func(r *StatusReply) {
			r.Budget.Rest, r.Budget.BackgroundRest, r.Budget.ServerRest = 12, 0, &rest
		}),
		"status-kept-for-changes": with(func(r *StatusReply) {
			r.Budget.Rest, r.Budget.ReadingRest, r.Budget.BackgroundRest = 300, 0, 0
		}),
		"status-troubles": with(func(r *StatusReply) {
			r.Troubles = []string{
				"Cloud 66 refused the last redeploy or cancel, since my token lacks the scope redeploy or the right on that stack. Give me a " +
					"token with the scopes public and redeploy (C66BOT_CLOUD66_TOKEN)",
				"U0NOBODY is among my admins, and Slack knows no such person. Correct C66BOT_ADMINS (admins), and start me again",
			}
		}),
		"status-throttled": with(func(r *StatusReply) {
			r.Budget = cloud66.BudgetState{PerHour: 3000, Blocked: true, NextTry: goldenNow.Add(time.Minute)}
		}),
		"status-watching": with(func(r *StatusReply) {
			r.Watch = WatchStatus{
				Stacks:     []storage.StackRef{goldenStack, goldenStack},
				Interval:   90 * time.Second,
				LastSweep:  goldenNow.Add(-time.Minute),
				Unreadable: []storage.StackRef{goldenStack},
			}
		}),
		"status-watching-fast": with(func(r *StatusReply) {
			r.Watch = WatchStatus{Stacks: []storage.StackRef{goldenStack}, Interval: 200 * time.Millisecond, LastSweep: goldenNow}
		}),
		"status-watching-since-now": with(func(r *StatusReply) { r.Watch.Stacks = []storage.StackRef{goldenStack} }),
		"status-many-unreadable": with(func(r *StatusReply) {
			r.Watch.Stacks, r.Watch.Unreadable = slices.Repeat(
				[]storage.StackRef{goldenStack},
				12,
			), slices.Repeat(
				[]storage.StackRef{goldenStack},
				12,
			)
		}),
		"status-silent": with(func(r *StatusReply) { r.Silent = goldenNow.Add(-20 * time.Minute) }),
		"status-others": with(func(r *StatusReply) { r.Others = 1 }),
		"status-many": with(func(r *StatusReply) {
			r.Others, r.Follows = 3, nil
			for i := range 12 {
				f := goldenAsked(storage.Started)
				f.Stack.Name, f.Deployment = fmt.Sprintf("web%d", i), int64(1000+i)
				r.Follows = append(r.Follows, f)
			}
		}),
	}
}

// overviews are lists of stacks, and lists of deployments that are narrowed, by name.
func goldenOverviews() map[string]Reply {
	in := func(name string, status cloud66.StackStatus, health cloud66.StackHealth) cloud66.Stack {
		return cloud66.Stack{
			UID:          name,
			Name:         name,
			Environment:  "production",
			Status:       status,
			Health:       health,
			LastActivity: goldenNow.Add(-3 * time.Hour),
		}
	}
	live, failed, deploying := goldenEnded(
		cloud66.OutcomeSuccess,
		time.Minute,
	), goldenEnded(
		cloud66.OutcomeFailed,
		time.Minute,
	), goldenRunning()
	live.StartedAt, failed.StartedAt = goldenNow.Add(-26*time.Hour), goldenNow.Add(-2*time.Hour)
	all := []StackEntry{
		{
			Stack:  in("api", cloud66.StatusDeployed, cloud66.HealthHealthy),
			Newest: &Entry{Deployment: live}, Live: live.ID,
		}, {Stack: in("web", cloud66.StatusDeploying, cloud66.HealthHealthy), Newest: &Entry{Deployment: deploying}, Live: 1040},
		{
			Stack:  in("shop", cloud66.StatusFailed, cloud66.HealthUnknown),
			Newest: &Entry{Deployment: failed},
		}, {Stack: in("old", cloud66.StatusAbsent, cloud66.HealthUnknown)},
		{
			Stack:  in("ill", cloud66.StatusDeployed, cloud66.HealthImpaired),
			Newest: &Entry{Deployment: live}, Live: live.ID,
		}, {
			Stack: in("new", cloud66.StatusQueued, cloud66.HealthBuilding),
			Never: true,
		}, {Stack: in("slow", cloud66.StatusDeployed, cloud66.HealthImpaired)},
	}
	failures := []Entry{{Deployment: failed}, {Deployment: failed, AskedBy: "U0LIN"}}
	filter := Invocation{Options: Options{Outcome: "failed"}}
	return map[string]Reply{
		"stacks":                StacksReply{Command: "/c66", page: page{1, 0, 7, 7}, Stacks: all, At: goldenNow},
		"stacks-in-middle":      StacksReply{Command: "/c66", page: page{2, 10, 12, 25}, Text: "web", Stacks: all[:2], At: goldenNow},
		"stacks-none":           StacksReply{Command: "/c66", page: page{number: 1}, At: goldenNow},
		"stacks-none-with-text": StacksReply{Command: "/c66", page: page{number: 1}, Text: "web*@staging", At: goldenNow},
		"narrowed": ListReply{
			Command: "/c66", Stack: goldenStack, Entries: failures, Total: 95, Looked: 95, Filter: filter, At: goldenNow,
		},
		"narrowed-by-a-person": ListReply{
			Stack: goldenStack, Command: "/c66",
			Entries: failures[1:],
			Total:   95,
			Looked:  95,
			Filter:  Invocation{Options: Options{By: "U0LIN", Outcome: "failed"}},
			At:      goldenNow,
		},
		"narrowed-by-a-name": ListReply{
			Stack: goldenStack, Command: "/c66",
			Entries: failures,
			Total:   950,
			Looked:  300,
			Filter:  Invocation{Options: Options{By: "kim"}},
			Older:   "300",
			At:      goldenNow,
		},
		"narrowed-in-middle": ListReply{
			Stack: goldenStack, Command: "/c66",
			Entries: failures,
			Total:   950,
			Offset:  300,
			Looked:  240,
			Filter:  filter,
			Trail:   "120,300",
			Older:   "120,300,540",
			At:      goldenNow,
		},
		"narrowed-second-page": ListReply{
			Stack: goldenStack, Command: "/c66",
			Entries: failures,
			Total:   95,
			Looked:  95,
			Filter:  Invocation{Options: Options{Outcome: "failed", Page: "2"}},
			At:      goldenNow,
		},
		"narrowed-nothing-so-far": ListReply{
			Command: "/c66", Stack: goldenStack, Total: 950, Looked: 300, Filter: filter, Older: "300", At: goldenNow,
		},
		"narrowed-never-deployed": ListReply{Command: "/c66", Stack: goldenStack, Filter: filter, At: goldenNow},
	}
}

// narrowSubscription is one that is narrowed in every way.
func goldenNarrowSubscription() storage.Subscription {
	return storage.Subscription{
		ID: "k3f9", Channel: "C1", Stacks: "web*@production", Events: []string{"failed", "cancelled", "slow"}, By: "kim",
		Via:   []string{"web", "hook"},
		Types: []string{"build", "redeploy"}, Mention: "S0DEVS", Author: "U0LIN", At: goldenNow,
	}
}

// subscribing are the answers about subscriptions, by name.
func goldenSubscribing() map[string]Reply {
	narrow := goldenNarrowSubscription()
	wide := storage.Subscription{ID: "p7qx", Channel: "C1", Stacks: "*", Author: "U0SAM", At: goldenNow}
	failed := Entry{Deployment: goldenEnded(cloud66.OutcomeFailed, 130*time.Second)}
	row, suspended := subscriptionLine(wide, nil, 1, false, ""), subscriptionLine(wide, nil, 0, false, "the channel is archived")
	shown := []markup.Text{
		subscriptionLine(narrow, []string{"devs", storage.Author}, 3, false, ""), row, suspended,
		subscriptionLine(wide, nil, 2, true, ""),
	}
	return map[string]Reply{
		"subscribed":            SubscribedReply{Subscription: narrow, Whom: []string{"devs", storage.Author}, Fits: 3},
		"subscribed-to-nothing": SubscribedReply{Subscription: wide},
		"subscribed-unknown":    SubscribedReply{Subscription: wide, Fits: -1},
		"subscribed-with-last": SubscribedReply{
			Subscription: wide,
			Fits:         45,
			Preview:      &Preview{Messages: 7, Read: 20, Of: 45, Stack: goldenStack, Newest: &failed, By: "Lin"},
		},
		"subscribed-partly": SubscribedReply{
			Subscription: wide,
			Fits:         3,
			Preview:      &Preview{Messages: 31, AtLeast: true, Read: 2, Of: 3, Unread: 1, Stack: goldenStack, Newest: &failed},
		},
		"subscribed-quiet":      SubscribedReply{Subscription: wide, Fits: 1, Preview: &Preview{}},
		"subscribed-no-answer":  SubscribedReply{Subscription: wide, Fits: 2, Preview: &Preview{Of: 2, Unread: 2}},
		"unsubscribed":          unsubscribed("U0SAM", []storage.Subscription{narrow}),
		"unsubscribed-many":     unsubscribed("U0SAM", slices.Repeat([]storage.Subscription{wide}, 12)),
		"subscriptions":         subscriptionsPage(page{1, 0, 4, 4}, shown, true),
		"subscriptions-middle":  subscriptionsPage(page{2, 10, 11, 25}, []markup.Text{subscriptionLine(wide, nil, -1, false, "")}, false),
		"subscriptions-none":    subscriptionsPage(page{}, nil, true),
		"subscriptions-unknown": subscriptionsPage(page{}, nil, false),
	}
}

// hostileSubscriptions are answers about subscriptions with a hostile text wherever text comes from outside.
func hostileSubscriptions(bad string, e Entry) map[string]Reply {
	ref := storage.StackRef{UID: bad, Name: bad, Environment: bad}
	s := storage.Subscription{
		ID: bad, Channel: bad, Stacks: bad, Events: []string{bad, bad}, By: bad, Via: []string{bad}, Types: []string{bad}, Mention: bad,
		Author: bad,
	}
	p := &Preview{Messages: 1, Read: 1, Of: 2, Stack: ref, Newest: &e, By: bad}
	row := subscriptionLine(s, []string{bad}, 1, false, bad)
	return map[string]Reply{
		"subscribed":    SubscribedReply{Subscription: s, Whom: []string{bad}, Fits: 1, Preview: p},
		"unsubscribed":  unsubscribed(bad, slices.Repeat([]storage.Subscription{s}, 20)),
		"subscriptions": subscriptionsPage(page{2, 10, 20, 30}, slices.Repeat([]markup.Text{row}, 10), true),
	}
}

// goldenSpoiled are answers of every kind with a hostile text wherever text comes from outside.
func goldenSpoiled(bad string) map[string]Reply {
	ref, admins, everywhere, topic := storage.StackRef{
		UID:         bad,
		Name:        bad,
		Environment: bad,
	}, Admins{
		Users:  []string{bad},
		Groups: []string{bad},
	}, hostileRule(
		bad,
	), Specs[0]
	d := goldenEnded(cloud66.OutcomeSuccess, time.Minute)
	d.TriggeredBy, d.GitHash, d.GitRef, d.DeploySession, d.CommitURL, d.SnapshotUUID, d.RevertedBy = bad, bad, bad, bad, bad, bad, bad
	d.Outcome.Meaning, d.DeployType.Meaning, d.TriggeredVia = bad, bad, cloud66.Value[cloud66.Via]{Raw: bad}
	d.Reverted, d.RevertedAt = true, goldenNow
	entry := Entry{Deployment: d, AskedBy: bad, Wish: &storage.Wish{Ref: bad, Services: bad, Profile: bad, Reason: bad}}
	list := ListReply{Stack: ref, Page: 2, Offset: 10, Total: 95, At: goldenNow}
	for i := range 10 {
		list.Entries = append(list.Entries, entry)
		list.Entries[i].Deployment.ID = int64(i + 1)
	}
	var options []Choice
	for i := range 40 {
		options = append(options, Choice{fmt.Sprint(bad, i), Invocation{Verb: Show, UID: bad}})
	}
	options = append(options, Choice{bad, Invocation{}})
	all := map[string]Reply{
		"lock": LockSaid{Lock: hostileLock(bad), Fits: 3}, "lock over": LockSaid{Lock: hostileLock(bad), Over: true, By: bad},
		"locked": LockedReply{Stack: ref, Locks: []storage.Lock{hostileLock(bad), hostileLock(bad)}}, "locks": goldenLockLines(hostileLock(bad)),
		"audit":    goldenAudit(bad, bad, bad, storage.Result{Outcome: storage.State(bad), Said: bad}),
		"approval": hostileApproval(bad, storage.Waiting), "approval rejected": hostileApproval(bad, storage.Rejected),
		"protection":   protectionSaid(storage.Protection{ID: bad, Stacks: bad, Approvals: 1, Group: bad, After: bad}, bad, bad, false),
		"unlock asked": UnlockAsked{Lock: hostileLock(bad), Stack: ref, By: bad},
		"list":         list, "detail": DetailReply{Stack: ref, Entry: entry, At: goldenNow}, "choice": choiceOf(bad, options),
		"question": question(about(&ref, bad), bad, Invocation{}, bad),
		"refusal":  RefusalReply{Right: authz.Action(bad), Admins: admins},
		"refusal named": RefusalReply{
			Stack:   &ref,
			Holders: slices.Repeat([]string{bad}, 9),
			Admins:  admins,
			Ask:     &Invocation{Verb: Ask, Options: Options{Glob: bad}},
		},
		"refusal unknown": RefusalReply{Typed: bad, Near: []string{bad, bad, bad}, Denied: bad},
		"stacks":          hostileStacks(bad),
		"narrowed": ListReply{
			Stack:   ref,
			Entries: list.Entries,
			Total:   95,
			Filter:  Invocation{Options: Options{Outcome: bad, By: bad}},
			Trail:   bad,
			Older:   bad,
			At:      goldenNow,
		},
		"narrowed empty":  ListReply{Stack: ref, Total: 95, Filter: Invocation{Options: Options{By: bad}}, At: goldenNow},
		"access":          rulesPage(page{2, 15, 30, 45}, slices.Repeat([]storage.Rule{hostileRule(bad)}, 15), admins),
		"why":             decided(authz.View, ref, bad, authz.Decision{Rule: &everywhere, Reason: bad}),
		"why rules":       decided(authz.Admin, storage.StackRef{}, bad, authz.Decision{Reason: bad}),
		"rule":            ruleAnnounced(everywhere, bad, bad, false),
		"rule of a group": ruleAnnounced(storage.Rule{Who: "S" + bad, Stacks: bad}, bad, bad, true),
		"request": RequestReply{
			storage.Request{User: bad, Wishes: slices.Repeat([]storage.Asking{{Action: bad, Stacks: bad}}, 10), First: true}, admins, "/c66",
		},
		"request granted": RequestReply{
			Request: storage.Request{User: bad, Wishes: []storage.Asking{{Action: bad, Stacks: bad, Given: &everywhere}}},
		},
		"open": offerForm(&ref, Invocation{Verb: Redeploy, UID: ref.UID}),
		"status": StatusReply{
			BotStatus: BotStatus{Version: bad, Ready: errors.New(bad)},
			At:        goldenNow,
			Follows:   slices.Repeat([]storage.Follow{{Stack: ref, Deployment: 1}}, 30),
		},
		"problem": ProblemReply{Stack: &ref, What: bad, State: bad, Do: bad, Example: bad, Command: "/c66", Ref: bad},
		"notice":  Notice(bad), "help": HelpReply{Command: "/c66", Topic: &topic, Profiles: []string{bad, bad}},
		"may not": HelpReply{MayNot: true, Admins: admins},
		"usage":   UsageReply{What: bad, Command: "/c66", Line: bad, Run: &Invocation{Verb: List, Stack: bad}}.Document(),
	}
	maps.Copy(all, hostileSubscriptions(bad, entry))
	maps.Copy(all, hostileVersions(bad))
	return all
}
