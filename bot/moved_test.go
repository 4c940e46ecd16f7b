package bot_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	shared = "C0SHARED" // the id that the hidden channel gets
	third  = "C0THIRD"
)

// changed sends the event of a change of ids, whatever became of them.
func (r *rig) changed(from, to, ts string) {
	r.emit(map[string]any{"type": "channel_id_changed", "old_channel_id": from, "new_channel_id": to, "event_ts": ts})
	pass(time.Second)
}

// worksIn checks that the hidden channel has its rule, its subscription and its card under an id.
func (r *rig) worksIn(channel string) {
	r.t.Helper()
	hold(r.t, "a rule's list", r.ask(sam, channel, "/c66 list web").Plain(), "of 3")
	hold(r.t, "the subscriptions", r.ask(lin, channel, "/c66 subscriptions").Plain(), "web")
	r.until("the card has ended", func() bool { return strings.Contains(r.sees(lin, channel), "went live") })
}

// withState runs f with a hidden channel that has a rule, a subscription and a card of a deployment that runs.
func withState(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	inPrivate(t, []string{"allow everyone view web", "subscribe web"}, func(t *testing.T, r *rig) {
		r.command(lin, hidden, "/c66 redeploy web --now")
		r.until("it deploys, and its thread says so", func() bool {
			cards := r.cards(hidden)
			last := cards[len(cards)-1]
			return strings.Contains(last.Plain(), "deploying #1036") && len(r.thread(last)) == 1
		})
		f(t, r)
	})
}

func TestWhatAChannelHasMovesWithItsID(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(r *rig)
		id     string
	}{
		"told at once": {func(r *rig) { r.slack.ChangeID(hidden, shared, false) }, shared},
		"told twice": {func(r *rig) {
			r.slack.ChangeID(hidden, shared, true)
			r.changed(hidden, shared, "1700000001.000100")
			r.changed(hidden, shared, "1700000001.000100")
		}, shared},
		"a chain": {func(r *rig) {
			r.slack.ChangeID(hidden, third, true)
			r.changed(hidden, shared, "1700000001.000100")
			r.changed(shared, third, "1700000002.000100")
		}, third},
		"a chain out of order": {func(r *rig) {
			r.slack.ChangeID(hidden, third, true)
			r.changed(shared, third, "1700000002.000100")
			r.changed(hidden, shared, "1700000001.000100")
			r.changed(shared, third, "1700000002.000100")
		}, third},
		"there and back": {func(r *rig) {
			r.changed(hidden, shared, "1700000001.000100")
			r.changed(shared, hidden, "1700000002.000100")
			r.changed(hidden, shared, "1700000001.000100")
		}, hidden},
		"with hostile ids": {func(r *rig) {
			for _, ids := range [][2]string{{hidden, ""}, {"", hidden}, {hidden, hidden}, {hidden, "U0SAM"}, {hidden, "C0/x"}, {hidden, "D0LIN"},
				{"direct:U0LIN", hidden}, {hidden, strings.Repeat("C", 300)}} {
				r.changed(ids[0], ids[1], "1700000001.000100")
			}
		}, hidden},
		"before a kill": {func(r *rig) {
			r.slack.ChangeID(hidden, shared, false)
			pass(2 * time.Second)
			r.kill()
			r.start()
		}, shared},
	} {
		t.Run(name, func(t *testing.T) {
			withState(t, func(t *testing.T, r *rig) {
				test.change(r)
				pass(5 * time.Second)
				r.worksIn(test.id)
				if test.id != hidden { // what still bears the old id is of the same channel
					before := len(r.slack.Log())
					r.press(sam, hidden, value(t, commands.Invocation{Verb: commands.List, UID: r.web}))
					pass(5 * time.Second)
					lack(t, "an old button", r.heard(sam, before), "You may not")
				}
				if n := len(r.directly()); n != 0 {
					t.Errorf("%d direct messages: %q", n, r.directly())
				}
			})
		})
	}
}

func TestTwoChannelsThatBecomeOneAreAddedTogether(t *testing.T) {
	t.Parallel()
	withState(t, func(t *testing.T, r *rig) {
		r.command(lin, support, "/c66 allow everyone view web")
		r.command(lin, support, "/c66 allow @sam cancel web")
		r.command(lin, support, "/c66 subscribe web")
		r.command(lin, support, "/c66 subscribe api*")
		pass(5 * time.Second)
		r.changed(hidden, support, "1700000001.000100")
		r.terminate()
		count := map[string]int{}
		r.stores(func(tx storage.Tx) error {
			clear(count)
			if err := storage.Subscriptions.Scan(tx, "", func(key string, s storage.Subscription) error {
				if key != storage.ChannelKey(s.Channel, s.ID) {
					t.Errorf("%s: %+v", key, s)
				}
				count["subscription "+s.Channel]++
				return nil
			}); err != nil {
				return err
			}
			return storage.Rules.Scan(tx, "", func(key string, rule storage.Rule) error {
				if key != storage.ChannelKey(rule.Channel, rule.ID) {
					t.Errorf("%s: %+v", key, rule)
				}
				count["rule "+rule.Channel]++
				return nil
			})
		})
		if len(count) != 2 || count["rule "+support] != 2 || count["subscription "+support] != 2 {
			t.Errorf("%v", count)
		}
	})
}

func TestTheAdminsAreToldOnceOfAChannelThatIsGone(t *testing.T) {
	t.Parallel()
	withState(t, func(t *testing.T, r *rig) {
		r.until("it has ended", func() bool { return strings.Contains(r.sees(lin, hidden), "went live") })
		r.terminate()
		r.slack.ChangeID(hidden, shared, true)
		r.start()
		told := func() (n int) {
			for _, text := range r.directly() {
				if strings.Contains(text, "does not show me the channel "+hidden) && strings.Contains(text, "rules (1), subscriptions (1)") {
					n++
				}
			}
			return n
		}
		r.until("lin is told", func() bool { return told() == 1 })
		hold(t, "the status", r.ask(sam, deploys, "/c66 status").Plain(), "not all of my work succeeds", "channels any more (1)")
		pass(30 * time.Hour)
		r.terminate()
		r.start()
		pass(2 * time.Hour)
		if n := told(); n != 1 {
			t.Errorf("lin was told %d times", n)
		}
		hold(t, "the log", r.log.String(), "Slack does not show a channel that has something")
		r.slack.AddChannel(slacksim.Channel{ID: hidden, Name: "hidden", Private: true, Members: []string{lin, sam}, BotIsMember: true})
		pass(2 * time.Hour)
		hold(t, "the status", r.ask(lin, deploys, "/c66 status").Plain(), "Connected to Slack")
	})
}

// missed has the hidden channel's id change unseen, while the bot is down, and waits until that is told.
func (r *rig) missed(from, to string) {
	r.t.Helper()
	r.until("it has ended", func() bool { return strings.Contains(r.sees(lin, from), "went live") })
	r.terminate()
	r.slack.ChangeID(from, to, true)
	r.start()
	r.until("lin is told", func() bool { return r.toldLost(from) == 1 })
}

// toldLost counts the messages that Slack does not show a channel.
func (r *rig) toldLost(channel string) (n int) {
	for _, text := range r.directly() {
		if strings.Contains(text, "does not show me the channel "+channel) {
			n++
		}
	}
	return n
}

func TestAChannelThatIsGoneIsNoTroubleAnyMoreOnceItsNewIDIsHeardOf(t *testing.T) {
	t.Parallel()
	withState(t, func(t *testing.T, r *rig) {
		r.missed(hidden, shared)
		r.changed(hidden, shared, "1700000001.000100")
		pass(5 * time.Second)
		hold(t, "the status", r.ask(lin, deploys, "/c66 status").Plain(), "Connected to Slack")
		r.worksIn(shared)
	})
}

func TestAChannelThatIsGoneIsNoTroubleAnyMoreOnceItHoldsNothing(t *testing.T) {
	t.Parallel()
	inPrivate(t, nil, func(t *testing.T, r *rig) {
		r.cloud.NextOutcome(r.web, cloud66sim.Next{Duration: 30 * time.Minute})
		r.command(lin, hidden, "/c66 redeploy web --now")
		r.until("it deploys", func() bool { return strings.Contains(r.sees(lin, hidden), "deploying #1036") })
		r.slack.ChangeID(hidden, shared, true)
		r.terminate()
		r.start()
		r.until("lin is told", func() bool { return r.toldLost(hidden) == 1 })
		hold(t, "the status", r.ask(lin, deploys, "/c66 status").Plain(), "channels any more (1)")
		pass(3 * time.Hour)
		hold(t, "the status", r.ask(lin, deploys, "/c66 status").Plain(), "Connected to Slack")
	})
}

func TestTheAdminsAreToldOnceAlsoOfAChannelWhoseIDHasChangedBefore(t *testing.T) {
	t.Parallel()
	withState(t, func(t *testing.T, r *rig) {
		r.until("it has ended", func() bool { return strings.Contains(r.sees(lin, hidden), "went live") })
		r.slack.ChangeID(hidden, shared, false)
		pass(2 * time.Minute)
		r.missed(shared, third)
		for range 2 {
			r.terminate()
			r.start()
			pass(2 * time.Hour)
		}
		if n := r.toldLost(shared); n != 1 {
			t.Errorf("lin was told %d times", n)
		}
	})
}

func TestAnEditThatAChannelDidNotAcceptIsShownUnderItsNewID(t *testing.T) {
	t.Parallel()
	withState(t, func(t *testing.T, r *rig) {
		r.slack.Archive(hidden)
		pass(20 * time.Minute) // the deployment ends
		r.slack.ChangeID(hidden, shared, false)
		pass(2 * time.Second)
		r.slack.Unarchive(shared)
		pass(3 * time.Minute)
		hold(t, "the channel", r.sees(lin, shared), "#1036 went live")
		hold(t, "the subscriptions", r.ask(lin, shared, "/c66 subscriptions").Plain(), "web")
		lack(t, "the subscriptions", r.ask(lin, shared, "/c66 subscriptions").Plain(), "suspended")
	})
}
