package commands

import (
	"strings"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/cloud66"
	"c66bot/storage"
)

// questionThat checks that a reply is a question that says something, and returns the invocations of its buttons by label.
func questionThat(t *testing.T, reply Reply, says ...string) map[string]Invocation {
	t.Helper()
	d := of(t, "question", reply)
	text := shown(d)
	buttons := map[string]Invocation{}
	for _, b := range d.Blocks {
		for _, b := range b.Buttons {
			if !b.None() {
				buttons[b.Label.String()] = throughSlack(t, button(t, b))
			}
		}
	}
	for _, words := range says {
		if !strings.Contains(text, words) {
			t.Errorf("it asks %q, and not %q", text, words)
		}
	}
	return buttons
}

func TestARedeployOfABusyStackAsksFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.cloud.runs("web1", true)
		r.cloud.deployments["web1"][0].StartedAt, r.cloud.deployments["web1"][0].TriggeredBy = time.Now().Add(-3*time.Minute), "kim@example.com"
		r.cloud.runs("web1", false)
		for _, text := range []string{"redeploy web@production --now", "redeploy web@production --ref main"} {
			buttons := questionThat(t, r.say(lin, text), "is busy", "#6 is deploying since", "by kim@example.com", "#7 is queued")
			r.nothingDone()
			yes, ok := buttons["Yes, queue it"]
			if !ok || yes.Newest != 7 || !yes.Yes || yes.UID != "web1" {
				t.Fatalf("%s: the buttons are %+v", text, buttons)
			}
		}
		yes := questionThat(t, r.say(lin, "redeploy web@production --ref main --reason x"))["Yes, queue it"]
		silent(t, r.click(lin, yes))
		if wish := r.progress.follow.Wish; len(r.progress.done) != 1 || wish.Ref != "main" || wish.Reason != "x" || wish.NewestBefore != 7 {
			t.Errorf("done is %q, with %+v", r.progress.done, wish)
		}
		silent(t, r.say(lin, "redeploy web@production --wait"))
	})
}

func TestAQuestionBeforeARedeployLinksWhatChanges(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.stacks.stacks[0].Git, r.stacks.stacks[1].Git = "git@github.com:acme/web.git", "git@git.example:acme/web.git"
		for _, uid := range []string{"web1", "web2", "app1"} {
			r.cloud.has(uid, 5)
			live := &r.cloud.deployments[uid][0]
			live.IsLive, live.GitHash = true, "05000000000000000000"
			r.cloud.runs(uid, true)
		}
		const commit = " --ref 5e6f7a8b90"
		const page = "<https://github.com/acme/web/compare/05000000000000000000...5e6f7a8b90|what changes>"
		for _, c := range []struct{ stack, ref, want string }{
			{"web@production", commit, page}, {"web@production", " --ref main", ""}, {"web@production", "", ""},
			{"web@staging", commit, ""}, {`"awesome app@production"`, commit, ""},
		} {
			for _, options := range []string{" --now", " --wait --profile canry"} {
				text := shown(of(t, "question", r.say(lin, "redeploy "+c.stack+c.ref+options)))
				if linked := strings.Contains(text, "what changes"); linked != (c.want != "") || !strings.Contains(text, c.want) {
					t.Errorf("of %s%s it asks %q", c.stack, c.ref, text)
				}
			}
		}
		r.lockMade(lin, "lock * freeze")
		refused := shown(r.say(lin, "redeploy web@production --ref 5e6f7a8b90 --wait").Document())
		if !strings.Contains(refused, "Live now: #5 `0500000` · wanted: `5e6f7a8` · <https://github.com/acme/web/compare/") {
			t.Errorf("what an admin may override is said as %q", refused)
		}
		r.put(allow(sam, "*", authz.Redeploy))
		if refused := shown(r.say(sam, "redeploy web@production --ref 5e6f7a8b90 --wait").Document()); strings.Contains(refused, "what changes") {
			t.Errorf("who may not override is told %q", refused)
		}
	})
}

// shown returns the text of a document's blocks.
func shown(d doc.Document) (text string) {
	for _, b := range d.Blocks {
		for _, line := range b.Lines {
			text += line.String() + "\n"
		}
	}
	return text
}

func TestTheYesToABusyStackIsToWhatTheQuestionShowed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *rig)
		asks   bool // again
		begins bool
	}{
		"it ended meanwhile":    {func(r *rig) { r.cloud.ends("web1", cloud66.OutcomeSuccess) }, false, true},
		"another one waits now": {func(r *rig) { r.cloud.runs("web1", false) }, true, false},
		"another came, and both are over": {func(r *rig) {
			r.cloud.ends("web1", cloud66.OutcomeSuccess)
			r.cloud.runs("web1", true)
			r.cloud.ends("web1", cloud66.OutcomeSuccess)
		}, false, false},
		"a redeploy was sent just before":  {func(r *rig) { time.Sleep(2 * time.Second); r.sought(time.Now()) }, true, false},
		"a quarter of an hour has gone by": {func(*rig) { time.Sleep(16 * time.Minute) }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.cloud.has("web1", 5)
				r.cloud.runs("web1", true)
				yes := questionThat(t, r.say(lin, "redeploy web@production --now"))["Yes, queue it"]
				c.change(r)
				reply := r.click(lin, yes)
				switch {
				case c.begins:
					silent(t, reply)
				case c.asks:
					questionThat(t, reply, "Something else has begun")
					r.nothingDone()
				default:
					problemThat(t, reply, "")
					r.nothingDone()
				}
			})
		})
	}
}

func TestWhoIsToldWhenAStackIsFreeIsRecordedWithTheirForm(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.cloud.runs("web1", true)
		r.put(allow(sam, "web@production", authz.Redeploy))
		waits := 0
		r.Waits = func() { waits++ }
		buttons := questionThat(t, r.say(sam, "redeploy web@production --ref main --reason x"))
		tell, ok := buttons["Tell me when it is free"]
		if !ok {
			t.Fatalf("it offers %v", buttons)
		}
		refusalOf(t, r.click(kim, tell), authz.Redeploy)
		noticeThat(t, r.click(sam, tell), "direct message")
		var w storage.Waiter
		r.stores(func(tx storage.Tx) (err error) { w, err = storage.Waiters.Get(tx, "web1/"+sam); return err })
		want := Invocation{Verb: Redeploy, UID: "web1", Fill: true, In: here, Options: Options{Ref: "main", Reason: "x"}}
		form, err := FromValue(w.Form)
		if err != nil || form != want || w.Channel != here || w.User != sam || waits != 1 {
			t.Errorf("recorded is %+v, %v, with the form %+v", w, err, form)
		}
		r.nothingDone()
		if reply := r.click(sam, buttons["Yes, queue it"]); reply == nil {
			t.Error("a question that was answered is answered again")
		}
		if d := Free(w); len(d.Blocks) != 2 || !strings.Contains(d.Blocks[0].Lines[0].String(), "*web@production* is free") {
			t.Errorf("it says %+v", d)
		}
		time.Sleep(16 * time.Minute)
		again := tell
		again.Nonce = "later"
		problemThat(t, r.click(sam, again), "15 min old")
	})
}

// sought records a redeploy whose deployment is not known yet.
func (r *rig) sought(at time.Time) {
	r.stores(func(tx storage.Tx) error {
		return storage.PutFollow(tx, storage.Follow{
			ID: "f1", Stack: storage.StackRef{UID: "web1"}, Asker: sam, AskedAt: at, Phase: storage.PhaseFinding, Wish: &storage.Wish{},
		})
	})
}

func TestARedeployThatCloud66DoesNotListYetMakesAStackBusy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.sought(time.Now())
		questionThat(t, r.say(lin, "redeploy web@production --now"), "does not list yet", "by <@U0SAM>")
		form := as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, UID: "web1"}))
		if facts := strings.Join(form.Facts, " "); !strings.Contains(facts, "does not list yet") {
			t.Errorf("the form says %q", facts)
		}
	})
}

func TestAProfileThatIsNotConfiguredIsAskedAbout(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		buttons := questionThat(t, r.say(lin, "redeploy web@production --profile canry --reason x"), "with the profile `canry`",
			"not among those that are configured: canary")
		r.nothingDone()
		silent(t, r.click(lin, buttons["Yes, send it"]))
		if got := r.progress.follow.Wish.Profile; got != "canry" {
			t.Errorf("the yes sends %q", got)
		}
		buttons = questionThat(t, r.say(lin, "redeploy web@production --profile canry"))
		silent(t, r.click(lin, buttons["Use canary"]))
		if got := r.progress.follow.Wish.Profile; got != "canary" {
			t.Errorf("the nearest sends %q", got)
		}
		buttons = questionThat(t, r.say(lin, "redeploy web@production --profile something"))
		if len(buttons) != 2 {
			t.Errorf("where none is near it offers %v", buttons)
		}
		noticeThat(t, r.click(lin, buttons["No"]), "Nothing was done")
		r.cloud.runs("web1", true)
		buttons = questionThat(t, r.say(lin, "redeploy web@production --profile canry"), "is busy", "not among those that are configured")
		questionThat(t, r.click(lin, buttons["Use canary"]), "is busy")
		form := as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, UID: "web1", Options: Options{Profile: "canry"}, Fill: true}))
		if facts := strings.Join(form.Facts, " "); !strings.Contains(facts, "The profile “canry” is not among") {
			t.Errorf("the form says %q", facts)
		}
		r.Profiles = nil
		silent(t, r.say(lin, "redeploy web@production --profile canry --wait"))
	})
}
