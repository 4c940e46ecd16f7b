package progress_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

func TestARollBackIsToldOnceInTheThreadOfTheCardOrByItself(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "web")
		r.subscribe(builds, "web", events("reverted"))
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		r.elsewhere(cloud66sim.Next{})
		r.over()
		r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Type: "revert"})
		r.over()
		r.restart(time.Minute)
		time.Sleep(10 * time.Minute)
		const told = "↩️ web@production #1004 was rolled back by dev@example.com"
		shown := strings.Join(r.shown(deploys), "\n")
		if strings.Count(shown, told) != 2 || !strings.Contains(shown, "  "+told) || !strings.Contains(shown, "(in the channel too) "+told) {
			r.Errorf("the channel shows\n%s", shown)
		}
		r.shows(builds, told)
	})
}

func TestARollBackIsToldWhereItIsTheFirstThatHappensOnAStack(t *testing.T) {
	unhurried(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(builds, "web", events("reverted"))
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		r.end()
		r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Type: "revert"})
		time.Sleep(20 * time.Minute)
		r.start(newProcess())
		time.Sleep(10 * time.Minute)
		r.restart(time.Minute)
		time.Sleep(10 * time.Minute)
		r.shows(builds, "↩️ web@production #1003 was rolled back by dev@example.com")
	})
}

func TestAStackThatIsRenamedOrGoneIsToldOnceInTheChannelsConcerned(t *testing.T) {
	unhurried(t, cloud66sim.Options{}, func(r *rig) {
		shop := r.cloud.AddStack(cloud66sim.Stack{Name: "shop", History: 2})
		r.subscribe(deploys, "web*")
		r.subscribe(builds, "web")
		r.subscribe(ops, "shop")
		r.positioned(r.stack.UID)
		r.positioned(shop)
		time.Sleep(time.Minute)
		r.cloud.UpdateStack(r.stack.UID, func(s *cloud66sim.Stack) { s.Name = "website" })
		r.cloud.RemoveStack(shop)
		time.Sleep(time.Hour)
		r.restart(time.Minute)
		time.Sleep(time.Hour)
		r.shows(deploys, "web@production is called website@production now. This channel still subscribes to it.")
		r.shows(
			builds,
			"web@production is called website@production now. No subscription of this channel matches that name, so its deployments are not told "+
				"here any more.",
		)
		r.shows(ops, "❓ shop@production is not among the stacks any more: it was deleted or renamed, or I may not see it.")
	})
}

func TestAListThatIsShortForAWhileMakesNoStackGoneAndHidesNothing(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "web")
		r.positioned(r.stack.UID)
		time.Sleep(5 * time.Minute)
		var long atomic.Bool
		r.net.answers(func(q *http.Request) (*http.Response, error) {
			if long.Load() || !strings.HasSuffix(q.URL.Path, "/stacks") {
				return nil, nil
			}
			const none = `{"response":[],"count":0,"pagination":{"previous":null,"next":null,"current":1,"per_page":30,"count":0,"pages":1}}`
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(none)), Request: q}, nil
		})
		r.elsewhere(cloud66sim.Next{Duration: 10 * time.Second})
		time.Sleep(time.Minute)
		long.Store(true)
		time.Sleep(30 * time.Minute)
		if shown := r.shown(deploys); len(shown) == 0 || shown[0] != "✅ web@production #1004 went live" ||
			strings.Contains(strings.Join(shown, "\n"), "any more") {
			r.Errorf("the channel shows %q", shown)
		}
	})
}

func TestNobodyHearsOfAStackWhoseAuthorMayNotSubscribeToIt(t *testing.T) {
	unhurried(t, cloud66sim.Options{}, func(r *rig) {
		r.judges(func(user, channel string, stack storage.StackRef) (bool, error) {
			return user == sam && channel == builds && stack.UID == r.stack.UID, nil
		})
		by := func(user string) func(*storage.Subscription) {
			return func(s *storage.Subscription) { s.Author = user }
		}
		r.subscribe(deploys, "*", by(lin))
		r.subscribe(deploys, "web", by(sam))
		r.subscribe(builds, "web", by(sam))
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		r.elsewhere(cloud66sim.Next{})
		r.over()
		r.cloud.UpdateStack(r.stack.UID, func(s *cloud66sim.Stack) { s.Name = "secret" })
		time.Sleep(time.Hour)
		r.shows(deploys)
		r.shows(
			builds,
			append(
				live(1004),
				"web@production is called secret@production now. No subscription of this channel matches that name, so its deployments are not told "+
					"here any more.",
			)...)
	})
}

func TestWhatNobodyKnowsWhetherItMayBeToldIsToldLater(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		var asked atomic.Int32
		var answers atomic.Bool
		r.judges(func(string, string, storage.StackRef) (bool, error) {
			asked.Add(1)
			if !answers.Load() {
				return false, errors.New("Slack does not answer")
			}
			return true, nil
		})
		r.subscribe(deploys, "web")
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		r.elsewhere(cloud66sim.Next{})
		time.Sleep(10 * time.Minute)
		r.shows(deploys)
		answers.Store(true)
		r.over()
		if shown := r.shown(deploys); len(shown) != 1 || !strings.Contains(shown[0], "#1004 went live") {
			r.Errorf("the channel shows %q", shown)
		}
		asked.Store(0)
		time.Sleep(time.Hour)
		if n := asked.Load(); n > 0 {
			r.Errorf("who may hear was asked %d times while nothing happened", n)
		}
	})
}

func TestAClockThatIsOffMakesNothingSlow(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.net.shift.Store(int64(off))
				r.subscribe(deploys, "web")
				r.positioned(r.stack.UID)
				time.Sleep(5 * time.Minute)
				r.elsewhere(cloud66sim.Next{})
				r.over()
				for _, line := range r.shown(deploys) {
					if strings.Contains(line, "still deploying") {
						r.Errorf("the channel shows %q", line)
					}
				}
				if len(r.shown(deploys)) != 3 {
					r.Errorf("the channel shows %q", r.shown(deploys))
				}
			})
		})
	}
}

func TestAClockThatIsOffHidesNeitherWhatIsSlowNorACancel(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.net.shift.Store(int64(off))
				r.subscribe(deploys, "web")
				r.positioned(r.stack.UID)
				time.Sleep(5 * time.Minute)
				id := r.elsewhere(cloud66sim.Next{Duration: 40 * time.Minute})
				time.Sleep(3 * time.Minute) // usually it takes one
				if shown := strings.Join(r.shown(deploys), "\n"); !strings.Contains(shown, "  ⚠️ #1004 is still deploying") {
					t.Errorf("of what is slow the channel shows\n%s", shown)
				}
				if err := r.cancel("op", lin, id); err != nil {
					t.Fatal(err)
				}
				r.over()
				if shown := strings.Join(r.shown(deploys), "\n"); strings.Count(shown, "#1004 was cancelled by @lin") != 2 {
					t.Errorf("of the cancel the channel shows\n%s", shown)
				}
			})
		})
	}
}

func TestARedeployThatWaitedForAnotherIsNotSlowForAClockThatIsSecondsAhead(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.net.shift.Store(int64(20 * time.Second))
		r.elsewhere(cloud66sim.Next{Duration: 10 * time.Minute})
		time.Sleep(30 * time.Second)
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.until("it is over", func() bool { return r.progress.Open() == 0 })
		r.settle()
		shown := strings.Join(r.shown(deploys), "\n")
		if !strings.Contains(shown, "#1005 is queued behind #1004") || !strings.Contains(shown, "#1005 went live") ||
			strings.Contains(shown, "still deploying") {
			r.Errorf("the channel shows\n%s", shown)
		}
	})
}

func TestAClockThatIsOffMakesARedeployNeitherLongerNorShorter(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.net.shift.Store(int64(off))
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: 110 * time.Second})
				if err := r.redeploy("op"); err != nil {
					r.Fatal(err)
				}
				time.Sleep(75 * time.Second)
				synctest.Wait()
				if card := r.slack.Person(lin).Sees(deploys)[0].Plain(); !strings.Contains(card, "#1004, 1 min") {
					r.Errorf("the card says %q", card)
				}
				r.over()
				r.shows(deploys, live(1004)...)
			})
		})
	}
}

func TestAChannelThatTakesNothingHasItsSubscriptionsSuspendedAndItsAuthorTold(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "web")
		r.subscribe(deploys, "shop")
		r.subscribe(builds, "web")
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		r.slack.Archive(deploys)
		r.elsewhere(cloud66sim.Next{})
		r.over()
		r.elsewhere(cloud66sim.Next{})
		r.over()
		direct := r.direct()
		if len(direct) != 1 || !strings.Contains(direct[0], "the channel is archived") || !strings.Contains(direct[0], "(shop, web)") {
			r.Errorf("told directly was %q", direct)
		}
		if w := r.progress.Watching(); w.Subscriptions != 3 || w.Suspended != 2 {
			r.Errorf("watching %+v", w)
		}
		r.slack.Unarchive(deploys)
		if err := r.channels.Accepted(r.ctx, deploys); err != nil {
			r.Fatal(err)
		}
		time.Sleep(time.Minute)
		r.elsewhere(cloud66sim.Next{})
		r.over()
		r.shows(deploys, live(1006)...)
	})
}

func TestManyChannelsOnManyStacksCostTheRequestsOfOne(t *testing.T) {
	const stacks = 10
	requests := func(channels int) (n int) {
		inBubble(t, cloud66sim.Options{}, func(r *rig) {
			var uids []string
			for i := range stacks {
				uids = append(uids, r.cloud.AddStack(cloud66sim.Stack{Name: fmt.Sprint("app", i), UsualDuration: time.Minute, History: 2}))
			}
			for i := range channels {
				id := fmt.Sprintf("C0TEAM%d", i)
				r.slack.AddChannel(slacksim.Channel{ID: id, Name: strings.ToLower(id), Members: []string{lin}, BotIsMember: true})
				r.subscribe(id, "*")
			}
			r.positioned(uids[stacks-1])
			time.Sleep(15 * time.Minute)
			before := r.cloud.Count()
			for _, uid := range uids[:5] {
				r.cloud.Deploy(uid, cloud66sim.Start{})
			}
			time.Sleep(30 * time.Minute)
			n = r.cloud.Count() - before
			for i := range channels {
				if shown := r.shown(fmt.Sprintf("C0TEAM%d", i)); len(shown) != 15 {
					r.Errorf("channel %d shows %q", i, shown)
				}
			}
		})
		return n
	}
	one, many := requests(1), requests(8)
	t.Logf("%d requests for one channel, %d for 8", one, many)
	if many > one+10 {
		t.Errorf("8 channels cost %d requests, one costs %d", many, one)
	}
}

func TestWhatEndedWhileCloud66AnsweredNothingIsToldWhenItDoes(t *testing.T) {
	for name, c := range map[string]struct {
		stacks int
		fault  cloud66sim.Fault
		want   string
	}{
		"few, each by its card":            {3, cloud66sim.Fault{Status: 502}, "went live"},
		"many together":                    {8, cloud66sim.Fault{Status: 502}, "8 deployments ended while I could not look: 8 ended well"},
		"many, where the token lost scope": {8, cloud66sim.Fault{Status: 403}, "8 deployments ended while I could not look: 8 ended well"},
		"many, where it was cut off":       {8, cloud66sim.Fault{CutBefore: true}, "8 deployments ended while I could not look: 8 ended well"},
	} {
		t.Run(name, func(t *testing.T) {
			unhurried(t, cloud66sim.Options{}, func(r *rig) {
				uids := make([]string, c.stacks)
				for i := range uids {
					uids[i] = r.cloud.AddStack(cloud66sim.Stack{Name: "shop", UsualDuration: time.Minute, History: 2})
				}
				r.subscribe(deploys, "shop")
				for _, uid := range uids {
					r.positioned(uid)
				}
				time.Sleep(5 * time.Minute)
				lift := r.cloud.AddFault(c.fault)
				for _, uid := range uids {
					r.cloud.Deploy(uid, cloud66sim.Start{})
				}
				time.Sleep(time.Hour)
				r.shows(deploys)
				lift()
				time.Sleep(10 * time.Minute)
				r.settle()
				shown := r.shown(deploys)
				want := c.stacks
				if c.stacks > 5 {
					want = 1
				}
				if len(shown) != want || !strings.Contains(shown[0], c.want) {
					r.Errorf("the channel shows %q", shown)
				}
			})
		})
	}
}

func TestAfterAnOutageEachChannelGetsOneMessageOfMuchAndCardsOfFew(t *testing.T) {
	for name, fault := range map[string]cloud66sim.Fault{
		"nothing is answered":                  {Status: 502},
		"the deployments need another scope":   {Status: 403, PathPart: "/deployments"},
		"the requests of the hour are used up": {Status: 503, Body: `{"error":"throttled"}`, ContentType: "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				uids := make([]string, 8)
				for i := range uids {
					uids[i] = r.cloud.AddStack(cloud66sim.Stack{Name: fmt.Sprint("shop", i), UsualDuration: 10 * time.Minute, History: 2})
				}
				r.subscribe(deploys, "shop*")
				r.subscribe(builds, "shop[0-4]")
				r.subscribe(ops, "shop*", events("failed"))
				r.positioned(uids[7])
				time.Sleep(5 * time.Minute)
				r.cloud.Deploy(uids[0], cloud66sim.Start{}) // of which both have a card
				time.Sleep(time.Minute)
				lift := r.cloud.AddFault(fault)
				r.cloud.NextOutcome(uids[1], cloud66sim.Next{Fail: true})
				for _, uid := range uids[1:] {
					r.cloud.Deploy(uid, cloud66sim.Start{})
				}
				time.Sleep(30 * time.Minute)
				r.restart(time.Second)
				time.Sleep(30 * time.Minute)
				before := len(r.slack.Calls("chat.postMessage"))
				lift()
				time.Sleep(20 * time.Minute)
				r.settle()
				posted := map[string]int{}
				for _, c := range r.slack.Calls("chat.postMessage")[before:] {
					posted[c.Args["channel"]]++
				}
				if posted[deploys] != 1 || posted[builds] != 5 || posted[ops] != 1 {
					t.Errorf("posted were %v", posted)
				}
				if shown := strings.Join(r.shown(deploys), "\n"); !strings.Contains(
					shown,
					"8 deployments ended while I could not look: 1 failed, 7 ended well",
				) {
					t.Errorf("the channel shows\n%s", shown)
				}
			})
		})
	}
}

func TestAMessageThatMayBeOfARedeployWaitsForItsCard(t *testing.T) {
	inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
		r.subscribe(deploys, "web")
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/actions", Status: 500, Times: 3})
		r.cloud.AddFault(cloud66sim.Fault{Method: "POST", CutAfter: true, Times: 1})
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.over()
		if shown := r.shown(deploys); len(shown) != 3 || !strings.Contains(shown[0], "#1004 went live") {
			r.Errorf("the channel shows %q", shown)
		}
	})
}

func TestWhatAChannelHearsIsRememberedAsLongAsItsCard(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		old := time.Now().Add(-40 * 24 * time.Hour)
		key := func(id int64) string { return storage.HeardKey(r.stack.UID, id, deploys) }
		err := r.records.Update(r.ctx, func(tx storage.Tx) error {
			follow := storage.Follow{
				ID:         "lasting",
				Stack:      r.stack,
				Deployment: 1003,
				Channel:    deploys,
				AskedAt:    old,
				Phase:      storage.PhaseEnded,
				EndedAt:    time.Now(),
				State:      storage.Succeeded,
			}
			return errors.Join(
				storage.Follows.Put(tx, follow.ID, follow),
				storage.Heard.Put(tx, key(1003), storage.WishOf{Follow: follow.ID, At: old}),
				storage.Heard.Put(tx, key(1002), storage.WishOf{Follow: "forgotten", At: old}),
			)
		})
		if err != nil {
			r.Fatal(err)
		}
		time.Sleep(time.Minute)
		r.restart(time.Minute)
		r.forget()
		var left []string
		err = r.records.View(r.ctx, func(tx storage.Tx) error {
			return storage.Heard.Scan(tx, "", func(key string, _ storage.WishOf) error { left = append(left, key); return nil })
		})
		if err != nil || len(left) != 1 || left[0] != key(1003) {
			r.Errorf("%v, %q are remembered", err, left)
		}
	})
}

func TestANewNameCostsNoMoreWhereOneAuthorHasManySubscriptions(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		var asked atomic.Int32
		r.judges(func(string, string, storage.StackRef) (bool, error) { asked.Add(1); return true, nil })
		err := r.records.Update(r.ctx, func(tx storage.Tx) (err error) {
			for i := range 200 {
				s := storage.Subscription{ID: fmt.Sprint(i), Channel: []string{deploys, builds}[i%2], Stacks: "web*", Author: lin, At: time.Now()}
				err = errors.Join(err, storage.Subscriptions.Put(tx, storage.ChannelKey(s.Channel, s.ID), s))
			}
			return err
		})
		if err := errors.Join(err, r.progress.SubscriptionsChanged(r.ctx)); err != nil {
			r.Fatal(err)
		}
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		r.cloud.UpdateStack(r.stack.UID, func(s *cloud66sim.Stack) { s.Name = "website" })
		time.Sleep(time.Minute)
		if n := asked.Load(); n != 4 {
			r.Errorf("it was asked %d times who may hear, want once a channel for each name", n)
		}
		r.shows(deploys, "web@production is called website@production now. This channel still subscribes to it.")
	})
}

func TestAnEndIsToldSoonAlsoWhereTheListOfStacksCannotBeRead(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "web")
		r.positioned(r.stack.UID)
		time.Sleep(5 * time.Minute)
		r.elsewhere(cloud66sim.Next{Duration: 10 * time.Minute})
		time.Sleep(time.Minute)
		before := r.cloud.Count()
		r.cloud.AddFault(cloud66sim.Fault{Status: 500, Match: func(q *http.Request) bool { return q.URL.Path == "/api/3/stacks" }})
		time.Sleep(10 * time.Minute)
		if shown := r.shown(deploys); !strings.Contains(strings.Join(shown, "\n"), "#1004 went live") {
			r.Errorf("the channel shows %q", shown)
		}
		if n := r.cloud.Count() - before; n > 60 {
			r.Errorf("%d requests in 10 minutes", n)
		}
	})
}

func TestAnEndIsToldSoonAlsoWhereThePageWithItsStackCannotBeRead(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		uids := make([]string, 40)
		for i := range uids {
			uids[i] = r.cloud.AddStack(cloud66sim.Stack{Name: fmt.Sprint("shop", i), UsualDuration: 10 * time.Minute, History: 2})
		}
		r.subscribe(deploys, "shop*")
		for _, uid := range uids {
			r.positioned(uid)
		}
		time.Sleep(5 * time.Minute)
		for _, uid := range uids[:2] {
			r.cloud.Deploy(uid, cloud66sim.Start{})
		}
		for _, uid := range uids[38:] {
			r.cloud.Deploy(uid, cloud66sim.Start{})
		}
		time.Sleep(time.Minute)
		r.cloud.AddFault(cloud66sim.Fault{Status: 500, Match: func(q *http.Request) bool {
			return q.URL.Path == "/api/3/stacks" && q.URL.Query().Get("page") == "2"
		}})
		time.Sleep(12 * time.Minute)
		if n := r.progress.Open(); n > 0 {
			r.Errorf("%d of 4 ends are not told", n)
		}
	})
}
