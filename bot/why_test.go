package bot_test

import (
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

func TestAFailureOfASubscriptionSaysWhyAndSoDoesShow(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		const why = "The build server is gone"
		r.command(lin, deploys, "/c66 subscribe web*")
		r.until("it is subscribed", func() bool { return len(r.cards(deploys)) == 1 })
		pass(5 * time.Minute)
		r.cloud.NextOutcome(r.web, cloud66sim.Next{Fail: true, Message: why + " <!channel>"})
		r.cloud.Deploy(r.web, cloud66sim.Start{By: "dev@example.com"})
		card := r.deploymentCard(deploys, "#1036 failed")
		hold(t, "the card", card.Plain(), "Cloud 66 says: "+why+" <!channel>")
		if pings := card.Pings(); len(pings) > 0 {
			t.Errorf("the card pings %q", pings)
		}
		hold(t, "show", r.ask(lin, deploys, "/c66 show web@production 1036").Plain(), "Cloud 66 says", why)
		lack(t, "show of a success", r.ask(lin, deploys, "/c66 show web@production 1035").Plain(), "Cloud 66 says")
	})
}
