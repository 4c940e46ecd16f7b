package progress

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"c66bot/bot/card/markup"
	"c66bot/bot/notify"
	"c66bot/cloud66"
	"c66bot/storage"
)

const (
	// mostSaid is how much of what Cloud 66 says of a failure is kept, in characters.
	mostSaid = 300
	// newestActions is how many of a stack's actions are read to find that of a deployment. Cloud 66 lists the newest first.
	newestActions = 30
)

// saysNothing matches what adds nothing to a headline that says that the deployment failed.
var saysNothing = regexp.MustCompile(`(?i)^(the )?(stack )?((re)?deploy(ment)? )?(has |was )?(fail(ed|ure)?|error)[.!…]*$`)

// reason returns what the message of a stack action says of a failure, on one line, or "" if that is nothing.
func reason(message string) string {
	line := strings.TrimSpace(markup.OneLine(message))
	if saysNothing.MatchString(line) {
		return ""
	}
	return markup.Shorten(line, mostSaid)
}

// reasons returns what Cloud 66's stack actions say of the deployments that are seen to have failed for the first time and of which
// something may be to be told. A failure is told without that rather than late.
func (p *Progress) reasons(ctx context.Context, t *tale) map[int64]string {
	all := map[int64]string{}
	var traced []cloud66.Action
	for _, tr := range t.answers.traces {
		if tr.action != nil {
			traced = append(traced, *tr.action)
		}
	}
	ctx, cancel := context.WithTimeout(cloud66.Background(ctx), lookupWait)
	defer cancel()
	read := map[string][]cloud66.Action{} // by reference
	for _, d := range t.unexplained() {
		reference := t.about[d.ID].reference
		explains := func(a cloud66.Action) bool {
			return a.Ended() && agrees(a, d) && (together(a, d) || reference != "" && a.UserReference == reference)
		}
		a, only := single(traced, explains)
		if !only {
			if _, done := read[reference]; !done {
				read[reference] = p.actions(ctx, t.look.Stack, reference)
			}
			a, only = single(read[reference], explains)
		}
		if only {
			all[d.ID] = reason(a.FinishedMessage)
		}
	}
	return all
}

// actions returns the newest actions of a stack, those with the reference if there is one.
func (p *Progress) actions(ctx context.Context, stack, reference string) (all []cloud66.Action) {
	for a, err := range p.Cloud.Actions(ctx, stack, cloud66.ActionFilter{UserReference: reference}) {
		if err != nil {
			p.Log.WarnContext(ctx, "why a deployment failed could not be read; it is told without that", "stack", stack, "error", err)
			return nil
		}
		if all = append(all, a); len(all) == newestActions {
			break
		}
	}
	return all
}

// unexplained returns the deployments whose failure is seen for the first time, or instead of another end, as far as a card or a channel
// may have to hear of them.
func (t *tale) unexplained() (all []cloud66.Deployment) {
	if t.look.Err != nil {
		return nil
	}
	shown := slices.Concat(t.look.Newest, t.look.Others)
	var news []cloud66.Deployment
	if len(t.of) > 0 {
		news = notify.News(t.since(t.look), shown)
	}
	for _, d := range shown {
		end := notify.Outcome(t.sight(d))
		if !d.Ended() || end != storage.Failed && end != storage.Over {
			continue
		}
		same := func(o cloud66.Deployment) bool { return o.ID == d.ID }
		cards := func(f storage.Follow) bool {
			return f.Deployment == d.ID || f.Deployment == 0 && f.Wish != nil && d.ID > f.Wish.NewestBefore
		}
		_, turned := t.turned[d.ID]
		first := t.about[d.ID].kept.SeenAt.IsZero()
		wanted := slices.ContainsFunc(news, same) || slices.ContainsFunc(t.follows, cards) || slices.ContainsFunc(t.unlisted, cards)
		if turned || first && wanted {
			all = append(all, d)
		}
	}
	return all
}

// said returns what Cloud 66 says of a deployment that ended in a state: why, where it failed.
func (t *tale) said(state storage.State, deployment int64) string {
	if state != storage.Failed && state != storage.Over {
		return ""
	}
	if said := t.answers.reasons[deployment]; said != "" {
		return said
	}
	return t.about[deployment].kept.Said
}
