package card

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
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

// overriding is a follow of a redeploy that was begun in spite of locks.
func overriding(asker string, locks int) storage.Follow {
	f := asked(storage.Started)
	for i := range locks {
		f.Wish.Overrides = append(f.Wish.Overrides, storage.Overridden{Lock: fmt.Sprintf("k3f%d", i), Holder: "U0LIN", Channel: "C2"})
	}
	f.Asker = asker
	return f
}

// timeless is a follow of a deployment whose start is not known.
func timeless(state storage.State) storage.Follow {
	f := asked(state)
	f.StartedAt = time.Time{}
	return f
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

// after is a view of a deployment that went live four minutes ago.
func after(f storage.Follow, impaired bool) View {
	v := view(f, ended(cloud66.OutcomeSuccess, 100*time.Second))
	v.LiveAt, v.Impaired = now.Add(-4*time.Minute-10*time.Second), impaired
	v.replaces()
	return v
}

// replaces puts another version before that of a view.
func (v *View) replaces() {
	v.Deployment.CommitURL = "https://github.com/acme/web/commit/4f2c1d90aa"
	v.Before, v.Earlier = cloud66.Deployment{ID: 1041, GitHash: "9d2e1f04bb"}, 1041
}

// cards are views of the card in every state, by name.
func cards() map[string]View {
	queued := running()
	queued.IsDeploying, queued.StartedAt = false, time.Time{}
	queuedFollow := asked(storage.Queued)
	queuedFollow.StartedAt = time.Time{}
	services := asked(storage.Started)
	services.Wish = &storage.Wish{Services: "api:1.4.2,worker"}
	back, promoted := asked(storage.Started), asked(storage.Started)
	back.Wish = &storage.Wish{Ref: "4f2c1d90aa", Origin: 1040, Reason: "the login fails"}
	promoted.Wish = &storage.Wish{Ref: "4f2c1d90aa", Origin: 210, From: "web@staging"}
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
	coded, untold := odd, odd
	coded.Outcome.Meaning, untold.Outcome = "", cloud66.Value[cloud66.Outcome]{}
	outlived, untimed := ended(cloud66.OutcomeSuccess, 292*time.Second), ended(cloud66.OutcomeSuccess, 0)
	outlived.IsLive, untimed.StartedAt, untimed.FinishedAt = false, time.Time{}, time.Time{}
	unstarted := running()
	unstarted.StartedAt = time.Time{}
	hook := running()
	hook.TriggeredBy, hook.TriggeredVia = "kim@example.com", known(cloud66.ViaHook)
	cancel := &storage.Cancel{User: "U0KIM", At: now}
	cancelling := view(asked(storage.Started), running())
	cancelling.Cancelled = cancel
	cancelled := view(asked(storage.Cancelled), ended(cloud66.OutcomeFailed, 40*time.Second))
	cancelled.Cancelled, cancelled.Live = cancel, 1041
	failed := view(asked(storage.Failed), ended(cloud66.OutcomeFailed, 130*time.Second))
	failed.Live = 1041
	why := failed
	why.Follow.Said, why.Dashboard = "The build server is gone", "https://app.cloud66.com/dashboard"
	changing, live := view(asked(storage.Started), running()), view(asked(storage.Succeeded), ended(cloud66.OutcomeSuccess, 292*time.Second))
	changing.replaces()
	live.replaces()
	first := View{Follow: unknown(asked(storage.Asked), ""), First: true, At: now}
	scaled := view(asked(storage.Succeeded), outlived)
	scaled.Deployment.DeployType = known(cloud66.TypeScale)
	behind := view(queuedFollow, queued)
	behind.Ahead = 1041
	unfound := followed(storage.Asked)
	unfound.StartedAt = time.Time{}
	silent, unlisted := unknown(asked(storage.Asked), ""), unknown(asked(storage.Asked), "")
	silent.Wish = &storage.Wish{Ref: "main", Late: true}
	unlisted.Wish = &storage.Wish{Ref: "main", Late: true, Arrived: true}
	all := map[string]View{
		"asked-unanswered":               {Follow: silent, At: now},
		"asked-unlisted":                 {Follow: unlisted, At: now},
		"asked-first":                    first,
		"failed-and-why":                 why,
		"succeeded-and-not-live-scaled":  scaled,
		"asked":                          {Follow: unknown(asked(storage.Asked), ""), At: now},
		"queued":                         view(queuedFollow, queued),
		"queued-behind-another":          behind,
		"started":                        changing,
		"started-overriding-their-own":   view(overriding("U0LIN", 1), running()),
		"started-overriding-several":     view(overriding("U0SAM", 5), running()),
		"started-rollback":               view(back, running()),
		"started-promotion":              view(promoted, running()),
		"started-services":               view(services, running()),
		"started-without-usual-time":     view(unusual, running()),
		"started-cancel-asked":           cancelling,
		"slow":                           view(slow, running()),
		"slow-without-usual-time":        view(slowUnusual, running()),
		"lost":                           {Follow: lost, At: now},
		"lost-before-it-was-found":       {Follow: lostEarly, At: now},
		"succeeded":                      live,
		"failed-another-still-live":      failed,
		"unhealthy":                      after(asked(storage.Unhealthy), false),
		"unhealthy-impaired":             after(followed(storage.Unhealthy), true),
		"recovered":                      after(asked(storage.Recovered), false),
		"over":                           view(asked(storage.Over), odd),
		"over-without-a-word":            view(asked(storage.Over), coded),
		"over-without-an-outcome":        view(asked(storage.Over), untold),
		"succeeded-and-not-live":         view(asked(storage.Succeeded), outlived),
		"succeeded-without-times":        view(timeless(storage.Succeeded), untimed),
		"started-without-times":          view(timeless(storage.Started), unstarted),
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

// steps are the lines of a card's thread, by name.
func steps() map[string]Message {
	all := map[string]Message{}
	for name, v := range cards() {
		if v.Follow.State != storage.Asked {
			all["step-"+name] = Step(v, v.Follow.State, false)
		}
	}
	late := view(asked(storage.Succeeded), ended(cloud66.OutcomeSuccess, 292*time.Second))
	all["step-start-told-after-its-end"] = Step(late, storage.Started, false)
	return all
}

// messages are all renderings, by name.
func messages() map[string]Message {
	all := steps()
	for name, v := range cards() {
		all["card-"+name] = Deployment(v)
	}
	maps.Copy(all, suspensions())
	maps.Copy(all, reverts())
	maps.Copy(all, changes())
	for i, m := range Ended(manyEnds(7)) {
		all[fmt.Sprint("ended-", i+1)] = m
	}
	for i, m := range Ended(manyEnds(40)) {
		all[fmt.Sprint("ended-more-", i+1)] = m
	}
	problem := commands.ProblemReply{Stack: &stack, What: "there is a newer deployment than when I asked.", State: "Nothing was done.",
		Do: "Look at it, then ask again.", Example: "redeploy web@production", Command: "/c66", Ref: "k3f9z"}
	all["reply-typed"], all["reply-again"] = WithTyped(Reply(problem), typed), WithAgain(Reply(problem), typed)
	return all
}

// manyEnds are deployments that ended, asked for by three people and by nobody.
func manyEnds(n int) []View {
	views, all := cards(), make([]View, n)
	askers := []string{"U0LIN", "U0SAM", "U0LIN", "U0KIM", ""}
	for i := range all {
		v := views[[]string{"succeeded", "failed-another-still-live", "succeeded", "cancelled-elsewhere", "vanished", "succeeded",
			"over"}[i%7]]
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
		v.Follow.Stack, v.Follow.Said, v.Follow.Asker, v.Dashboard = ref, bad, bad, bad
		if v.By != "" {
			v.By = bad
		}
		if v.Follow.Subscribed {
			v.Mentions, v.Born = []string{bad}, true
		}
		if v.Follow.Wish != nil {
			v.Follow.Wish = &storage.Wish{Ref: bad, Services: bad, Profile: bad, Reason: bad, Origin: 1, From: bad}
		}
		if v.Deployment != nil {
			d := soil(*v.Deployment)
			v.Deployment = &d
		}
		if v.Cancelled != nil {
			v.Cancelled = &storage.Cancel{User: bad}
		}
		all["card-"+name], all["step-"+name] = Deployment(v), Step(v, v.Follow.State, false)
	}
	whole := soil(ended(cloud66.OutcomeSuccess, time.Minute))
	whole.Reverted, whole.RevertedAt = true, now
	all["reply-problem"] = Reply(commands.ProblemReply{Stack: &ref, What: bad, State: bad, Do: bad, Example: bad, Command: "/c66", Ref: bad})
	all["reply-rows"] = kit.Draw(hostileRows(bad))
	all["reply-powerless"] = Powerless(bad, slices.Repeat([]storage.Subscription{{ID: bad, Stacks: bad}}, 20))
	all["reply-suspended"] = Suspended(bad, bad, slices.Repeat([]string{bad}, 20))
	all["reverted"] = Reverted(ref, whole)
	other := storage.StackRef{UID: "u", Name: bad, Environment: bad}
	all["stacks"] = StackChanges(slices.Repeat([]StackChange{{Was: ref, Now: other}, {Was: other}, {Was: ref, Now: other, Fits: true}}, 11))
	for i := range 12 {
		v := views["over"]
		d := soil(*v.Deployment)
		v.Deployment, v.Follow.Stack, v.Follow.Asker, v.Follow.Deployment = &d, ref, fmt.Sprint(bad, i%9), int64(i+1)
		ends = append(ends, v)
	}
	for i, m := range Ended(ends) {
		all[fmt.Sprint("ended-", i)] = m
	}
	return all
}

// hostileRows is a document with as much of everything as there can be.
func hostileRows(bad string) doc.Document {
	text := markup.Format("a %s %s", bad, markup.Code(bad))
	button := commands.Button("a "+bad, commands.Invocation{Verb: commands.Show, UID: bad}, "show")
	d := doc.Document{
		Blocks: []doc.Block{doc.Lines(slices.Repeat([]markup.Text{text}, 12)...), doc.Small(slices.Repeat([]markup.Text{text}, 12)...)},
	}
	for range 12 {
		d.Blocks = append(d.Blocks, doc.Row(text, button))
	}
	return d.With(doc.Buttons(button))
}
