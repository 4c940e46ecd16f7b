package bot_test

import (
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/commands"
)

const hidden = "C0HIDDEN" // a private channel, whose id does not show that

// inPrivate runs f with a private channel that lin and sam are in, and the guest is not, in which lin has made the rules.
func inPrivate(t *testing.T, rules []string, f func(t *testing.T, r *rig)) {
	t.Helper()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.AddChannel(slacksim.Channel{ID: hidden, Name: "hidden", Private: true, Members: []string{lin, sam, robot}, BotIsMember: true})
		r.slack.AddGroup(slacksim.Group{ID: "S0DEV", Handle: "devs", Users: []string{sam, guest}})
		for i, rule := range rules {
			r.command(lin, hidden, "/c66 "+rule)
			r.until("the channel is told", func() bool { return len(r.cards(hidden)) == i+1 })
		}
		f(t, r)
	})
}

// sendsForm has somebody send a form of a channel, and gives what they alone hear.
func (r *rig) sendsForm(user, channel string) string {
	r.t.Helper()
	before := len(r.slack.Log())
	r.send(user, channel, r.web)
	pass(20 * time.Second)
	return r.heard(user, before)
}

func TestAPrivateChannelsRulesForEveryoneAndForGroupsAreForItsMembers(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]string{"everyone": "allow everyone view,redeploy web",
		"a group": "allow <!subteam^S0DEV|@devs> view,redeploy web"} {
		t.Run(name, func(t *testing.T) {
			inPrivate(t, []string{rule}, func(t *testing.T, r *rig) {
				hold(t, "a member's list", r.ask(sam, hidden, "/c66 list web").Plain(), "1–10 of 35")
				lack(t, "what a forged form tells a stranger to the channel", r.sendsForm(guest, hidden), "web", "35")
				before := len(r.slack.Log())
				r.suggest(guest, hidden)
				r.press(guest, hidden, value(t, commands.Invocation{Verb: commands.List, UID: r.web}))
				r.press(guest, hidden, value(
					t,
					commands.Invocation{
						Verb:    commands.Ask,
						Options: commands.Options{commands.Actions: "view", commands.Glob: "*"},
						Nonce:   "n",
						AskedAt: time.Now().Unix(),
					},
				))
				pass(20 * time.Second)
				lack(t, "what forged clicks tell", r.heard(guest, before), "web", "1035")
				if n := len(r.cards(hidden)); n != 1 {
					t.Errorf("the channel has %d messages", n)
				}
				hold(t, "what is said of it", r.sendsForm(guest, hidden), "rules are for its members")

				r.opens(sam, hidden, "/c66 redeploy web", "Redeploy web")
				r.slack.Leave(hidden, sam)
				pass(time.Second)
				r.submit(sam)
				pass(20 * time.Second)
				if n := r.requests("POST"); n != 0 {
					t.Fatalf("%d POSTs were made", n)
				}
				r.slack.Join(hidden, sam)
				pass(time.Second)
				hold(t, "a member again", r.ask(sam, hidden, "/c66 list web").Plain(), "1–10 of 35")
			})
		})
	}
}

func TestWhoLeavesAPrivateChannelCountsNoMoreAMinuteLaterAlsoWithoutTheEvent(t *testing.T) {
	t.Parallel()
	inPrivate(t, []string{"allow everyone view,redeploy web"}, func(t *testing.T, r *rig) {
		r.opens(sam, hidden, "/c66 redeploy web", "Redeploy web")
		r.slack.AddChannel(slacksim.Channel{ID: hidden, Name: "hidden", Private: true, Members: []string{lin}, BotIsMember: true})
		pass(time.Minute)
		r.submit(sam)
		pass(20 * time.Second)
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestARuleThatNamesAPersonStandsInAPrivateChannelWhileTheBotIsInIt(t *testing.T) {
	t.Parallel()
	inPrivate(t, []string{"allow <@" + guest + "> view web"}, func(t *testing.T, r *rig) {
		list := func() string {
			before := len(r.slack.Log())
			r.press(guest, hidden, value(t, commands.Invocation{Verb: commands.List, UID: r.web}))
			pass(20 * time.Second)
			return r.heard(guest, before)
		}
		hold(t, "the list", list(), "1–10 of 35")
		r.slack.Kick(hidden)
		pass(time.Second)
		lack(t, "the list of a channel that the bot is not in", list(), "35")
	})
}

func TestWhereSlackDoesNotTellWhoIsInAChannelNothingIsAllowedAndThatIsSaid(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"conversations.members", "conversations.info"} {
		for name, fail := range map[string]func(*rig){
			"a fault":          func(r *rig) { r.slack.FailCall(method, "internal_error", 100, false) },
			"a long limit":     func(r *rig) { r.slack.Throttle(method, time.Minute, 100) },
			"nothing in it":    func(r *rig) { r.slack.AnswerCall(method, `{"ok":true}`, 100) },
			"null":             func(r *rig) { r.slack.AnswerCall(method, `{"ok":true,"members":null,"channel":null}`, 100) },
			"an empty object":  func(r *rig) { r.slack.AnswerCall(method, `{}`, 100) },
			"a broken gateway": func(r *rig) { r.slack.BreakCall(method, 502, 100) },
			"no end of pages": func(r *rig) {
				r.slack.AnswerCall(method, `{"ok":true,"members":["U0X"],"response_metadata":{"next_cursor":"again"}}`, 100)
			},
			"a missing scope": func(r *rig) { r.slack.FailCall(method, "missing_scope", 100, false) },
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				inPrivate(t, []string{"allow everyone view,redeploy web"}, func(t *testing.T, r *rig) {
					pass(2 * time.Minute)
					fail(r)
					said := r.ask(sam, hidden, "/c66 redeploy web --now").Plain()
					hold(t, "the answer", said, "Slack did not answer", "Nothing was done")
					lack(t, "the answer", said, "You may not")
					r.slack.ClearFaults()
					hold(t, "later", r.ask(sam, hidden, "/c66 list web").Plain(), "1–10 of 35")
				})
			})
		}
	}
}

func TestAFaultThatPassesIsNotHeardOf(t *testing.T) {
	t.Parallel()
	faults := map[string]func(r *rig, method string){
		"a limit of two seconds": func(r *rig, method string) { r.slack.Throttle(method, 2*time.Second, 1) },
		"faults":                 func(r *rig, method string) { r.slack.FailCall(method, "internal_error", 3, false) },
		"an unknown code":        func(r *rig, method string) { r.slack.FailCall(method, "flux_drained", 1, false) },
		"an empty object":        func(r *rig, method string) { r.slack.AnswerCall(method, `{}`, 2) },
		"null": func(r *rig, method string) {
			r.slack.AnswerCall(method, `{"ok":true,"user":null,"usergroups":null,"channel":null}`, 1)
		},
		"somebody else": func(r *rig, method string) {
			r.slack.AnswerCall(method, `{"ok":true,"user":{"id":"U0XX","team_id":"T0X"},"channel":{"id":"C0XX"}}`, 1)
		},
		"a user of no workspace": func(r *rig, method string) { r.slack.AnswerCall(method, `{"ok":true,"user":{"id":"`+sam+`"}}`, 1) },
		"a page of a proxy":      func(r *rig, method string) { r.slack.BreakCall(method, 500, 2) },
		"an answer that is late": func(r *rig, method string) { r.slack.SlowCall(method, time.Hour, 1) },
	}
	for _, method := range []string{"users.info", "usergroups.list", "conversations.info", "conversations.members", "auth.test"} {
		for name, fault := range faults {
			if method == "auth.test" && name == "a limit of two seconds" {
				continue // of the look at the token, too
			}
			t.Run(method+" "+name, func(t *testing.T) {
				inPrivate(t, []string{"allow <!subteam^S0DEV|@devs> view web"}, func(t *testing.T, r *rig) {
					pass(2 * time.Minute)
					fault(r, method)
					said := r.ask(sam, hidden, "/c66 list web").Plain()
					hold(t, "the answer", said, "1–10 of 35")
				})
			})
		}
	}
}

func TestAPublicChannelsRulesServeWhoeverIsOfTheWorkspace(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow everyone view web")
		r.slack.Leave(deploys, sam)
		pass(time.Second)
		before := len(r.slack.Log())
		r.press(sam, deploys, value(t, commands.Invocation{Verb: commands.List, UID: r.web}))
		pass(20 * time.Second)
		hold(t, "the list", r.heard(sam, before), "1–10 of 35")
		if n := len(r.slack.Calls("conversations.members")); n != 0 {
			t.Errorf("its members were asked for %d times", n)
		}
	})
}
