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
	By         string        // Slack user who requested it from the bot in another channel, or ""
	Began      time.Time     // start on the bot's own clock, zero while unknown
	Ahead      int64         // deployment that blocks a queued one, or 0
	Overtaken  int64         // newer deployment that has ended while it waits, or 0
	Live       int64         // id of the stack's live deployment, or 0
	Mentions   []string      // users and groups that a subscription mentions on failure
	Born       bool          // first seen after its end, so no steps follow the card
	Gap        bool          // the stack had more deployments than were read
	LiveAt     time.Time     // when it went live, if its stack fell ill since
	Impaired   bool          // the stack is impaired, and has not failed
	Corrects   storage.State // the end that was told before, if Cloud 66 tells another one now, or ""
	At         time.Time
}

// Deployment renders the card of a deployment.
func Deployment(v View) Message {
	head, about := v.head(), v.about()
	if v.Born {
		if v.Corrects != "" {
			about = append([]markup.Text{markup.Format("Cloud 66 said before that it %s", ends[v.Corrects])}, about...)
		}
		about = append(pings(v.Mentions), about...)
		if v.Gap {
			about = append(about, markup.Format("there were more deployments before it than I could read; the stack's list shows all of them"))
		}
	}
	return kit.Draw(doc.Document{Brief: markup.Brief(head, about...), Blocks: []doc.Block{
		doc.Lines(head), doc.Small(append([]markup.Text{v.bar()}, about...)...), doc.Buttons(v.buttons()...),
	}})
}

// Step renders the line in the card's thread for a change of state. The final line mentions the asker; a failure also mentions v.Mentions.
func Step(v View, state storage.State, at time.Time) Message {
	v.Follow.State = state
	head := v.head()
	if state == storage.Started {
		head = markup.Format("%s %s: %s", v.sign(), wording.Stack(v.Follow.Stack), v.started())
	}
	if v.Corrects != "" {
		head = markup.Format("%s; Cloud 66 said before that it %s", head, ends[v.Corrects])
	}
	line := markup.Format("%s · %s", head, markup.Clock(at))
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
	switch {
	case v.Follow.State == storage.Refused:
		return draw(doc.Lines(markup.Format("Not #%d after all: that is somebody else's", other)))
	case v.Follow.Deployment == 0:
		return draw(doc.Lines(markup.Format("Not #%d after all: Cloud 66 tells now that the redeploy is another deployment", other)))
	default:
		return draw(doc.Lines(markup.Format("Not #%d after all: Cloud 66 tells now that the redeploy is %s", other, v.number())))
	}
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
	return markup.Format("%s %s: %s", v.sign(), wording.Stack(v.Follow.Stack), v.happened())
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
	if v.Follow.Said != "" {
		return markup.Format("not seen for %s, since %s; %s had not ended when last seen", silence, v.Follow.Said, n)
	}
	if v.Follow.Deployment == 0 {
		return markup.Format("Cloud 66 has not answered for %s; what became of the redeploy is not known", silence)
	}
	return markup.Format("Cloud 66 has not answered for %s; %s had not ended when last seen", silence, n)
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

// succeeded describes a success, which is live only where Cloud 66 says so.
func (v View) succeeded(n markup.Text) markup.Text {
	became := "succeeded"
	if d := v.Deployment; d != nil && d.IsLive && !d.Reverted {
		became = "is live"
	}
	if v.took() <= 0 {
		return markup.Format("%s %s", n, became)
	}
	return markup.Format("%s %s, took %s", n, became, wording.Duration(v.took()))
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
	said := "nothing"
	if v.Deployment != nil {
		said = cmp.Or(markup.Shorten(v.Deployment.Outcome.String(), wording.MaxName), said)
	}
	return markup.Format("%s ended%s; Cloud 66 says of its outcome: %s%s", n, v.after(), said, v.stillLive())
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

// about returns the details below the first line and the bar.
func (v View) about() []markup.Text {
	return []markup.Text{v.request(), v.guessed(), v.commit(), v.warning(), v.cancelAsked(), v.times()}
}

// guessed says that the deployment is a guess.
func (v View) guessed() markup.Text {
	if w := v.Follow.Wish; w == nil || w.Guess == 0 || w.Guess != v.Follow.Deployment {
		return markup.Text{}
	}
	return markup.Format("probably this one: Cloud 66 does not tell which deployment the redeploy became")
}

// warning is the warning in Cloud 66's response to the redeploy request.
func (v View) warning() markup.Text {
	if v.Follow.Wish == nil || v.Follow.Wish.Warning == "" {
		return markup.Text{}
	}
	return markup.Format("Cloud 66 warns: %s", markup.Shorten(v.Follow.Wish.Warning, wording.MaxName))
}

// bar draws the running time relative to the usual duration as ten blocks.
func (v View) bar() markup.Text {
	if (v.Follow.State != storage.Started && v.Follow.State != storage.Slow) || v.usual() <= 0 || v.Follow.Subscribed || v.Start().IsZero() {
		return markup.Text{}
	}
	done := min(10, int(10*v.elapsed()/v.usual()))
	return markup.Format("%s%s", strings.Repeat("▓", done), strings.Repeat("░", 10-done))
}

// request describes the asker, the options and the reason.
func (v View) request() markup.Text {
	w, d := v.Follow.Wish, v.Deployment
	switch {
	case v.Follow.Subscribed && d == nil:
		return markup.Text{}
	case v.Follow.Subscribed && v.By != "": // Cloud 66 would name the owner of the bot's token
		return markup.Format("asked by %s", markup.User(v.By))
	case v.Follow.Subscribed:
		return markup.Format("started%s", wording.Trigger(*d))
	case w == nil && d == nil:
		return markup.Format("followed by %s", markup.User(v.Follow.Asker))
	case w == nil:
		return markup.Format("started%s · followed by %s", wording.Trigger(*d), markup.User(v.Follow.Asker))
	}
	parts := []markup.Text{markup.Format("asked by %s", markup.User(v.Follow.Asker)), wanted(*w)}
	if w.Profile != "" {
		parts = append(parts, markup.Format("profile %s", markup.Code(w.Profile)))
	}
	if w.Reason != "" {
		parts = append(parts, markup.Format("“%s”", w.Reason))
	}
	return markup.Join(parts, " · ")
}

func (v View) commit() markup.Text {
	if v.Deployment == nil || v.Deployment.GitHash == "" {
		return markup.Text{}
	}
	commit := markup.Format("commit %s", wording.Commit(*v.Deployment, wording.ShortHash(v.Deployment.GitHash)))
	if v.Deployment.GitRef != "" && (v.Follow.Wish == nil || v.Follow.Wish.Ref != v.Deployment.GitRef) {
		commit = markup.Format("%s of %s", commit, markup.Code(v.Deployment.GitRef))
	}
	return commit
}

func (v View) cancelAsked() markup.Text {
	if v.Cancelled == nil || v.Follow.State.End() {
		return markup.Text{}
	}
	return markup.Format("cancel asked for by %s", markup.User(v.Cancelled.User))
}

func (v View) times() markup.Text {
	switch {
	case v.Deployment != nil && v.Deployment.Ended() && !v.Deployment.FinishedAt.IsZero():
		return markup.Format("ended %s", markup.When(v.Deployment.FinishedAt))
	case !v.Follow.StartedAt.IsZero():
		return markup.Format("since %s", markup.When(v.Follow.StartedAt))
	case v.Follow.Subscribed:
		return markup.Format("seen %s", markup.When(v.Follow.AskedAt))
	default:
		return markup.Format("asked %s", markup.When(v.Follow.AskedAt))
	}
}

// buttons returns the actions that the state allows: at most four, the destructive one last.
func (v View) buttons() []doc.Button {
	f := v.Follow
	if f.State == storage.Vanished || f.Deployment == 0 && !f.State.End() {
		return nil
	}
	again := commands.Button("Redeploy", commands.Invocation{Verb: commands.Redeploy, UID: f.Stack.UID}, "redeploy")
	if f.Deployment == 0 {
		return []doc.Button{again}
	}
	show := commands.Button("Show", commands.Invocation{Verb: commands.Show, UID: f.Stack.UID, Deployment: f.Deployment}, "show")
	var commit doc.Button
	if v.Deployment != nil {
		commit = wording.CommitButton(*v.Deployment)
	}
	if f.State.End() {
		return []doc.Button{show, again, commit}
	}
	refresh := commands.Invocation{Verb: commands.Refresh, UID: f.Stack.UID, Deployment: f.Deployment, Follow: f.ID}
	return []doc.Button{commands.Button("Refresh", refresh, "refresh"), show, commit, commands.CancelButton(f.Stack, f.Deployment)}
}
