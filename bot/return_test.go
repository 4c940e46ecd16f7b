package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

func TestWhatEndedWhileTheBotWasDownIsOneMessageWhereItIsMuch(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		const many = 6
		for i := range many {
			name := fmt.Sprint("api", i)
			uid := r.cloud.AddStack(cloud66sim.Stack{Name: name, UsualDuration: 5 * time.Minute, History: 3})
			r.cloud.NextOutcome(uid, cloud66sim.Next{Fail: i == 0})
			r.cloud.Deploy(uid, cloud66sim.Start{})
		}
		for i := range many { // of stacks that are all there
			name := fmt.Sprint("api", i)
			r.command(lin, deploys, "/c66 follow "+name)
		}
		r.until("all are followed", func() bool { return strings.Count(r.sees(lin, deploys), "deploying") == many })
		pass(20 * time.Second) // until their threads tell that they started
		before := len(r.slack.Calls("chat.postMessage"))
		r.kill()
		pass(time.Hour)
		r.start()
		r.until("the cards are corrected", func() bool {
			return strings.Count(r.sees(lin, deploys), "· followed by @lin\n1 Jan 2000 00:05 UTC") == many
		})
		pass(time.Minute)
		hold(
			t,
			"the channel",
			r.sees(lin, deploys),
			"6 deployments ended while I could not look: 1 failed, 5 ended well\nfor @lin\n❌ api0@production",
		)
		if n := len(r.slack.Calls("chat.postMessage")) - before; n != 1 {
			t.Errorf("%d messages were posted, want one", n)
		}
	})
}
