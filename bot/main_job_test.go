package bot_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// hold fails the test for each of the words that the text does not hold.
func hold(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not say %q:\n%s", what, w, text)
		}
	}
}

// lack fails the test for each of the words that the text holds.
func lack(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(text, w) {
			t.Errorf("%s says %q:\n%s", what, w, text)
		}
	}
}

// pass lets a simulated time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestARedeployIsCardedSentOnceAndFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, `/c66 redeploy web@prod --ref main --reason "fix the login"`)
		card := r.card("deploying #1036")
		hold(
			t,
			"the running card",
			card.Plain(),
			"🔄 web@production",
			"@lin · “fix the login”",
			"main",
			"fix the login",
			"of about 5 min",
			"[Show] [Cancel]",
			"[Cancel]",
		)
		lack(t, "the running card", card.Plain(), "[Redeploy]")

		pass(140 * time.Second) // not where the bar moves
		card = r.card("2 min of about 5 min")
		hold(t, "the card in the middle", card.Plain(), "▓▓▓▓░░░░░░")

		card = r.card("went live")
		hold(t, "the last card", card.Plain(), "✅ web@production #1036 went live after 5 min", "[Show]")
		lack(t, "the last card", card.Plain(), "[Cancel]")
		r.until("the thread is complete", func() bool { return len(r.thread(card)) == 2 })
		thread := r.thread(card)
		hold(t, "the first step", thread[0], "#1036 started")
		hold(t, "the last step", thread[1], "#1036 went live", "@lin")

		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made for one wish", n)
		}
		d, _ := r.cloud.Deployment(r.web, 1036)
		if d.Ref != "main" || !strings.HasPrefix(d.UserReference, "c66bot-") {
			t.Errorf("Cloud 66 was sent ref %q and user_reference %q", d.Ref, d.UserReference)
		}
		if posted := len(r.slack.Calls("chat.postMessage")); posted != 3 {
			t.Errorf("%d messages were posted for a card and two steps", posted)
		}
	})
}

func TestTheCardStandsBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.SlowCall("chat.postMessage", 3*time.Second, 1)
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.until("the redeploy was sent", func() bool { return r.requests("POST") == 1 })
		if cards := r.cards(deploys); len(cards) != 1 {
			t.Errorf("the redeploy was sent with %d cards in the channel", len(cards))
		}
	})
}

func TestWhereNoCardCanBePostedNothingDeploys(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		answer := r.ask(lin, random, "/c66 redeploy web --now")
		hold(t, "the answer", answer.Plain(), "not a member of the channel", "/invite", "Nothing was done")
		pass(5 * time.Minute)
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAFailureIsSaidInTheChannelAndASuccessIsNot(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.NextOutcome(r.web, cloud66sim.Next{Fail: true, Duration: 2 * time.Minute})
		r.command(lin, deploys, "/c66 redeploy web --now")
		card := r.card("failed after 2 min; #1035 is still live")
		r.until("the channel hears of the failure", func() bool {
			return slices.ContainsFunc(r.slack.Person(sam).Sees(deploys), func(m slacksim.Message) bool { return m.Broadcast })
		})
		thread := r.thread(card)
		hold(t, "the last step", thread[len(thread)-1], "❌", "@lin")

		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("went live")
		pass(time.Minute)
		broadcast := 0
		for _, m := range r.slack.Person(sam).Sees(deploys) {
			if m.Broadcast {
				broadcast++
			}
		}
		if broadcast != 1 {
			t.Errorf("%d replies were shown in the channel, one failed", broadcast)
		}
	})
}

func TestListPagesByButtonsThatReplaceTheMessage(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		first := r.ask(lin, deploys, "/c66 list web")
		hold(t, "the first page", first.Plain(), "deployments 1–10 of 35", " #1035 live · ", "[Older]")
		lack(t, "the first page", first.Plain(), "[Newer]")
		r.click(lin, first, "Older")
		r.until("the page is turned", func() bool { return strings.Contains(r.sees(lin, deploys), "11–20 of 35") })
		all := r.ephemerals(lin, deploys)
		if len(all) != 1 {
			t.Fatalf("turning a page left %d messages", len(all))
		}
		hold(t, "the second page", all[0].Plain(), "[Newer] [Older]", "#1025")
		r.click(lin, all[0], "Newer")
		r.until("the page is turned back", func() bool { return strings.Contains(r.sees(lin, deploys), "1–10 of 35") })

		last := r.ask(lin, deploys, "/c66 list web --page 4")
		hold(t, "the last page", last.Plain(), "deployments 31–35 of 35", "#1001")
		lack(t, "the last page", last.Plain(), "[Older]")
	})
}

func TestShowTellsWhatMattersAndOffersWhatTheDeploymentAllows(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{cloud: cloud66sim.Options{Codes: cloud66sim.Strings}}, func(t *testing.T, r *rig) {
		ended := r.ask(lin, deploys, "/c66 show web")
		hold(
			t,
			"an ended deployment",
			ended.Plain(),
			"web@production #1035 is live, took",
			"Version main @ ",
			"Started ",
			"Ended ",
			"build · head · session ",
			" · snapshot ",
		)
		if buttons := ended.Buttons(); !slices.Equal(buttons, []string{"Redeploy", "Roll back"}) {
			t.Errorf("an ended deployment offers %v", buttons)
		}
		id := r.cloud.Deploy(r.web, cloud66sim.Start{Via: "hook", By: "ana@acme.example"})
		running := r.ask(lin, deploys, "/c66 show web")
		hold(
			t,
			"a running deployment",
			running.Plain(),
			"web@production deploying #1036, 0 s of about 5 min",
			"ana@acme.example through a git hook",
		)
		if buttons := running.Buttons(); !slices.Equal(buttons, []string{"Follow", "Refresh", "Cancel"}) {
			t.Errorf("a running deployment offers %v", buttons)
		}
		r.click(lin, running, "Follow")
		r.card("deploying #1036")
		r.click(lin, running, "Refresh")
		if id != 1036 {
			t.Errorf("the simulated deployment is #%d", id)
		}
		one := r.ask(lin, deploys, "/c66 show web@production #1003")
		hold(t, "a deployment by its number", one.Plain(), "#1003 succeeded")
	})
}

func TestTheCancelButtonAsksCancelsAndTheCardSaysWho(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		pass(40 * time.Second)
		card := r.cards(deploys)[0]
		d, err := r.slack.Person(lin).Click(deploys, card, "Cancel")
		if err != nil {
			t.Fatal(err)
		}
		if d.Confirm == nil {
			t.Fatal("Cancel asks nothing")
		}
		hold(t, "the confirm dialog", d.Confirm.Text, "web", "production", "#1036")
		card = r.card("was cancelled by @lin")
		hold(t, "the card", card.Plain(), "🚫 web@production #1036 was cancelled by @lin after", "#1035 is still live")
		r.until("the thread tells it", func() bool { return strings.Contains(strings.Join(r.thread(card), "\n"), "cancelled") })
		if n := r.requests("DELETE"); n != 1 {
			t.Errorf("%d DELETEs were made", n)
		}
		list := r.ask(lin, deploys, "/c66 list web")
		hold(t, "the list", list.Plain(), "#1036 cancelled · ")
	})
}

func TestTheCancelCommandAsksOnceAndSaysWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.Deploy(r.web, cloud66sim.Start{Via: "web"})
		pass(10 * time.Second)
		question := r.ask(lin, deploys, "/c66 cancel web")
		hold(t, "the question", question.Plain(), "web@production: cancel #1036?", "[Yes, cancel it] [No]")
		if r.requests("DELETE") != 0 {
			t.Fatal("it was cancelled before it was asked")
		}
		r.click(lin, question, "Yes, cancel it")
		r.card("was cancelled by @lin")
		hold(t, "what lin alone sees", r.sees(lin, deploys), "asked Cloud 66 to cancel #1036")
		hold(t, "what everyone sees", r.sees(sam, deploys), "was cancelled by @lin")
		lack(t, "the answered question", r.sees(lin, deploys), "[Yes, cancel it]")

		again := r.ask(lin, deploys, "/c66 cancel web 1036")
		hold(t, "a cancel of what has ended", again.Plain(), "#1036 has ended already", "Nothing was done")
		nothing := r.ask(lin, deploys, "/c66 cancel web")
		hold(t, "a cancel of nothing", nothing.Plain(), "nothing is deploying")
	})
}

func TestFollowTellsOfADeploymentThatSomebodyElseStarted(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.Deploy(r.web, cloud66sim.Start{Via: "hook", By: "ana@acme.example"})
		pass(20 * time.Second)
		r.command(lin, deploys, "/c66 follow web")
		card := r.card("deploying #1036")
		hold(t, "the card", card.Plain(), "ana@acme.example through a git hook")
		again := r.ask(lin, deploys, "/c66 follow web")
		hold(t, "a second follow", again.Plain(), "follows that deployment already")
		card = r.card("went live")
		r.until("the thread names who asked", func() bool { return strings.Contains(strings.Join(r.thread(card), "\n"), "@lin") })
		if n := len(r.cards(deploys)); n != 1 {
			t.Errorf("%d cards stand in the channel", n)
		}
	})
}

func TestAYesActsOnWhatTheQuestionShowedAndIsDoneOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		question := r.ask(lin, deploys, "/c66 cancel web")
		hold(t, "the question", question.Plain(), "cancel #1036?", "[Yes, cancel it] [No]")
		r.click(lin, question, "Yes, cancel it")
		r.again(lin, question, "Yes, cancel it")
		r.card("was cancelled")
		if n := r.requests("DELETE"); n != 1 {
			t.Errorf("two clicks made %d DELETEs", n)
		}

		r.cloud.Deploy(r.web, cloud66sim.Start{Via: "hook"})
		pass(5 * time.Second)
		old := r.ask(lin, deploys, "/c66 cancel web")
		pass(16 * time.Minute)
		r.click(lin, old, "Yes, cancel it")
		r.until("it says that the question is old", func() bool { return strings.Contains(r.sees(lin, deploys), "more than 15 min old") })
	})
}

func TestAnAmbiguousNameIsAskedForByButtonsThatCarryOn(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		staging := r.cloud.AddStack(cloud66sim.Stack{Name: "web", Environment: "staging", Git: "https://github.com/acme/web.git", History: 3})
		choice := r.ask(lin, deploys, "/c66 redeploy web --ref v2 --reason \"try it\"")
		hold(t, "the choice", choice.Plain(), "matches 2 stacks", "[web@production] [web@staging]")
		r.click(lin, choice, "web@staging")
		r.until("the redeploy was sent", func() bool { return r.requests("POST") == 1 })
		sent := r.cloud.Deployments(staging)
		if last := sent[len(sent)-1]; last.Ref != "v2" {
			t.Errorf("the choice forgot the ref: %q", last.Ref)
		}
		hold(t, "the card", r.card("staging").Plain(), "try it")
	})
}

func TestASecondRedeployOfABusyStackIsQueuedAndSaysSo(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		question := r.ask(lin, deploys, "/c66 redeploy web --now")
		hold(t, "the question", question.Plain(), "web@production is busy", "#1036 is deploying since", "by @lin", "[Yes, queue it]", "[No]")
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d redeploys were sent before the yes", n)
		}
		r.click(lin, question, "Yes, queue it")
		card := r.card("#1037 is queued behind #1036")
		hold(t, "the queued card", card.Plain(), "🕓", "[Cancel]")
		card = r.card("#1037 went live")
		r.until("the thread has all steps", func() bool { return len(r.thread(card)) == 3 })
		hold(t, "the thread", strings.Join(r.thread(card), "\n"), "queued behind #1036", "#1037 started", "#1037 went live")
	})
}

func TestWhoeverIsNoAdminIsRefusedAndToldNoStack(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		before := r.cloud.Count()
		for _, command := range []string{"list web", "show web", "redeploy web --now", "redeploy nosuch --now", "cancel web", "follow web",
			"show web 1035"} {
			answer := r.ask(sam, deploys, "/c66 "+command).Plain()
			hold(t, "the refusal of "+command, answer, "You may not", "@lin", "[Ask for access]")
			lack(t, "the refusal of "+command, answer, "production", "1035")
		}
		for _, as := range []string{"list X", "redeploy X --now", "cancel X"} {
			there, not := r.ask(
				sam,
				deploys,
				"/c66 "+strings.ReplaceAll(as, "X", "web"),
			).Plain(), r.ask(
				sam,
				deploys,
				"/c66 "+strings.ReplaceAll(as, "X", "nosuch"),
			).Plain()
			if strings.ReplaceAll(there, "web", "X") != strings.ReplaceAll(not, "nosuch", "X") {
				t.Errorf("a stack that exists and one that does not get different answers:\n%s\n%s", there, not)
			}
		}
		help := r.ask(sam, deploys, "/c66 help").Plain()
		lack(t, "help", help, "redeploy", "web")
		if n := r.cloud.Count() - before; n != 0 {
			t.Errorf("refusals cost %d Cloud 66 requests", n)
		}
	})
}

func TestAButtonIsJudgedByWhoClicksIt(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		card := r.card("deploying #1036")
		r.click(sam, card, "Cancel")
		r.until("sam is refused", func() bool { return strings.Contains(r.sees(sam, deploys), "You may not cancel") })
		if n := r.requests("DELETE"); n != 0 {
			t.Errorf("%d DELETEs were made", n)
		}
	})
}

func TestServicesOfADockerStackAreSentAsTheyWereNamed(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{profiles: []string{"default", "fast"}}, func(t *testing.T, r *rig) {
		api := r.cloud.AddStack(cloud66sim.Stack{Name: "api", Framework: "docker", History: 3, Services: []cloud66sim.Service{
			{Name: "api", ImageTag: "v1"}, {Name: "worker", ImageTag: "v1"},
		}})
		r.command(lin, deploys, "/c66 redeploy api --services api:1.4.2,worker --profile fast")
		hold(t, "the card", r.card("went live").Plain(), "api:1.4.2,worker", "fast")
		sent := r.cloud.Deployments(api)
		last := sent[len(sent)-1]
		if !slices.Equal(last.Services, []string{"api:1.4.2", "worker"}) || last.Profile != "fast" {
			t.Errorf("Cloud 66 was sent services %v and profile %q", last.Services, last.Profile)
		}
		hold(t, "help", r.ask(lin, deploys, "/c66 help redeploy").Plain(), "default, fast")
	})
}

func TestMetadataCarriesNothingButTheMessagesKey(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		card := r.card("deploying #1036")
		payload, err := json.Marshal(card.Metadata["event_payload"])
		if err != nil || !strings.HasPrefix(string(payload), `{"key":"card/`) || len(payload) > 60 {
			t.Errorf("the metadata, which everyone can read, is %s (%v)", payload, err)
		}
	})
}

func TestTwoFollowsAtTheSameMomentMakeOneCard(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.Deploy(r.web, cloud66sim.Start{})
		first, second := r.slack.Person(lin).Command(deploys, "/c66 follow web"), r.slack.Person(lin).Command(deploys, "/c66 follow web")
		for _, d := range []*slacksim.Delivery{first, second} {
			if _, err := d.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		r.card("went live")
		if n := len(r.cards(deploys)); n != 1 {
			t.Errorf("%d cards stand in the channel", n)
		}
	})
}

func TestAYesAfterANoIsTooLate(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		question := r.ask(lin, deploys, "/c66 cancel web")
		r.click(lin, question, "No")
		r.until("the No is heard", func() bool { return strings.Contains(r.sees(lin, deploys), "All right") })
		r.again(lin, question, "Yes, cancel it")
		r.until("lin is told", func() bool { return strings.Contains(r.sees(lin, deploys), "answered already") })
		if n := r.requests("DELETE"); n != 0 {
			t.Errorf("%d DELETEs were made", n)
		}
	})
}
