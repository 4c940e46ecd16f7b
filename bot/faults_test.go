package bot_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

const html = "<html><body>Bad gateway</body></html>"

func TestWhileCloud66IsAtFaultPeopleAreToldWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault cloud66sim.Fault
		says  []string
	}{
		"down": {cloud66sim.Fault{CutBefore: true}, []string{"did not answer", "Try again"}},
		"a server's fault": {cloud66sim.Fault{Status: 500, Body: `{"error":"oops"}`, ContentType: "application/json"},
			[]string{"has a fault (HTTP 500)", "oops"}},
		"a gateway's page": {cloud66sim.Fault{Status: 502, Body: html, ContentType: "text/html"}, []string{"has a fault (HTTP 502)"}},
		"HTML with a 200": {cloud66sim.Fault{Status: 200, Body: html, ContentType: "text/html"},
			[]string{"not its API's language", "C66BOT_CLOUD66_URL"}},
		"throttled": {cloud66sim.Fault{Status: 503, Body: `{"error":"throttled"}`, ContentType: "application/json"},
			[]string{"used up"}},
		"the token refused": {cloud66sim.Fault{Status: 401, Body: `{"error":"unauthenticated"}`, ContentType: "application/json"},
			[]string{"refuses the bot's token", "C66BOT_CLOUD66_TOKEN"}},
		"a scope missing": {cloud66sim.Fault{Status: 403, Body: `{"error":"forbidden"}`, ContentType: "application/json"},
			[]string{"lacks a scope", "public and redeploy"}},
		"the trial over": {cloud66sim.Fault{Status: 402, Body: `{"error":"trial_expired"}`, ContentType: "application/json"},
			[]string{"trial has ended"}},
		"silent for a while": {cloud66sim.Fault{Delay: 3 * time.Minute}, []string{"did not answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				mend := r.cloud.AddFault(c.fault)
				r.command(lin, deploys, "/c66 redeploy web --now")
				r.until("lin is told", func() bool { return strings.Contains(r.sees(lin, deploys), c.says[0]) })
				hold(t, "the answer", r.sees(lin, deploys), append(c.says, "Nothing was done", "(error ")...)
				if len(r.cloud.Deployments(r.web)) != 35 {
					t.Error("something was deployed")
				}
				mend()
				pass(2 * time.Minute)
				r.until("the bot is ready again", func() bool { return r.bot.Ready() == nil })
				hold(t, "the list", r.ask(lin, deploys, "/c66 list web").Plain(), "1–10 of 35")
			})
		})
	}
}

func TestARefusedTokenMakesTheBotUnreadyUntilItIsTakenAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.Revoke(cloud66sim.DemoToken)
		r.ask(lin, deploys, "/c66 list web")
		r.until("the bot is not ready", func() bool { return r.bot.Ready() != nil })
		hold(t, "the reason", r.bot.Ready().Error(), "the Cloud 66 token (C66BOT_CLOUD66_TOKEN) is refused")
		r.cloud.SetScopes(cloud66sim.DemoToken, []string{"public"})
		r.until("the bot is ready again", func() bool { return r.bot.Ready() == nil })
		answer := r.ask(lin, deploys, "/c66 redeploy web --now")
		hold(t, "a redeploy without the scope", answer.Plain(), "lacks a scope", "Nothing was done")
		hold(t, "the card", r.card("not redeployed").Plain(), "❌")
	})
}

func TestARefusalOfCloud66IsShownAsItIs(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{
			Method: "POST", Times: 1, Status: 409, ContentType: "application/json",
			Body: `{"error":"conflict","details":{"lockdown":"Update Lockdown is on until Monday"}}`,
		})
		answer := r.ask(lin, deploys, "/c66 redeploy web --now")
		hold(t, "the answer", answer.Plain(), "Update Lockdown is on until Monday", "Nothing was done")
		hold(t, "the card", r.card("not redeployed").Plain(), "❌ web@production", "Update Lockdown is on until Monday", "[Redeploy]")
	})
}

func TestALostAnswerIsLookedForAndNeverSentTwice(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]cloud66sim.Fault{
		"the connection cut after it was taken": {Method: "POST", Times: 1, CutAfter: true},
		"the answer torn in the middle":         {Method: "POST", Times: 1, Truncate: true},
		"a gateway's page after it was taken":   {Method: "POST", Times: 1, After: true, Status: 502, Body: html, ContentType: "text/html"},
		"silence after it was taken":            {Method: "POST", Times: 1, After: true, Delay: 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.cloud.AddFault(fault)
				r.command(lin, deploys, "/c66 redeploy web --now")
				r.card("#1036 went live")
				if n := r.requests("POST"); n != 1 {
					t.Errorf("%d POSTs were made", n)
				}
			})
		})
	}
	t.Run("never taken", func(t *testing.T) {
		inBubble(t, settings{}, func(t *testing.T, r *rig) {
			r.cloud.AddFault(cloud66sim.Fault{Method: "POST", Times: 1, CutBefore: true})
			r.command(lin, deploys, "/c66 redeploy web --now")
			card := r.card("did not tell what became of the redeploy")
			hold(t, "the card", card.Plain(), "I looked", "Nothing was sent a second time")
			if n := r.requests("POST"); n != 1 {
				t.Errorf("%d POSTs were made", n)
			}
		})
	})
}

func TestALongSilenceOfCloud66IsToldOnceAndTheEndAllTheSame(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		mend := r.cloud.AddFault(cloud66sim.Fault{Status: 503, Body: html, ContentType: "text/html"})
		card := r.card("Cloud 66 has not answered for 10 min")
		hold(t, "the card", card.Plain(), "❓ web@production")
		mend()
		card = r.card("went live")
		r.until("the thread is complete", func() bool { return len(r.thread(card)) == 3 })
	})
}

func TestWhileSlackIsAtFaultNothingPromisedIsLost(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(r *rig){
		"posts are limited":            func(r *rig) { r.slack.Throttle("chat.postMessage", 20*time.Second, 3) },
		"edits are limited":            func(r *rig) { r.slack.Throttle("chat.update", 30*time.Second, 3) },
		"a post's answer is lost":      func(r *rig) { r.slack.FailCall("chat.postMessage", "", 2, true) },
		"Slack answers with a page":    func(r *rig) { r.slack.BreakCall("chat.postMessage", 503, 4) },
		"edits fail":                   func(r *rig) { r.slack.BreakCall("chat.update", 500, 4) },
		"Slack says internal_error":    func(r *rig) { r.slack.FailCall("chat.postMessage", "internal_error", 2, false) },
		"the socket is cut":            func(r *rig) { r.slack.Drop() },
		"the socket is asked to leave": func(r *rig) { r.slack.Disconnect("refresh_requested") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.command(lin, deploys, "/c66 redeploy web --now")
				r.card("deploying #1036")
				fault(r)
				card := r.card("went live")
				r.until("the thread is complete", func() bool { return len(r.thread(card)) >= 2 })
				pass(5 * time.Minute)
				if lines := r.thread(card); len(lines) != 2 {
					t.Errorf("the thread has %d lines:\n%s", len(lines), strings.Join(lines, "\n"))
				}
				if n := len(r.cards(deploys)); n != 1 {
					t.Errorf("%d cards stand in the channel", n)
				}
				if n := r.requests("POST"); n != 1 {
					t.Errorf("%d POSTs were made", n)
				}
			})
		})
	}
}

func TestAnEndThatTheChannelTakesNoMoreReachesTheOneWhoAsked(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		r.slack.Archive(deploys)
		direct := func() string {
			for _, c := range r.slack.Calls("chat.postMessage") {
				if strings.HasPrefix(c.Args["channel"], "D") && c.Error == "" {
					return c.Args["text"]
				}
			}
			return ""
		}
		r.until("lin hears of it directly", func() bool { return direct() != "" })
		hold(t, "the direct message", direct(), "I could not post this in", "archived", "#1036 went live")
	})
}

func TestAnAnswerFindsAnotherWayWhereTheFirstIsShut(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		d := r.slack.Deliver("slash_commands", map[string]any{
			"user_id": lin, "channel_id": deploys, "command": "/c66", "text": "help", "trigger_id": "9.9.9",
			"response_url": "http://slack.test/commands/T/9/gone",
		}, true)
		if _, err := d.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.until("lin is answered", func() bool { return strings.Contains(r.sees(lin, deploys), "What you can do here") })
		if len(r.slack.Calls("chat.postEphemeral")) != 1 {
			t.Error("it was not an ephemeral message")
		}
	})
}

func TestACancelWhoseAnswerIsLostIsNotSentAgainHoursLater(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.NextOutcome(r.web, cloud66sim.Next{Duration: 6 * time.Hour, Fail: true})
		r.cloud.Deploy(r.web, cloud66sim.Start{})
		r.command(lin, deploys, "/c66 follow web")
		card := r.card("deploying #1036")
		r.cloud.AddFault(cloud66sim.Fault{Method: "DELETE", Times: 1, CutBefore: true})
		r.click(lin, card, "Cancel")
		r.until("lin is told", func() bool { return strings.Contains(r.sees(lin, deploys), "not clear") })
		r.kill()
		pass(5 * time.Hour)
		r.start()
		pass(10 * time.Minute)
		if n := r.requests("DELETE"); n != 1 {
			t.Errorf("%d DELETEs were made", n)
		}
		pass(time.Hour)
		hold(t, "the card of what failed by itself", r.card("failed").Plain(), "❌")
	})
}

func TestOneCardThatSlackKeepsFailingHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		other := r.cloud.AddStack(cloud66sim.Stack{Name: "api", Git: "https://github.com/acme/api.git", History: 3})
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1039")
		r.slack.FailCall("chat.update", "internal_error", 1_000_000, false)
		pass(2 * time.Minute)
		r.command(lin, deploys, "/c66 redeploy api --now")
		r.until("the other one is deployed", func() bool { return len(r.cloud.Deployments(other)) == 4 })
		pass(10 * time.Minute)
		r.slack.ClearFaults()
		r.until("both cards say the end", func() bool { return strings.Count(r.sees(sam, deploys), "went live") == 2 })
	})
}

func TestAnEditThatIsRefusedOnceDoesNotFreezeTheCard(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.FailCall("chat.update", "edit_window_closed", 1, false)
		r.command(lin, deploys, "/c66 redeploy web --now")
		hold(t, "the card", r.card("went live").Plain(), "✅", "[Show]")
	})
}
