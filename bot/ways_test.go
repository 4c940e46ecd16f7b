package bot_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
)

func TestAnAnswerTakesTheNextWayAfterThreeSeconds(t *testing.T) {
	t.Parallel()
	const shut = 10 * time.Minute
	for name, c := range map[string]struct {
		faults func(w *slacksim.Workspace)
		direct bool // it arrives there
		within time.Duration
	}{
		"the response_url is limited for long": {func(w *slacksim.Workspace) { w.Throttle(slacksim.ResponseURL, shut, 1000) }, false,
			time.Second},
		"the response_url is limited shortly": {func(w *slacksim.Workspace) { w.Throttle(slacksim.ResponseURL, time.Second, 1) }, false,
			2 * time.Second},
		"the response_url hangs": {func(w *slacksim.Workspace) { w.SlowCall(slacksim.ResponseURL, shut, 1000) }, false,
			4 * time.Second},
		"the response_url fails": {func(w *slacksim.Workspace) { w.BreakCall(slacksim.ResponseURL, 500, 1000) }, false,
			4 * time.Second},
		"the response_url is used up": {func(w *slacksim.Workspace) { w.FailCall(slacksim.ResponseURL, "used_url", 1000, false) }, false,
			time.Second},
		"and ephemerals hang": {func(w *slacksim.Workspace) {
			w.SlowCall(slacksim.ResponseURL, shut, 1000)
			w.SlowCall("chat.postEphemeral", shut, 1000)
		}, true, 7 * time.Second},
		"and ephemerals are limited": {func(w *slacksim.Workspace) {
			w.Throttle(slacksim.ResponseURL, shut, 1000)
			w.Throttle("chat.postEphemeral", shut, 1000)
		}, true, time.Second},
		"and nobody is in the channel": {func(w *slacksim.Workspace) {
			w.Throttle(slacksim.ResponseURL, shut, 1000)
			w.FailCall("chat.postEphemeral", "user_not_in_channel", 1000, false)
		}, true, time.Second},
		"all are shut for a moment": {func(w *slacksim.Workspace) {
			w.BreakCall(slacksim.ResponseURL, 503, 6)
			w.BreakCall("chat.postEphemeral", 503, 6)
			w.Throttle("conversations.open", 10*time.Second, 1)
		}, false, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				pass(time.Minute) // what a start has to do is done
				c.faults(r.slack)
				start := time.Now()
				r.command(lin, deploys, "/c66 help")
				where := deploys
				if c.direct {
					where = direct(lin)
				}
				r.until("lin is answered", func() bool { return strings.Contains(r.sees(lin, where), "What you can do here") })
				if took := time.Since(start); took > c.within+200*time.Millisecond {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestWhereSlackTakesNoBlocksEveryAnswerIsPlainText(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "invalid_arguments", "msg_too_long"} {
		for name, shut := range map[string][]string{
			"the response_url": {}, "an ephemeral message": {slacksim.ResponseURL}, "a direct message": {slacksim.ResponseURL, "chat.postEphemeral"},
		} {
			t.Run(code+", "+name, func(t *testing.T) {
				inBubble(t, settings{}, func(t *testing.T, r *rig) {
					r.slack.RefuseBlocks(code)
					for _, method := range shut {
						r.slack.Throttle(method, time.Hour, 1000)
					}
					r.command(lin, deploys, "/c66 help")
					r.until("lin is answered", func() bool {
						return strings.Contains(r.sees(lin, deploys)+r.sees(lin, direct(lin)), "What you can do here")
					})
					for _, m := range append(r.slack.Person(lin).Sees(deploys), r.slack.Person(lin).Sees(direct(lin))...) {
						if len(m.Blocks) > 0 || m.Parse != "none" {
							t.Errorf("it has blocks, or makes links: %+v", m)
						}
					}
				})
			})
		}
	}
}

func TestWhereSlackTakesNoBlocksADeploymentIsToldAllTheSame(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.RefuseBlocks("invalid_blocks")
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.until("the end is told", func() bool { return strings.Contains(r.sees(lin, deploys), "#1036 went live") })
	})
}

func TestAWindowThatIsRefusedItsFormSaysItInWords(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.FailCall("views.update", "view_too_large", 1, false)
		r.command(lin, deploys, "/c66 redeploy web")
		r.until("the window has come to a word", func() bool {
			view, open := r.slack.Person(lin).View()
			return open && strings.Contains(view.Plain(), "Slack did not take the content of the form")
		})
	})
}

func TestTheLastWordsOfAShutdownKeepTheirBoundWhereEveryWayHangs(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		for _, method := range []string{slacksim.ResponseURL, "chat.postEphemeral"} {
			r.slack.SlowCall(method, time.Hour, 1000)
		}
		r.command(lin, deploys, "/c66 help")
		start := time.Now()
		r.terminate()
		if took := time.Since(start); took > 8*time.Second {
			t.Errorf("shutting down took %s", took)
		}
		if told := r.sees(lin, direct(lin)); !strings.Contains(told, "What you can do here") && !strings.Contains(told, "shutting down") {
			t.Errorf("lin was told %q", told)
		}
	})
}

func TestAMentionIsAsOldAsSlackSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ahead time.Duration // Slack's clock
		known bool          // since something was posted
	}{
		"ours is 11 min ahead, and nothing was posted": {-11 * time.Minute, false},
		"ours is 11 min ahead":                         {-11 * time.Minute, true},
		"ours is a day ahead":                          {-24 * time.Hour, true},
		"ours is 11 min behind":                        {11 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.slack.SetClock(c.ahead)
				if c.known {
					r.command(lin, deploys, "/c66 follow web")
					r.command(lin, deploys, "/c66 allow everyone view web")
					r.says(lin, deploys, "view", "web")
				}
				r.mention(lin, deploys, "", "@c66bot redeploy web --now")
				r.until("it is done", func() bool { return r.requests("POST") == 1 })
			})
		})
	}
}

func TestAClockThatIsOffIsToldInTheLogAndTheStatus(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		if status := r.ask(lin, deploys, "/c66 status").Plain(); strings.Contains(status, "clock") {
			t.Errorf("a clock that is right is told: %s", status)
		}
		r.slack.SetClock(-6 * time.Minute)
		r.command(lin, deploys, "/c66 allow everyone view web")
		r.says(lin, deploys, "view", "web")
		hold(t, "the status", r.ask(lin, deploys, "/c66 status").Plain(), "clock is 6 min ahead of Slack's")
		r.slack.SetClock(0)
		r.command(lin, deploys, "/c66 allow @sam view web")
		pass(5 * time.Second)
		if status := r.ask(lin, deploys, "/c66 status").Plain(); strings.Contains(status, "clock") {
			t.Errorf("a clock that is right again is told: %s", status)
		}
		if log := r.log.String(); strings.Count(log, "differs from Slack's") != 1 || strings.Count(log, "agrees with Slack's again") != 1 {
			t.Errorf("the log tells it otherwise than once:\n%s", log)
		}
	})
}

func TestWhyACardIsRefusedIsSaidAloudAndInTheLogAlike(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		words  string
		within time.Duration
	}{
		"restricted_action":                   {"ot everyone may post in the channel, and I may not", 10 * time.Second},
		"restricted_action_read_only_channel": {"he channel can only be read", 10 * time.Second},
		"flux_drained":                        {"lack refused it with the code flux_drained, which I do not know", 95 * time.Second},
		"server_error":                        {"lack has trouble of its own", 95 * time.Second},
	} {
		t.Run(code, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.slack.FailIn(deploys, "chat.postMessage", code, 10_000)
				start := time.Now()
				r.command(lin, deploys, "/c66 redeploy web --now")
				r.says(lin, deploys, c.words, "Nothing was done")
				if took := time.Since(start); took > c.within {
					t.Errorf("lin was answered after %s", took)
				}
				hold(t, "the log", r.log.String(), c.words)
				if n := r.requests("POST"); n != 0 {
					t.Errorf("%d POSTs were made", n)
				}
			})
		})
	}
}
