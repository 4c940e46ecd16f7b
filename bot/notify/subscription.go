package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"c66bot/cloud66"
	"c66bot/commands/typography"
	"c66bot/storage"
)

// Fits reports whether a deployment passes a subscription's filters: who started it, through what, and its type.
func Fits(s storage.Subscription, d cloud66.Deployment) bool {
	return strings.Contains(typography.Key(d.TriggeredBy), typography.Key(s.By)) &&
		oneOf(s.Via, d.TriggeredVia.String()) && oneOf(s.Types, d.DeployType.String())
}

// oneOf reports whether the list contains the word; an empty list accepts all.
func oneOf(wanted []string, word string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(word, w) })
}

// Wants reports whether a subscription includes an event; an empty event list includes all. An end with an unknown outcome is included
// where success and failure are, a wait that is overtaken where a slow deployment is.
func Wants(s storage.Subscription, event string) bool {
	switch event {
	case string(storage.Waits):
		event = string(storage.Slow)
	case string(storage.Recovered):
		event = string(storage.Unhealthy)
	case string(storage.Over):
		return Wants(s, string(storage.Succeeded)) && Wants(s, string(storage.Failed))
	}
	return len(s.Events) == 0 || slices.Contains(s.Events, event)
}

// Hear decides whether a channel gets a card of a deployment, and why, given its subscriptions to the stack: the deployment must have
// reached a wanted state, other than queued.
func Hear(subscriptions []storage.Subscription, s Sight) (why string, ok bool) {
	for _, sub := range subscriptions {
		if !Fits(sub, s.Deployment) {
			continue
		}
		for _, n := range seen(s) {
			if n.State != storage.Queued && Wants(sub, string(n.State)) {
				return fmt.Sprintf("subscription %s of %s to “%s” wants %s, and %s", sub.ID, sub.Author, sub.Stacks, n.State, n.Why), true
			}
		}
	}
	return "", false
}

// HearOfEnd decides whether a channel that has not heard of a deployment gets a card of its end, which Cloud 66 tells otherwise now, and
// why.
func HearOfEnd(subscriptions []storage.Subscription, s Sight) (why string, ok bool) {
	state := Outcome(s)
	for _, sub := range subscriptions {
		if Fits(sub, s.Deployment) && Wants(sub, string(state)) {
			const words = "subscription %s of %s to “%s” wants %s, and Cloud 66 said otherwise before"
			return fmt.Sprintf(words, sub.ID, sub.Author, sub.Stacks, state), true
		}
	}
	return "", false
}

// Told reports whether a subscription would have announced a deployment at any time up to the sight.
func Told(sub storage.Subscription, s Sight) bool {
	if _, ok := Hear([]storage.Subscription{sub}, s); ok {
		return true
	}
	d := s.Deployment
	was := func(event string, so bool) bool { return so && Fits(sub, d) && Wants(sub, event) }
	return was(string(storage.Slow), d.Duration() > cloud66.SlowAfter(s.Usual)) || was(storage.Reverted, d.Reverted) ||
		was(string(storage.Unhealthy), s.Unhealthy)
}

// HearOfFailure decides whether a channel is told of a deployment's failure, and which users and groups are mentioned, also
// storage.Author.
func HearOfFailure(subscriptions []storage.Subscription, d cloud66.Deployment) (mentions []string, ok bool) {
	return hearOf(subscriptions, d, storage.Failed)
}

func hearOf(subscriptions []storage.Subscription, d cloud66.Deployment, state storage.State) (mentions []string, ok bool) {
	for _, sub := range subscriptions {
		if !Fits(sub, d) || !Wants(sub, string(state)) {
			continue
		}
		ok = true
		for _, who := range sub.Mentions() {
			if !slices.Contains(mentions, who) {
				mentions = append(mentions, who)
			}
		}
	}
	return mentions, ok
}

// Authors returns the authors of the subscriptions that include a state of a deployment, each once.
func Authors(subscriptions []storage.Subscription, d cloud66.Deployment, state string) []string {
	var authors []string
	for _, sub := range subscriptions {
		if Fits(sub, d) && Wants(sub, state) && sub.Author != "" && !slices.Contains(authors, sub.Author) {
			authors = append(authors, sub.Author)
		}
	}
	return authors
}

// HearOfRevert decides whether a channel is told of a roll-back, and why.
func HearOfRevert(subscriptions []storage.Subscription, d cloud66.Deployment) (why string, ok bool) {
	for _, sub := range subscriptions {
		if Fits(sub, d) && Wants(sub, storage.Reverted) {
			return fmt.Sprintf("subscription %s of %s to “%s” wants %s", sub.ID, sub.Author, sub.Stacks, storage.Reverted), true
		}
	}
	return "", false
}

// seenMost is the number of newest deployments of a stack that its position names.
const seenMost = 30

// News returns, oldest first, the deployments that a position does not name: newer ones, open ones, and those that Cloud 66 hid while newer
// ones were shown. Without a position it returns the open ones only: history is never announced.
func News(p *storage.Position, newest []cloud66.Deployment) []cloud66.Deployment {
	var news []cloud66.Deployment
	for _, d := range newest {
		if isNews(p, d, newest) {
			news = append(news, d)
		}
	}
	slices.SortFunc(news, func(a, b cloud66.Deployment) int { return cmp.Compare(a.ID, b.ID) })
	return news
}

func isNews(p *storage.Position, d cloud66.Deployment, newest []cloud66.Deployment) bool {
	switch {
	case p == nil:
		return !d.Ended()
	case p.Newest == 0:
		if d.StartedAt.Equal(p.Since) { // in whole seconds, the one before may have ended then
			return !d.Ended() || d.FinishedAt.After(p.Since)
		}
		return !d.Ended() || cmp.Or(d.StartedAt, d.FinishedAt).After(p.Since)
	case d.ID > p.Newest, slices.Contains(p.Open, d.ID):
		return true
	}
	_, known := slices.BinarySearch(p.Seen, d.ID)
	return !known && len(p.Seen) > 0 && d.ID > p.Seen[0] && !longOver(d, newest)
}

// longOver reports whether a deployment ended an hour or more before the newest event of a list: then the list did not hide it until now,
// but was not whole before.
func longOver(d cloud66.Deployment, newest []cloud66.Deployment) bool {
	var latest time.Time
	for _, o := range newest {
		for _, at := range []time.Time{o.StartedAt, o.FinishedAt} {
			if at.After(latest) {
				latest = at
			}
		}
	}
	return d.Ended() && latest.Sub(cmp.Or(d.FinishedAt, d.StartedAt)) >= time.Hour
}

// NewlyReverted returns those of a stack's newest deployments that were rolled back since its position. If the position was made without a
// list of deployments, the time of the roll-back decides.
func NewlyReverted(p *storage.Position, newest []cloud66.Deployment) []cloud66.Deployment {
	if p == nil {
		return nil
	}
	var reverted []cloud66.Deployment
	for _, d := range newest {
		if d.Reverted && !slices.Contains(p.Reverted, d.ID) && (p.Newest != 0 || d.RevertedAt.After(p.Since)) {
			reverted = append(reverted, d)
		}
	}
	return reverted
}

// Moved advances a stack's position by a look at its newest deployments. begun says that the bot has watched without a gap, so that a new
// running deployment has just started. Open deployments that could not be read (those in failed) stay open.
func Moved(p storage.Position, newest []cloud66.Deployment, failed map[int64]error, at time.Time, begun bool) storage.Position {
	known, began, open := p.Newest, p.Began, p.Open
	p.Seen = slices.Clone(p.Seen)
	p.Open, p.Reverted, p.Began, p.At = nil, nil, nil, at
	for _, id := range open {
		if failed[id] == nil {
			continue
		}
		p.Open = append(p.Open, id)
		if since, ok := began[id]; ok {
			begin(&p, id, since)
		}
	}
	for _, d := range newest {
		p.Newest, p.Seen = max(p.Newest, d.ID), append(p.Seen, d.ID)
		if d.Reverted {
			p.Reverted = append(p.Reverted, d.ID)
		}
		if d.Ended() {
			continue
		}
		p.Open = append(p.Open, d.ID)
		since, ok := began[d.ID]
		if !ok && begun && d.ID > known && !d.Queued() {
			since, ok = at, true
		}
		if ok {
			begin(&p, d.ID, since)
		}
	}
	slices.Sort(p.Open)
	slices.Sort(p.Reverted)
	slices.Sort(p.Seen)
	p.Seen = slices.Compact(p.Seen)
	p.Seen = p.Seen[max(0, len(p.Seen)-seenMost):]
	return p
}

func begin(p *storage.Position, id int64, at time.Time) {
	if p.Began == nil {
		p.Began = map[int64]time.Time{}
	}
	p.Began[id] = at
}
