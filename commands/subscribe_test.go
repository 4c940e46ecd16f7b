package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// subscribedIn gives the subscriptions of a channel, the oldest first, without what differs in each run.
func (r *rig) subscribedIn(channel string) []storage.Subscription {
	r.t.Helper()
	all, err := r.subscriptionsOf(r.t.Context(), channel)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range all {
		all[i].ID, all[i].At = "", time.Time{}
	}
	return all
}

// told gives what the channel was told last, as a reply of a type.
func told[T Reply](r *rig) T {
	r.t.Helper()
	if len(r.channels.said) == 0 {
		r.t.Fatal("the channel was told nothing")
	}
	return as[T](r.t, r.channels.said[len(r.channels.said)-1].Reply)
}

// resubscriptions counts how often it was said that the subscriptions were changed.
func (r *rig) resubscriptions() *int {
	n := 0
	r.Resubscribed = func(context.Context) error { n++; return nil }
	return &n
}

func TestASubscriptionIsSavedAndTheChannelIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		changes := r.resubscriptions()
		silent(
			t,
			r.say(lin, "subscribe 'web*' --events failed,cancelled --by KIM --via web --type build,redeploy --mention <!subteam^S0DEVS|@devs>"),
		)
		want := []storage.Subscription{{
			Channel: here, Stacks: "web*", Events: []string{"failed", "cancelled"}, By: "KIM", Via: []string{"web"},
			Types:   []string{"build", "redeploy"},
			Mention: devs, Author: lin,
		}}
		if diff := cmp.Diff(want, r.subscribedIn(here)); diff != "" {
			t.Errorf("saved (-want +got):\n%s", diff)
		}
		got := told[SubscribedReply](r)
		if len(got.Subscription.ID) != 4 || !slices.Equal(got.Whom, []string{"devs"}) || got.Fits != 2 || *changes != 1 {
			t.Errorf("told is %+v, after %d changes", got, *changes)
		}
		if entry := r.lastAudit(); !entry.Allowed || entry.Action != string(authz.Subscribe) ||
			!strings.HasPrefix(entry.Asked, "subscribe web* --events failed,cancelled") {
			t.Errorf("recorded is %+v", entry)
		}
	})
}

func TestTheSameSubscriptionIsMadeOnceAndAnotherFilterMakesAnother(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		silent(t, r.say(lin, "subscribe web@production --events failed,slow"))
		noticeThat(
			t,
			r.say(lin, "subscribe WEB@Production --events slow,failed"),
			"hears of that already",
			told[SubscribedReply](r).Subscription.ID,
		)
		silent(t, r.say(lin, "subscribe web@production"))
		silent(t, r.sayIn(there, lin, "subscribe web@production"))
		silent(t, r.say(lin, "subscribe *"))
		noticeThat(t, r.say(lin, "subscribe *@*"), "hears of that already")
		if n, elsewhere := len(r.subscribedIn(here)), len(r.subscribedIn(there)); n != 3 || elsewhere != 1 {
			t.Errorf("%d subscriptions here, %d elsewhere", n, elsewhere)
		}
	})
}

func TestAChannelHasTwoHundredSubscriptionsAtMost(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.stores(func(tx storage.Tx) error {
			for n := range maxSubscriptions {
				s := storage.Subscription{Channel: here, Stacks: fmt.Sprint("s", n), Author: lin}
				if _, err := addSubscription(tx, s, nil); err != nil {
					return err
				}
			}
			return nil
		})
		problemThat(t, r.say(lin, "subscribe web"), "200 subscriptions, as many as there can be", "Nothing was done.")
		silent(t, r.sayIn(there, lin, "subscribe web"))
	})
}

func TestNothingIsSubscribedWhereTheChannelCannotBeToldOrNobodyCanBeMentioned(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		problemThat(t, r.sayIn(secret, lin, "subscribe web"), "I am not a member of this channel.")
		problemThat(t, r.say(lin, "subscribe web --mention <@U0NOBODY>"), "Slack knows no such person.")
		problemThat(t, r.say(lin, "subscribe web --mention <@U0GONE>"), "The account of Gus is deactivated.")
		problemThat(t, r.say(lin, "subscribe web --mention <!subteam^S0OLD>"), "The group @old is disabled")
		problemThat(t, r.say(lin, "subscribe web --mention <!subteam^S0NONE>"), "Slack knows no such group.")
		r.channels.lost = true
		problemThat(t, r.say(lin, "subscribe web"), "its own records or program failed")
		r.channels.lost = false
		r.slack.noGroups = authz.ErrNoGroups
		problemThat(t, r.say(lin, "subscribe web --mention <!subteam^S0DEVS>"), "no user groups")
		if all := append(r.subscribedIn(here), r.subscribedIn(secret)...); len(all) > 0 || len(r.channels.said) > 0 {
			t.Errorf("saved is %+v, said %+v", all, r.channels.said)
		}
	})
}

func TestWhoHasAFailureMentionABotIsToldThatItNotifiesNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		noticeThat(t, r.say(lin, "subscribe wbe --mention <@"+robot+">"), "The subscription stands", "robot is a bot", "notifies nobody")
		if got := told[SubscribedReply](r); got.Subscription.Mention != robot || !slices.Equal(got.Whom, []string{"robot"}) {
			t.Errorf("told is %+v", got)
		}
	})
}

func TestInADirectMessageOnlyTheConfiguredAdminsSubscribe(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "*", authz.Subscribe, authz.View))
		if refusal := refusalOf(t, r.sayIn(direct, sam, "subscribe web"), authz.Subscribe); !refusal.Direct {
			t.Errorf("the refusal is %+v", refusal)
		}
		silent(t, r.sayIn(direct, lin, "subscribe web"))
	})
}

func TestAGlobThatFitsNothingIsSavedWithAHintToItsAuthorAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		noticeThat(
			t,
			r.say(lin, "subscribe wbe@production"),
			"The subscription stands",
			"no stack that you may subscribe to matches “wbe@production” yet",
			"web@production",
		)
		if got := told[SubscribedReply](r); got.Fits != 0 || got.Preview != nil || len(r.channels.amended) != 0 {
			t.Errorf("told is %+v", got)
		}
	})
}

func TestOneWithoutTheRightSubscribesToNothingAndLearnsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		answer := func(text string) Reply { return r.say(sam, text) }
		plain := func(reply Reply) RefusalReply {
			refusal := refusalOf(t, reply, authz.Subscribe)
			refusal.Ask = nil
			return refusal
		}
		for _, verb := range []string{"subscribe ", "unsubscribe "} {
			if diff := cmp.Diff(plain(answer(verb+"web")), plain(answer(verb+"nosuch"))); diff != "" {
				t.Errorf("%sdiffers (-there +not there):\n%s", verb, diff)
			}
		}
		silent(t, r.say(lin, "subscribe 'api*'"))
		r.put(allow(sam, "web@staging", authz.View, authz.Subscribe))
		hidden, none := noticeIn(t, answer("subscribe api")), noticeIn(t, answer("subscribe apj"))
		if strings.Contains(hidden.Text, "api@production") || strings.ReplaceAll(hidden.Text, "“api”", "“apj”") != none.Text {
			t.Errorf("a stack that is hidden and one that is none:\n%s\n%s", hidden.Text, none.Text)
		}
		if said := told[SubscribedReply](r); said.Fits != 0 {
			t.Errorf("the channel is told of %d stacks", said.Fits)
		}
		if got := rowsIn(t, "subscriptions", answer("subscriptions")); len(got) != 2 { // their own two
			t.Errorf("they are shown %q", got)
		}
		hiddenOne, noOne := problemThat(t, answer("unsubscribe 'api*'")), problemThat(t, answer("unsubscribe 'abi*'"))
		if strings.ReplaceAll(hiddenOne.What, "api*", "abi*") != noOne.What || hiddenOne.Do != noOne.Do ||
			strings.Contains(hiddenOne.Do, "api*") {
			t.Errorf("a subscription that is hidden and one that is none:\n%+v\n%+v", hiddenOne, noOne)
		}
	})
}

func TestAPatternTellsOfThoseStacksThatItsAuthorMaySubscribeTo(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "web@staging", authz.View, authz.Subscribe), allow(sam, "web@production", authz.View))
		silent(t, r.say(sam, "subscribe *"))
		if got := told[SubscribedReply](r); got.Fits != 1 {
			t.Errorf("it fits %d stacks", got.Fits)
		}
		refusal := refusalOf(t, r.say(sam, "subscribe web@production"), authz.Subscribe)
		if refusal.Stack == nil || refusal.Stack.UID != "web1" || refusal.Ask == nil {
			t.Errorf("of a stack that they see they are told %+v", refusal)
		}
		if n := len(r.subscribedIn(here)); n != 1 {
			t.Errorf("%d subscriptions are saved", n)
		}
	})
}

func TestWhatItWouldHaveToldIsAddedToTheAnnouncement(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		now := time.Now()
		r.stacks.stacks[0].LastActivity, r.stacks.stacks[1].LastActivity = now, now.Add(-8*24*time.Hour)
		r.cloud.has("web1", 4)
		all := r.cloud.deployments["web1"]
		all[1].Outcome.Kind, all[2].Reverted = cloud66.OutcomeFailed, true
		all[3].StartedAt = now.Add(-8 * 24 * time.Hour)
		all[1].StartedAt, all[1].FinishedAt = time.Time{}, now.Add(-2*time.Hour) // an end without a start
		for text, want := range map[string]Preview{
			"subscribe 'web*'":                     {Messages: 3, Newest: &Entry{Deployment: all[0]}},
			"subscribe 'web*' --events failed":     {Messages: 1, Newest: &Entry{Deployment: all[1]}},
			"subscribe 'web*' --events reverted":   {Messages: 1, Newest: &Entry{Deployment: all[2]}},
			"subscribe 'web*' --events cancelled":  {},
			"subscribe 'web*' --by kim":            {},
			"subscribe 'web*' --via hook":          {},
			"subscribe 'web*' --type build,revert": {},
		} {
			before := len(r.channels.amended)
			silent(t, r.say(lin, text))
			want.Read, want.Of = 1, 1
			if want.Newest != nil {
				want.Stack = storage.StackRef{UID: "web1", Name: "web", Environment: "production"}
			}
			if len(r.channels.amended) != before+1 || r.channels.amended[before].Key != r.channels.said[before].Key {
				t.Fatalf("%s: amended is %+v", text, r.channels.amended)
			}
			if diff := cmp.Diff(&want, as[SubscribedReply](t, r.channels.amended[before].Reply).Preview); diff != "" {
				t.Errorf("%s (-want +got):\n%s", text, diff)
			}
		}
	})
}

func TestAPreviewReadsTwentyStacksAndWaitsEightSeconds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.stacks.stacks = nil
		for n := range 45 {
			at := time.Now().Add(-time.Duration(n) * time.Minute)
			r.stacks.stacks = append(
				r.stacks.stacks,
				cloud66.Stack{UID: fmt.Sprint("u", n), Name: fmt.Sprint("s", n), Environment: "p", LastActivity: at},
			)
		}
		r.cloud.takes = 3 * time.Second
		began := time.Now()
		silent(t, r.say(lin, "subscribe *"))
		got := as[SubscribedReply](t, r.channels.amended[0].Reply)
		if p := got.Preview; got.Fits != 45 || p.Of != 45 || p.Read != 10 || p.Unread != 10 || time.Since(began) > 9*time.Second {
			t.Errorf("after %s told is %+v of %d", time.Since(began), got.Preview, got.Fits)
		}
		for _, call := range r.cloud.calls {
			var n int
			if _, err := fmt.Sscanf(call, "range u%d 0+30", &n); err != nil || n >= previewStacks {
				t.Errorf("it asks for %q", call)
			}
		}
	})
}

func TestASubscriptionStandsWhereCloud66DoesNotAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.stacks.err = &cloud66.Error{Kind: cloud66.ErrUnreachable}
		silent(t, r.say(lin, "subscribe web"))
		if got := told[SubscribedReply](r); got.Fits != -1 || len(r.subscribedIn(here)) != 1 {
			t.Errorf("told is %+v", got)
		}
		silent(t, r.say(lin, "unsubscribe web"))
		r.stacks.err, r.cloud.err = nil, errors.New("no answer")
		silent(t, r.say(lin, "subscribe web"))
		if p := as[SubscribedReply](t, r.channels.amended[0].Reply).Preview; p.Of != 2 || p.Unread != 2 || p.Messages != 0 {
			t.Errorf("the preview is %+v", p)
		}
	})
}

func TestASubscriptionIsTakenBackByItsGlobItsIDOrItsButton(t *testing.T) {
	for name, end := range map[string]func(r *rig, id string) (Reply, int){
		"the glob takes all of that glob": func(r *rig, _ string) (Reply, int) { return r.say(lin, "unsubscribe WEB@production"), 2 },
		"the id takes one":                func(r *rig, id string) (Reply, int) { return r.say(lin, "unsubscribe "+strings.ToUpper(id)), 1 },
		"the button takes one": func(r *rig, id string) (Reply, int) {
			return r.click(lin, Invocation{Verb: Unsubscribe, Options: Options{Rule: id}}), 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				silent(t, r.say(lin, "subscribe web@production"))
				id := told[SubscribedReply](r).Subscription.ID
				silent(t, r.say(lin, "subscribe web@production --events failed"))
				silent(t, r.say(lin, "subscribe 'web*'"))
				changes := r.resubscriptions()
				reply, ended := end(r, id)
				silent(t, reply)
				if got := of(t, "unsubscribed", r.channels.said[len(r.channels.said)-1].Reply).Fallback().String(); strings.Count(
					got,
					"`",
				) != 2*(ended+1) ||
					!strings.Contains(got, lin) ||
					*changes != 1 {
					t.Errorf("told is %+v, after %d changes", got, *changes)
				}
				if left := len(r.subscribedIn(here)); left != 3-ended {
					t.Errorf("%d are left", left)
				}
			})
		})
	}
}

func TestASubscriptionIsTakenBackWhereNothingCanBePosted(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := storage.Subscription{ID: "k3f9", Channel: secret, Stacks: "web", Author: sam, At: time.Now()}
		err := r.db.Update(t.Context(), func(tx storage.Tx) error {
			refused := storage.Channels.Put(tx, secret, storage.Channel{Refused: "not_in_channel", Since: time.Now()})
			return errors.Join(refused, storage.Subscriptions.Put(tx, storage.ChannelKey(secret, s.ID), s))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := of(t, "unsubscribed", r.sayIn(secret, lin, "unsubscribe web")).Fallback().String(); strings.Count(got, "`") != 4 ||
			!strings.Contains(got, lin) {
			t.Errorf("the answer is %+v", got)
		}
		if len(r.subscribedIn(secret)) > 0 || len(r.channels.said) > 0 {
			t.Errorf("left is %+v, said %+v", r.subscribedIn(secret), r.channels.said)
		}
	})
}

func TestWhatIsNotSubscribedToCannotBeTakenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		problemThat(t, r.say(lin, "unsubscribe web"), "no subscription to “web”", "none that it has")
		silent(t, r.say(lin, "subscribe api"))
		problemThat(t, r.say(lin, "unsubscribe web"), "no subscription to “web”", "It subscribes to “api”.", "unsubscribe api")
		problemThat(t, r.sayIn(there, lin, "unsubscribe api"), "no subscription to “api”")
		problemThat(t, r.click(lin, Invocation{Verb: Unsubscribe, Options: Options{Rule: "gone"}}), "not there any more")
		r.put(allow(sam, "api", authz.View), allow(sam, "web", authz.Subscribe))
		refusalOf(t, r.say(sam, "unsubscribe api"), authz.Subscribe)
		if n := len(r.subscribedIn(here)); n != 1 {
			t.Errorf("%d are left", n)
		}
	})
}

func TestTheListOfSubscriptionsSaysWhatEachTellsAndWhyOneDoesNot(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		rule := r.rule("allow <@U0SAM> view,subscribe 'web*'")
		silent(t, r.say(sam, "subscribe 'web*' --mention <@U0KIM>"))
		time.Sleep(time.Second)
		silent(t, r.say(lin, "subscribe api"))
		if got := rowsIn(t, "subscriptions", r.say(lin, "subscriptions")); strings.Contains(got[1], "suspended") {
			t.Errorf("shown is %q", got)
		}
		r.stores(func(tx storage.Tx) error {
			return storage.Channels.Put(tx, here, storage.Channel{Refused: "is_archived", Since: time.Now()})
		})
		const none = "it tells of nothing: its author may not"
		got := rowsIn(t, "subscriptions", r.say(lin, "subscriptions"))
		if len(got) != 2 || !strings.Contains(got[0], " a failure mentions @Kim · 2 stacks that you may see match · by <@U0SAM>") ||
			strings.Contains(got[0], none) || !strings.Contains(got[1], "suspended: is_archived in words") {
			t.Errorf("shown is %q", got)
		}
		if got := rowsIn(t, "subscriptions", r.say(sam, "subscriptions")); len(got) != 1 || !strings.Contains(got[0], "by <@U0SAM>") {
			t.Errorf("sam is shown %q", got)
		}
		r.rule("revoke " + rule)
		r.stores(func(tx storage.Tx) error { return storage.Channels.Put(tx, here, storage.Channel{}) })
		if got := rowsIn(t, "subscriptions", r.say(lin, "subscriptions")); !strings.Contains(got[0], none) || strings.Contains(got[1], none) {
			t.Errorf("after the author lost the right: %q", got)
		}
	})
}

func TestWhatAnotherSubscribedToWithFewerRightsIsNotTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "web", authz.View, authz.Subscribe))
		silent(t, r.say(sam, "subscribe *"))
		noticeThat(t, r.say(sam, "subscribe *"), "hears of that already")
		silent(t, r.say(lin, "subscribe *")) // which tells of api too
		noticeThat(t, r.say(lin, "subscribe *"), "hears of that already")
		noticeThat(t, r.say(sam, "subscribe *"), "hears of that already")
		if n := len(r.subscribedIn(here)); n != 2 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

func TestTheListOfSubscriptionsIsPaged(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for n := range 25 {
			noticeThat(t, r.say(lin, fmt.Sprint("subscribe zz", n)), "stands")
			time.Sleep(time.Second)
		}
		page := r.click(lin, Invocation{Verb: Subscriptions, Options: Options{Page: "3"}})
		if got := rowsIn(t, "subscriptions", page); len(got) != 5 || !strings.Contains(got[4], "`zz24`") ||
			!strings.Contains(page.Document().Fallback().String(), "21–25 of 25") {
			t.Errorf("shown is %q", got)
		}
	})
}

func TestTheStatusTellsOfWatchedStacksWhatOneMaySee(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		web, api := storage.StackRef{
			UID:         "web1",
			Name:        "web",
			Environment: "production",
		}, storage.StackRef{
			UID:         "api1",
			Name:        "api",
			Environment: "production",
		}
		swept := time.Now()
		r.Watch = func() WatchStatus {
			return WatchStatus{Stacks: []storage.StackRef{web, api}, Interval: time.Minute, LastSweep: swept, Unreadable: []storage.StackRef{api}}
		}
		r.put(allow(sam, "web", authz.View))
		for user, want := range map[string]WatchStatus{
			lin: r.Watch(), sam: {Stacks: []storage.StackRef{web}, Interval: time.Minute, LastSweep: swept, Unreadable: []storage.StackRef{}},
			kim: {Stacks: []storage.StackRef{}, Interval: time.Minute, LastSweep: swept, Unreadable: []storage.StackRef{}},
		} {
			if diff := cmp.Diff(want, as[StatusReply](t, r.say(user, "status")).Watch); diff != "" {
				t.Errorf("%s (-want +got):\n%s", user, diff)
			}
		}
	})
}
