package progress

import (
	"context"
	"slices"

	"c66bot/cloud66"
	"c66bot/commands/versions"
)

// services returns what the services of a docker stack were deployed from by its deployments that are seen to have succeeded for the first
// time: what was requested for each, and of the live one all that Cloud 66 lists. It lists them while nothing else is deploying.
func (p *Progress) services(ctx context.Context, t *tale) map[int64]string {
	all := map[int64]string{}
	if t.look.Err != nil || !p.Docker(t.look.Stack) {
		return all
	}
	shown := slices.Concat(t.look.Newest, t.look.Others)
	busy := slices.ContainsFunc(shown, func(d cloud66.Deployment) bool { return !d.Ended() })
	for _, d := range shown {
		a := t.about[d.ID]
		if !d.Ended() || d.Outcome.Kind != cloud66.OutcomeSuccess || !a.kept.SeenAt.IsZero() {
			continue
		}
		all[d.ID] = versions.Sent(a.services)
		if busy || !d.IsLive || d.Reverted {
			continue
		}
		listed, err := p.Cloud.Services(cloud66.Background(ctx), t.look.Stack)
		now := versions.Services(listed)
		switch {
		case err != nil:
			p.Log.WarnContext(ctx, "what a docker stack runs could not be read; a return to it knows only what was requested here",
				"stack", t.look.Stack, "deployment", d.ID, "error", err)
		case versions.Holds(now, all[d.ID]): // else another deployment has begun since
			all[d.ID] = now
		}
	}
	return all
}
