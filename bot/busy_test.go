package bot_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// Whoever is asked whether to queue, and wants to be told instead, gets one direct message when the stack is free. Its button opens the
// form of the channel in which they asked, and the card goes there.
func TestWhoeverWaitsForABusyStackIsToldAndRedeploysFromThere(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 allow <@U0SAM|sam> redeploy,view web")
		pass(time.Second)
		r.cloud.Deploy(r.web, cloud66sim.Start{Via: "hook"})
		question := r.ask(sam, deploys, "/c66 redeploy web --ref v2 --reason \"new search\"")
		hold(t, "the question", question.Plain(), "web@production is busy", "#1036", "[Tell me when it is free]")
		r.click(sam, question, "Tell me when it is free")
		pass(time.Minute)
		if told := r.sees(sam, direct(sam)); strings.Contains(told, "is free") {
			t.Errorf("it is told too early: %s", told)
		}
		r.kill()
		pass(time.Minute)
		r.start()
		r.until("it is told", func() bool { return strings.Contains(r.sees(sam, direct(sam)), "web@production is free") })
		pass(10 * time.Minute)
		told := r.slack.Person(sam).Sees(direct(sam))
		if n := strings.Count(r.sees(sam, direct(sam)), "is free"); n != 1 {
			t.Errorf("it is told %d times", n)
		}
		r.click(sam, told[len(told)-1], "Redeploy")
		form := r.form(sam, "Redeploy")
		if ref := form.Value("Branch, tag or commit"); ref != "v2" || form.Value("Reason") != "new search" {
			t.Errorf("the form has the ref %q and the reason %q", ref, form.Value("Reason"))
		}
		r.submit(sam)
		hold(t, "the card", r.card("deploying #1037").Plain(), "new search")
	})
}
