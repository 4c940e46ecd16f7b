package card

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// The moment at which everything is rendered, and the deployment that is shown.
var (
	now   = time.Date(2026, 3, 4, 10, 30, 0, 0, time.UTC)
	start = now.Add(-3*time.Minute - 7*time.Second)
	stack = storage.StackRef{UID: "abc123", Name: "web", Environment: "production"}
)

func known[K ~string](kind K) cloud66.Value[K] {
	return cloud66.Value[K]{Kind: kind, Raw: string(kind)}
}

// running is a deployment that is under way.
func running() cloud66.Deployment {
	return cloud66.Deployment{
		ID: 1042, TriggeredBy: "owner@example.com", TriggeredVia: known(cloud66.ViaAPI), StartedAt: start, Outcome: known(cloud66.OutcomePending),
		GitHash: "4f2c1d90aa", GitRef: "main", DeploySession: "sess-1", DeployType: known(cloud66.TypeRedeploy), IsHead: true, IsDeploying: true,
		CommitURL: "https://git.example/acme/web/commit/4f2c1d90aa", SnapshotUUID: "snap-1",
	}
}

// ended is a deployment that is over.
func ended(outcome cloud66.Outcome, took time.Duration) cloud66.Deployment {
	d := running()
	d.Outcome, d.IsDeploying, d.FinishedAt = known(outcome), false, start.Add(took)
	d.IsLive = outcome == cloud66.OutcomeSuccess
	return d
}

// asked is a follow of a redeploy that was asked for here.
func asked(state storage.State) storage.Follow {
	return storage.Follow{
		ID: "f1", Stack: stack, Deployment: 1042, Channel: "C1", Asker: "U0LIN", AskedAt: start.Add(-5 * time.Second), State: state,
		Wish:      &storage.Wish{Reference: "r1", Ref: "main", Profile: "quick", Reason: "fix the login"},
		StartedAt: start, Usual: 292,
	}
}

// followed is a follow of a deployment that somebody else started.
func followed(state storage.State) storage.Follow {
	f := asked(state)
	f.Wish = nil
	return f
}

// unknown takes away what is not known before there is a deployment.
func unknown(f storage.Follow, said string) storage.Follow {
	f.Deployment, f.StartedAt, f.Said = 0, time.Time{}, said
	return f
}

func view(f storage.Follow, d cloud66.Deployment) View {
	return View{Follow: f, Deployment: &d, At: now}
}

// cards are views of the card in every state, by name.
func cards() map[string]View {
	queued := running()
	queued.IsDeploying, queued.StartedAt = false, time.Time{}
	queuedFollow := asked(storage.Queued)
	queuedFollow.StartedAt = time.Time{}
	services := asked(storage.Started)
	services.Wish = &storage.Wish{Services: "api:1.4.2,worker"}
	unusual := asked(storage.Started)
	unusual.Usual = 0
	slow, slowUnusual := asked(storage.Slow), asked(storage.Slow)
	slow.StartedAt, slowUnusual.StartedAt, slowUnusual.Usual = now.Add(-12*time.Minute), now.Add(-31*time.Minute), 0
	lost := asked(storage.Lost)
	lost.SilentSince = now.Add(-10 * time.Minute)
	lostEarly := unknown(asked(storage.Lost), "")
	lostEarly.SilentSince = now.Add(-11 * time.Minute)
	odd := ended(cloud66.OutcomeFailed, time.Minute)
	odd.Outcome = cloud66.Value[cloud66.Outcome]{Raw: "7", Meaning: "Abandoned"}
	hook := running()
	hook.TriggeredBy, hook.TriggeredVia = "kim@example.com", known(cloud66.ViaHook)
	cancel := &storage.Cancel{User: "U0KIM", At: now}
	cancelling := view(asked(storage.Started), running())
	cancelling.Cancelled = cancel
	cancelled := view(asked(storage.Cancelled), ended(cloud66.OutcomeFailed, 40*time.Second))
	cancelled.Cancelled, cancelled.Live = cancel, 1041
	failed := view(asked(storage.Failed), ended(cloud66.OutcomeFailed, 130*time.Second))
	failed.Live = 1041
	behind := view(queuedFollow, queued)
	behind.Ahead = 1041
	unfound := followed(storage.Asked)
	unfound.StartedAt = time.Time{}
	all := map[string]View{
		"asked":                          {Follow: unknown(asked(storage.Asked), ""), At: now},
		"queued":                         view(queuedFollow, queued),
		"queued-behind-another":          behind,
		"started":                        view(asked(storage.Started), running()),
		"started-services":               view(services, running()),
		"started-without-usual-time":     view(unusual, running()),
		"started-cancel-asked":           cancelling,
		"slow":                           view(slow, running()),
		"slow-without-usual-time":        view(slowUnusual, running()),
		"lost":                           {Follow: lost, At: now},
		"lost-before-it-was-found":       {Follow: lostEarly, At: now},
		"succeeded":                      view(asked(storage.Succeeded), ended(cloud66.OutcomeSuccess, 292*time.Second)),
		"failed-another-still-live":      failed,
		"failed-unknown-outcome":         view(asked(storage.Failed), odd),
		"cancelled-by-someone":           cancelled,
		"cancelled-elsewhere":            view(asked(storage.Cancelled), ended(cloud66.OutcomeCancelled, 40*time.Second)),
		"refused":                        {Follow: unknown(asked(storage.Refused), "Cloud 66 refused it: Application Protection is on"), At: now},
		"unclear":                        {Follow: unknown(asked(storage.Unclear), "I looked 4 times: it is not in its lists"), At: now},
		"unposted":                       {Follow: unknown(asked(storage.Unposted), ""), At: now},
		"vanished":                       {Follow: asked(storage.Vanished), At: now},
		"followed-asked-elsewhere":       view(followed(storage.Started), hook),
		"followed-before-the-first-look": {Follow: unfound, At: now},
	}
	maps.Copy(all, subscribedCards())
	return all
}

// replies are answers of every kind, by name.
func replies() map[string]commands.Reply {
	live, failed, queued := ended(cloud66.OutcomeSuccess, 292*time.Second), ended(cloud66.OutcomeFailed, 130*time.Second), running()
	failed.ID, queued.ID = 1041, 1043
	queued.IsDeploying, queued.StartedAt = false, time.Time{}
	reverted := live
	reverted.ID, reverted.IsLive, reverted.Reverted, reverted.RevertedBy, reverted.RevertedAt = 1040, false, true, "kim@example.com", now
	cancel := &storage.Cancel{User: "U0KIM", At: now}
	specs := []commands.Spec{
		{Verb: commands.Redeploy, Words: []string{"<stack>"}, Summary: "Redeploys a stack.", Examples: []string{"redeploy web@production", "redeploy web@production --now"},
			Options: []commands.Option{{Name: "profile", Value: "NAME", Summary: "a deployment profile"}, {Name: "now", Summary: "without asking first"}}},
		{Verb: commands.Help, Words: []string{"[command]"}, Summary: "Says what you can do here.", Examples: []string{"help"}},
	}
	entry := func(d cloud66.Deployment) commands.Entry { return commands.Entry{Deployment: d} }
	all := map[string]commands.Reply{
		"help":                commands.HelpReply{Command: "/c66", Specs: specs},
		"help-on-one":         commands.HelpReply{Command: "/c66", Topic: &specs[0], Profiles: []string{"quick", "full"}},
		"help-may-not":        commands.HelpReply{Command: "/c66", MayNot: true, Admins: theAdmins},
		"help-may-not-direct": commands.HelpReply{Command: "/c66", MayNot: true, Direct: true, Admins: theAdmins},
		"list-empty":          commands.ListReply{Stack: stack, Page: 1, At: now},
		"list-in-middle": commands.ListReply{Stack: stack, Page: 4, Offset: 30, Total: 95, At: now, Entries: []commands.Entry{
			{Deployment: queued, QueuedAfter: 1042}, entry(running()), {Deployment: live, AskedBy: "U0LIN"}, {Deployment: failed, Cancelled: cancel}, entry(reverted),
		}},
		"detail-queued":   commands.DetailReply{Stack: stack, Entry: commands.Entry{Deployment: queued, QueuedAfter: 1042}, At: now},
		"detail-running":  commands.DetailReply{Stack: stack, Entry: entry(running()), Usual: 292 * time.Second, At: now},
		"detail-live":     commands.DetailReply{Stack: stack, Entry: commands.Entry{Deployment: live, AskedBy: "U0LIN", Reason: "fix the login"}, At: now},
		"detail-reverted": commands.DetailReply{Stack: stack, Entry: entry(reverted), At: now},
		"choice": commands.ChoiceReply{What: "“web” fits 2 stacks. Which one?", Options: []commands.ChoiceOption{
			{Label: "web@production", Invocation: commands.Invocation{Verb: commands.Show, UID: "a"}},
			{Label: "web@staging", Invocation: commands.Invocation{Verb: commands.Show, UID: "b"}},
		}},
		"choice-too-long-for-a-button": commands.ChoiceReply{What: "“web” fits 1 stacks. Which one?", Options: []commands.ChoiceOption{
			{Label: "web@production", Invocation: commands.Invocation{Verb: commands.Redeploy, UID: "a", Services: strings.Repeat("x", 2000)}},
		}},
		"question": commands.QuestionReply{Stack: stack, What: "redeploy it now?", YesText: "redeploy", Facts: []string{"Live now is #1041, commit 4f2c1d9.", "It usually takes 5 min."},
			Yes: commands.Invocation{Verb: commands.Redeploy, UID: "abc123", Yes: true, Nonce: "n"}},
		"question-dangerous": commands.QuestionReply{Stack: stack, What: "cancel #1042?", YesText: "cancel it", Danger: true,
			Yes: commands.Invocation{Verb: commands.Cancel, UID: "abc123", Deployment: 1042, Yes: true}},
		"problem": commands.ProblemReply{Stack: &stack, What: "there is a newer deployment than when I asked.", State: "Nothing was done.",
			Do: "Look at it, then ask again.", Example: "redeploy web@production", Command: "/c66", Ref: "k3f9z"},
		"problem-without-stack": commands.ProblemReply{What: "Cloud 66 cannot be reached.", Ref: "k3f9z"},
		"notice":                commands.NoticeReply{Stack: &stack, Text: "this stack has never been deployed."},
	}
	for _, more := range []map[string]commands.Reply{refusals(), ruled(), statuses(), overviews(), subscribing()} {
		maps.Copy(all, more)
	}
	return all
}

// usages are commands that were not understood, by name.
func usages() map[string]*commands.UsageError {
	return map[string]*commands.UsageError{
		"usage-near": {What: "I don't know the option “--brnch”.", Near: "--ref", Example: "redeploy web@production --ref main"},
		"usage-bare": {What: "A quote is opened and never closed."},
	}
}

// steps are the lines of a card's thread, by name.
func steps() map[string]Message {
	all := map[string]Message{}
	for name, v := range cards() {
		if v.Follow.State != storage.Asked {
			all["step-"+name] = Step(v, v.Follow.State, now)
		}
	}
	late := view(asked(storage.Succeeded), ended(cloud66.OutcomeSuccess, 292*time.Second))
	all["step-start-told-after-its-end"] = Step(late, storage.Started, start)
	return all
}

// messages are all renderings, by name.
func messages() map[string]Message {
	all := steps()
	for name, v := range cards() {
		all["card-"+name] = Deployment(v)
	}
	for name, r := range replies() {
		all["reply-"+name] = Reply(r)
	}
	for name, u := range usages() {
		all["reply-"+name] = Usage(u, "/c66")
	}
	maps.Copy(all, reverts())
	maps.Copy(all, changes())
	for i, m := range Ended(manyEnds(7)) {
		all[fmt.Sprint("ended-", i+1)] = m
	}
	for i, m := range Ended(manyEnds(40)) {
		all[fmt.Sprint("ended-more-", i+1)] = m
	}
	all["reply-typed"] = WithTyped(Reply(replies()["problem"]), typed)
	all["reply-again"] = WithAgain(Reply(replies()["problem"]), typed)
	return all
}

// manyEnds are deployments that ended, asked for by three people and by nobody.
func manyEnds(n int) []View {
	views, all := cards(), make([]View, n)
	askers := []string{"U0LIN", "U0SAM", "U0LIN", "U0KIM", ""}
	for i := range all {
		v := views[[]string{"succeeded", "failed-another-still-live", "succeeded", "cancelled-elsewhere", "vanished", "succeeded", "failed-unknown-outcome"}[i%7]]
		d := ended("", time.Minute)
		if v.Deployment != nil {
			d = *v.Deployment
		}
		d.ID = int64(1001 + i)
		v.Deployment, v.Follow.Deployment, v.Follow.Asker = &d, d.ID, askers[i%5]
		all[i] = v
	}
	return all
}

// hostile are texts that try to ping, to link, to format, or to break a message.
func hostile() map[string]string {
	return map[string]string{
		"very long":        strings.Repeat("n", 3000),
		"very long words":  strings.Repeat("deploy it ", 1000),
		"long in entities": strings.Repeat("&<>", 3400),
		"long in marks":    strings.Repeat("* _ ~ ` ", 1250),
		"emoji":            strings.Repeat("👩‍👩‍👧‍👦", 700),
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
	return storage.Rule{ID: bad, Channel: "C1", Who: bad, Actions: []string{bad, bad}, Stacks: bad, By: bad, At: now, Until: now}
}

func hostileStacks(bad string) commands.StacksReply {
	d := ended("", time.Minute)
	d.Outcome = cloud66.Value[cloud66.Outcome]{Raw: bad, Meaning: bad}
	s := cloud66.Stack{UID: bad, Name: bad, Environment: bad, AccountName: bad, Status: 99, Health: 99}
	return commands.StacksReply{Text: bad, Stacks: slices.Repeat([]commands.StackEntry{{Stack: s, Newest: &d}}, 10), Page: 2, Offset: 10, Total: 95, At: now}
}

// spoiled are all renderings with a hostile text wherever text comes from outside.
func spoiled(bad string) map[string]Message {
	ref := storage.StackRef{UID: bad, Name: bad, Environment: bad}
	soil := func(d cloud66.Deployment) cloud66.Deployment {
		d.TriggeredBy, d.GitHash, d.GitRef, d.DeploySession, d.CommitURL, d.SnapshotUUID, d.RevertedBy = bad, bad, bad, bad, bad, bad, bad
		d.Outcome.Meaning, d.DeployType.Meaning, d.TriggeredVia = bad, bad, cloud66.Value[cloud66.Via]{Raw: bad}
		if d.Outcome.Kind == "" {
			d.Outcome.Raw = bad
		}
		return d
	}
	all := map[string]Message{}
	views, done, ends := cards(), map[string]bool{}, []View(nil)
	for _, name := range slices.Sorted(maps.Keys(views)) {
		v := views[name]
		kind := fmt.Sprint(v.Follow.State, v.Follow.Wish == nil, v.Follow.Subscribed)
		if done[kind] {
			continue // one of each is enough
		}
		done[kind] = true
		v.Follow.Stack, v.Follow.Said, v.Follow.Asker = ref, bad, bad
		if v.By != "" {
			v.By = bad
		}
		if v.Follow.Subscribed {
			v.Mentions, v.Born = []string{bad}, true
		}
		if v.Follow.Wish != nil {
			v.Follow.Wish = &storage.Wish{Ref: bad, Services: bad, Profile: bad, Reason: bad}
		}
		if v.Deployment != nil {
			d := soil(*v.Deployment)
			v.Deployment = &d
		}
		if v.Cancelled != nil {
			v.Cancelled = &storage.Cancel{User: bad}
		}
		all["card-"+name], all["step-"+name] = Deployment(v), Step(v, v.Follow.State, now)
	}
	entry := commands.Entry{Deployment: soil(ended(cloud66.OutcomeSuccess, time.Minute)), Reason: bad}
	entry.Deployment.Reverted, entry.Deployment.RevertedAt = true, now
	list := commands.ListReply{Stack: ref, Page: 2, Offset: 10, Total: 95, At: now}
	for i := range 10 {
		list.Entries = append(list.Entries, entry)
		list.Entries[i].Deployment.ID = int64(i + 1)
	}
	admins := commands.Admins{Users: []string{bad}, Groups: []string{bad}}
	choice := commands.ChoiceReply{What: bad}
	for i := range 40 {
		choice.Options = append(choice.Options, commands.ChoiceOption{Label: fmt.Sprint(bad, i), Invocation: commands.Invocation{Verb: commands.Show, UID: bad}})
	}
	choice.Options = append(choice.Options, commands.ChoiceOption{Label: bad})
	topic, everywhere := commands.Specs[0], hostileRule(bad)
	for name, r := range map[string]commands.Reply{
		"list": list, "detail": commands.DetailReply{Stack: ref, Entry: entry, At: now}, "choice": choice,
		"question": commands.QuestionReply{Stack: ref, What: bad, Facts: slices.Repeat([]string{bad}, 10), YesText: bad, Danger: true},
		"refusal":  commands.RefusalReply{Right: authz.Action(bad), Admins: admins},
		"refusal named": commands.RefusalReply{Stack: &ref, Holders: slices.Repeat([]string{bad}, 9), Admins: admins, NoRules: true, Command: "/c66", Rule: bad,
			Ask: &commands.Invocation{Verb: commands.Ask, Glob: bad}},
		"refusal unknown": commands.RefusalReply{Typed: bad, Near: []string{bad, bad, bad}, Denied: bad},
		"stacks":          hostileStacks(bad),
		"narrowed":        commands.ListReply{Stack: ref, Entries: list.Entries, Total: 95, Filter: commands.Invocation{Outcome: bad, By: bad}, Trail: bad, Older: bad, At: now},
		"narrowed empty":  commands.ListReply{Stack: ref, Total: 95, Filter: commands.Invocation{By: bad}, At: now},
		"access":          commands.AccessReply{Rules: slices.Repeat([]storage.Rule{hostileRule(bad)}, 15), Page: 2, Offset: 15, Total: 45, Admins: admins},
		"why":             commands.WhyReply{Right: authz.View, Stack: ref, User: bad, Decision: authz.Decision{Rule: &everywhere, Reason: bad}},
		"why rules":       commands.WhyReply{Right: authz.Admin, User: bad, Decision: authz.Decision{Reason: bad}},
		"rule":            commands.RuleReply{Rule: everywhere, Handle: bad, By: bad},
		"rule of a group": commands.RuleReply{Rule: storage.Rule{Who: "S" + bad, Stacks: bad}, Handle: bad, By: bad, Revoked: true},
		"request": commands.RequestReply{User: bad, Admins: admins,
			Wishes: slices.Repeat([]commands.Wished{{Right: bad, Glob: bad, Grant: commands.Invocation{Verb: commands.Grant, Glob: bad}}}, 10)},
		"request granted": commands.RequestReply{User: bad, Wishes: []commands.Wished{{Right: bad, Glob: bad, Given: &everywhere}}},
		"open":            commands.OpenReply{Stack: ref, Form: commands.Invocation{Verb: commands.Redeploy, UID: bad}},
		"status": commands.StatusReply{BotStatus: commands.BotStatus{Version: bad, Ready: errors.New(bad)}, At: now,
			Follows: slices.Repeat([]storage.Follow{{Stack: ref, Deployment: 1}}, 30)},
		"problem": commands.ProblemReply{Stack: &ref, What: bad, State: bad, Do: bad, Example: bad, Command: "/c66", Ref: bad},
		"notice":  commands.NoticeReply{Text: bad}, "help": commands.HelpReply{Command: "/c66", Topic: &topic, Profiles: []string{bad, bad}},
		"may not": commands.HelpReply{MayNot: true, Admins: admins},
	} {
		all["reply-"+name] = Reply(r)
	}
	for name, r := range hostileSubscriptions(bad, entry) {
		all["reply-"+name] = Reply(r)
	}
	all["reverted"] = Reverted(ref, entry.Deployment)
	other := storage.StackRef{UID: "u", Name: bad, Environment: bad}
	all["stacks"] = StackChanges(slices.Repeat([]StackChange{{Was: ref, Now: other}, {Was: other}, {Was: ref, Now: other, Fits: true}}, 11))
	for i := range 40 {
		v := views["failed-unknown-outcome"]
		d := soil(*v.Deployment)
		v.Deployment, v.Follow.Stack, v.Follow.Asker, v.Follow.Deployment = &d, ref, fmt.Sprint(bad, i%9), int64(i+1)
		ends = append(ends, v)
	}
	for i, m := range Ended(ends) {
		all[fmt.Sprint("ended-", i)] = m
	}
	all["usage"] = Usage(&commands.UsageError{What: bad, Near: bad, Example: bad}, "/c66")
	return all
}
