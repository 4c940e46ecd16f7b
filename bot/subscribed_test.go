package bot_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

// deploymentCard gives the channel's first message that says something, once there is one.
func (r *rig) deploymentCard(channel, says string) slacksim.Message {
	r.t.Helper()
	var found slacksim.Message
	r.until("a card says "+says, func() bool {
		for _, m := range r.cards(channel) {
			if strings.Contains(r.plain(m), says) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

func TestAChannelThatSubscribesHearsOfWhatIsStartedInTheDashboard(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, support, "/c66 subscribe web* --mention @sam")
		r.until("it is subscribed", func() bool { return len(r.cards(support)) == 1 })
		pass(5 * time.Minute)
		hold(t, "the status", r.ask(lin, support, "/c66 status").Plain(), "For subscriptions I watch 1 stack that you may see here")

		r.cloud.NextOutcome(r.web, cloud66sim.Next{Fail: true})
		r.cloud.Deploy(r.web, cloud66sim.Start{By: "dev@example.com"})
		card := r.deploymentCard(support, "deploying #1036")
		hold(t, "the card", card.Plain(), "dev@example.com in the dashboard", "[Cancel]")
		r.deploymentCard(support, "#1036 failed")
		pass(time.Minute)
		hold(t, "the channel", r.sees(sam, support), "#1036 failed after 5 min; #1035 is still live · ", "@sam")
		if lines := r.thread(card); len(lines) != 2 {
			t.Errorf("its thread says %q", lines)
		}

		r.kill()
		r.cloud.Deploy(r.web, cloud66sim.Start{})
		pass(time.Hour)
		r.start()
		r.deploymentCard(support, "#1037 went live")

		r.cloud.Deploy(r.web, cloud66sim.Start{})
		r.click(lin, r.deploymentCard(support, "deploying #1038"), "Cancel")
		r.deploymentCard(support, "#1038 was cancelled by @lin")
		if n := r.requests("DELETE"); n != 1 {
			t.Errorf("%d DELETEs", n)
		}
		before := len(r.cards(support))
		pass(time.Hour)
		if now := len(r.cards(support)); now != before || before != 4 {
			t.Errorf("the channel has %d messages, then %d:\n%s", before, now, r.sees(lin, support))
		}
	})
}

func TestACardWhoseChannelTookNothingAtItsEndIsCorrectedWhenItDoes(t *testing.T) {
	t.Parallel()
	kick, invite := func(w *slacksim.Workspace) { w.Kick(support) }, func(w *slacksim.Workspace) { w.Invite(support) }
	quietly := func(w *slacksim.Workspace) {
		w.AddChannel(slacksim.Channel{ID: support, Name: "support", Members: []string{lin}, BotIsMember: true})
	}
	for name, c := range map[string]struct {
		gone, back func(w *slacksim.Workspace)
		subscribe  bool
		restarted  bool
		within     time.Duration
	}{
		"archived": {func(w *slacksim.Workspace) { w.Archive(support) }, func(w *slacksim.Workspace) { w.Unarchive(support) }, true,
			false, 2 * time.Minute},
		"left, then a restart":                        {kick, invite, true, true, 2 * time.Minute},
		"left, not subscribed":                        {kick, invite, false, false, 2 * time.Minute},
		"left, not subscribed, back without an event": {kick, quietly, false, true, time.Hour + time.Minute}, // with a check of all channels
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{fewPast: true}, func(t *testing.T, r *rig) {
				if c.subscribe {
					r.command(lin, support, "/c66 subscribe web")
					r.until("it is subscribed", func() bool { return len(r.cards(support)) == 1 })
				}
				pass(time.Minute)
				r.cloud.Deploy(r.web, cloud66sim.Start{})
				if !c.subscribe {
					r.command(lin, support, "/c66 follow web")
				}
				r.deploymentCard(support, "deploying #1036")
				pass(30 * time.Second)
				c.gone(r.slack)
				pass(26 * time.Hour)
				if c.restarted {
					r.kill()
					r.start()
					pass(time.Minute)
				}
				before := len(r.cards(support))
				c.back(r.slack)
				pass(c.within)
				r.deploymentCard(support, "#1036 went live")
				if n := len(r.cards(support)); n != before {
					t.Errorf("the channel has %d messages more:\n%s", n-before, r.sees(lin, support))
				}
			})
		})
	}
}

func TestAChannelThatIsArchivedOrLeftHearsAgainWhenTheBotIsBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone, back func(w *slacksim.Workspace)
		because    string
	}{
		"archived": {func(w *slacksim.Workspace) { w.Archive(support) }, func(w *slacksim.Workspace) { w.Unarchive(support) },
			"the channel is archived"},
		"left": {func(w *slacksim.Workspace) { w.Kick(support) }, func(w *slacksim.Workspace) { w.Invite(support) },
			"I am not a member of the channel"},
	} {
		for _, down := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				inBubble(t, settings{}, func(t *testing.T, r *rig) {
					r.command(lin, support, "/c66 subscribe web")
					r.until("it is subscribed", func() bool { return len(r.cards(support)) == 1 })
					pass(time.Minute)
					if down {
						r.kill()
					}
					c.gone(r.slack)
					if down {
						r.start()
					}
					pass(time.Minute)
					r.cloud.Deploy(r.web, cloud66sim.Start{})
					pass(20 * time.Minute)
					if told := r.sees(lin, direct(lin)); strings.Count(told, "What you subscribed") != 1 || !strings.Contains(told, c.because) {
						t.Errorf("its author was told %q", told)
					}
					if down {
						r.kill()
					}
					c.back(r.slack)
					if down {
						r.start()
					}
					pass(time.Minute)
					r.cloud.Deploy(r.web, cloud66sim.Start{})
					r.deploymentCard(support, "#1037 went live")
					if strings.Contains(r.sees(lin, support), "#1036") {
						t.Errorf("what happened meanwhile is history, and the channel shows %s", r.sees(lin, support))
					}
				})
			})
		}
	}
}

func TestAChannelIsToldOnceThatTheAuthorOfItsSubscriptionsMayNotSubscribeAnyMore(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{poll: time.Minute}, func(t *testing.T, r *rig) {
		const silent, back = "This channel hears nothing by subscription", "deploying #1037"
		_, rule, _ := strings.Cut(r.allow("allow @sam view,subscribe web").Plain(), "(rule ")
		rule, _, _ = strings.Cut(rule, ")")
		r.command(sam, deploys, "/c66 subscribe web")
		r.command(lin, deploys, "/c66 subscribe api")
		r.until("they are subscribed", func() bool { return strings.Count(r.sees(lin, deploys), "subscribed this channel") == 2 })
		pass(3 * time.Hour)
		if strings.Contains(r.sees(lin, deploys), silent) {
			t.Errorf("the channel shows\n%s", r.sees(lin, deploys))
		}
		r.command(lin, deploys, "/c66 revoke "+rule)
		pass(2 * time.Hour)
		r.kill()
		r.start()
		pass(3 * time.Hour)
		if shown := r.sees(lin, deploys); strings.Count(shown, silent) != 1 ||
			!strings.Contains(shown, "to web: @sam may subscribe to no stacks here any more") {
			t.Errorf("the channel shows\n%s", shown)
		}
		r.cloud.Deploy(r.web, cloud66sim.Start{})
		pass(20 * time.Minute)
		r.allow("allow @sam subscribe web")
		pass(2 * time.Hour)
		r.cloud.Deploy(r.web, cloud66sim.Start{})
		r.deploymentCard(deploys, back)
		if shown := r.sees(lin, deploys); strings.Count(shown, silent) != 1 || strings.Contains(shown, "#1036") {
			t.Errorf("the channel shows\n%s", shown)
		}
	})
}

func TestAlsoTheLastOfManyChannelsIsAskedAbout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, settings{})
		const channels = 1900 // more than an hour's
		last := fmt.Sprintf("C0TEAM%d", 1000+channels-1)
		r.stores(func(tx storage.Tx) error {
			for i := range channels {
				s := storage.Subscription{ID: "a1b2", Channel: fmt.Sprintf("C0TEAM%d", 1000+i), Stacks: "shop", Author: lin}
				r.slack.AddChannel(slacksim.Channel{ID: s.Channel, Name: fmt.Sprint("team", i), Members: []string{lin}, BotIsMember: true})
				if err := storage.Subscriptions.Put(tx, storage.ChannelKey(s.Channel, s.ID), s); err != nil {
					return err
				}
			}
			return storage.Channels.Put(tx, last, storage.Channel{Refused: "is_archived"})
		})
		r.start()
		pass(3 * time.Hour)
		r.kill()
		r.stores(func(tx storage.Tx) error {
			channel, _, err := storage.Channels.Find(tx, last)
			if channel.Refused != "" {
				t.Errorf("the last channel is still refused: %s", channel.Refused)
			}
			return err
		})
	})
}

func TestAllChannelsAreAskedAboutHoweverManyEventsComeMeanwhile(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.kill()
		s := storage.Subscription{ID: "a1b2", Channel: support, Stacks: "shop", Author: lin}
		r.stores(func(tx storage.Tx) error {
			refused := storage.Channels.Put(tx, support, storage.Channel{Refused: "is_archived"})
			return errors.Join(refused, storage.Subscriptions.Put(tx, storage.ChannelKey(s.Channel, s.ID), s))
		})
		r.start()
		for range 60 {
			r.slack.Emit(map[string]any{"type": "channel_archive", "channel": "C0OTHER", "user": lin})
			pass(time.Second)
		}
		r.kill()
		r.stores(func(tx storage.Tx) error {
			channel, _, err := storage.Channels.Find(tx, support)
			if channel.Refused != "" {
				t.Errorf("it is still refused: %s", channel.Refused)
			}
			return err
		})
		r.start()
	})
}

// stores has something written to or read from the database while no bot runs.
func (r *rig) stores(fn func(tx storage.Tx) error) {
	r.t.Helper()
	db, err := bolt.Open(r.db)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := errors.Join(db.Update(r.t.Context(), fn), db.Close()); err != nil {
		r.t.Fatal(err)
	}
}

func TestAChannelThatIsRenamedOrMadePrivateKeepsItsSubscriptions(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{poll: time.Minute}, func(t *testing.T, r *rig) {
		r.command(lin, support, "/c66 subscribe web")
		r.until("it is subscribed", func() bool { return len(r.cards(support)) == 1 })
		pass(time.Minute)
		r.cloud.Deploy(r.web, cloud66sim.Start{})
		r.deploymentCard(support, "deploying #1036")
		r.slack.AddChannel(slacksim.Channel{ID: support, Name: "secret", Private: true, Members: []string{lin, sam}, BotIsMember: true})
		pass(2 * time.Hour) // with a check of all channels
		r.deploymentCard(support, "#1036 went live")
		r.kill()
		r.start()
		pass(time.Minute)
		r.cloud.Deploy(r.web, cloud66sim.Start{})
		pass(10 * time.Minute)
		r.deploymentCard(support, "#1037 went live")
		if told := r.sees(lin, direct(lin)); told != "" {
			t.Errorf("its author was told %q", told)
		}
		r.slack.Kick(support)
		pass(time.Minute)
		if told := r.sees(lin, direct(lin)); strings.Count(told, "I am not a member of the channel") != 1 {
			t.Errorf("of a private channel that the bot was removed from its author was told %q", told)
		}
		r.slack.Invite(support)
		pass(time.Minute)
		r.cloud.Deploy(r.web, cloud66sim.Start{})
		r.deploymentCard(support, "deploying #1038")
	})
}

func TestTheStatusNamesWhatIsNotSeenBecauseTheListOfStacksCannotBeRead(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, support, "/c66 subscribe web")
		r.until("it is subscribed", func() bool { return len(r.cards(support)) == 1 })
		pass(5 * time.Minute)
		lift := r.cloud.AddFault(cloud66sim.Fault{Status: 403, Match: func(q *http.Request) bool { return q.URL.Path == "/api/3/stacks" }})
		for range 2 { // also where it was never read since the start
			pass(15 * time.Minute)
			said := r.ask(lin, support, "/c66 status").Plain()
			hold(t, "the status", said, "⚠️ Connected, but Cloud 66 does not let me read all stacks",
				"For subscriptions I watch 1 stack", "Cloud 66 has not let me read for a while: web@production")
			if strings.Contains(said, "each every") {
				t.Errorf("the status tells an interval that is not reached:\n%s", said)
			}
			if said := r.ask(sam, support, "/c66 status").Plain(); strings.Contains(said, "web") {
				t.Errorf("one who may see nothing is told\n%s", said)
			}
			r.kill()
			r.start()
		}
		if n := strings.Count(r.log.String(), "the list of stacks cannot be read"); n != 2 {
			t.Errorf("the log says so %d times in two processes", n)
		}
		lift()
		pass(5 * time.Minute)
		if said := r.ask(lin, support, "/c66 status").Plain(); strings.Contains(said, "has not let me read") {
			t.Errorf("afterwards the status says\n%s", said)
		}
	})
}
