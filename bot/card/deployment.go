package card

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// View is the data of a followed deployment's card.
type View struct {
	Follow     storage.Follow
	Deployment *cloud66.Deployment // nil while unknown
	Cancelled  *storage.Cancel
	By         string             // Slack user who requested it from the bot in another channel, or ""
	Began      time.Time          // start on the bot's own clock, zero while unknown
	Ahead      int64              // deployment that blocks a queued one, or 0
	Overtaken  int64              // newer deployment that has ended while it waits, or 0
	Live       int64              // id of the stack's live deployment, or 0
	Before     cloud66.Deployment // what was live before this one, or is live until it ends; zero if that is unknown
	Earlier    int64              // the last deployment before this one that brought something else live, or 0
	Dashboard  string             // the stack's page in Cloud 66's dashboard, or ""
	First      bool               // nothing was posted yet: a mention would notify the asker of their own command
	Mentions   []string           // users and groups that a subscription mentions on failure
	Born       bool               // first seen after its end, so no steps follow the card
	Gap        bool               // the stack had more deployments than were read
	LiveAt     time.Time          // when it went live, if its stack fell ill since
	Impaired   bool               // the stack is impaired, and has not failed
	Corrects   storage.State      // the end that was told before, if Cloud 66 tells another one now, or ""
	At         time.Time
}

// Deployment renders the card of a deployment: what happened, at most one line of notes, and in small type who asked for what.
func Deployment(v View) Message {
	head, notes, small := v.head(), v.notes(), []markup.Text{v.who(), v.what()}
	lines := []markup.Text{head, markup.Join(append([]markup.Text{v.bar()}, notes...), " · ")}
	if v.Born {
		lines, notes = append(lines, pings(v.Mentions)...), append(notes, pings(v.Mentions)...)
	}
	return kit.Draw(doc.Document{Brief: markup.Brief(head, append(notes, small...)...), Blocks: []doc.Block{
		doc.Lines(slices.DeleteFunc(lines, markup.Text.Empty)...), doc.Small(markup.Join(small, "\n")), doc.Buttons(v.buttons()...),
	}})
}

// Step renders the line in the card's thread for a change of state; one that is broadcast, and so stands alone, names the stack. The final
// line mentions the asker; a failure also mentions v.Mentions.
func Step(v View, state storage.State, broadcast bool) Message {
	v.Follow.State = state
	line := v.happened()
	if state == storage.Started {
		line = v.started()
	}
	switch {
	case broadcast:
		line = markup.Format("%s %s", wording.Stack(v.Follow.Stack), line)
	case state == storage.Unhealthy || state == storage.Recovered:
		line = markup.Format("the stack %s", line)
	}
	line = markup.Format("%s %s", v.sign(), line)
	if v.Corrects != "" {
		line = markup.Format("%s; Cloud 66 said before that it %s", line, ends[v.Corrects])
	}
	var named []string
	if state.End() && v.Follow.Asker != "" {
		named = append(named, v.Follow.Asker)
	}
	if state == storage.Failed || state == storage.Unhealthy {
		named = append(named, slices.DeleteFunc(slices.Clone(v.Mentions), func(id string) bool { return id == v.Follow.Asker })...)
	}
	all := pings(named)
	if len(all) == 1 {
		line, all = markup.Join([]markup.Text{line, all[0]}, " · "), nil
	}
	return draw(doc.Lines(append([]markup.Text{line}, all...)...))
}

// Mistaken renders the line in a card's thread that takes back what was said of another deployment.
func Mistaken(v View, other int64) Message {
	why := markup.Format("Cloud 66 tells now that the redeploy is another deployment")
	switch {
	case v.Follow.State == storage.Refused:
		why = markup.Format("that is somebody else's")
	case v.Follow.Deployment != 0:
		why = markup.Format("Cloud 66 tells now that the redeploy is %s", v.number())
	}
	return draw(doc.Lines(markup.Format("%s not #%d after all: %s", wording.Sign(storage.Unclear), other, why)))
}

// maxPings is the number of mentions in one text. It is low enough that none is cut off.
const maxPings = 50

// pings returns texts that mention users and groups, with at most maxPings mentions in each.
func pings(ids []string) []markup.Text {
	var texts []markup.Text
	for some := range slices.Chunk(ids, maxPings) {
		var names []markup.Text
		for _, id := range some {
			names = append(names, wording.Party(id))
		}
		texts = append(texts, markup.Join(names, " "))
	}
	return texts
}

// started is the thread's line for a start. It omits the running time, which would soon be outdated.
func (v View) started() markup.Text {
	if v.usual() <= 0 {
		return markup.Format("%s started", v.number())
	}
	return markup.Format("%s started, usually done in %s", v.number(), wording.Nearly(v.usual()))
}

func (v View) usual() time.Duration { return time.Duration(v.Follow.Usual) * time.Second }

// Start returns when the deployment began, or zero while unknown.
func (v View) Start() time.Time {
	if v.Follow.StartedAt.IsZero() || v.Began.IsZero() {
		return v.Follow.StartedAt
	}
	return v.Began // Cloud 66's clock may be wrong
}

// Runs reports whether the card shows a running time, so that it looks different at another At.
func (v View) Runs() bool {
	s := v.Follow.State
	return !v.Start().IsZero() && (s == storage.Slow || s == storage.Started && !v.Follow.Subscribed)
}

func (v View) elapsed() time.Duration {
	began := v.Start()
	if began.IsZero() {
		return 0
	}
	return max(v.At.Sub(began), 0)
}

// took returns the time from the start to the end, or to v.At while the deployment runs.
func (v View) took() time.Duration {
	if v.Deployment != nil && v.Deployment.Duration() > 0 {
		return v.Deployment.Duration()
	}
	return v.elapsed()
}

func (v View) number() markup.Text {
	if v.Follow.Deployment == 0 {
		return markup.Format("the deployment")
	}
	return markup.Format("#%d", v.Follow.Deployment)
}

// head is the first line: sign, stack and event.
func (v View) head() markup.Text {
	return markup.Format("%s %s %s", v.sign(), wording.Stack(v.Follow.Stack), v.happened())
}

func (v View) sign() string { return wording.Sign(v.Follow.State) }

func (v View) happened() markup.Text {
	n := v.number()
	switch v.Follow.State {
	case storage.Succeeded, storage.Failed, storage.Over:
		if v.Deployment == nil {
			return v.said(n)
		}
	}
	switch v.Follow.State {
	case storage.Queued:
		if v.Ahead != 0 {
			return markup.Format("%s is queued behind #%d", n, v.Ahead)
		}
		return markup.Format("%s is queued", n)
	case storage.Waits:
		return markup.Format("%s is still queued, and #%d, which came later, has ended", n, v.Overtaken)
	case storage.Started:
		return v.deploying(n)
	case storage.Slow:
		if v.usual() <= 0 {
			return markup.Format("%s is still deploying after %s", n, wording.Roughly(v.elapsed()))
		}
		return markup.Format("%s is still deploying after %s, usually done in %s", n, wording.Roughly(v.elapsed()), wording.Nearly(v.usual()))
	case storage.Lost:
		return v.lost(n)
	case storage.Succeeded:
		return v.succeeded(n)
	case storage.Failed:
		return markup.Format("%s failed%s%s", n, v.after(), v.stillLive())
	case storage.Over:
		return v.over(n)
	case storage.Cancelled:
		return v.cancelled(n)
	case storage.Unhealthy, storage.Recovered:
		return v.health(n)
	case storage.Refused:
		return markup.Format("not redeployed: %s", v.Follow.Said)
	case storage.Unclear:
		return markup.Format("Cloud 66 did not tell what became of the redeploy: %s", v.Follow.Said)
	case storage.Unposted:
		return markup.Format("not redeployed: Slack took this card too late, so nothing was sent to Cloud 66")
	case storage.Vanished:
		return markup.Format("%s is not there any more: it or its stack was deleted", n)
	default:
		if v.Follow.Wish == nil {
			return markup.Format("following %s", n)
		}
		return v.requested()
	}
}

// requested describes a redeploy whose deployment is not known yet.
func (v View) requested() markup.Text {
	switch w := v.Follow.Wish; {
	case w.Guess != 0:
		return markup.Format("redeploy requested, probably #%d; Cloud 66 does not tell yet", w.Guess)
	case !w.Late:
		return markup.Format("redeploy requested")
	case w.Arrived:
		return markup.Format("Cloud 66 took the redeploy; it is not in its list yet")
	default:
		return markup.Format("Cloud 66 did not answer; checking whether it started")
	}
}

func (v View) lost(n markup.Text) markup.Text {
	silence := wording.Roughly(v.At.Sub(v.Follow.SilentSince))
	was := "had not ended"
	if !v.Follow.StartedAt.IsZero() {
		was = "was deploying"
	}
	if v.Follow.Said != "" {
		return markup.Format("not seen for %s, since %s; %s %s when last seen", silence, v.Follow.Said, n, was)
	}
	if v.Follow.Deployment == 0 {
		return markup.Format("Cloud 66 has not answered for %s; what became of the redeploy is not known", silence)
	}
	return markup.Format("Cloud 66 has not answered for %s; %s %s when last seen", silence, n, was)
}

// ends are the words for the ends of a deployment.
var ends = map[storage.State]string{
	storage.Succeeded: "succeeded", storage.Failed: "failed", storage.Over: "ended", storage.Cancelled: "was cancelled",
	storage.Vanished: "was deleted",
}

// said describes the end of a deployment that never showed up, as its stack action tells it.
func (v View) said(n markup.Text) markup.Text {
	how := ends[v.Follow.State]
	if v.Follow.Said == "" {
		return markup.Format("Cloud 66 says that %s %s", n, how)
	}
	return markup.Format("Cloud 66 says that %s %s: %s", n, how, markup.Shorten(v.Follow.Said, wording.MaxName))
}

// live reports whether the servers run what this deployment brought there.
func (v View) live() bool {
	d := v.Deployment
	went := v.Follow.State == storage.Succeeded || v.Follow.State == storage.Unhealthy || v.Follow.State == storage.Recovered
	return went && d != nil && d.IsLive && !d.Reverted
}

// succeeded describes a success, which went live only where Cloud 66 says so.
func (v View) succeeded(n markup.Text) markup.Text {
	if v.live() {
		return markup.Format("%s went live%s", n, v.after())
	}
	line := markup.Format("%s succeeded", n)
	switch kind := v.Deployment.Type(); kind {
	case cloud66.TypeBuild, cloud66.TypeRedeploy, "":
	default:
		line = markup.Format("%s (%s)", line, markup.Shorten(string(kind), wording.MaxName))
	}
	if v.took() <= 0 {
		return line
	}
	return markup.Format("%s, took %s", line, wording.Duration(v.took()))
}

// health describes the health of the stack since the deployment went live.
func (v View) health(n markup.Text) markup.Text {
	how := markup.Format("is failing")
	switch {
	case v.Follow.State == storage.Recovered:
		how = markup.Format("is healthy again")
	case v.Impaired:
		how = markup.Format("is impaired")
	}
	if after := v.At.Sub(v.LiveAt); !v.LiveAt.IsZero() && after > 0 {
		return markup.Format("%s %s after %s went live", how, wording.Roughly(after), n)
	}
	return markup.Format("%s after %s went live", how, n)
}

// over describes an end with an unknown outcome.
func (v View) over(n markup.Text) markup.Text {
	said := "unknown"
	if v.Deployment != nil {
		said = cmp.Or(markup.Shorten(v.Deployment.Outcome.String(), wording.MaxName), said)
	}
	return markup.Format("%s ended%s, outcome %s%s", n, v.after(), said, v.stillLive())
}

// after is the suffix with the duration, empty if unknown.
func (v View) after() markup.Text {
	if v.took() <= 0 {
		return markup.Text{}
	}
	return markup.Format(" after %s", wording.Duration(v.took()))
}

func (v View) stillLive() markup.Text {
	if v.Live == 0 || v.Live == v.Follow.Deployment {
		return markup.Text{}
	}
	return markup.Format("; #%d is still live", v.Live)
}

func (v View) cancelled(n markup.Text) markup.Text {
	var by markup.Text
	if v.Cancelled != nil {
		by = markup.Format(" by %s", markup.User(v.Cancelled.User))
	}
	return markup.Format("%s was cancelled%s%s%s", n, by, v.after(), v.stillLive())
}

// deploying describes the progress, relative to the usual duration if known. Cards of subscriptions are rarely updated and therefore show
// no running time.
func (v View) deploying(n markup.Text) markup.Text {
	timeless := v.Follow.Subscribed || v.Start().IsZero()
	switch {
	case timeless && v.usual() <= 0:
		return markup.Format("deploying %s", n)
	case timeless:
		return markup.Format("deploying %s, usually done in %s", n, wording.Nearly(v.usual()))
	case v.usual() <= 0:
		return markup.Format("deploying %s, %s so far", n, wording.Roughly(v.elapsed()))
	default:
		return markup.Format("deploying %s, %s of about %s", n, wording.Roughly(v.elapsed()), wording.Nearly(v.usual()))
	}
}

// notes returns what else there is to say of the state, rarely anything.
func (v View) notes() (notes []markup.Text) {
	f := v.Follow
	if v.Corrects != "" {
		notes = append(notes, markup.Format("Cloud 66 said before that it %s", ends[v.Corrects]))
	}
	if (f.State == storage.Failed || f.State == storage.Over) && v.Deployment != nil && markup.OneLine(f.Said) != "" {
		notes = append(notes, markup.Format("Cloud 66 says: %s", markup.Shorten(f.Said, maxSaid)))
	}
	if f.Wish != nil && len(f.Wish.Overrides) > 0 {
		notes = append(notes, markup.Format("overrides %s", overridden(f, f.Wish.Overrides, v.First)))
	}
	if w := f.Wish; w != nil && w.Guess != 0 && w.Guess == f.Deployment {
		notes = append(notes, markup.Format("probably this one: Cloud 66 does not tell which deployment the redeploy became"))
	}
	if w := f.Wish; w != nil && markup.OneLine(w.Warning) != "" {
		notes = append(notes, markup.Format("Cloud 66 warns: %s", markup.Shorten(w.Warning, wording.MaxName)))
	}
	if v.Cancelled != nil && !f.State.End() {
		notes = append(notes, markup.Format("cancel requested by %s", markup.User(v.Cancelled.User)))
	}
	if v.Born && v.Gap {
		notes = append(notes, markup.Format("There were more deployments before it than I could read; the stack's list shows all of them"))
	}
	return notes
}

// maxSaid is how much of Cloud 66's reason for a failure is shown, in characters.
const maxSaid = 300

// bar draws the running time relative to the usual duration as ten blocks, by the minutes that the first line shows.
func (v View) bar() markup.Text {
	if !v.Runs() || v.usual() <= 0 || v.Follow.Subscribed {
		return markup.Text{}
	}
	done := min(10, int(10*wording.RoughlyOf(v.elapsed())/wording.NearlyOf(v.usual())))
	return markup.Format("%s%s", strings.Repeat("▓", done), strings.Repeat("░", 10-done))
}

// who describes who asked, and why.
func (v View) who() markup.Text {
	f := v.Follow
	var asker, starter, reason, follower markup.Text
	switch {
	case f.Wish != nil:
		asker = markup.User(f.Asker)
		if markup.OneLine(f.Wish.Reason) != "" {
			reason = markup.Format("“%s”", f.Wish.Reason)
		}
	case v.By != "": // Cloud 66 would name the owner of the bot's token
		asker = markup.User(v.By)
	case v.Deployment != nil:
		starter = starterOf(*v.Deployment)
	}
	if f.Wish == nil && !f.Subscribed {
		follower = markup.Format("followed by %s", markup.User(f.Asker))
	}
	if v.First {
		asker, follower = markup.Text{}, markup.Text{}
	}
	return markup.Join([]markup.Text{asker, starter, reason, follower}, " · ")
}

// starterOf names who started a deployment, and how.
func starterOf(d cloud66.Deployment) markup.Text {
	via := wording.Via(d.TriggeredVia)
	switch {
	case d.TriggeredBy != "":
		return markup.Format("%s%s", markup.Shorten(d.TriggeredBy, wording.MaxName), via)
	case !via.Empty():
		return markup.Format("started%s", via)
	default:
		return markup.Text{}
	}
}

// what describes what is deployed, and since when the card shows what it shows.
func (v View) what() markup.Text {
	var ref string
	var origin, services, profile, commit, changed markup.Text
	if w := v.Follow.Wish; w != nil {
		ref, services, profile = w.Ref, markup.Code(w.Services), markup.Code(w.Profile)
		switch {
		case w.From != "":
			origin = markup.Format("#%d of *%s*", w.Origin, markup.Shorten(w.From, wording.MaxName))
		case w.Origin != 0:
			origin = markup.Format("back to #%d", w.Origin)
		}
		if w.Origin != 0 {
			ref = wording.ShortHash(ref)
		}
	}
	if d := v.Deployment; d != nil {
		if ref = cmp.Or(ref, d.GitRef); d.GitHash != "" {
			commit, changed = wording.Commit(*d, wording.ShortHash(d.GitHash)), wording.WhatChanged(v.Before, *d)
			if strings.HasPrefix(strings.ToLower(d.GitHash), strings.ToLower(ref)) {
				ref = "" // the commit was asked for
			}
		}
	}
	version := markup.Join([]markup.Text{markup.Code(ref), commit}, " @ ")
	return markup.Join([]markup.Text{origin, version, services, profile, changed, markup.When(v.when())}, " · ")
}

// when returns the time of what the first line says.
func (v View) when() time.Time {
	f := v.Follow
	switch {
	case v.Deployment != nil && v.Deployment.Ended() && !v.Deployment.FinishedAt.IsZero():
		return v.Deployment.FinishedAt
	case f.State.End() && !f.EndedAt.IsZero():
		return f.EndedAt
	case !f.StartedAt.IsZero():
		return f.StartedAt
	default:
		return f.AskedAt
	}
}

// buttons returns the actions that make sense in the state: at most three, the likely one first.
func (v View) buttons() []doc.Button {
	f := v.Follow
	again := commands.Button("Redeploy", commands.Invocation{Verb: commands.Redeploy, UID: f.Stack.UID, Follow: f.ID}, "redeploy")
	var show, cancel doc.Button
	open := commands.OpenButton(markup.WebAddress(v.Dashboard))
	if f.Deployment != 0 {
		show = commands.Button("Show", commands.Invocation{Verb: commands.Show, UID: f.Stack.UID, Deployment: f.Deployment}, "show")
		cancel = commands.CancelButton(f.Stack, f.Deployment)
	}
	switch f.State {
	case storage.Vanished:
		return nil
	case storage.Succeeded, storage.Recovered:
		return []doc.Button{show, v.rollBack()}
	case storage.Unhealthy:
		return []doc.Button{v.rollBack(), show, open}
	case storage.Failed, storage.Over:
		return []doc.Button{again, show, open}
	case storage.Cancelled:
		return []doc.Button{again, show}
	case storage.Unclear:
		return []doc.Button{open, again}
	case storage.Refused, storage.Unposted:
		return []doc.Button{again, open}
	case storage.Lost:
		return []doc.Button{show, cancel, open}
	default:
		return []doc.Button{show, cancel}
	}
}

// rollBack leads from what is live back to what was live before it; it is the zero Button if there was nothing else.
func (v View) rollBack() doc.Button {
	if !v.live() || v.Earlier == 0 {
		return doc.Button{}
	}
	back := commands.Invocation{Verb: commands.Rollback, UID: v.Follow.Stack.UID, Deployment: v.Follow.Deployment}
	return commands.Button("Roll back", back, "roll-back")
}
