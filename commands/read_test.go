package commands

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/bot/card/kit"
	"c66bot/bot/slacksim"
	"c66bot/cloud66"
	"c66bot/storage"
)

func TestAListShowsTenOfAllAndPages(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 35)
		for text, want := range map[string]ListReply{
			"list web@production":          {Page: 1, Offset: 0},
			"list web@production --page 2": {Page: 2, Offset: 10},
			"list web@production --page 4": {Page: 4, Offset: 30},
		} {
			got := as[ListReply](t, r.say(lin, text))
			if got.Page != want.Page || got.Offset != want.Offset || got.Total != 35 || len(got.Entries) != min(10, 35-want.Offset) {
				t.Errorf("%s: page %d, offset %d, %d rows of %d", text, got.Page, got.Offset, len(got.Entries), got.Total)
			}
			if newest := got.Entries[0].Deployment.ID; newest != int64(35-want.Offset) {
				t.Errorf("%s begins with #%d", text, newest)
			}
			if !got.At.Equal(time.Now()) {
				t.Errorf("%s is of %s", text, got.At)
			}
		}
		if n := len(r.cloud.calls); n != 3 {
			t.Errorf("three pages cost %d requests", n)
		}
	})
}

func TestAPageBeyondTheEndIsToldTheLastOne(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("app1", 30)
		problemThat(
			t,
			r.say(lin, `list "awesome app" --page 4`),
			"there is no page 4: there are 3 pages.",
			`list "awesome app@production" --page 3`,
		)
		r.cloud.has("app1", 10)
		problemThat(
			t,
			r.click(lin, Invocation{Verb: List, UID: "app1", Options: Options{Page: "2"}}),
			"there is no page 2: there is only one.",
			"--page 1",
		)
		r.cloud.has("app1", 0)
		problemThat(t, r.say(lin, `list "awesome app" --page 2`), "there is only one")
		if empty := as[ListReply](t, r.say(lin, `list "awesome app"`)); empty.Total != 0 || len(empty.Entries) != 0 {
			t.Errorf("a stack never deployed: %+v", empty)
		}
	})
}

func TestShowFinds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 400)
		r.cloud.deployments["web1"][1].IsHead = true
		r.cloud.deployments["web1"][299].IsLive = true // the last of the tenth page
		for text, want := range map[string]int64{
			"show web@production": 400, "show web@production latest": 400, "show web@production head": 399, "show web@production live": 101,
			"show web@production #7": 7,
		} {
			got := as[DetailReply](t, r.say(lin, text))
			if got.Entry.Deployment.ID != want || got.Usual != 4*time.Minute {
				t.Errorf("%s gives #%d, usually %s", text, got.Entry.Deployment.ID, got.Usual)
			}
		}
	})
}

func TestTheLiveOneIsSearchedForOverAtMostTenPages(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 1000)
		r.cloud.deployments["web1"][300].IsLive = true // the first of the eleventh page
		problemThat(
			t,
			r.say(lin, "show web@production live"),
			"none of its last 300 deployments is live.",
			"Its latest is #1000.",
			"show web@production 1000",
		)
		if n := len(r.cloud.calls); n != 10 {
			t.Errorf("%d requests: %q", n, r.cloud.calls)
		}
		r.cloud.has("web1", 31)
		r.cloud.calls = nil
		problemThat(t, r.say(lin, "show web@production head"), "none of its last 31 deployments is head.")
		if n := len(r.cloud.calls); n != 2 {
			t.Errorf("two pages cost %d requests", n)
		}
	})
}

func TestShowOfWhatThereIsNot(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		if n := noticeIn(t, r.say(lin, "show web@production 7")); !strings.Contains(n.Text, "never been deployed") {
			t.Errorf("a stack never deployed: %q", n.Text)
		}
		r.cloud.has("web1", 5)
		problemThat(
			t,
			r.say(lin, "show web@production 7"),
			"there is no deployment #7 of this stack.",
			"Its latest is #5.",
			"show web@production 5",
		)
	})
}

func TestWhatTheBotKnowsOfADeploymentIsShownWithIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		cancelled := storage.Cancel{User: sam, At: time.Now().UTC()}
		err := r.Records.Update(t.Context(), func(tx storage.Tx) error {
			return errors.Join(
				storage.Follows.Put(tx, "f3", storage.Follow{ID: "f3", Asker: lin, Wish: &storage.Wish{Reason: "why"}}),
				storage.Wishes.Put(tx, storage.DeploymentKey("web1", 3), storage.WishOf{Follow: "f3"}),
				storage.Cancels.Put(tx, storage.DeploymentKey("web1", 2), cancelled),
				storage.Wishes.Put(tx, storage.DeploymentKey("web1", 1), storage.WishOf{Follow: "forgotten"}),
			)
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []Entry
		for _, e := range as[ListReply](t, r.say(lin, "list web@production")).Entries {
			e.Deployment = cloud66.Deployment{ID: e.Deployment.ID}
			got = append(got, e)
		}
		id := func(n int64) cloud66.Deployment { return cloud66.Deployment{ID: n} }
		want := []Entry{
			{Deployment: id(3), AskedBy: lin, Wish: &storage.Wish{Reason: "why"}}, {Deployment: id(2), Cancelled: &cancelled},
			{Deployment: id(1)},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAQueuedDeploymentNamesTheOneItWaitsFor(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		r.cloud.runs("web1", true)
		r.cloud.runs("web1", false)
		if after := as[DetailReply](t, r.say(lin, "show web@production 5")).Entry.QueuedAfter; after != 4 {
			t.Errorf("queued behind #%d", after)
		}
		if after := as[DetailReply](t, r.say(lin, "show web@production 4")).Entry.QueuedAfter; after != 0 {
			t.Errorf("the running one waits for #%d", after)
		}
	})
}

func TestRefreshOfACard(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		follow := storage.Follow{
			ID:    "f1",
			Stack: storage.StackRef{UID: "web1", Name: "web", Environment: "production"},
			Phase: storage.PhaseFollowing,
		}
		r.stores(func(tx storage.Tx) error { return storage.Follows.Put(tx, "f1", follow) })
		card := Invocation{Verb: Refresh, UID: "web1", Deployment: 3, Follow: "f1"}
		r.progress.open = true
		silent(t, r.click(lin, card)) // the card answers by itself
		if diff := cmp.Diff([]string{"refresh f1"}, r.progress.done); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		r.progress.open = false
		noticeThat(t, r.click(lin, card), "not followed any more")
		follow.Phase = storage.PhaseEnded
		r.stores(func(tx storage.Tx) error { return storage.Follows.Put(tx, "f1", follow) })
		for _, id := range []string{"f1", "forgotten"} {
			card.Follow = id
			if got := as[DetailReply](t, r.click(lin, card)).Entry.Deployment.ID; got != 3 {
				t.Errorf("a card of last month shows #%d", got)
			}
		}
		if diff := cmp.Diff([]string{"refresh f1", "refresh f1", "refresh f1"}, r.progress.done); diff != "" {
			t.Errorf("the card of what has ended is not shown anew (-want +got):\n%s", diff)
		}
		problemThat(t, r.click(lin, Invocation{Verb: Refresh}), "not followed any more")
		problemThat(t, r.click(lin, Invocation{Verb: Refresh, Follow: "f1", UID: "web1"}), "not followed any more")
	})
}

func TestShowGivesAllThatTheBotKnowsAndOffersNoFollowBesideACard(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		r.cloud.runs("web1", true)
		wish := storage.Wish{Ref: "v1.2", Services: "api:1.4", Profile: "quick", Reason: "fix the login"}
		follow := storage.Follow{ID: "f4", Stack: storage.StackRef{UID: "web1"}, Deployment: 4, Asker: sam, Wish: &wish, Channel: there,
			Phase: storage.PhaseFollowing}
		r.stores(func(tx storage.Tx) error {
			return errors.Join(storage.PutFollow(tx, follow),
				storage.Wishes.Put(tx, storage.DeploymentKey("web1", 4), storage.WishOf{Follow: "f4"}))
		})
		shown := func() string {
			return slacksim.Message{Blocks: blocksOf(t, kit.Draw(r.say(lin, "show web@production").Document()))}.Plain()
		}
		said := shown()
		for _, part := range []string{"By <unknown " + sam + ">", "Reason fix the login", "Version v1.2", "Services api:1.4", "Profile quick",
			"[Follow] [Refresh] [Cancel]"} {
			if !strings.Contains(said, part) {
				t.Errorf("it lacks %q:\n%s", part, said)
			}
		}
		follow.Channel = here
		r.stores(func(tx storage.Tx) error { return storage.PutFollow(tx, follow) })
		if said := shown(); strings.Contains(said, "[Follow]") {
			t.Errorf("it offers what the channel has:\n%s", said)
		}
	})
}

func TestWhatADeploymentReplaces(t *testing.T) {
	d := func(id int64, outcome cloud66.Outcome, live bool) cloud66.Deployment {
		return cloud66.Deployment{ID: id, GitHash: fmt.Sprintf("%07d", id), IsLive: live, Outcome: cloud66.Value[cloud66.Outcome]{Kind: outcome}}
	}
	failed, live, older := d(4, cloud66.OutcomeFailed, false), d(3, cloud66.OutcomeSuccess, true), d(1, cloud66.OutcomeSuccess, false)
	newest := []cloud66.Deployment{failed, live, d(2, cloud66.OutcomeCancelled, false), older}
	for of, want := range map[*cloud66.Deployment]int64{&failed: 3, &live: 1, &older: 0} {
		if got := replaces(newest, *of); got.ID != want {
			t.Errorf("#%d replaces #%d, not #%d", of.ID, got.ID, want)
		}
	}
}
