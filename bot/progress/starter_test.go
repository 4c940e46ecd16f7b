package progress_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

func TestAFailureMentionsWhoStartedTheDeployment(t *testing.T) {
	for name, c := range map[string]struct {
		by      string // as Cloud 66 names them; "" for a redeploy of the bot's
		succeed bool
		pings   []string
		lookups int64
	}{
		"found by the address":            {by: "kim@example.com", pings: []string{"S0DEVS", "U0KIM"}, lookups: 1},
		"nobody has the address":          {by: "nobody@example.com", pings: []string{"S0DEVS"}, lookups: 1},
		"Slack does not tell":             {by: "slack@down", pings: []string{"S0DEVS"}, lookups: 1},
		"a redeploy of the bot's":         {pings: []string{"S0DEVS", lin}},
		"a success mentions nobody":       {by: "kim@example.com", succeed: true},
		"Cloud 66 does not say who it is": {by: "Kim", pings: []string{"S0DEVS"}, lookups: 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.emails = map[string]string{"kim@example.com": "U0KIM", "owner@example.com": "U0OWNER"}
				r.subscribe(deploys, "web", func(s *storage.Subscription) { s.Mention = storage.Author })
				r.subscribe(deploys, "w*", func(s *storage.Subscription) { s.Mention = "S0DEVS" })
				r.positioned(r.stack.UID)
				time.Sleep(time.Minute)
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: !c.succeed})
				if c.by != "" {
					r.cloud.Deploy(r.stack.UID, cloud66sim.Start{By: c.by})
				} else if err := r.progress.Redeploy(r.ctx, begins("op", r.wish(builds))); err != nil {
					t.Fatal(err)
				}
				r.over()
				var pings []string
				for _, m := range r.slack.Person(lin).Sees(deploys) {
					if !m.Broadcast {
						continue
					}
					pings = append(pings, m.Pings()...)
				}
				slices.Sort(pings)
				if !slices.Equal(pings, c.pings) {
					t.Errorf("mentioned are %q, want %q; it shows\n%s", pings, c.pings, strings.Join(r.shown(deploys), "\n"))
				}
				if n := r.lookups.Load(); n != c.lookups {
					t.Errorf("%d addresses were looked up, want %d", n, c.lookups)
				}
			})
		})
	}
}
