package bot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

func TestTwoHundredCommandsAreAcknowledgedAtOnceWhileCloud66IsSlow(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{Delay: 10 * time.Second})
		var sent []*slacksim.Delivery
		for i := range 200 {
			command := []string{"list web", "show web", "follow web", "cancel web"}[i%4]
			sent = append(sent, r.slack.Person(lin).Command(deploys, "/c66 "+command))
		}
		for _, d := range sent {
			info, err := d.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if info.After > time.Second {
				t.Errorf("acknowledged after %s", info.After)
			}
		}
		r.until("everyone is answered", func() bool {
			time.Sleep(2 * time.Second)
			answers := 0
			for _, m := range r.ephemerals(lin, deploys) {
				if !strings.Contains(m.Plain(), "This takes longer than it should") {
					answers++
				}
			}
			return answers == 200
		})
	})
}

func TestAnEnvelopeThatComesAgainIsAcknowledgedAgainAndDoneOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		d := r.slack.Person(lin).Command(deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		for range 3 {
			r.slack.Redeliver(d.EnvelopeID)
			pass(time.Second)
		}
		r.kill()
		r.start()
		r.slack.Redeliver(d.EnvelopeID) // to a process that has never seen it
		r.until("lin is told", func() bool { return strings.Contains(r.sees(lin, deploys), "not done twice") })
		r.card("went live")
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAtARefreshTheNewConnectionStandsBeforeTheOldOneGoes(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		pass(time.Minute)
		r.slack.PreferOldest(true) // what comes during the change goes to the old connection
		r.slack.Announce("warning")
		for range 20 {
			r.ask(lin, deploys, "/c66 help")
			pass(500 * time.Millisecond)
		}
		if n := r.slack.Sockets(); n < 1 {
			t.Error("no connection is open")
		}
		connected, gone := -1, -1
		for i, e := range r.slack.Log() {
			switch e.Kind {
			case slacksim.KindConnected:
				connected = i
			case slacksim.KindDisconnected:
				if gone < 0 {
					gone = i
				}
			case slacksim.KindNack:
				t.Errorf("an envelope was lost: %s", e.Text)
			}
		}
		if connected < 0 || (gone >= 0 && gone < connected) {
			t.Error("the old connection went before the new one stood")
		}
	})
}

func TestADisconnectRightAfterEachHelloIsNotAnsweredInALoop(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{slack: slacksim.Options{Lifetime: 50 * time.Millisecond}}, func(t *testing.T, r *rig) {
		before := len(r.slack.Calls("apps.connections.open"))
		pass(10 * time.Minute)
		if n := len(r.slack.Calls("apps.connections.open")) - before; n > 30 {
			t.Errorf("%d connections were opened in ten minutes", n)
		}
	})
}

func TestAttemptsToConnectComeMoreAndMoreSlowlyWhileSlackHasAFaultAndSoonAgainAfterIt(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		pass(time.Minute)
		opens := func() []slacksim.Call { return r.slack.Calls("apps.connections.open") }
		before := len(opens())
		r.slack.BreakCall("apps.connections.open", 500, 1000)
		r.slack.Drop()
		pass(5 * time.Minute)
		var pauses []time.Duration
		for i, call := range opens()[before:] {
			if i > 0 {
				pauses = append(pauses, call.Time.Sub(opens()[before+i-1].Time).Round(time.Second))
			}
		}
		if len(pauses) < 5 || !slices.IsSorted(pauses) || pauses[0] < time.Second || pauses[len(pauses)-1] != 30*time.Second {
			t.Errorf("the pauses between attempts were %v", pauses)
		}
		r.slack.ClearFaults()
		r.until("the bot is ready again", func() bool { return r.bot.Ready() == nil })
		pass(time.Minute)
		r.slack.Drop()
		pass(2 * time.Second)
		if err := r.bot.Ready(); err != nil {
			t.Errorf("after a good connection the next one is not made at once: %v", err)
		}
	})
}

func TestALostConnectionComesBackByItself(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(r *rig){
		"cut": func(r *rig) { r.slack.Drop() }, "half open": func(r *rig) { r.slack.HalfOpen() },
		"link disabled": func(r *rig) { r.slack.Disconnect("link_disabled") }, "network cut": func(r *rig) { r.net.CloseAll() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				pass(2 * time.Minute)
				lose(r)
				pass(45 * time.Second)
				r.until("the bot is ready again", func() bool { return r.bot.Ready() == nil })
				hold(t, "help", r.ask(lin, deploys, "/c66 help").Plain(), "What you can do here")
			})
		})
	}
}

// The packets of all open connections are lost, and no end is told; new connections work.
func TestSilentConnectionsAreLeftSoon(t *testing.T) {
	t.Parallel()
	for name, wire := range map[string]wire{"plain HTTP": plain, "TLS": overTLS, "TLS with HTTP/2": overHTTP2} {
		for pinging, options := range map[string]slacksim.Options{"answers pings": {}, "answers none": {NoPongs: true}} {
			t.Run(name+", a server that "+pinging, func(t *testing.T) {
				inBubble(t, settings{wire: wire, slack: options}, func(t *testing.T, r *rig) {
					for _, after := range []time.Duration{2 * time.Minute, 3*time.Minute + 4*time.Second, 10*time.Minute + 7*time.Second} {
						pass(after)
						r.ask(lin, deploys, "/c66 help") // which leaves a connection that can be used again
						before, cut := r.connections(), time.Now()
						r.wire.silence()
						r.until("there is another connection", func() bool { return r.connections() > before })
						if took := time.Since(cut); took > 32*time.Second { // people wait 45 s at most, in which a slow handshake has its place
							t.Errorf("connected again after %s", took)
						}
						r.until("the bot is ready", func() bool { return r.bot.Ready() == nil })
						pass(time.Minute)
						hold(t, "help", r.ask(lin, deploys, "/c66 help").Plain(), "What you can do here")
					}
				})
			})
		}
	}
}

// connections counts the connections that the bot has made.
func (r *rig) connections() (n int) {
	for _, e := range r.slack.Log() {
		if e.Kind == slacksim.KindConnected {
			n++
		}
	}
	return n
}

func TestARefusedTokenIsNamedAndSlackIsNotHammered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		slack slacksim.Options
		says  []string
	}{
		"another app token": {slacksim.Options{AppToken: "xapp-1-other"},
			[]string{"app-level token (C66BOT_SLACK_APP_TOKEN)", "invalid_auth"}},
		"no connections:write":  {slacksim.Options{AppScopes: []string{"authorizations:read"}}, []string{"lacks the scope connections:write"}},
		"another bot token":     {slacksim.Options{BotToken: "xoxb-other"}, []string{"bot token (C66BOT_SLACK_BOT_TOKEN)", "invalid_auth"}},
		"a bot without posting": {slacksim.Options{BotScopes: []string{"commands", "users:read"}}, []string{"lacks the scope chat:write"}},
	} {
		t.Run(name, func(t *testing.T) {
			unready(t, settings{slack: c.slack}, func(t *testing.T, r *rig) {
				pass(9 * time.Minute)
				if r.bot.Ready() == nil {
					t.Fatal("the bot says that it is ready")
				}
				hold(t, "the reason", r.bot.Ready().Error(), c.says...)
				hold(t, "the log", r.log.String(), c.says...)
				if n := len(r.slack.Calls("apps.connections.open")) + len(r.slack.Calls("auth.test")); n > 20 {
					t.Errorf("Slack was asked %d times in nine minutes", n)
				}
			})
		})
	}
}

func TestARefusedCloud66TokenLeavesTheBotUpAndUnready(t *testing.T) {
	t.Parallel()
	unready(t, settings{token: "another"}, func(t *testing.T, r *rig) {
		pass(5*time.Minute + time.Second)
		hold(t, "the reason", fmt.Sprint(r.bot.Ready()), "the Cloud 66 token (C66BOT_CLOUD66_TOKEN) is refused", "C66BOT_CLOUD66_TOKEN")
		if n := r.cloud.Count(); n > 9 {
			t.Errorf("Cloud 66 was asked %d times in five minutes", n)
		}
		hold(t, "the answer", r.ask(lin, deploys, "/c66 list web").Plain(), "Cloud 66 refuses the bot's token")
	})
}

func TestOneRefusalOfATokenThatWasGoodIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"apps.connections.open", "auth.test"} {
		for _, code := range []string{"account_inactive", "invalid_auth", "token_revoked", "not_authed", "team_access_not_granted"} {
			t.Run(method+" "+code, func(t *testing.T) {
				inBubble(t, settings{}, func(t *testing.T, r *rig) {
					pass(5*time.Minute - 2*time.Second)
					r.slack.FailCall(method, code, 2, false)
					r.slack.Disconnect("warning") // there are 15 s until the connection ends
					for range 40 {
						pass(time.Second)
						if err := r.bot.Ready(); err != nil {
							t.Fatalf("not ready: %v", err)
						}
					}
					if n := r.slack.Sockets(); n != 1 {
						t.Errorf("%d connections are open", n)
					}
				})
			})
		}
	}
}

func TestOneRefusalOfACloud66TokenThatWasGoodIsNotBelieved(t *testing.T) {
	t.Parallel()
	for status, body := range map[int]string{401: `{"error":"unauthenticated"}`, 403: `{"error":"forbidden"}`} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				pass(4 * time.Minute)
				r.cloud.AddFault(cloud66sim.Fault{Status: status, Body: body, ContentType: "application/json", Times: 2})
				for range 120 {
					pass(time.Second)
					if err := r.bot.Ready(); err != nil {
						t.Fatalf("not ready: %v", err)
					}
				}
				r.cloud.AddFault(cloud66sim.Fault{Status: status, Body: body, ContentType: "application/json"})
				r.until("the refusal is believed", func() bool { return r.bot.Ready() != nil })
			})
		})
	}
}

func TestStatusSaysHowLongCloud66HasNotAnswered(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		pass(4 * time.Minute)
		mend := r.cloud.AddFault(cloud66sim.Fault{CutBefore: true})
		pass(20 * time.Minute)
		hold(t, "status", r.ask(lin, deploys, "/c66 status").Plain(), "Cloud 66 has not answered since")
		mend()
		pass(2 * time.Minute)
		lack(t, "status", r.ask(lin, deploys, "/c66 status").Plain(), "has not answered")
	})
}

func TestARefusalIsBelievedAfterThreeAndOverAtOnceWhenTheTokenIsGoodAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		pass(5*time.Minute - time.Second)
		r.slack.FailCall("auth.test", "token_revoked", 1_000_000, false)
		pass(30 * time.Second)
		hold(t, "the reason", fmt.Sprint(r.bot.Ready()), "refuses the bot token (C66BOT_SLACK_BOT_TOKEN)", "token_revoked")
		pass(10 * time.Minute)
		r.slack.ClearFaults()
		r.slack.Disconnect("refresh_requested") // the hello of its successor has the token looked at
		pass(2 * time.Second)
		if err := r.bot.Ready(); err != nil {
			t.Errorf("not ready: %v", err)
		}
	})
}

// The app token is revoked, then Slack asks for a new connection: what is told is the refusal, not why the old connection ended.
func TestTheNewestReasonIsTold(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(r *rig){
		"refresh_requested": func(r *rig) { r.slack.Disconnect("refresh_requested") }, "warning": func(r *rig) { r.slack.Disconnect("warning") },
		"link_disabled": func(r *rig) { r.slack.Disconnect("link_disabled") }, "cut": func(r *rig) { r.slack.Drop() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				pass(time.Minute)
				r.slack.FailCall("apps.connections.open", "token_revoked", 1_000_000, false)
				end(r)
				pass(20 * time.Second)
				for range 10 {
					hold(t, "the reason", fmt.Sprint(r.bot.Ready()), "refuses the app-level token (C66BOT_SLACK_APP_TOKEN)", "token_revoked")
					lack(t, "the reason", fmt.Sprint(r.bot.Ready()), "closed by Slack")
					pass(time.Minute)
				}
				r.slack.ClearFaults()
				r.slack.FailCall("apps.connections.open", "internal_error", 1_000_000, false)
				pass(time.Minute + time.Second)
				hold(t, "the reason", fmt.Sprint(r.bot.Ready()), "internal_error")
				r.slack.ClearFaults()
				pass(time.Minute)
				if err := r.bot.Ready(); err != nil {
					t.Errorf("not ready a minute after the token is good again: %v", err)
				}
			})
		})
	}
}

func TestOtherConnectionsAreClaimedOnlyWhileAFreshHelloSaysSo(t *testing.T) {
	t.Parallel()
	claims := func(r *rig) bool {
		return strings.Contains(r.ask(lin, deploys, "/c66 status").Plain(), "more connection than mine")
	}
	counting := func(n int) func(f map[string]any) {
		return func(f map[string]any) {
			if f["type"] == "hello" {
				f["num_connections"] = n
			}
		}
	}
	t.Run("one that is gone is not claimed for long", func(t *testing.T) {
		inBubble(t, settings{}, func(t *testing.T, r *rig) {
			r.kill()
			r.slack.Twist(counting(2)) // the last sigh of the process before
			r.start()
			if !claims(r) {
				t.Error("another connection is not claimed")
			}
			r.slack.Twist(nil)
			pass(4 * time.Minute)
			if claims(r) {
				t.Error("another connection is claimed four minutes later")
			}
		})
	})
	t.Run("one that cannot be counted again is not claimed for long", func(t *testing.T) {
		inBubble(t, settings{}, func(t *testing.T, r *rig) {
			r.kill()
			r.slack.Twist(counting(2))
			r.start()
			r.slack.FailCall("apps.connections.open", "internal_error", 1_000_000, false)
			pass(6 * time.Minute)
			if claims(r) {
				t.Error("another connection is claimed six minutes later")
			}
		})
	})
	t.Run("one that stays is claimed for as long", func(t *testing.T) {
		inBubble(t, settings{}, func(t *testing.T, r *rig) {
			r.kill()
			r.slack.Twist(counting(4))
			r.start()
			for range 8 {
				pass(4 * time.Minute)
				if !strings.Contains(r.ask(lin, deploys, "/c66 status").Plain(), "more connections than mine") {
					t.Fatal("the others are not claimed")
				}
			}
			if n := r.connections(); n > 12 {
				t.Errorf("%d connections were made in half an hour", n)
			}
		})
	})
	t.Run("our own that was just closed is none", func(t *testing.T) {
		inBubble(t, settings{}, func(t *testing.T, r *rig) {
			pass(time.Minute)
			r.slack.Twist(counting(2))
			r.slack.Drop()
			pass(10 * time.Second)
			if claims(r) {
				t.Error("our own connection is claimed as another's")
			}
		})
	})
}

func TestAWaitingOutboxTriesAtOnceWhenSlackSaysHello(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		card := r.card("deploying #1036")
		r.slack.FailCall("chat.postMessage", "team_added_to_org", 1_000_000, false) // after which nothing is to be looked for first
		pass(20 * time.Minute)                                                      // now the pauses are as long as they get
		tries := func() int { return len(r.slack.Calls("chat.postMessage")) }
		before := tries()
		r.until("one more try has failed", func() bool { return tries() > before })
		r.slack.ClearFaults()
		r.slack.Disconnect("refresh_requested")
		pass(3 * time.Second)
		if lines := r.thread(card); len(lines) != 2 {
			t.Errorf("3 s after the hello the thread has %q", lines)
		}
	})
}

func TestTooManyConnectionsAreNamedAndTriedAgainWithoutHaste(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		pass(time.Minute)
		before := len(r.slack.Calls("apps.connections.open"))
		for range 20 {
			r.slack.Disconnect("too_many_websockets")
			pass(30 * time.Second)
		}
		hold(t, "the log", r.log.String(), "the app has too many connections; other instances use its token")
		if n := len(r.slack.Calls("apps.connections.open")) - before; n > 25 {
			t.Errorf("%d connections were opened in ten minutes", n)
		}
		r.until("the bot is ready again", func() bool { return r.bot.Ready() == nil })
	})
}

func TestAnotherInstanceOfTheAppIsWarnedOf(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		other := &rig{t: r.t, slack: r.slack, cloud: r.cloud, net: r.net, db: r.db + ".other", log: &logBuffer{}}
		other.start()
		defer other.kill()
		hold(t, "the second one's log", other.log.String(), "the app has another connection")
		lack(t, "the first one's log", r.log.String(), "the app has another connection")
		r.until("a status tells of it", func() bool { // Slack gives each command to any of the two
			return strings.Contains(r.ask(lin, deploys, "/c66 status").Plain(), "The app has 1 more connection than mine: stop the other instance")
		})
		r.slack.Disconnect("refresh_requested")
		r.until("the first one has noticed it too", func() bool { return strings.Contains(r.log.String(), "the app has another connection") })
	})
}

func TestAdminsMayBeNamedByUserGroup(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{admins: []string{"S0OPS"}}, func(t *testing.T, r *rig) {
		r.slack.AddUser(slacksim.User{ID: "U0GUEST", Name: "guest", TeamID: "T0OTHER"})
		r.slack.AddChannel(slacksim.Channel{ID: "C0OPS", Name: "ops", Members: []string{lin, sam, "U0GUEST"}, BotIsMember: true})
		r.slack.AddGroup(slacksim.Group{ID: "S0OPS", Handle: "ops", Users: []string{lin, "U0GUEST"}})
		hold(t, "what a member is told", r.ask(lin, "C0OPS", "/c66 list web").Plain(), "1–10 of 35")
		hold(t, "what others are told", r.ask(sam, "C0OPS", "/c66 list web").Plain(), "You may not")
		hold(t, "what a member from another organisation is told", r.ask("U0GUEST", "C0OPS", "/c66 list web").Plain(), "You may not")
		calls := len(r.slack.Calls("usergroups.users.list"))
		for range 10 {
			r.ask(lin, "C0OPS", "/c66 help")
		}
		if n := len(r.slack.Calls("usergroups.users.list")) - calls; n > 1 {
			t.Errorf("ten commands within a minute asked Slack %d times for the group", n)
		}
	})
}

func TestShutdownFinishesWhatWasTakenWithinItsBound(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{Method: "POST", Times: 1, Delay: 2 * time.Second})
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.until("the redeploy is under way", func() bool { return r.requests("POST") == 1 || len(r.cards(deploys)) == 1 })
		started := time.Now()
		r.terminate()
		if took := time.Since(started); took > 8*time.Second {
			t.Errorf("shutting down took %s", took)
		}
		if len(r.cloud.Deployments(r.web)) != 36 {
			t.Error("what was taken was not finished")
		}
		r.start()
		r.card("#1036 went live")
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAKilledBotComesBackAndTellsWhatHappenedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		down time.Duration
		fail bool
		says string
	}{
		"in the middle":           {10 * time.Second, false, "#1036 went live"},
		"after it has ended":      {20 * time.Minute, false, "#1036 went live"},
		"after it has failed":     {time.Hour, true, "#1036 failed"},
		"days after it has ended": {72 * time.Hour, false, "#1036 went live"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.cloud.NextOutcome(r.web, cloud66sim.Next{Fail: c.fail})
				r.command(lin, deploys, "/c66 redeploy web --now")
				r.card("deploying #1036")
				pass(90 * time.Second)
				r.kill()
				pass(c.down)
				r.start()
				card := r.card(c.says)
				r.until("the thread is complete", func() bool { return len(r.thread(card)) == 2 })
				pass(5 * time.Minute)
				if lines := r.thread(card); len(lines) != 2 {
					t.Errorf("a state was told twice:\n%s", strings.Join(lines, "\n"))
				}
				if n := r.requests("POST"); n != 1 {
					t.Errorf("%d POSTs were made", n)
				}
				if n := len(r.cards(deploys)); n != 1 {
					t.Errorf("%d cards stand in the channel", n)
				}
			})
		})
	}
}

func TestManyCardsOfOneDeploymentCostNoMoreThanOne(t *testing.T) {
	t.Parallel()
	cost := func(channels int) int {
		requests := 0
		inBubble(t, settings{}, func(t *testing.T, r *rig) {
			r.cloud.Deploy(r.web, cloud66sim.Start{})
			for i := range channels {
				id := fmt.Sprintf("C0TEAM%d", i)
				r.slack.AddChannel(slacksim.Channel{ID: id, Name: id, Members: []string{lin}, BotIsMember: true})
				r.command(lin, id, "/c66 follow web 1036")
			}
			r.until("every card says the end", func() bool {
				return !slices.ContainsFunc(r.slack.Log(), func(e slacksim.Event) bool { return e.Kind == slacksim.KindNack }) &&
					strings.Contains(r.sees(lin, fmt.Sprintf("C0TEAM%d", channels-1)), "went live")
			})
			for _, q := range r.cloud.Requests() {
				if strings.HasSuffix(q.Path, "/deployments") {
					requests++
				}
			}
		})
		return requests
	}
	one, ten := cost(1), cost(10)
	if ten > one+2 {
		t.Errorf("following one deployment from ten channels cost %d looks, from one %d", ten, one)
	}
}

func TestACommandThatAShutdownCutsShortIsToldToItsAuthor(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{Delay: 20 * time.Second})
		r.command(lin, deploys, "/c66 redeploy web --now")
		pass(time.Second)
		started := time.Now()
		r.terminate()
		if took := time.Since(started); took > 8*time.Second {
			t.Errorf("shutting down took %s", took)
		}
		hold(t, "what lin sees", r.sees(lin, deploys), "I am shutting down", "Nothing was done")
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAShutdownWhileSomebodyIsToldThatItGoesOnKeepsItsBound(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{Delay: 60 * time.Second})
		for _, method := range []string{slacksim.ResponseURL, "chat.postEphemeral", "conversations.open"} {
			r.slack.SlowCall(method, time.Minute, 20)
		}
		r.command(lin, deploys, "/c66 redeploy web --now")
		pass(3 * time.Second)
		started := time.Now()
		r.terminate()
		if took := time.Since(started); took > 7*time.Second { // the connection and the database have a second too
			t.Errorf("shutting down took %s", took)
		}
	})
}

func TestOnePersonsReadsKeepNobodyFromRedeploying(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{admins: []string{lin, sam}, perHour: 100_000,
		cloud: cloud66sim.Options{RateLimit: 100_000}}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		lift := r.cloud.AddFault(cloud66sim.Fault{Method: "GET", Delay: 25 * time.Second})
		for user, n := range map[string]int{lin: 210, sam: 20} {
			for range n {
				r.slack.Person(user).Command(deploys, "/c66 list web")
			}
		}
		pass(10 * time.Second)
		hold(t, "what lin sees", r.sees(lin, deploys), "busy with too many commands", "“list web”")
		lack(t, "what sam sees", r.sees(sam, deploys), "busy with too many commands")
		r.slack.Person(guest).Command(deploys, "/c66 help")
		for i, user := range []string{lin, sam} {
			r.command(user, deploys, fmt.Sprintf("/c66 redeploy web --wait --ref v%d", i))
		}
		pass(time.Second)
		if len(r.ephemerals(guest, deploys)) != 1 {
			t.Error("somebody who asks for help hears nothing")
		}
		lift()
		r.until("both redeploys are sent", func() bool { return r.requests("POST") == 3 })
		r.until("all others are answered", func() bool {
			pass(5 * time.Second)
			return strings.Count(r.sees(lin, deploys), "1–10 of") == 200 && strings.Count(r.sees(sam, deploys), "1–10 of") == 20
		})
	})
}

func TestOnePersonsSearchesKeepNobodyElsesWaiting(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{admins: []string{lin, sam}}, func(t *testing.T, r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{Delay: 25 * time.Second})
		search := func(user string) *slacksim.Delivery {
			return r.slack.Deliver("interactive", map[string]any{
				"type": "block_suggestion", "user": map[string]any{"id": user}, "value": "we",
				"view": map[string]any{"id": "V1", "private_metadata": `{"c":"` + deploys + `"}`},
			}, true)
		}
		var sent []*slacksim.Delivery
		for range 600 {
			sent = append(sent, search(sam))
		}
		sent = append(sent, search(lin))
		for _, d := range sent {
			if info := r.acked(d); info.After > 2*time.Second {
				t.Fatalf("acknowledged after %s", info.After)
			}
		}
		lack(t, "what sam sees", r.sees(sam, deploys)+strings.Join(r.directly(), ""), "busy")
	})
}

// However much comes at once, all of it is acknowledged, and whoever's is not taken is told so, with few messages.
func TestHoweverMuchComesAtOnceIsAcknowledgedAndDoneOrTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n    int
		send func(r *rig, i int) *slacksim.Delivery
	}{
		"300 commands":   {300, func(r *rig, i int) *slacksim.Delivery { return r.slack.Person(lin).Command(deploys, "/c66 list web") }},
		"1,000 commands": {1000, func(r *rig, i int) *slacksim.Delivery { return r.slack.Person(lin).Command(deploys, "/c66 show web") }},
		"300 redeploys": {300, func(r *rig, i int) *slacksim.Delivery {
			return r.slack.Person(lin).Command(deploys, fmt.Sprintf("/c66 redeploy web --ref v%d", i))
		}},
		"1,000 redeploys": {1000, func(r *rig, i int) *slacksim.Delivery {
			return r.slack.Person(lin).Command(deploys, fmt.Sprintf("/c66 redeploy web --ref v%d", i))
		}},
		"300 mentions": {300, func(r *rig, i int) *slacksim.Delivery {
			return r.slack.Deliver("events_api", map[string]any{"event_id": fmt.Sprint("Ev", i), "event": map[string]any{
				"type": "app_mention", "user": lin, "channel": deploys, "ts": fmt.Sprintf("%d.%06d", time.Now().Unix(), i),
				"text": "<@U0C66BOT> redeploy web --now",
			}}, false)
		}},
		"300 clicks without a way to answer in the acknowledgement": {300, func(r *rig, i int) *slacksim.Delivery {
			return r.slack.Deliver("interactive", map[string]any{
				"type": "block_actions", "user": map[string]any{"id": lin}, "channel": map[string]any{"id": deploys},
				"trigger_id": fmt.Sprint("5.5.", i),
				"container":  map[string]any{"type": "message", "channel_id": deploys, "is_ephemeral": false},
				"actions": []any{map[string]any{"action_id": "redeploy", "value": fmt.Sprintf(`{"v":"redeploy","u":%q,"n":true,"r":"v1"}`, r.web),
					"type": "button"}},
			}, false)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.cloud.AddFault(cloud66sim.Fault{Delay: 25 * time.Second})
				var sent []*slacksim.Delivery
				for i := range c.n {
					sent = append(sent, c.send(r, i))
				}
				inAck := 0
				for _, d := range sent {
					info := r.acked(d)
					if info.After > 2500*time.Millisecond {
						t.Fatalf("acknowledged after %s", info.After)
					}
					if strings.Contains(fmt.Sprint(info.Payload), "busy with too many") {
						inAck++
					}
				}
				pass(20 * time.Second)
				said := r.sees(lin, deploys) + strings.Join(r.directly(), "\n")
				hold(t, "what lin sees", said, "busy with too many commands")
				if told := strings.Count(said, "busy with too many commands"); inAck == 0 && told > 5 {
					t.Errorf("lin was told %d times", told)
				}
			})
		})
	}
}

// Slack may bring an envelope again that was acknowledged, also to the next process: nobody who was told that nothing was done sees it done
// then.
func TestWhatWasTurnedAwayForLackOfAPlaceIsNotDoneByTheNextProcess(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		lift := r.cloud.AddFault(cloud66sim.Fault{Delay: 25 * time.Second})
		var last *slacksim.Delivery
		for i := range 200 {
			last = r.slack.Person(lin).Command(deploys, fmt.Sprintf("/c66 redeploy web --ref v%d", i))
		}
		r.until("lin is told", func() bool {
			return strings.Contains(r.sees(lin, deploys), "I did not take “redeploy web --ref v199”")
		})
		r.kill()
		lift()
		r.start()
		if !r.slack.Redeliver(last.EnvelopeID) {
			t.Fatal("the envelope was not delivered again")
		}
		r.until("lin is told that it was answered", func() bool { return strings.Contains(r.sees(lin, deploys), "answered already") })
		pass(5 * time.Minute)
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestWithoutAConnectionTheBotIsNotReadyWhateverTheReason(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		pass(time.Minute)
		r.slack.BreakCall("apps.connections.open", 500, 1000)
		r.slack.Disconnect("refresh_requested")
		pass(time.Minute)
		if r.slack.Sockets() != 0 {
			t.Fatal("a connection is open")
		}
		if r.bot.Ready() == nil {
			t.Error("the bot says that it is ready")
		}
		r.slack.ClearFaults()
		r.until("the bot is ready again", func() bool { return r.bot.Ready() == nil })
	})
}

func TestABotTokenThatIsRevokedLaterIsNoticed(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.FailCall("auth.test", "token_revoked", 1000, false)
		pass(6 * time.Minute)
		hold(t, "the reason", fmt.Sprint(r.bot.Ready()), "bot token", "token_revoked")
		r.slack.ClearFaults()
		pass(time.Minute)
		if err := r.bot.Ready(); err != nil {
			t.Errorf("still not ready: %v", err)
		}
	})
}

func TestABurstAsksSlackOnceForTheAdminsGroup(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{admins: []string{"S0OPS"}}, func(t *testing.T, r *rig) {
		r.slack.AddGroup(slacksim.Group{ID: "S0OPS", Handle: "ops", Users: []string{lin}})
		r.slack.SlowCall("usergroups.list", 300*time.Millisecond, 1000)
		for range 200 {
			r.slack.Person(lin).Command(deploys, "/c66 help")
		}
		r.until("everyone is answered", func() bool { return len(r.ephemerals(lin, deploys)) == 200 })
		if n := strings.Count(r.sees(lin, deploys), "What you can do here"); n != 200 {
			t.Errorf("%d of 200 were let in", n)
		}
		if n := len(r.slack.Calls("usergroups.list")); n > 2 {
			t.Errorf("Slack was asked %d times", n)
		}
	})
}

func TestWhoeverAskedForWhatAKillCutsShortBeforeItsCardIsTold(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		mend := r.cloud.AddFault(cloud66sim.Fault{Delay: 20 * time.Second})
		sent := r.slack.Person(lin).Command(deploys, "/c66 redeploy web --now")
		r.acked(sent)
		r.command(lin, deploys, "/c66 list web") // what only reads is not worth a word
		pass(3 * time.Second)
		r.kill()
		mend()
		r.start()
		told := func() (texts []string) {
			for _, c := range r.slack.Calls("chat.postMessage") {
				if strings.HasPrefix(c.Args["channel"], "D") {
					texts = append(texts, c.Args["text"])
				}
			}
			return texts
		}
		r.until("lin is told", func() bool { return len(told()) > 0 })
		r.kill()
		r.start()
		r.slack.Redeliver(sent.EnvelopeID) // what was told not to be done is not done now
		pass(time.Minute)
		if all := told(); len(all) != 1 || !strings.Contains(all[0], "“redeploy web --now”") || !strings.Contains(all[0], "Nothing was done") {
			t.Errorf("lin was told %q", all)
		}
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}
