package commands

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/bot/card/doc"
	"c66bot/cloud66"
	"c66bot/storage"
)

func TestARedeployWithAnyOptionIsDoneAtOnce(t *testing.T) {
	for options, want := range map[string]storage.Wish{
		"--now": {}, "--wait": {}, "--ref main": {Ref: "main"}, "--profile canary": {Profile: "canary"},
		`--reason "the login"`:                       {Reason: "the login"},
		"--ref v1 --profile canary --reason x --now": {Ref: "v1", Profile: "canary", Reason: "x"},
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

func TestARedeployWithoutAnOptionOffersTheForm(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		for name, test := range map[string]struct {
			reply Reply
			form  Invocation
		}{
			"typed":    {r.say(lin, "redeploy web@production"), Invocation{Verb: Redeploy, UID: "web1"}},
			"a button": {r.click(lin, Invocation{Verb: Redeploy, UID: "web1"}), Invocation{Verb: Redeploy, UID: "web1"}},
			"a button of one version": {r.click(lin, Invocation{Verb: Redeploy, UID: "web1", Deployment: 3}),
				Invocation{Verb: Redeploy, UID: "web1", Deployment: 3}},
		} {
			if got := button(t, of(t, "open", test.reply).Blocks[1].Buttons[0]); got != test.form {
				t.Errorf("%s offers %+v", name, got)
			}
			if !throughSlack(t, test.form).OpensForm() {
				t.Errorf("%s: the button opens no form", name)
			}
		}
		if len(r.audit()) > 0 {
			t.Errorf("that a form was offered is recorded: %+v", r.audit())
		}
		r.nothingDone()
	})
}

func TestAYesOfMoreThanFifteenMinutesAgoDoesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.cloud.runs("web1", true)
		yes := yesIn(t, r.say(lin, "cancel web@production"))
		time.Sleep(15*time.Minute + 2*time.Second)
		problemThat(t, r.click(lin, yes), "That is more than 15 min old.", "Nothing was done.", "Ask again")
		r.nothingDone()
	})
}

func TestANoTakesTheQuestionsYesAway(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.runs("web1", true)
		yes := yesIn(t, r.say(lin, "cancel web@production"))
		noticeThat(t, r.click(lin, Invocation{Verb: Dismiss, Nonce: yes.Nonce}), "Nothing was done.")
		noticeThat(t, r.click(lin, Invocation{Verb: Dismiss, Nonce: yes.Nonce}), "not done twice")
		noticeThat(t, r.click(lin, yes), "not done twice")
		r.nothingDone()
	})
}

func TestOptionsThatTheStackCannotTakeAreRefused(t *testing.T) {
	for text, says := range map[string][]string{
		"redeploy api --ref main":            {"a docker stack takes no --ref", "redeploy api@production --services web:1.4.2"},
		"redeploy web@prod --services api:1": {"--services is for docker stacks; this one is rails.", "redeploy web@production --ref main"},
		"redeploy api --services aip:1": {"this stack has no service " +
			"“aip”.", "Did you mean “api”?", "It has “api”, “worker”.", "--services api"},
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
			q := r.say(lin, text)
			yes := yesIn(t, q)
			r.nothingDone()
			want := Invocation{Verb: Cancel, UID: "web1", Deployment: 6, Yes: true, AskedAt: time.Now().Unix(), Nonce: yes.Nonce}
			if diff := cmp.Diff(want, yes); diff != "" || yes.Nonce == "" || q.Document().Blocks[2].Buttons[0].Style != doc.Danger {
				t.Errorf("%s: the question %+v (-want +got):\n%s", text, q, diff)
			}
		}
		yes := yesIn(t, r.say(lin, "cancel web@production"))
		if n := noticeIn(t, r.click(lin, yes)); !strings.Contains(n.Text, "asked Cloud 66 to cancel #6. It says: Cancelling deployment") {
			t.Errorf("it says %q", n.Text)
		}
		if n := noticeIn(t, r.click(lin, yes)); !strings.Contains(n.Text, "not asked twice") {
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
		noticeIn(t, r.click(lin, card))
		noticeIn(t, r.click(lin, card))
		if len(r.progress.done) != 1 {
			t.Errorf("two clicks sent %q", r.progress.done)
		}
		time.Sleep(2 * time.Minute) // Cloud 66 has let it go on
		noticeIn(t, r.click(lin, card))
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
			problemThat(
				t,
				r.say(lin, verb+" web@production"),
				"nothing is deploying.",
				"Its latest deployment, #5, has ended: succeeded.",
				"list web@production",
			)
			problemThat(t, r.say(lin, verb+" web@production 4"), "#4 has ended already: succeeded.", "Nothing was done.", "show web@production 4")
			problemThat(
				t,
				r.say(lin, verb+" web@production 99"),
				"there is no deployment #99 of this stack.",
				"Nothing was done.",
				"list web@production",
			)
			r.nothingDone()
		})
	}
}

func TestWhatWasCancelledHereIsNotCalledFailed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.runs("web1", true)
		card := Invocation{Verb: Cancel, UID: "web1", Deployment: 1, Yes: true}
		noticeIn(t, r.click(lin, card))
		r.cloud.ends("web1", cloud66.OutcomeFailed)
		problemThat(t, r.click(lin, card), "#1 has ended already: cancelled.")
		problemThat(t, r.say(lin, "cancel web@production"), "Its latest deployment, #1, has ended: cancelled.")
	})
}

func TestSeveralUnendedDeploymentsAreAskedAbout(t *testing.T) {
	for verb, then := range map[string]func(t *testing.T, r *rig, reply Reply){
		"cancel": func(t *testing.T, r *rig, reply Reply) {
			t.Helper()
			if id := yesIn(t, reply).Deployment; id != 6 {
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
			choice := choiceIn(t, r.say(lin, verb+" web@production"))
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
			progress: &progress{
				records: r.Records,
				err:     &cloud66.Error{Kind: cloud66.ErrConflict, Method: "DELETE", Status: 409, Message: "not deploying"},
			},
			then: func() { r.cloud.ends("web1", cloud66.OutcomeSuccess) },
		}
		problemThat(t, r.click(lin, Invocation{Verb: Cancel, UID: "web1", Deployment: 1, Yes: true}), "#1 has ended already: succeeded.")
	})
	inBubble(t, func(t *testing.T, r *rig) { // refused though it still runs
		r.cloud.runs("web1", true)
		r.progress.err = &cloud66.Error{Kind: cloud66.ErrConflict, Method: "DELETE", Status: 409, Message: "Update Lockdown"}
		problemThat(
			t,
			r.click(lin, Invocation{Verb: Cancel, UID: "web1", Deployment: 1, Yes: true}),
			"refuses it as things stand. It says: Update Lockdown",
			"Nothing was done.",
		)
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
		if n := noticeIn(t, r.say(lin, "follow web@production")); !strings.Contains(n.Text, "follows that deployment already") {
			t.Errorf("it says %q", n.Text)
		}
	})
}
