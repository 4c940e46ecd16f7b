package commands

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/cloud66"
	"c66bot/storage"
)

// commit is the full hash of a deployment of these tests.
func commit(id int) string { return fmt.Sprintf("%02d%038x", id, id) }

// versioned gives a stack successful deployments of a commit each, an hour apart, with the ids n to 1; the newest is live.
func (r *rig) versioned(uid string, n int) {
	r.t.Helper()
	r.cloud.has(uid, n)
	for i := range r.cloud.deployments[uid] {
		d := &r.cloud.deployments[uid][i]
		d.GitHash, d.IsLive = commit(int(d.ID)), i == 0
		d.FinishedAt = time.Now().Add(-time.Duration(i+1) * time.Hour)
		d.StartedAt = d.FinishedAt.Add(-4 * time.Minute)
	}
}

// deployment is one of a stack's deployments.
func (r *rig) deployment(uid string, id int64) *cloud66.Deployment {
	r.t.Helper()
	for i := range r.cloud.deployments[uid] {
		if d := &r.cloud.deployments[uid][i]; d.ID == id {
			return d
		}
	}
	r.t.Fatalf("%s has no deployment #%d", uid, id)
	return nil
}

// remembers has the history hold what a deployment's services were deployed from.
func (r *rig) remembers(uid string, id int64, services string) {
	r.t.Helper()
	r.stores(func(tx storage.Tx) error {
		return storage.History.Put(tx, storage.DeploymentKey(uid, id), storage.Deployed{
			Stack: uid, Number: id, Outcome: "success", Services: services, SeenAt: time.Now(),
		})
	})
}

// agree returns the Yes of a question about a rollback or a promotion.
func agree(t *testing.T, reply Reply) Invocation {
	t.Helper()
	d := reply.Document()
	if d.Kind != string(Rollback) && d.Kind != string(Promote) {
		t.Fatalf("the reply is no question but %s: %s", d.Kind, d.Fallback())
	}
	return button(t, d.Blocks[2].Buttons[0])
}

func TestARollbackShowsWhatWasLiveAndItsYesRedeploysItByItsFullHash(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.versioned("web1", 9)
		r.deployment("web1", 8).Outcome.Kind = cloud66.OutcomeFailed
		q := r.say(lin, `rollback web@production --reason "the login fails"`)
		r.nothingDone()
		text := q.Document().Fallback().String()
		for _, says := range []string{"roll back to #7?", "Live now: #9 · `0900000` · since", "Back to: #7 · `0700000` · live for 2 h until"} {
			if !strings.Contains(text, says) {
				t.Errorf("the question does not say %q: %s", says, text)
			}
		}
		var others []string
		for _, b := range q.Document().Blocks[4:] {
			inv := button(t, b.Buttons[0])
			others = append(others, b.Buttons[0].Label.String()+" "+inv.Options[To]+" "+inv.Options[Reason])
		}
		want := []string{}
		for id := 6; id > 1; id-- {
			want = append(want, fmt.Sprintf("Take #%d %d the login fails", id, id))
		}
		if diff := cmp.Diff(want, others); diff != "" {
			t.Error(diff)
		}
		if q.Document().Blocks[2].Buttons[0].Style != doc.Danger {
			t.Error("its Yes is not red")
		}
		offersLock(t, r.click(lin, agree(t, q)))
		wish := storage.Wish{Ref: commit(7), Reason: "the login fails", Origin: 7, NewestBefore: 9}
		if diff := cmp.Diff(&wish, r.progress.follow.Wish); diff != "" || len(r.progress.done) != 1 || r.progress.follow.Usual != 240 {
			t.Errorf("%q (-want +got):\n%s", r.progress.done, diff)
		}
		noticeThat(t, r.click(lin, agree(t, q)), "not done twice")
		if e := r.lastAudit(); !e.Allowed || e.Action != "redeploy" || !strings.Contains(e.Asked, "rollback web@production --to 7 --reason") {
			t.Errorf("recorded is %+v", e)
		}
	})
}

func TestAVersionIsChosenByItsNumberOrItsHash(t *testing.T) {
	for to, want := range map[string]string{
		"2": commit(2), "#2": commit(2), "`#2`": commit(2), commit(3): commit(3), strings.ToUpper(commit(3)): commit(3), "0300000": commit(3),
		"0100000": commit(1), // of one that only the history has
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.versioned("web1", 4)
			gone := r.cloud.deployments["web1"][3]
			r.cloud.deployments["web1"] = r.cloud.deployments["web1"][:3]
			r.stores(func(tx storage.Tx) error {
				return storage.History.Put(tx, storage.DeploymentKey("web1", 1), storage.Deployed{
					Stack: "web1", Number: 1, Outcome: "success", Commit: gone.GitHash, EndedAt: gone.FinishedAt, SeenAt: time.Now(),
				})
			})
			offersLock(t, r.click(lin, agree(t, r.say(lin, "rollback web@production --to "+to))))
			if got := r.progress.follow.Wish.Ref; got != want {
				t.Errorf("--to %s redeploys %s, want %s", to, got, want)
			}
		})
	}
}

func TestARollbackToWhatCannotComeBackIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		line    string
		prepare func(r *rig)
		says    []string
	}{
		"never deployed": {"rollback web@staging", nil, []string{"nothing else was live on this stack before.", "Cloud 66 tells of nothing"}},
		"nothing before": {
			"rollback web@production", func(r *rig) { r.versioned("web1", 1) }, []string{"nothing else was live", "Live now is #1."},
		},
		"only failures before": {
			"rollback web@production", func(r *rig) { r.versioned("web1", 2); r.deployment("web1", 1).Outcome.Kind = cloud66.OutcomeFailed },
			[]string{"nothing else was live", "Live now is #2."},
		},
		"what is live": {
			"rollback web@production --to 5", nil,
			[]string{"#5 is what is live.", "These were live before: #4", "rollback web@production --to 4"},
		},
		"what is live by its hash": {"rollback web@production --to 0500000", nil, []string{"0500000 is what is live."}},
		"the live commit, deployed before": {
			"rollback web@production --to 4", func(r *rig) { r.deployment("web1", 4).GitHash = commit(5) }, []string{"#4 is what is live."},
		},
		"an unknown number": {"rollback web@production --to 77", nil, []string{"there is no deployment #77 of this stack.", "#4, "}},
		"a commit of another stack": {
			"rollback web@production --to 99" + commit(99)[2:],
			func(r *rig) { r.versioned("web2", 1); r.cloud.deployments["web2"][0].GitHash = commit(99) },
			[]string{"no deployment of this stack has the commit"},
		},
		"a number of another stack": {
			"rollback web@production --to 8", func(r *rig) { r.versioned("web2", 9) }, []string{"there is no deployment #8 of this stack."},
		},
		"one that failed": {
			"rollback web@production --to 3", func(r *rig) { r.deployment("web1", 3).Outcome.Kind = cloud66.OutcomeFailed },
			[]string{"#3 was never live: it failed."},
		},
		"a commit that failed": {
			"rollback web@production --to 0300000", func(r *rig) { r.deployment("web1", 3).Outcome.Kind = cloud66.OutcomeFailed },
			[]string{"#3 was never live: it failed."},
		},
		"a scaling": {
			"rollback web@production --to 3", func(r *rig) { r.deployment("web1", 3).DeployType.Kind = cloud66.TypeScale },
			[]string{"#3 was never live: it succeeded (scale)."},
		},
		"one that runs": {
			"rollback web@production --to 6", func(r *rig) { r.cloud.runs("web1", true) }, []string{"#6 has not ended, so it was never live."},
		},
		"one without a commit": {
			"rollback web@production --to 3", func(r *rig) { r.deployment("web1", 3).GitHash = "" },
			[]string{"Cloud 66 tells no full commit of #3", "redeploy web@production --ref main"},
		},
		"one with half a commit": {
			"rollback web@production --to 3", func(r *rig) { r.deployment("web1", 3).GitHash = "0300000" },
			[]string{"Cloud 66 tells no full commit of #3"},
		},
		"a docker stack without a record": {
			"rollback api", func(r *rig) {
				r.versioned("api1", 3)
				r.cloud.services = []cloud66.Service{{Name: "api", ImageTag: "v3"}}
			},
			[]string{"the bot has recorded neither image tags nor git references of #2", "redeploy api@production --services api"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.versioned("web1", 5)
				if tt.prepare != nil {
					tt.prepare(r)
				}
				problemThat(t, r.say(lin, tt.line), append(tt.says, "Nothing was done.")...)
				r.nothingDone()
			})
		})
	}
}

func TestAShortHashOfSeveralVersionsIsAskedAbout(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.versioned("web1", 5)
		r.deployment("web1", 2).GitHash = commit(3)[:7] + strings.Repeat("b", 33)
		c := choiceIn(t, r.say(lin, "rollback web@production --to 0300000 --reason why"))
		if len(c.Options) != 2 || !strings.Contains(c.What, "“0300000” means 2 versions of web@production. Which one?") {
			t.Fatalf("it asks %+v", c)
		}
		offersLock(t, r.click(lin, agree(t, r.click(lin, c.Options[1].Invocation))))
		if w := r.progress.follow.Wish; w.Origin != 2 || w.Reason != "why" {
			t.Errorf("%q redeploys %+v", c.Options[1].Label, w)
		}
	})
}

func TestAnOddVersionIsNotUnderstood(t *testing.T) {
	for _, to := range []string{"0", "-1", "main", "abc", "4f2c1d9z", strings.Repeat("a", 65), "#", "1e3", "٣"} {
		if inv, err := Parse("rollback web --to=" + to); err == nil {
			t.Errorf("--to %s is understood as %q", to, inv.Options[To])
		}
	}
}

func TestAYesToARollbackActsOnWhatItShowed(t *testing.T) {
	for name, change := range map[string]func(r *rig){
		"another one went live": func(r *rig) {
			r.deployment("web1", 5).IsLive = false
			r.cloud.runs("web1", true)
			r.cloud.ends("web1", cloud66.OutcomeSuccess)
			r.deployment("web1", 6).IsLive = true
		},
		"another one has begun": func(r *rig) { r.cloud.runs("web1", true) },
		"another one failed":    func(r *rig) { r.cloud.runs("web1", true); r.cloud.ends("web1", cloud66.OutcomeFailed) },
		"it was taken back": func(r *rig) {
			r.deployment("web1", 5).Reverted, r.deployment("web1", 5).IsLive, r.deployment("web1", 3).IsLive = true, false, true
		},
		"the stack has another name": func(r *rig) { time.Sleep(2 * time.Minute); r.stacks.stacks[0].Name = "shop" },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.versioned("web1", 5)
				q := r.say(lin, "rollback web@production")
				change(r)
				problemThat(t, r.click(lin, agree(t, q)), "that has changed since the question was shown. Live now is #", "Nothing was done.",
					"ask again")
				r.nothingDone()
			})
		})
	}
	inBubble(t, func(t *testing.T, r *rig) { // what has come back meanwhile is what is live
		r.versioned("web1", 5)
		q := r.say(lin, "rollback web@production")
		r.deployment("web1", 5).IsLive, r.deployment("web1", 4).IsLive = false, true
		problemThat(t, r.click(lin, agree(t, q)), "#4 is what is live.")
		late := agree(t, r.say(lin, "rollback web@production"))
		time.Sleep(15*time.Minute + 2*time.Second)
		problemThat(t, r.click(lin, late), "more than 15 min old")
		noticeThat(t, r.click(lin, Invocation{Verb: Dismiss, Nonce: late.Nonce}), "Nothing was done.")
		r.nothingDone()
	})
}

func TestARollbackOfABusyStackSaysThatItWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.versioned("web1", 5)
		r.cloud.runs("web1", true)
		q := r.say(lin, "rollback web@production")
		if text := q.Document().Fallback().String(); !strings.Contains(text, "This would wait behind #6 (deploying).") {
			t.Errorf("it says %s", text)
		}
		offersLock(t, r.click(lin, agree(t, q)))
		if w := r.progress.follow.Wish; w == nil || w.Ref != commit(4) || w.NewestBefore != 6 {
			t.Errorf("it redeploys %+v", w)
		}
	})
}

func TestTheButtonOfACardRollsBackOnlyWhatItShowed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.versioned("web1", 5)
		card := Invocation{Verb: Rollback, UID: "web1", Deployment: 5}
		if y := agree(t, r.click(lin, card)); y.Options[To] != "4" || y.Deployment != 0 {
			t.Errorf("its Yes is %+v", y)
		}
		r.deployment("web1", 5).IsLive = false
		r.cloud.runs("web1", true)
		r.cloud.ends("web1", cloud66.OutcomeSuccess)
		r.deployment("web1", 6).IsLive = true
		p := problemThat(t, r.click(lin, card), "#5 is not live. Live now is #6.", "Nothing was done.")
		if y := agree(t, r.click(lin, p.Choices[0].To)); y.Options[To] != "5" {
			t.Errorf("what it offers leads to %+v", y)
		}
		r.nothingDone()
	})
}

func TestADockerStackComesBackByWhatWasRecorded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		hash := strings.Repeat("c", 40)
		r.versioned("api1", 4)
		r.cloud.services = []cloud66.Service{
			{Name: "api", ImageTag: "v3"}, {Name: "worker", ImageTag: "v3"}, {Name: "job", GitRef: hash},
			{Name: "proxy", GitRef: "main"}, {Name: "new"},
		}
		r.remembers("api1", 3, "api:v2,gone:v1,job:"+hash+",proxy:main,worker:latest")
		r.deployment("api1", 2).FinishedAt = time.Now().Add(-50 * time.Hour)
		q := r.say(lin, "rollback api")
		text := q.Document().Fallback().String()
		for _, says := range []string{
			"roll back to #3?", "Live now: #4 · `0400000` · `api:v3, job:ccc", "Nothing is recorded of `new`, which stays as it is.",
			"`worker:latest`, `proxy:main` may stand for something else by now",
		} {
			if !strings.Contains(text, says) {
				t.Errorf("the question does not say %q: %s", says, text)
			}
		}
		offersLock(t, r.click(lin, agree(t, q)))
		wish := storage.Wish{Services: "api:v2,worker:latest,job:" + hash + ",proxy:main", Origin: 3, NewestBefore: 4}
		if diff := cmp.Diff(&wish, r.progress.follow.Wish); diff != "" {
			t.Error(diff)
		}
		if kept := r.kept("api1", 4); kept.Services != "api:v3,job:"+hash+",proxy:main,worker:v3" || kept.Commit != commit(4) {
			t.Errorf("of what was live is kept %+v", kept)
		}
	})
}

// kept is what the history holds of a deployment.
func (r *rig) kept(uid string, id int64) (d storage.Deployed) {
	r.t.Helper()
	d, _, err := storage.History.Look(r.t.Context(), r.db, storage.DeploymentKey(uid, id))
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

func TestWhatADockerStackRunsIsRecordedBeforeSomethingElseIsDeployed(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(r *rig)
		want    string
	}{
		"nothing is known":   {func(*rig) {}, "api:v3"},
		"it is known":        {func(r *rig) { r.remembers("api1", 4, "api:v1") }, "api:v1"},
		"another one runs":   {func(r *rig) { r.cloud.runs("api1", true) }, ""},
		"Cloud 66 is silent": {func(r *rig) { r.cloud.noServices = cloud66.ErrServer }, ""},
		"a git stack":        {func(r *rig) { r.stacks.stacks[3].Framework = "rails" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.versioned("api1", 4)
				r.cloud.services = []cloud66.Service{{Name: "api", ImageTag: "v3"}}
				tt.prepare(r)
				silent(t, r.say(lin, "redeploy api --now --wait"))
				if got := r.kept("api1", 4).Services; got != tt.want || len(r.progress.done) != 1 {
					t.Errorf("kept is %q, done %q", got, r.progress.done)
				}
			})
		})
	}
}

func TestWhatADockerStackRunsIsRecordedOnlyWithWhatBeginsAlsoOverALockOrApproved(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		begun := func(want string, begun int) {
			t.Helper()
			if got := r.kept("api1", 4).Services; got != want || len(r.progress.done) != begun {
				t.Errorf("kept is %q, done %q", got, r.progress.done)
			}
			r.stores(func(tx storage.Tx) error { return storage.History.Delete(tx, storage.DeploymentKey("api1", 4)) })
		}
		r.versioned("api1", 4)
		r.cloud.services = []cloud66.Service{{Name: "api", ImageTag: "v3"}}
		r.put(allow(sam, "api", authz.Redeploy))
		r.lockMade(lin, "lock api migration")
		as[LockedReply](t, r.say(lin, "redeploy api --now --wait"))
		begun("", 0)
		time.Sleep(time.Second)
		silent(t, r.say(lin, "redeploy api --wait --override --reason outage"))
		begun("api:v3", 1)
		r.say(lin, "unlock api")
		r.say(lin, "protect api")
		a := r.asksApproval(sam, "redeploy api --now --wait")
		begun("", 1)
		silent(t, r.answer(lin, Approve, a))
		begun("api:v3", 2)
	})
}

func TestWhereNothingIsLiveAVersionComesBackAllTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.versioned("web1", 3)
		r.deployment("web1", 3).IsLive = false
		q := r.say(lin, "rollback web@production")
		says := ": bring back #3? Cloud 66 tells of nothing that is live. · Back to: #3 · `0300000` · went live "
		if text := q.Document().Fallback().String(); !strings.Contains(text, says) {
			t.Errorf("it says %s", text)
		}
		offersLock(t, r.click(lin, agree(t, q)))
		if w := r.progress.follow.Wish; w.Ref != commit(3) {
			t.Errorf("it redeploys %+v", w)
		}
	})
}

func TestAReasonThatAButtonCannotCarryIsToldAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.versioned("web1", 3)
		problemThat(t, r.say(lin, `rollback web@production --reason "`+strings.Repeat("&lt;", 400)+`"`), "too long for a button", "Shorten it")
	})
}

// offersLock fails the test unless a reply says that a rollback began, and offers to lock the stack.
func offersLock(t *testing.T, reply Reply) Invocation {
	t.Helper()
	d := of(t, string(Rollback), reply)
	lock := button(t, d.Blocks[1].Buttons[0])
	if lock.Verb != Lock || lock.Options[For] != "2h" || lock.Options[Reason] == "" {
		t.Errorf("it offers %+v", lock)
	}
	return lock
}

func TestAfterARollbackTheStackCanBeLockedByAClick(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.versioned("web1", 3)
		r.put(allow(sam, "web@production", authz.Redeploy), allow(kim, "web@production", authz.Redeploy, authz.Lock))
		silent(t, r.click(sam, agree(t, r.say(sam, "rollback web@production")))) // who may not lock is offered none
		lock := offersLock(t, r.click(kim, agree(t, r.say(kim, "rollback web@production"))))
		if lock.Options[Glob] != "web@production" || lock.Options[Reason] != "rolled back from #3 to #2" {
			t.Errorf("it offers %+v", lock)
		}
		r.click(kim, lock)
		if reply := r.say(sam, "redeploy web@production --now --wait").Document(); !strings.Contains(reply.Fallback().String(), "is locked") {
			t.Errorf("a redeploy is answered %s", reply.Fallback())
		}
	})
}

func TestTheDetailOfWhatIsLiveOffersARollbackAndAPromotion(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.staged()
		labels := func(line string) string {
			var all []string
			for _, b := range r.say(lin, line).Document().Blocks {
				for _, b := range b.Buttons {
					all = append(all, b.Label.String())
				}
			}
			return strings.Join(all, ", ")
		}
		for line, want := range map[string]string{
			"show web@staging": "Redeploy, Roll back, Promote", "show web@staging 21": "Redeploy",
			"show web@production": "Redeploy, Roll back, Promote",
		} {
			if got := labels(line); got != want {
				t.Errorf("%s offers %s, not %s", line, got, want)
			}
		}
		blocks := r.say(lin, "show web@staging").Document().Blocks
		buttons := blocks[len(blocks)-1].Buttons
		if y := agree(t, r.click(lin, button(t, buttons[1]))); y.Options[To] != "22" {
			t.Errorf("the rollback asks about %+v", y)
		}
		if y := agree(t, r.click(lin, button(t, buttons[2]))); y.Onto != "web1" {
			t.Errorf("the promotion asks about %+v", y)
		}
		r.nothingDone()
	})
}

func TestARollbackThatWaitsForApprovalOffersNoLock(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.guarded("protect web")
		r.versioned("web1", 3)
		silent(t, r.click(lin, agree(t, r.say(lin, "rollback web@production"))))
		if len(r.progress.done) > 0 || !strings.Contains(r.lastAudit().Asked, "rollback web@production --to 2") {
			t.Errorf("done is %q, recorded %+v", r.progress.done, r.lastAudit())
		}
	})
}

func TestAQuestionTellsLargeNumbersOfDeploymentsApart(t *testing.T) {
	for _, pair := range [][2]any{{int64(1_200_001), int64(1_200_002)}, {int64(0xd800), int64(0xd801)}, {"a b", "a  b"}} {
		if sight("web", pair[0]) == sight("web", pair[1]) {
			t.Errorf("%v and %v look the same", pair[0], pair[1])
		}
	}
	if sight("a", "b") == sight(`a" "b`) || sight("1", "2") == sight("12") {
		t.Error("where a value ends makes no difference")
	}
}
