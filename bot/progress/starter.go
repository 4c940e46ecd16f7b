package progress

import (
	"context"
	"slices"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// lookupWait bounds the look-up of who started a deployment: a failure is told without the mention rather than late.
const lookupWait = 3 * time.Second

// starters looks up who started the deployments that have not succeeded and of which something may be to be told, as far as a subscription
// mentions them.
func (p *Progress) starters(ctx context.Context, t *tale) map[int64]string {
	found := map[int64]string{}
	wanted := false
	for _, of := range t.of {
		wanted = wanted || slices.ContainsFunc(of, mentionsStarter)
	}
	if !wanted || t.look.Err != nil {
		return found
	}
	for _, d := range slices.Concat(t.look.Newest, t.look.Others) {
		a, open := t.about[d.ID], slices.ContainsFunc(t.follows, func(f storage.Follow) bool { return f.Deployment == d.ID || f.Deployment == 0 })
		_, turned := t.turned[d.ID]
		if d.Ended() && d.Outcome.Kind != cloud66.OutcomeSuccess && a.asker == "" && (a.kept.SeenAt.IsZero() || open || turned) {
			found[d.ID] = p.starter(ctx, d)
		}
	}
	return found
}

func mentionsStarter(s storage.Subscription) bool {
	return slices.Contains(s.Mentions(), storage.Author)
}

// starter returns the Slack user with the e-mail address that Cloud 66 gives for who started a deployment, or "" if nobody is found.
func (p *Progress) starter(ctx context.Context, d cloud66.Deployment) string {
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	user, err := p.ByEmail(ctx, d.TriggeredBy)
	if err != nil {
		p.Log.WarnContext(ctx, "who started a deployment could not be looked up in Slack, so that they are not mentioned", "deployment", d.ID,
			"error", err)
	}
	return user
}

// starter returns the Slack user who started a deployment, or "". For one of this bot, Cloud 66 names the owner of its token instead.
func (t *tale) starter(d cloud66.Deployment) string {
	if asker := t.about[d.ID].asker; asker != "" {
		return asker
	}
	for _, f := range t.follows {
		if f.Deployment == 0 && (t.certain[f.ID] == d.ID || t.guesses[f.ID] == d.ID) {
			return f.Asker
		}
	}
	return t.answers.starters[d.ID]
}

// named replaces storage.Author among mentions by who started the deployment, and leaves it out if that is not known.
func named(mentions []string, starter string) []string {
	var all []string
	for _, who := range mentions {
		if who == storage.Author {
			who = starter
		}
		if who != "" && !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	return all
}
