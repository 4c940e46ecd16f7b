package card

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// View is what the card of a followed deployment shows.
type View struct {
	Follow     storage.Follow
	Deployment *cloud66.Deployment // nil while it is not known
	Cancelled  *storage.Cancel
	Ahead      int64 // the deployment that a queued one waits for, 0 where none is known
	Live       int64 // the deployment that is live beside it, 0 where none is known
	At         time.Time
}

// Deployment renders the card.
func Deployment(v View) Message {
	head, about := v.head(), v.about()
	return message(plain(head, about...), section(head), small(append([]mrkdwn{v.bar()}, about...)...), actions(v.buttons()...))
}

// Step renders the line in the card's thread that tells a state. The last one names who asked.
func Step(v View, state storage.State, at time.Time) Message {
	v.Follow.State = state
	head := v.head()
	if state == storage.Started {
		head = md("%s %s: %s", v.sign(), stackName(v.Follow.Stack), v.started())
	}
	line := md("%s · %s", head, clock(at))
	if state.End() && v.Follow.Asker != "" {
		line = md("%s · %s", line, user(v.Follow.Asker))
	}
	return message(plain(line), section(line))
}

// started is the thread's line for a start, which is read later than a running time would be true.
func (v View) started() mrkdwn {
	if v.usual() <= 0 {
		return md("%s started", v.number())
	}
	return md("%s started, usually done in %s", v.number(), commands.InWords(v.usual()))
}

func (v View) usual() time.Duration { return time.Duration(v.Follow.Usual) * time.Second }

func (v View) elapsed() time.Duration {
	if v.Follow.StartedAt.IsZero() {
		return 0
	}
	return max(v.At.Sub(v.Follow.StartedAt), 0) // Cloud 66's clock may be ahead
}

// took is the time from start to end, or until now.
func (v View) took() time.Duration {
	if v.Deployment != nil && v.Deployment.Duration() > 0 {
		return v.Deployment.Duration()
	}
	return v.elapsed()
}

// number names the deployment, "the deployment" where its number is not known.
func (v View) number() mrkdwn {
	if v.Follow.Deployment == 0 {
		return "the deployment"
	}
	return md("#%d", v.Follow.Deployment)
}

// head is the first line: state, stack, environment, what happened.
func (v View) head() mrkdwn {
	return md("%s %s: %s", v.sign(), stackName(v.Follow.Stack), v.happened())
}

func (v View) sign() mrkdwn {
	switch v.Follow.State {
	case storage.Queued:
		return "🕓"
	case storage.Started:
		return "🔵"
	case storage.Slow:
		return "🟠"
	case storage.Lost, storage.Unclear, storage.Vanished:
		return "❔"
	case storage.Succeeded:
		return "🟢"
	case storage.Failed:
		if v.Deployment != nil && v.Deployment.Outcome.Kind != cloud66.OutcomeFailed {
			return "❔"
		}
		return "🔴"
	case storage.Refused:
		return "🔴"
	case storage.Cancelled, storage.Unposted:
		return "⚪"
	default:
		return "⏳"
	}
}

func (v View) happened() mrkdwn {
	n := v.number()
	switch v.Follow.State {
	case storage.Queued:
		if v.Ahead != 0 {
			return md("%s is queued behind #%d", n, v.Ahead)
		}
		return md("%s is queued", n)
	case storage.Started:
		return md("deploying %s, %s", n, v.progress())
	case storage.Slow:
		if v.usual() <= 0 {
			return md("%s is still deploying after %s", n, roughly(v.elapsed()))
		}
		return md("%s is still deploying after %s, usually done in %s", n, roughly(v.elapsed()), commands.InWords(v.usual()))
	case storage.Lost:
		return v.lost(n)
	case storage.Succeeded:
		return md("%s is live, took %s", n, commands.InWords(v.took()))
	case storage.Failed:
		return v.failed(n)
	case storage.Cancelled:
		return v.cancelled(n)
	case storage.Refused:
		return md("not redeployed: %s", v.Follow.Said)
	case storage.Unclear:
		return md("Cloud 66 did not tell what became of the redeploy: %s", v.Follow.Said)
	case storage.Unposted:
		return "not redeployed: Slack took this card too late, so nothing was sent to Cloud 66"
	case storage.Vanished:
		return md("%s is not there any more: it or its stack was deleted", n)
	default:
		if v.Follow.Wish == nil {
			return md("following %s", n)
		}
		return "redeploy requested, waiting for Cloud 66"
	}
}

func (v View) lost(n mrkdwn) mrkdwn {
	silence := roughly(v.At.Sub(v.Follow.SilentSince))
	if v.Follow.Said != "" {
		return md("not seen for %s, since %s; %s had not ended when last seen", silence, v.Follow.Said, n)
	}
	if v.Follow.Deployment == 0 {
		return md("Cloud 66 has not answered for %s; what became of the redeploy is not known", silence)
	}
	return md("Cloud 66 has not answered for %s; %s had not ended when last seen", silence, n)
}

// failed tells an end that is no success. An outcome that is not known is told as such.
func (v View) failed(n mrkdwn) mrkdwn {
	if d := v.Deployment; d != nil && d.Outcome.Kind != cloud66.OutcomeFailed {
		return md("%s ended%s; Cloud 66 gives an outcome that I do not know: %s%s", n, v.after(), cmp.Or(d.Outcome.Raw, "none"), v.stillLive())
	}
	return md("%s failed%s%s", n, v.after(), v.stillLive())
}

// after says how long it took, nothing where that is not known.
func (v View) after() mrkdwn {
	if v.took() <= 0 {
		return ""
	}
	return md(" after %s", commands.InWords(v.took()))
}

func (v View) stillLive() mrkdwn {
	if v.Live == 0 || v.Live == v.Follow.Deployment {
		return ""
	}
	return md("; #%d is still live", v.Live)
}

func (v View) cancelled(n mrkdwn) mrkdwn {
	by := mrkdwn("")
	if v.Cancelled != nil {
		by = md(" by %s", user(v.Cancelled.User))
	}
	return md("%s was cancelled%s%s%s", n, by, v.after(), v.stillLive())
}

// progress is the time it has run, against the usual time where that is known.
func (v View) progress() mrkdwn {
	if v.usual() <= 0 {
		return md("%s so far", roughly(v.elapsed()))
	}
	return md("%s of about %s", roughly(v.elapsed()), nearly(v.usual()))
}

// roughly gives a time to the minute, or to ten seconds in the first two minutes, so that a card does not change with every look.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return commands.InWords(d.Truncate(time.Second))
	case d < 2*time.Minute:
		return commands.InWords(d.Truncate(10 * time.Second))
	default:
		return commands.InWords(d.Truncate(time.Minute))
	}
}

// nearly gives a usual time, to the next minute or ten seconds.
func nearly(d time.Duration) string {
	if d < 2*time.Minute {
		return commands.InWords(max(d.Round(10*time.Second), min(d, 10*time.Second)))
	}
	return commands.InWords(d.Round(time.Minute))
}

// about is what stands below the first line and the bar.
func (v View) about() []mrkdwn {
	return []mrkdwn{v.request(), v.commit(), v.warning(), v.cancelAsked(), v.times()}
}

// warning is what Cloud 66 had to say beside its answer to the redeploy.
func (v View) warning() mrkdwn {
	if v.Follow.Wish == nil || v.Follow.Wish.Warning == "" {
		return ""
	}
	return md("Cloud 66 warns: %s", cut(v.Follow.Wish.Warning, maxName))
}

// bar shows how far along a running deployment is against the usual time, in ten blocks.
func (v View) bar() mrkdwn {
	if (v.Follow.State != storage.Started && v.Follow.State != storage.Slow) || v.usual() <= 0 {
		return ""
	}
	done := min(10, int(10*v.elapsed()/v.usual()))
	return md("%s%s", strings.Repeat("▓", done), strings.Repeat("░", 10-done))
}

// request says who asked, for what, and why.
func (v View) request() mrkdwn {
	w := v.Follow.Wish
	if w == nil {
		if v.Deployment == nil {
			return md("followed by %s", user(v.Follow.Asker))
		}
		return md("started%s · followed by %s", triggered(*v.Deployment), user(v.Follow.Asker))
	}
	parts := []mrkdwn{md("asked by %s", user(v.Follow.Asker))}
	for _, p := range []struct {
		what  mrkdwn
		value string
	}{{"", w.Ref}, {"", w.Services}, {"profile ", w.Profile}} {
		if p.value != "" {
			parts = append(parts, md("%s%s", p.what, code(p.value)))
		}
	}
	if w.Reason != "" {
		parts = append(parts, md("“%s”", w.Reason))
	}
	return join(parts, " · ")
}

func (v View) commit() mrkdwn {
	if v.Deployment == nil || v.Deployment.GitHash == "" {
		return ""
	}
	commit := md("commit %s", link(v.Deployment.CommitURL, code(shortHash(v.Deployment.GitHash))))
	if v.Deployment.GitRef != "" && (v.Follow.Wish == nil || v.Follow.Wish.Ref != v.Deployment.GitRef) {
		commit = md("%s of %s", commit, code(v.Deployment.GitRef))
	}
	return commit
}

func (v View) cancelAsked() mrkdwn {
	if v.Cancelled == nil || v.Follow.State.End() {
		return ""
	}
	return md("cancel asked for by %s", user(v.Cancelled.User))
}

func (v View) times() mrkdwn {
	switch {
	case v.Deployment != nil && v.Deployment.Ended() && !v.Deployment.FinishedAt.IsZero():
		return md("ended %s", when(v.Deployment.FinishedAt))
	case !v.Follow.StartedAt.IsZero():
		return md("since %s", when(v.Follow.StartedAt))
	default:
		return md("asked %s", when(v.Follow.AskedAt))
	}
}

// buttons offers what the state allows, at most four, the dangerous one last.
func (v View) buttons() []*slack.ButtonBlockElement {
	f := v.Follow
	on := commands.Invocation{UID: f.Stack.UID, Deployment: f.Deployment}
	with := func(verb commands.Verb) commands.Invocation { inv := on; inv.Verb = verb; return inv }
	refresh := with(commands.Refresh)
	refresh.Follow = f.ID
	var commit *slack.ButtonBlockElement
	if v.Deployment != nil {
		commit = linkButton("Commit", v.Deployment.CommitURL)
	}
	again := commands.Invocation{Verb: commands.Redeploy, UID: f.Stack.UID}
	switch {
	case f.State == storage.Vanished:
		return nil
	case f.Deployment == 0 && f.State.End():
		return []*slack.ButtonBlockElement{button("Redeploy", again, "redeploy")}
	case f.Deployment == 0:
		return nil
	case f.State.End():
		return []*slack.ButtonBlockElement{button("Show", with(commands.Show), "show"), button("Redeploy", again, "redeploy"), commit}
	default:
		return []*slack.ButtonBlockElement{button("Refresh", refresh, "refresh"), button("Show", with(commands.Show), "show"), commit, cancelButton(f.Stack, f.Deployment)}
	}
}

// cancelButton cancels at once, after Slack has asked.
func cancelButton(stack storage.StackRef, id int64) *slack.ButtonBlockElement {
	inv := commands.Invocation{Verb: commands.Cancel, UID: stack.UID, Deployment: id, Yes: true}
	const most = 60 // of each, so that the consequence is not cut
	name := cut(named(stack), most)
	if stack.Environment != "" {
		name += " · " + cut(oneLine(stack.Environment), most)
	}
	return danger(button("Cancel", inv, "cancel"), fmt.Sprintf("Cancel #%d?", id),
		fmt.Sprintf("%s: #%d stops where it is. What is live stays live; servers that it has changed already may need another deployment.", name, id),
		"Yes, cancel it", "No, let it run")
}

// shortHash gives the seven characters that people know a commit by.
func shortHash(hash string) string {
	runes := []rune(oneLine(hash))
	return string(runes[:min(7, len(runes))])
}

// viaInWords says how a deployment was started, to stand behind a name.
func viaInWords(via cloud66.Value[cloud66.Via]) mrkdwn {
	switch {
	case via.Kind == cloud66.ViaWeb:
		return " in the dashboard"
	case via.Kind == cloud66.ViaAPI:
		return " through the API"
	case via.Kind == cloud66.ViaHook:
		return " through a git hook"
	case via.Raw == "":
		return ""
	default:
		return md(" via %s", cut(via.String(), maxName))
	}
}
