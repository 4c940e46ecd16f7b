package commands

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/cloud66"
	"c66bot/storage"
)

func TestARedeployWithAnyOptionIsDoneAtOnce(t *testing.T) {
	for options, want := range map[string]storage.Wish{
		"--now": {}, "--ref main": {Ref: "main"}, "--profile p": {Profile: "p"}, `--reason "the login"`: {Reason: "the login"},
		"--ref v1 --profile p --reason x --now": {Ref: "v1", Profile: "p", Reason: "x"},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cloud.has("web1", 5)
			if reply := r.say(lin, "redeploy web@production "+options); reply != nil {
				t.Fatalf("%s is answered %+v: the card is the answer", options, reply)
			}
			want.NewestBefore = 5
			wanted := storage.Follow{
				Stack: storage.StackRef{UID: "web1", Name: "web", Environment: "production"}, Channel: "C0", Asker: lin, Usual: 240, Wish: &want,
			}
			if diff := cmp.Diff(wanted, r.progress.follow); diff != "" || len(r.progress.done) != 1 {
				t.Errorf("%s: %q (-want +got):\n%s", options, r.progress.done, diff)
			}
		})
	}
}

func TestARedeployWithoutAnOptionAsksAndTheYesDoesIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.cloud.deployments["web1"][2].IsLive = true
		r.cloud.deployments["web1"][2].GitHash = "0123456789abcdef"
		r.cloud.runs("web1", true)
		q := as[QuestionReply](t, r.say(lin, "redeploy web@production"))
		r.nothingDone()
		wantFacts := []string{
			"This deploys the newest commit of main.", "Live now is #3, commit 0123456.", "#6 has not ended yet: this one would wait behind it.",
			"It usually takes 4 min.",
		}
		if diff := cmp.Diff(wantFacts, q.Facts); diff != "" {
			t.Errorf("facts (-want +got):\n%s", diff)
		}
		if q.Yes.Nonce == "" {
			t.Error("a Yes without a key is done twice when it is clicked twice")
		}
		want := Invocation{Verb: Redeploy, UID: "web1", Yes: true, Newest: 6, AskedAt: time.Now().Unix(), Nonce: q.Yes.Nonce}
		if diff := cmp.Diff(want, q.Yes); diff != "" {
			t.Errorf("the Yes (-want +got):\n%s", diff)
		}
		time.Sleep(14 * time.Minute)
		if reply := r.click(lin, q.Yes); reply != nil {
			t.Errorf("the Yes is answered %+v", reply)
		}
		if diff := cmp.Diff([]string{"redeploy web1"}, r.progress.done); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheSameYesTwiceIsOneRedeploy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		yes := as[QuestionReply](t, r.say(lin, "redeploy web@production")).Yes
		again := as[QuestionReply](t, r.say(lin, "redeploy web@production")).Yes
		if reply := r.click(lin, yes); reply != nil {
			t.Errorf("it is answered %+v", reply)
		}
		r.cloud.runs("web1", true)
		if n := as[NoticeReply](t, r.click(lin, yes)); !strings.Contains(n.Text, "not done twice") {
			t.Errorf("it says %q", n.Text)
		}
		problemThat(t, r.click(lin, again), "there is a newer deployment than when I asked.", "Nothing was done.", "The newest is #6 now.", "redeploy web@production")
		if len(r.progress.done) != 1 {
			t.Errorf("done: %q", r.progress.done)
		}
	})
}

func TestAYesOfMoreThanFifteenMinutesAgoDoesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.cloud.runs("web1", true)
		questions := []Invocation{
			as[QuestionReply](t, r.say(lin, "redeploy web@production")).Yes, as[QuestionReply](t, r.say(lin, "cancel web@production")).Yes,
		}
		time.Sleep(15*time.Minute + 2*time.Second)
		for _, yes := range questions {
			problemThat(t, r.click(lin, yes), "That question is more than 15 min old.", "Nothing was done.", "Ask again")
		}
		r.nothingDone()
	})
}

func TestTwoPeoplesYesAtTheSameTimeIsOneRedeploy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		first, second := as[QuestionReply](t, r.say(lin, "redeploy web@production")).Yes, as[QuestionReply](t, r.say(lin, "redeploy web@production")).Yes
		var both sync.WaitGroup
		r.Progress = &slowProgress{progress: r.progress, then: func() { r.cloud.runs("web1", true) }}
		for _, yes := range []Invocation{first, second} {
			both.Go(func() { r.click(lin, yes) })
		}
		both.Wait()
		if diff := cmp.Diff([]string{"redeploy web1"}, r.progress.done); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOptionsThatTheStackCannotTakeAreRefused(t *testing.T) {
	for text, says := range map[string][]string{
		"redeploy api --ref main":                {"a docker stack takes no --ref", "redeploy api@production --services web:latest"},
		"redeploy web@prod --services api:1":     {"--services is for docker stacks; this one is rails.", "redeploy web@production --ref main"},
		"redeploy api --services aip:1":          {"this stack has no service “aip”.", "Did you mean “api”?", "It has “api”, “worker”.", "--services api"},
		"redeploy api --services api:1,database": {"this stack has no service “database”.", "It has “api”, “worker”.", "--services api"},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cloud.services = []cloud66.Service{{Name: "api"}, {Name: "worker"}}
			problemThat(t, r.say(lin, text), append(says, "Nothing was done.")...)
			r.nothingDone()
		})
	}
}

func TestWhereTheKindOfAStackIsUnclearCloud66MayRefuse(t *testing.T) {
	for _, text := range []string{
		`redeploy "awesome app" --ref main`, `redeploy "awesome app" --services api:1`, "redeploy api --services worker,api:2",
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cloud.services = []cloud66.Service{{Name: "api"}, {Name: "worker"}}
			if reply := r.say(lin, text); reply != nil {
				t.Errorf("%s is answered %+v", text, reply)
			}
			if len(r.progress.done) != 1 {
				t.Errorf("%s was not done", text)
			}
		})
	}
	inBubble(t, func(t *testing.T, r *rig) { // a list of services that is empty proves nothing
		if reply := r.say(lin, "redeploy api --services api:1"); reply != nil || len(r.progress.done) != 1 {
			t.Errorf("answered %+v, done %q", reply, r.progress.done)
		}
	})
}

func TestACancelAsksOnceAndItsYesCancels(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.cloud.runs("web1", true)
		for _, text := range []string{"cancel web@production", "cancel web@production 6"} {
			q := as[QuestionReply](t, r.say(lin, text))
			r.nothingDone()
			want := Invocation{Verb: Cancel, UID: "web1", Deployment: 6, Yes: true, AskedAt: time.Now().Unix(), Nonce: q.Yes.Nonce}
			if diff := cmp.Diff(want, q.Yes); diff != "" || q.Yes.Nonce == "" || !q.Danger {
				t.Errorf("%s: the question %+v (-want +got):\n%s", text, q, diff)
			}
		}
		yes := as[QuestionReply](t, r.say(lin, "cancel web@production")).Yes
		if n := as[NoticeReply](t, r.click(lin, yes)); !strings.Contains(n.Text, "asked Cloud 66 to cancel #6. It says: Cancelling deployment") {
			t.Errorf("it says %q", n.Text)
		}
		if n := as[NoticeReply](t, r.click(lin, yes)); !strings.Contains(n.Text, "not asked twice") {
			t.Errorf("the second time it says %q", n.Text)
		}
		if diff := cmp.Diff([]string{"cancel web1 6"}, r.progress.done); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCancelOnACardCancelsAtOnceAndAgainOnlyLater(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.runs("web1", true)
		card := Invocation{Verb: Cancel, UID: "web1", Deployment: 1, Yes: true}
		time.Sleep(24 * time.Hour) // a card is as old as its deployment
		as[NoticeReply](t, r.click(lin, card))
		as[NoticeReply](t, r.click(lin, card))
		if len(r.progress.done) != 1 {
			t.Errorf("two clicks sent %q", r.progress.done)
		}
		time.Sleep(2 * time.Minute) // Cloud 66 has let it go on
		as[NoticeReply](t, r.click(lin, card))
		if len(r.progress.done) != 2 {
			t.Errorf("a cancel that came to nothing cannot be asked for again: %q", r.progress.done)
		}
	})
}

func TestACancelOrFollowOfWhatIsNotUnderWayTellsTheTrueState(t *testing.T) {
	for _, verb := range []string{"cancel", "follow"} {
		inBubble(t, func(t *testing.T, r *rig) {
			problemThat(t, r.say(lin, verb+" web@production"), "nothing is deploying.", "Nothing was done.", "It has never been deployed.")
			r.cloud.has("web1", 5)
			problemThat(t, r.say(lin, verb+" web@production"), "nothing is deploying.", "Its latest deployment, #5, has ended: succeeded.", "list web@production")
			problemThat(t, r.say(lin, verb+" web@production 4"), "#4 has ended already: succeeded.", "Nothing was done.", "show web@production 4")
			problemThat(t, r.say(lin, verb+" web@production 99"), "there is no deployment #99 of this stack.", "Nothing was done.", "list web@production")
			r.nothingDone()
		})
	}
}

func TestWhatWasCancelledHereIsNotCalledFailed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.runs("web1", true)
		card := Invocation{Verb: Cancel, UID: "web1", Deployment: 1, Yes: true}
		as[NoticeReply](t, r.click(lin, card))
		r.cloud.ends("web1", cloud66.OutcomeFailed)
		problemThat(t, r.click(lin, card), "#1 has ended already: cancelled.")
		problemThat(t, r.say(lin, "cancel web@production"), "Its latest deployment, #1, has ended: cancelled.")
	})
}

func TestSeveralUnendedDeploymentsAreAskedAbout(t *testing.T) {
	for verb, then := range map[string]func(t *testing.T, r *rig, reply Reply){
		"cancel": func(t *testing.T, r *rig, reply Reply) {
			t.Helper()
			if id := as[QuestionReply](t, reply).Yes.Deployment; id != 6 {
				t.Errorf("it asks about #%d", id)
			}
			r.nothingDone()
		},
		"follow": func(t *testing.T, r *rig, reply Reply) {
			t.Helper()
			if diff := cmp.Diff([]string{"follow web1 6"}, r.progress.done); diff != "" || reply != nil {
				t.Errorf("%s%+v", diff, reply)
			}
		},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cloud.has("web1", 5)
			r.cloud.runs("web1", true)
			r.cloud.runs("web1", false)
			choice := as[ChoiceReply](t, r.say(lin, verb+" web@production"))
			if len(choice.Options) != 2 || choice.Options[0].Label != "#7 queued" || choice.Options[1].Label != "#6 deploying" {
				t.Fatalf("%s: %+v", verb, choice)
			}
			then(t, r, r.click(lin, choice.Options[1].Invocation))
		})
	}
}

func TestACancelThatComesTooLateTellsHowItEnded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.runs("web1", true)
		r.Progress = &slowProgress{
			progress: &progress{records: r.Records, err: &cloud66.Error{Kind: cloud66.ErrConflict, Method: "DELETE", Status: 409, Message: "not deploying"}},
			then:     func() { r.cloud.ends("web1", cloud66.OutcomeSuccess) },
		}
		problemThat(t, r.click(lin, Invocation{Verb: Cancel, UID: "web1", Deployment: 1, Yes: true}), "#1 has ended already: succeeded.")
	})
	inBubble(t, func(t *testing.T, r *rig) { // refused though it still runs
		r.cloud.runs("web1", true)
		r.progress.err = &cloud66.Error{Kind: cloud66.ErrConflict, Method: "DELETE", Status: 409, Message: "Update Lockdown"}
		problemThat(t, r.click(lin, Invocation{Verb: Cancel, UID: "web1", Deployment: 1, Yes: true}), "refuses it as things stand. It says: Update Lockdown", "Nothing was done.")
	})
}

func TestAFollowNamesTheDeploymentAndWhoAsked(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 2)
		r.cloud.runs("web1", true)
		r.cloud.deployments["web1"][0].StartedAt = time.Now().Add(-time.Minute)
		if reply := r.say(lin, "follow web@production"); reply != nil {
			t.Errorf("it is answered %+v: the card is the answer", reply)
		}
		want := storage.Follow{
			Stack: storage.StackRef{UID: "web1", Name: "web", Environment: "production"}, Deployment: 3, Channel: "C0", Asker: lin,
			StartedAt: time.Now().Add(-time.Minute),
		}
		if diff := cmp.Diff(want, r.progress.follow); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		r.progress.err = ErrFollowed
		if n := as[NoticeReply](t, r.say(lin, "follow web@production")); !strings.Contains(n.Text, "follows that deployment already") {
			t.Errorf("it says %q", n.Text)
		}
	})
}
