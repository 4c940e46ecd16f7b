package commands

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/cloud66"
	"c66bot/storage"
)

// refusedRedeploy has sam be refused a redeploy of what he sees, and gives the button that asks for it.
func (r *rig) refusedRedeploy() Invocation {
	r.t.Helper()
	if len(r.rulesOf(here)) == 0 {
		r.put(allow(sam, "web", authz.View))
	}
	refusal := refusalOf(r.t, r.say(sam, "redeploy web@production --now"), authz.Redeploy)
	if refusal.Ask == nil {
		r.t.Fatal("nothing can be asked for")
	}
	return *refusal.Ask
}

// sameDocument compares documents, whose texts have unexported fields.
var sameDocument = cmp.Comparer(func(a, b doc.Document) bool { return reflect.DeepEqual(a, b) })

// request gives the message that asks the admins, which was told last.
func (r *rig) request() (RequestReply, Announcement) {
	r.t.Helper()
	if len(r.channels.said) == 0 {
		r.t.Fatal("the channel was told of nothing")
	}
	last := r.channels.said[len(r.channels.said)-1]
	return as[RequestReply](r.t, last.Reply), last
}

func TestWhoAsksForARightIsGivenItForAnHourByAnAdminsClick(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		noticeThat(t, r.click(sam, r.refusedRedeploy()), "I have asked the admins in the channel.")
		asked, message := r.request()
		wish := storage.Asking{
			Action: "redeploy", Stacks: "web@production", UID: "web1", Shown: "web@production", Nonce: asked.Wishes[0].Nonce, At: time.Now(),
			Then: `{"v":"redeploy","s":"web@production","n":true}`,
		}
		want := RequestReply{
			storage.Request{ID: asked.ID, Channel: here, User: sam, At: time.Now(), Wishes: []storage.Asking{wish}, Made: []time.Time{time.Now()}},
			Admins{Users: []string{lin}, Groups: []string{ops}}, "/c66",
		}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("the request (-want +got):\n%s", diff)
		}
		grant := Invocation{
			Verb:    Grant,
			UID:     "web1",
			Shown:   "web@production",
			Options: Options{Who: sam, Actions: "redeploy", Glob: "web@production"},
			Nonce:   asked.Wishes[0].Nonce,
			AskedAt: time.Now().Unix(),
		}
		if diff := cmp.Diff(grant, asked.grant(asked.Wishes[0])); diff != "" || grant.Nonce == "" {
			t.Errorf("the grant (-want +got):\n%s", diff)
		}
		refusalOf(t, r.say(sam, "redeploy web@production --now"), authz.Redeploy)
		time.Sleep(10 * time.Minute)
		silent(t, r.click(lin, asked.grant(asked.Wishes[0])))
		if len(r.channels.said) != 3 {
			t.Fatalf("the channel is told %+v", r.channels.said)
		}
		edited, thread := r.channels.said[1], r.channels.said[2]
		rule := storage.Rule{
			ID: ruleIn(t, thread.Reply), Channel: here, Who: sam, Actions: []string{"redeploy"}, Stacks: "web@production",
			UID: "web1", Shown: "web@production", By: lin,
			At: time.Now(), Until: time.Now().Add(time.Hour),
		}
		want.Wishes[0].Given = &rule
		wanted := []Announcement{
			{Key: message.Key, Reply: want},
			{Key: message.Key + "/given/" + grant.Nonce, Parent: message.Key, Reply: thread.Reply},
		}
		goesOn := thread.Reply.Document()
		if then := button(t, goesOn.Blocks[len(goesOn.Blocks)-1].Buttons[0]); then.Typed() != "redeploy web@production --now" ||
			then.Nonce == "" || then.AskedAt != time.Now().Unix() {
			t.Errorf("what goes on is %+v", then)
		}
		if diff := cmp.Diff(wanted, []Announcement{edited, thread}, sameDocument); diff != "" {
			t.Errorf("the messages (-want +got):\n%s", diff)
		}
		silent(t, r.say(sam, "redeploy web@production --now"))
		time.Sleep(time.Hour)
		refusalOf(t, r.say(sam, "redeploy web@production --now"), authz.Redeploy)
		if len(r.progress.done) != 1 {
			t.Errorf("done: %q", r.progress.done)
		}
		if e := r.lastAudit(); e.Allowed {
			t.Errorf("recorded: %+v", e)
		}
	})
}

func TestAGrantIsRecordedInWordsWithWhoGaveIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.click(sam, r.refusedRedeploy())
		asked, _ := r.request()
		time.Sleep(time.Second)
		r.click(lin, asked.grant(asked.Wishes[0]))
		e := r.lastAudit()
		if !e.Allowed || e.User != lin || e.Channel != here || e.Action != "admin" || e.Asked != "grant U0SAM redeploy web@production" ||
			e.Operation != "answer:"+asked.Wishes[0].Nonce {
			t.Errorf("recorded: %+v", e)
		}
	})
}

func TestWhoIsNoAdminGrantsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.click(sam, r.refusedRedeploy())
		asked, _ := r.request()
		for _, user := range []string{sam, kim, robot, guest, gone} {
			time.Sleep(time.Second)
			if refusal := refusalOf(t, r.click(user, asked.grant(asked.Wishes[0])), authz.Admin); refusal.Ask != nil {
				t.Errorf("%s may ask to grant: %+v", user, refusal.Ask)
			}
			if e := r.lastAudit(); e.Allowed || e.User != user || e.Asked != "grant U0SAM redeploy web@production" {
				t.Errorf("recorded: %+v", e)
			}
		}
		refusalOf(t, r.clickIn(there, sam, asked.grant(asked.Wishes[0])), authz.Admin)
		if diff := cmp.Diff([]string{"allow U0SAM view web"}, r.rulesOf(here)); diff != "" || len(r.channels.said) != 1 {
			t.Errorf("%d messages (-want +got):\n%s", len(r.channels.said), diff)
		}
		silent(t, r.click(lin, asked.grant(asked.Wishes[0]))) // who may
	})
}

func TestWhoMayMakeRulesMayGrant(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ask := r.refusedRedeploy()
		r.rule("allow <@U0KIM> admin *")
		r.click(sam, ask)
		asked, _ := r.request()
		silent(t, r.click(kim, asked.grant(asked.Wishes[0])))
		silent(t, r.say(sam, "redeploy web@production --now"))
	})
}

func TestAGrantCountsOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.slack.members[ops] = []string{kim}
		r.click(sam, r.refusedRedeploy())
		asked, _ := r.request()
		silent(t, r.click(lin, asked.grant(asked.Wishes[0])))
		for _, admin := range []string{lin, kim} {
			noticeThat(t, r.click(admin, asked.grant(asked.Wishes[0])), "not done twice")
		}
		time.Sleep(2 * time.Hour) // once it has ended, too
		noticeThat(t, r.click(lin, asked.grant(asked.Wishes[0])), "not done twice")
		refusalOf(t, r.say(sam, "redeploy web@production --now"), authz.Redeploy)
		if len(r.channels.said) != 3 {
			t.Errorf("the channel is told %+v", r.channels.said)
		}
	})
}

func TestAGrantOfWhatTheyHaveIsNoChange(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.click(sam, r.refusedRedeploy())
		asked, _ := r.request()
		id := r.rule("allow <@U0SAM> redeploy web@production")
		noticeThat(t, r.click(lin, asked.grant(asked.Wishes[0])), "That rule stands already: it is "+id)
		time.Sleep(2 * time.Hour)
		silent(t, r.say(sam, "redeploy web@production --now"))
	})
}

func TestAnOldRequestGrantsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.click(sam, r.refusedRedeploy())
		asked, _ := r.request()
		time.Sleep(24*time.Hour + 2*time.Second)
		problemThat(t, r.click(lin, asked.grant(asked.Wishes[0])), "That is more than 24 h old.", "Nothing was done.", "Ask again")
		if n := len(r.rulesOf(here)); n != 1 {
			t.Errorf("%d rules", n)
		}
	})
}

func TestARequestOfYesterdayIsGrantedUntilItIsADayOld(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		time.Sleep(59 * time.Minute) // of an hour
		r.click(sam, r.refusedRedeploy())
		asked, _ := r.request()
		time.Sleep(24*time.Hour - time.Minute)
		silent(t, r.click(lin, asked.grant(asked.Wishes[0])))
	})
}

func TestAGrantForWhoIsGoneSinceIsNoGrant(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.click(sam, r.refusedRedeploy())
		asked, _ := r.request()
		person := r.slack.people[sam]
		person.Deactivated = true
		r.slack.people[sam] = person
		problemThat(t, r.click(lin, asked.grant(asked.Wishes[0])), "The account of Sam Smith is deactivated.", "Nothing was done.")
		if n := len(r.rulesOf(here)); n != 1 {
			t.Errorf("%d rules", n)
		}
	})
}

func TestTheAdminsAreAskedForTheSameOnceAnHour(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		time.Sleep(50 * time.Minute) // so that the next hour of the day begins soon
		noticeThat(t, r.click(sam, r.refusedRedeploy()), "I have asked")
		for range 2 {
			time.Sleep(25 * time.Minute)
			noticeThat(t, r.click(sam, r.refusedRedeploy()), "asked for that within the last hour", "the message in the channel")
		}
		if len(r.channels.said) != 1 {
			t.Fatalf("the channel is told %+v", r.channels.said)
		}
		r.put(allow(sam, "web", authz.View), allow(kim, "web", authz.View))
		ask := as[RefusalReply](t, r.say(kim, "redeploy web@production --now")).Ask
		noticeThat(t, r.click(kim, *ask), "I have asked") // somebody else
		ask = as[RefusalReply](t, r.say(sam, "cancel web@production")).Ask
		noticeThat(t, r.click(sam, *ask), "I have asked") // for something else
		ask = as[RefusalReply](t, r.say(sam, "redeploy web@staging --now")).Ask
		noticeThat(t, r.click(sam, *ask), "I have asked") // on something else
		ask = as[RefusalReply](t, r.sayIn(there, sam, "redeploy web@production --now")).Ask
		noticeThat(t, r.clickIn(there, sam, *ask), "I have asked") // somewhere else
		time.Sleep(15 * time.Minute)
		noticeThat(t, r.click(sam, r.refusedRedeploy()), "I have asked")
		keys := map[string]bool{}
		for _, a := range r.channels.said {
			keys[a.Key] = true
		}
		if len(keys) != 4 || len(r.channels.said) != 6 {
			t.Errorf("%d messages under %d keys", len(r.channels.said), len(keys))
		}
	})
}

func TestTheSameClickTwiceAsksOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ask := r.refusedRedeploy()
		r.click(sam, ask)
		noticeThat(t, r.click(sam, ask), "not done twice")
		if len(r.channels.said) != 1 {
			t.Errorf("the channel is told %+v", r.channels.said)
		}
	})
}

func TestStrangersBotsAndDirectMessagesAskForNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ask := Invocation{Verb: Ask, Options: Options{Actions: "redeploy", Glob: "web"}, AskedAt: time.Now().Unix()}
		for user, channel := range map[string]string{guest: here, robot: here, gone: here, "U0NEVER": here, sam: direct} {
			time.Sleep(time.Second)
			refusal := refusalOf(t, r.clickIn(channel, user, ask), authz.Redeploy)
			if refusal.Ask != nil {
				t.Errorf("%s in %s is offered to ask", user, channel)
			}
			if e := r.lastAudit(); e.Allowed || e.User != user || e.Asked != "ask redeploy web" || e.Action != "redeploy" {
				t.Errorf("recorded: %+v", e)
			}
		}
		r.nothingDone()
	})
}

func TestAskingShowsNothingOfWhatIsAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, glob := range []string{"api", "no-such-stack", "*"} {
			ask := Invocation{
				Verb:    Ask,
				Options: Options{Actions: "view", Glob: glob},
				AskedAt: time.Now().Unix(),
				Nonce:   "n-" + strings.Trim(glob, "*"),
			}
			noticeThat(t, r.click(sam, ask), "I have asked the admins in the channel.")
		}
		if r.stacks.asked() > 0 || len(r.cloud.calls) > 0 {
			t.Error("Cloud 66 was asked")
		}
	})
}

func TestARequestIsMadeWhereTheAdminsCanSeeIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		refused := r.sayIn(secret, sam, "redeploy web --now")
		if said := refused.Document().Fallback().String(); !strings.HasPrefix(said, "⛔ I am not a member of this channel. Invite me") ||
			!strings.Contains(said, "You may not redeploy") || as[RefusalReply](t, refused).Ask != nil {
			t.Errorf("it says %s", said)
		}
		ask := r.refusedRedeploy()
		clicked := r.clickIn(secret, sam, ask)
		said := clicked.Document().Fallback().String()
		if as[RefusalReply](t, clicked).Ask != nil || !strings.HasPrefix(said, "⛔ I am not a member") {
			t.Errorf("a click says %s", said)
		}
		r.nothingDone()
		r.channels.lost = true
		problemThat(t, r.click(sam, r.refusedRedeploy()), "records or program failed", "Nothing was done.")
		r.channels.lost = false
		noticeThat(t, r.click(sam, r.refusedRedeploy()), "I have asked")
	})
}

func TestAnOldRefusalAsksForNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ask := r.refusedRedeploy()
		time.Sleep(25 * time.Hour)
		problemThat(t, r.click(sam, ask), "That is more than 24 h old.", "Nothing was done.")
		r.nothingDone()
	})
}

// typedWish has sam ask for a redeploy by a name of which they see no stack, and gives the request and the button that grants it.
func (r *rig) typedWish(typed string) (RequestReply, Invocation) {
	r.t.Helper()
	refusal := refusalOf(r.t, r.say(sam, "redeploy "+typed+" --now"), authz.Redeploy)
	if refusal.Ask == nil || refusal.Ask.Stack != typed || refusal.Ask.UID != "" {
		r.t.Fatalf("what is asked for is %+v", refusal.Ask)
	}
	r.click(sam, *refusal.Ask)
	asked, _ := r.request()
	return asked, asked.grant(asked.Wishes[len(asked.Wishes)-1])
}

func TestAGrantForATypedNameIsForTheOneStackOfThatName(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "api", authz.View))
		asked, grant := r.typedWish("web@prod")
		if text := asked.Document().Fallback().String(); !strings.Contains(text, "web@prod") || strings.Contains(text, "web@production") ||
			strings.Contains(text, "web1") {
			t.Errorf("the channel is asked: %s", text)
		}
		silent(t, r.click(lin, grant))
		if text := r.channels.said[1].Reply.Document().Fallback().String(); strings.Contains(text, "web@production") {
			t.Errorf("the channel is told: %s", text)
		}
		r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{UID: "web9", Name: "web", Environment: "production", AccountName: "other"})
		time.Sleep(directoryAge + time.Second)
		refusalOf(t, r.say(sam, "redeploy web9 --now"), authz.Redeploy)
		silent(t, r.say(sam, "redeploy web@prod --now"))
		if got := r.progress.follow.Stack.UID; got != "web1" {
			t.Errorf("redeployed is %s", got)
		}
		if text := r.say(lin, "access").Document().Fallback().String(); !strings.Contains(text, "`web@production` (UID `web1`)") {
			t.Errorf("the rule is shown as %s", text)
		}
	})
}

func TestAGrantForANameOfSeveralStacksIsForTheOneThatTheAdminChooses(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.twins()
		r.put(allow(sam, "api", authz.View))
		asked, grant := r.typedWish("twin@production")
		choice := choiceIn(t, r.click(lin, grant))
		if len(choice.Options) != 3 || choice.Options[0].Label != "twin@production · acme" || len(r.channels.said) != 1 {
			t.Fatalf("asked is %+v, and the channel is told %+v", choice, r.channels.said)
		}
		for _, user := range []string{sam, kim} {
			refusalOf(t, r.click(user, choice.Options[1].Invocation), authz.Admin)
		}
		forged := choice.Options[1].Invocation
		forged.UID = "api1" // not of that name
		problemThat(t, r.click(lin, forged), "not there any more")
		silent(t, r.click(lin, choice.Options[1].Invocation))
		if given := as[RequestReply](t, r.channels.said[1].Reply).Wishes[0].Given; given == nil || given.UID != "cccc2222dddd" {
			t.Errorf("granted is %+v", given)
		}
		noticeThat(t, r.click(lin, choice.Options[0].Invocation), "not done twice")
		silent(t, r.say(sam, "redeploy twin@production --now"))
		if got := r.progress.follow.Stack.UID; got != "cccc2222dddd" || len(asked.Wishes) != 1 {
			t.Errorf("redeployed is %s", got)
		}
	})
}

func TestAGrantForANameInSeveralEnvironmentsOrOfNoStackIsForTheName(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "api", authz.View), allow(kim, "*", authz.Admin))
		for _, name := range []string{"web", "nosuch"} {
			_, grant := r.typedWish(name)
			silent(t, r.click(lin, grant))
		}
		_, grant := r.typedWish("awesome") // which kim, who makes rules, does not see
		silent(t, r.click(kim, grant))
		want := []string{"allow U0KIM admin *", "allow U0SAM redeploy awesome", "allow U0SAM redeploy nosuch", "allow U0SAM redeploy web",
			"allow U0SAM view api"}
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(r.rulesOf(here)))); diff != "" {
			t.Errorf("the rules (-want +got):\n%s", diff)
		}
	})
}

func TestWithoutTheListNoNameIsGranted(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "api", authz.View))
		_, grant := r.typedWish("web@prod")
		r.stacks.err = cloud66.ErrUnreachable
		time.Sleep(directoryAge + time.Second)
		problemThat(t, r.click(lin, grant), "Cloud 66")
		if len(r.rulesOf(here)) != 1 {
			t.Errorf("the rules are %q", r.rulesOf(here))
		}
		r.stacks.err = nil
		silent(t, r.click(lin, grant))
	})
}

func TestTheButtonOfAGrantLastsAsLongAsTheGrant(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.click(sam, r.refusedRedeploy())
		asked, _ := r.request()
		silent(t, r.click(lin, asked.grant(asked.Wishes[0])))
		blocks := r.channels.said[2].Reply.Document().Blocks
		then := button(t, blocks[len(blocks)-1].Buttons[0])
		then.Nonce = "n" // this rig has one scope for all
		time.Sleep(grantFor - time.Second)
		silent(t, r.click(sam, then))
		if len(r.progress.done) != 1 {
			t.Errorf("done: %q", r.progress.done)
		}
		time.Sleep(2 * time.Second)
		refusalOf(t, r.click(sam, then), authz.Redeploy)
		r.put(allow(sam, "web", authz.Redeploy))
		time.Sleep(time.Minute)
		problemThat(t, r.click(sam, then), "more than 1 h old")
	})
}
