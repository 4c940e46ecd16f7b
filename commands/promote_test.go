package commands

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// staged gives web@production five versions and web@staging three of its own, the newest of which is live.
func (r *rig) staged() {
	r.t.Helper()
	r.versioned("web1", 5)
	r.versioned("web2", 3)
	for i := range r.cloud.deployments["web2"] {
		d := &r.cloud.deployments["web2"][i]
		d.ID, d.GitHash = d.ID+20, commit(int(d.ID+20))
	}
}

func TestAPromotionShowsBothVersionsAndItsYesBringsExactlyTheOneThatIsLive(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.staged()
		for _, line := range []string{
			`promote web@staging production --reason "release 1.4"`, `promote web@staging prod --reason "release 1.4"`,
			`promote web2 web@production --reason "release 1.4"`, `promote web@staging PRODUCTION --reason "release 1.4"`,
		} {
			q := r.say(lin, line)
			text := q.Document().Fallback().String()
			for _, says := range []string{
				"web@production: promote #23 from web@staging?", "Live on web@staging: #23 · `2300000` · since",
				"Replaces on web@production: #5 · `0500000`", "release 1.4",
			} {
				if !strings.Contains(text, says) {
					t.Errorf("%s: the question does not say %q: %s", line, says, text)
				}
			}
		}
		r.nothingDone()
		q := agree(t, r.say(lin, `promote web@staging production --reason "release 1.4"`))
		silent(t, r.click(lin, q))
		wanted := storage.Follow{
			Stack: storage.StackRef{UID: "web1", Name: "web", Environment: "production"}, Channel: here, Asker: lin, Usual: 240,
			Wish: &storage.Wish{Ref: commit(23), Reason: "release 1.4", Origin: 23, From: "web@staging", NewestBefore: 5},
		}
		if diff := cmp.Diff(wanted, r.progress.follow); diff != "" || len(r.progress.done) != 1 {
			t.Errorf("%q (-want +got):\n%s", r.progress.done, diff)
		}
		e := r.lastAudit()
		if !e.Allowed || e.Stack.UID != "web1" || e.Asked != `promote web@staging production --reason "release 1.4"` {
			t.Errorf("recorded is %+v", e)
		}
		noticeThat(t, r.click(lin, q), "not done twice")
	})
}

func TestWhatCannotBePromotedIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		line    string
		prepare func(r *rig)
		says    []string
	}{
		"nothing is live there": {
			"promote web@staging production", func(r *rig) { r.deployment("web2", 23).IsLive = false },
			[]string{"nothing is live here that could be promoted.", "list web@staging"},
		},
		"it is live already": {
			"promote web@staging production", func(r *rig) { r.deployment("web1", 5).GitHash = strings.ToUpper(commit(23)) },
			[]string{"what is live on web@staging is live here already: #5.", "show web@production live"},
		},
		"from commits to images": {
			"promote web@staging production", func(r *rig) { r.stacks.stacks[0].Framework = "docker" },
			[]string{"web@staging deploys commits and web@production deploys images"},
		},
		"from images to commits": {
			"promote web@staging production", func(r *rig) { r.stacks.stacks[1].Framework = "docker" },
			[]string{"web@staging deploys images and web@production deploys commits"},
		},
		"without a commit": {
			"promote web@staging production", func(r *rig) { r.deployment("web2", 23).GitHash = "2300000" },
			[]string{"Cloud 66 tells no full commit of #23", "redeploy web@production --ref main"},
		},
		"to itself":         {"promote web@staging staging", nil, []string{"I know no other stack of this name in the environment “staging”."}},
		"to no environment": {"promote web@staging prd", nil, []string{"I know no other stack of this name in the environment “prd”."}},
		"where there is none": {
			"promote api staging", nil,
			[]string{"I know no other stack of this name", "There is none of its name in another environment"},
		},
		"of an unknown stack":  {"promote webb@staging production", nil, []string{"I know no stack “webb@staging”."}},
		"a stack of that name": {"promote web@staging api@production", nil, []string{"in the environment “api@production”."}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.staged()
				if tt.prepare != nil {
					tt.prepare(r)
				}
				problemThat(t, r.say(lin, tt.line), tt.says...)
				r.nothingDone()
			})
		})
	}
}

func TestTheNearestEnvironmentsAndTwinsAreButtonsThatCarryOn(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.staged()
		p := problemThat(t, r.say(lin, "promote web@staging live --reason why"), "environment “live”")
		q := agree(t, r.click(lin, p.Choices[0].To))
		if p.Choices[0].Label != "web@production" || q.Onto != "web1" || q.Options[Reason] != "why" {
			t.Errorf("%q leads to %+v", p.Choices[0].Label, q)
		}
		r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{
			UID: "web9", Name: "web", Environment: "production", AccountName: "other", Framework: "rails",
		})
		time.Sleep(2 * time.Minute)
		c := choiceIn(t, r.say(lin, "promote web@staging production"))
		if len(c.Options) != 2 || !strings.Contains(c.What, "“production” matches 2 stacks. Which one?") ||
			c.Options[0].Label == c.Options[1].Label {
			t.Fatalf("it asks %+v", c)
		}
		for _, o := range c.Options {
			if q := agree(t, r.click(lin, o.Invocation)); q.Onto != o.Invocation.Onto {
				t.Errorf("%s leads to %+v", o.Label, q)
			}
		}
	})
}

func TestAYesToAPromotionActsOnWhatItShowed(t *testing.T) {
	for name, change := range map[string]func(r *rig){
		"another version is live where it comes from": func(r *rig) {
			r.deployment("web2", 23).IsLive, r.deployment("web2", 22).IsLive = false, true
		},
		"another version is live where it goes": func(r *rig) { r.deployment("web1", 5).IsLive, r.deployment("web1", 4).IsLive = false, true },
		"another deployment has begun there":    func(r *rig) { r.cloud.runs("web1", true) },
		"the stack that it goes to has another environment": func(r *rig) {
			time.Sleep(2 * time.Minute)
			r.stacks.stacks[0].Environment = "demo"
		},
		"the stack that it comes from has another environment": func(r *rig) {
			time.Sleep(2 * time.Minute)
			r.stacks.stacks[1].Environment = "demo"
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.staged()
				q := agree(t, r.say(lin, "promote web@staging production"))
				change(r)
				problemThat(t, r.click(lin, q), "has changed since the question was shown. Live now is #", "Nothing was done.", "ask again")
				r.nothingDone()
			})
		})
	}
}

func TestAPromotionTakesTheRightThereAndViewHere(t *testing.T) {
	for name, tt := range map[string]struct {
		rules []storage.Rule
		may   bool
	}{
		"redeploy there, view here": {
			[]storage.Rule{allow(sam, "web@production", authz.Redeploy), allow(sam, "web@staging", authz.View)}, true,
		},
		"redeploy there, nothing here": {[]storage.Rule{allow(sam, "web@production", authz.Redeploy)}, false},
		"view there, redeploy here": {
			[]storage.Rule{allow(sam, "web@production", authz.View), allow(sam, "web@staging", authz.Redeploy)}, false,
		},
		"nothing there, redeploy here": {[]storage.Rule{allow(sam, "web@staging", authz.Redeploy)}, false},
		"redeploy there, but view is denied": {
			[]storage.Rule{allow(sam, "*", authz.Redeploy), deny(sam, "web@staging", authz.View)}, false,
		},
		"redeploy is denied there": {
			[]storage.Rule{allow(sam, "*", authz.Redeploy), deny(sam, "web@production", authz.Redeploy)}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.staged()
				r.put(tt.rules...)
				forged := agree(t, r.say(lin, "promote web@staging production"))
				before := len(r.audit())
				reply := r.say(sam, "promote web@staging production")
				if asks := reply.Document().Kind == string(Promote); asks != tt.may {
					t.Fatalf("it is answered %s", reply.Document().Fallback())
				}
				if tt.may {
					silent(t, r.click(sam, agree(t, reply)))
					return
				}
				if all := r.audit()[before:]; len(all) != 1 || all[0].Allowed {
					t.Errorf("recorded is %+v", all)
				}
				r.click(sam, forged)
				r.nothingDone()
			})
		})
	}
}

func TestAHiddenStackAndAMissingOneAreTheSameToAPromotion(t *testing.T) {
	said := map[string]string{}
	for name, prepare := range map[string]func(r *rig){
		"hidden": func(*rig) {}, "missing": func(r *rig) { r.stacks.stacks = r.stacks.stacks[1:] },
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.staged()
			prepare(r)
			r.put(allow(sam, "web@staging", authz.Redeploy))
			said[name] = r.say(sam, "promote web@staging production").Document().Fallback().String() + r.lastAudit().Reason
		})
	}
	if said["hidden"] != said["missing"] || said["hidden"] == "" {
		t.Errorf("they are told apart: %q", said)
	}
}

func TestADockerStackIsPromotedByWhatItsServicesRun(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.staged()
		r.stacks.stacks[0].Framework, r.stacks.stacks[1].Framework = "docker", "docker"
		r.cloud.services = []cloud66.Service{{Name: "api", ImageTag: "v3"}, {Name: "worker", ImageTag: "v3"}}
		r.remembers("web2", 23, "api:v4,cron:v4,worker:v3")
		q := r.say(lin, "promote web@staging production")
		if text := q.Document().Fallback().String(); !strings.Contains(text, "This stack has no service for `cron:v4`.") {
			t.Errorf("it says %s", text)
		}
		silent(t, r.click(lin, agree(t, q)))
		if w := r.progress.follow.Wish; w.Services != "api:v4,worker:v3" || w.Ref != "" {
			t.Errorf("it redeploys %+v", w)
		}
		r.remembers("web1", 5, "api:v4,worker:v3")
		problemThat(t, r.say(lin, "promote web@staging production"), "is live here already")
	})
}

func TestInACardsThreadThePromotionsStackIsTheCards(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.staged()
		inv, err := ParseHere("promote production", Here{UID: "web2", Deployment: 23})
		if err != nil {
			t.Fatal(err)
		}
		q := agree(t, r.Do(t.Context(), request(inv, lin, here)))
		if q.UID != "web2" || q.Onto != "web1" {
			t.Errorf("it asks about %+v", q)
		}
	})
}
