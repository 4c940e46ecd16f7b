package bot_test

import (
	"strings"
	"testing"
	"time"
)

func TestASubscriptionIsToldWithWhatItWouldHaveToldAndTakenBackByWhoeverMay(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam view web@production")
		refused := r.ask(sam, deploys, "/c66 subscribe web@production").Plain()
		hold(t, "what sam may not", refused, "⛔ You may not subscribe this channel here.")
		r.command(lin, deploys, "/c66 subscribe 'web*' --events failed,succeeded --mention @sam")
		said := r.says(
			sam,
			deploys,
			"@lin subscribed this channel to web*",
			"deployments that succeed or fail",
			"In the last 7 days",
			"[Unsubscribe]",
		)
		if sent := strings.Join(said.Pings(), " "); strings.Contains(sent, "sam") {
			t.Errorf("it pings %s", sent)
		}
		hold(t, "whom it mentions, in words", said.Plain(), "a failure mentions @")
		r.allow("allow @sam subscribe api")
		hold(t, "the list", r.ask(sam, deploys, "/c66 subscriptions").Plain(), "1–1 of 1", "web*", "1 stack that you may see matches", "by @lin")
		r.click(sam, said, "Unsubscribe")
		r.says(sam, deploys, "You may not subscribe this channel")
		r.click(lin, said, "Unsubscribe")
		r.says(sam, deploys, "@lin unsubscribed this channel from web*")
		time.Sleep(time.Second)
		hold(t, "the list after it", r.ask(sam, deploys, "/c66 subscriptions").Plain(), "This channel has no subscription that you can see.")
	})
}
