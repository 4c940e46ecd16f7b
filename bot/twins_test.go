package bot_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

func TestTwoStacksOfOneNameAreKeptApartFromTheRequestToTheCard(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		twin := r.cloud.AddStack(cloud66sim.Stack{
			Name: "web", Environment: "production", AccountName: "other", UsualDuration: time.Minute, History: 3,
		})
		time.Sleep(2 * time.Minute)
		r.allow("allow @sam view *")
		hold(t, "the list", r.ask(sam, deploys, "/c66 stacks").Plain(), "web@production · other")
		refused := r.ask(sam, deploys, "/c66 redeploy "+twin+" --now")
		hold(t, "the refusal", refused.Plain(), "web@production · other")
		r.click(sam, refused, "Ask for access")
		r.click(lin, r.says(lin, deploys, "asks to redeploy web@production · other", "[Grant 1 h]"), "Grant 1 h")
		r.says(lin, deploys, "@lin granted it until")
		r.command(sam, deploys, "/c66 redeploy "+twin+" --now")
		card := r.deploymentCard(deploys, "web@production · other #")
		time.Sleep(2 * time.Minute)
		if thread := strings.Join(r.thread(card), "\n"); !strings.Contains(thread, "succeeded") && !strings.Contains(thread, "live") {
			t.Errorf("the thread is:\n%s", thread)
		}
		hold(t, "the other", r.ask(sam, deploys, "/c66 redeploy "+r.web+" --now").Plain(), "You may not redeploy")
	})
}

func TestAValueIsReadTheSameInACommandAMentionAndAForm(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		last := func() string {
			all := r.cloud.Deployments(r.web)
			return slices.MaxFunc(all, func(a, b cloud66sim.View) int { return cmp.Compare(a.ID, b.ID) }).Ref
		}
		sent := func() (n int) { return r.requests("POST") }
		for i, do := range []func(){
			func() { r.command(lin, deploys, "/c66 redeploy web --ref \"`feature/x`\"") },
			func() { r.mention(lin, deploys, "", "@c66bot redeploy web --ref *`feature/x`*") },
			func() {
				r.opens(lin, deploys, "/c66 redeploy web", "Branch, tag or commit")
				r.fill(lin, "Branch, tag or commit", "“`feature/x`”\u200b")
				r.submit(lin)
			},
		} {
			do()
			r.until("it is sent", func() bool { return sent() == i+1 })
			if got := last(); got != "feature/x" {
				t.Errorf("way %d sent %q", i, got)
			}
			time.Sleep(20 * time.Minute)
		}
		hold(t, "a mention in a ref", r.ask(lin, deploys, "/c66 redeploy web --ref user/<@U0SAM|sam>/fix").Plain(),
			"Slack made a mention of “@sam”; put the ref in backticks.")
		if sent() != 3 {
			t.Errorf("%d were sent", sent())
		}
	})
}
