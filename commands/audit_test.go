package commands

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/storage"
)

func TestEveryRefusalIsRecordedInTheWordsOfACommand(t *testing.T) {
	web := storage.StackRef{UID: "web1", Name: "web", Environment: "production"}
	type entry = storage.AuditEntry
	for text, want := range map[string]entry{
		"redeploy web@production --ref main --reason “two words”": {Action: "redeploy", Asked: `redeploy web@production --ref main --reason ` +
			`"two words"`, Stack: web, Reason: noRuleAllows},
		"cancel web@prod 6":         {Action: "cancel", Asked: "cancel web@production 6", Stack: web, Reason: noRuleAllows},
		"redeploy web1 --now":       {Action: "redeploy", Asked: "redeploy web@production --now", Stack: web, Reason: noRuleAllows},
		"redeploy WEB@production":   {Action: "redeploy", Asked: "redeploy web@production", Stack: web, Reason: noRuleAllows},
		"list api":                  {Action: "view", Asked: "list api", Reason: noneSuch},
		"show “no such stack” live": {Action: "view", Asked: `show "no such stack" live`, Reason: noneSuch},
		"list api1 --outcome failed --by <@U0KIM> --page 2": {Action: "view", Asked: "list api1 --outcome failed --by U0KIM " +
			"--page 2", Reason: noneSuch},
		"access why redeploy api <@U0KIM|kim>":   {Action: "view", Asked: "access why redeploy api U0KIM", Reason: noneSuch},
		"allow <@U0SAM|sam> redeploy,cancel web": {Action: "admin", Asked: "allow U0SAM redeploy,cancel web", Reason: noRuleAllows},
		"deny everyone view 'web *'":             {Action: "admin", Asked: `deny everyone view "web *"`, Reason: noRuleAllows},
		"revoke k3f9":                            {Action: "admin", Asked: "revoke k3f9", Reason: noRuleAllows},
		"redeploy web@staging --now": {Action: "redeploy", Asked: "redeploy web@staging --now",
			Stack: storage.StackRef{UID: "web2", Name: "web", Environment: "staging"}, By: storage.Decider{Kind: storage.ByRule, ID: "r1"},
			Reason: "rule r1 denies it"},
		"redeploy api --services a:1,b --profile p --ref=x/y": {Action: "redeploy", Asked: "redeploy api --ref x/y --services a:1,b " +
			"--profile p", Reason: noneSuch},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.put(allow(sam, "web", authz.View), deny(authz.Everyone, "web@staging", authz.Redeploy))
			inv, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			as[RefusalReply](t, r.Do(t.Context(), Request{Invocation: inv, User: sam, Channel: here, Operation: "op-1"}))
			want.At, want.User, want.Channel, want.Operation = time.Now(), sam, here, "op-1"
			if diff := cmp.Diff([]entry{want}, r.audit()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", text, diff)
			}
			r.nothingDone()
		})
	}
}

// noRuleAllows is authz's reason where no rule is about something.
const noRuleAllows = "no rule allows it"

func TestARefusalOfWhoMayNothingIsRecordedToo(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for text, action := range map[string]string{"stacks web": "view", "access": "view", "redeploy web": "redeploy"} {
			time.Sleep(time.Second)
			as[RefusalReply](t, r.say(sam, text))
			if e := r.lastAudit(); e.User != sam || e.Channel != here || e.Action != action || e.Asked != text || e.Reason != noneAtAll ||
				e.Allowed ||
				e.Operation == "" {
				t.Errorf("%s is recorded as %+v", text, e)
			}
		}
		time.Sleep(time.Second)
		as[RefusalReply](t, r.click(sam, Invocation{Verb: Cancel, UID: "web1", Deployment: 3, Yes: true}))
		if e := r.lastAudit(); e.Asked != "cancel web1 3" {
			t.Errorf("a click is recorded as %+v", e)
		}
		time.Sleep(time.Second)
		as[RefusalReply](t, r.click(sam, Invocation{Verb: Refresh, UID: "web1", Deployment: 3, Follow: "f1"}))
		if e := r.lastAudit(); e.Asked != "refresh web1 3" || e.Action != "view" {
			t.Errorf("a click is recorded as %+v", e)
		}
		time.Sleep(time.Second)
		as[RefusalReply](t, r.form(sam, Invocation{Verb: Redeploy, UID: "web1"}))
		if e := r.lastAudit(); e.Asked != "redeploy web1" || e.Action != "redeploy" {
			t.Errorf("a form is recorded as %+v", e)
		}
		if n := len(r.audit()); n != 6 {
			t.Errorf("six refusals are %d entries", n)
		}
	})
}

func TestWhatChangesSomethingIsRecordedAndWhatReadsIsNot(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web2", 5)
		r.cloud.runs("web2", true)
		r.put(allow(sam, "web@staging", authz.View, authz.Redeploy, authz.Cancel), allow(sam, "*", authz.Admin))
		for _, text := range []string{
			"", "help", "status", "stacks", "access", "list web", "show web", "access why view web", "redeploy web", "cancel web",
			"list web --outcome failed",
		} {
			if r.say(sam, text); len(r.audit()) > 0 {
				t.Fatalf("%q only reads, and is recorded: %+v", text, r.audit())
			}
		}
		as[FormReply](t, r.form(sam, Invocation{Verb: Redeploy, UID: "web2"}))
		if len(r.audit()) > 0 {
			t.Errorf("a form that was opened is recorded: %+v", r.audit())
		}
		for i, change := range []struct{ text, rule, action string }{
			{"redeploy web --wait", "r0", "redeploy"}, {"follow web", "r0", "view"}, {"allow everyone view api", "r1", "admin"},
			{"deny <@U0KIM> all *", "r1", "admin"}, {"revoke zzzz", "r1", "admin"},
		} {
			time.Sleep(time.Second)
			r.say(sam, change.text)
			e := r.lastAudit()
			if len(r.audit()) != i+1 || !e.Allowed || e.By.ID != change.rule || e.User != sam || e.Channel != here || e.Action != change.action {
				t.Errorf("%s is recorded as %+v", change.text, e)
			}
		}
		time.Sleep(time.Second)
		yes := yesIn(t, r.say(sam, "cancel web"))
		r.click(sam, yes)
		if e := r.lastAudit(); !e.Allowed || e.Asked != "cancel web@staging 6" || e.Operation != "answer:"+yes.Nonce {
			t.Errorf("a click is recorded as %+v", e)
		}
		time.Sleep(time.Second)
		r.say(lin, "redeploy web@staging --wait")
		if e := r.lastAudit(); !e.Allowed || e.User != lin || e.By.ID != "" || e.Reason != "an admin by the configuration" {
			t.Errorf("what an admin did is recorded as %+v", e)
		}
	})
}

func TestWhereTheRecordFailsNothingIsDoneAndNothingTold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.cloud.runs("web1", true)
		r.put(allow(sam, "web@production", authz.View), allow(kim, "*", authz.Admin))
		r.db.full = true
		for user, texts := range map[string][]string{
			sam: {"redeploy web --wait", "list api", "allow everyone all *"},
			lin: {"redeploy web@production --wait", "allow everyone all *", "revoke r0", "follow web@production"},
			kim: {"allow everyone all *", "revoke r0"},
		} {
			for _, text := range texts {
				p := problemThat(t, r.say(user, text), "its own records or program failed", "Nothing was done.", "Show the reference")
				if p.Ref == "" {
					t.Errorf("%s of %s has no reference", text, user)
				}
			}
		}
		problemThat(
			t,
			r.click(lin, Invocation{Verb: Cancel, UID: "web1", Deployment: 6, Yes: true}),
			"records or program failed",
			"Nothing was done.",
		)
		problemThat(t, r.click(lin, Invocation{Verb: Dismiss, Nonce: "n"}), "records or program failed")
		problemThat(
			t,
			r.click(sam, Invocation{Verb: Ask, Options: Options{Actions: "view", Glob: "*"}, AskedAt: time.Now().Unix()}),
			"records or program failed",
		)
		r.nothingDone()
		as[ListReply](t, r.say(sam, "list web")) // what only reads needs no record
		r.db.full = false
		if diff := cmp.Diff([]string{"allow U0SAM view web@production", "allow U0KIM admin *"}, r.rulesOf(here)); diff != "" ||
			len(r.audit()) > 0 {
			t.Errorf("it was done all the same: %+v (-want +got):\n%s", r.audit(), diff)
		}
	})
}
