package bot_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// guardedStory is a change that a lock or a protection holds back, or that passes one.
type guardedStory struct {
	// prepare does all that comes before, and returns what is sent.
	prepare func(r *rig) (send func() *slacksim.Delivery)
	// again does by hand what was told not to have been done; nil for what is not told to anybody.
	again func(r *rig)
	// deploys is how many redeploys are sent in the end, and tells what the channel reads once.
	deploys int
	tells   string
}

var guardedStories = map[string]guardedStory{
	"a redeploy that a lock refuses": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.allow("lock web migration")
			return func() *slacksim.Delivery { return r.slack.Person(sam).Command(deploys, "/c66 redeploy web --now") }
		},
	},
	"a rollback that a lock refuses": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			question := r.ask(sam, deploys, "/c66 rollback web")
			r.allow("lock web migration")
			return func() *slacksim.Delivery {
				return r.sentBy(r.slack.Person(sam).ClickOld(deploys, question, "Yes, roll back"))
			}
		},
	},
	"an override": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.allow("lock web migration")
			return func() *slacksim.Delivery {
				return r.slack.Person(lin).Command(deploys, "/c66 redeploy web --override --reason outage")
			}
		},
		again:   func(r *rig) { r.command(lin, deploys, "/c66 redeploy web --override --reason outage") },
		deploys: 1,
	},
	"an override by a rollback": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.allow("lock web migration")
			question := r.ask(lin, deploys, "/c66 rollback web --override --reason outage")
			return func() *slacksim.Delivery {
				return r.sentBy(r.slack.Person(lin).ClickOld(deploys, question, "Yes, roll back"))
			}
		},
		again: func(r *rig) {
			r.click(lin, r.ask(lin, deploys, "/c66 rollback web --override --reason outage"), "Yes, roll back")
		},
		deploys: 1,
	},
	"an unlock": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.allow("allow @gus view,lock *")
			r.command(guest, deploys, "/c66 lock web migration")
			r.says(lin, deploys, "🔒 @gus locked web")
			return func() *slacksim.Delivery { return r.slack.Person(lin).Command(deploys, "/c66 unlock web") }
		},
		again: func(r *rig) { r.command(lin, deploys, "/c66 unlock web") },
		tells: "@lin unlocked web",
	},
	"a request for approval": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.allow("protect web")
			return func() *slacksim.Delivery { return r.slack.Person(lin).Command(deploys, "/c66 redeploy web --now") }
		},
		again: func(r *rig) { r.command(lin, deploys, "/c66 redeploy web --now") },
		tells: "redeploy by @lin waits for approval",
	},
	"a rejection": {
		prepare: func(r *rig) func() *slacksim.Delivery { r.waits(sam); return r.rejecting() },
		again:   func(r *rig) { r.rejecting()() },
		tells:   "redeploy by @sam was rejected by @lin: “not today”",
	},
	"a withdrawal": {
		prepare: func(r *rig) func() *slacksim.Delivery { r.waits(lin); return r.answering("Withdraw") },
		again:   func(r *rig) { r.answering("Withdraw")() },
		tells:   "redeploy by @lin was withdrawn",
	},
	"the time of a request": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.waits(sam)
			seen := r.slack.Person(sam).Command(deploys, "/c66 locks")
			pass(59 * time.Minute)
			return func() *slacksim.Delivery { pass(2 * time.Minute); return seen }
		},
		tells: "redeploy by @sam expired",
	},
	"a protection that is taken back while a request waits": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.waits(sam)
			return func() *slacksim.Delivery { return r.slack.Person(lin).Command(deploys, "/c66 unprotect web") }
		},
		again: func(r *rig) { r.command(lin, deploys, "/c66 unprotect web") },
		tells: "@lin took the protection of web back",
	},
	"an approval": {
		prepare: func(r *rig) func() *slacksim.Delivery { r.waits(sam); return r.answering("Approve") },
		again:   func(r *rig) { r.answering("Approve")() },
		deploys: 1,
	},
	"an approval of a rollback": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.allow("protect web")
			r.click(sam, r.ask(sam, deploys, "/c66 rollback web"), "Yes, roll back")
			return r.answering("Approve")
		},
		again:   func(r *rig) { r.answering("Approve")() },
		deploys: 1,
	},
}

// waits has somebody's redeploy of what is protected wait for approval.
func (r *rig) waits(user string) {
	r.t.Helper()
	r.allow("protect web")
	r.command(user, deploys, "/c66 redeploy web --now")
	r.request()
}

// request waits for the request that waits for approval.
func (r *rig) request() slacksim.Message {
	r.t.Helper()
	return r.says(lin, deploys, "🔐 web@production redeploy by", "waits for approval", "[Approve]")
}

// answering returns the click of an admin on a button of the request that waits.
func (r *rig) answering(label string) func() *slacksim.Delivery {
	r.t.Helper()
	asked := r.request()
	return func() *slacksim.Delivery { return r.sentBy(r.slack.Person(lin).ClickOld(deploys, asked, label)) }
}

// rejecting returns the submission of the window that asks why the request that waits is rejected.
func (r *rig) rejecting() func() *slacksim.Delivery {
	r.t.Helper()
	r.click(lin, r.request(), "Reject")
	r.until("the window is open", func() bool { return r.slack.Person(lin).Fill("Reason", "not today") == nil })
	return func() *slacksim.Delivery { return r.sentBy(r.slack.Person(lin).Submit()) }
}

// dyingAt ends the process at the nth commit or POST, counted from 1, and notes which one that was.
func dyingAt(n int, after bool, died *string) func(string, bool) bool {
	seen := 0
	return func(step string, a bool) bool {
		if step == http.MethodGet || a != after {
			return false
		}
		if seen++; seen != n {
			return false
		}
		*died = fmt.Sprintf("%q", step) // what writes no record of its own has no name
		return true
	}
}

func TestAKillAtEachStepOfWhatIsGuardedDeploysOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	for name, story := range guardedStories {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after the step is %v", name, after), func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n += sparse {
					died := ""
					inBubble(t, settings{fewPast: true}, func(t *testing.T, r *rig) { r.guardedKill(story, n, after, &died) })
					if t.Failed() {
						t.Fatalf("it died at step %d, %s", n, died)
					}
					if died == "" {
						if n < 3 {
							t.Errorf("there were %d steps only", n-1)
						}
						return
					}
				}
			})
		}
	}
}

func (r *rig) guardedKill(story guardedStory, n int, after bool, died *string) {
	r.t.Helper()
	r.cloud.AddStack(cloud66sim.Stack{Name: "api", History: 1})
	r.allow("allow @sam view,redeploy,approve *")
	send := story.prepare(r)
	pass(5 * time.Second)
	r.steps.set(dyingAt(n, after, died), nil)
	d := send()
	pass(2 * time.Second)
	r.steps.set(nil, nil)
	r.kill()
	pass(10 * time.Second)
	r.start()
	r.slack.Redeliver(d.EnvelopeID)
	pass(3 * time.Minute)
	told, shown := strings.Join(r.directly(), "\n"), r.sees(lin, deploys)
	unclear := strings.Contains(shown, "did not tell what became of the redeploy")
	if r.requests("POST") < story.deploys && !unclear || !strings.Contains(shown, story.tells) {
		hold(r.t, "what lin is told directly", told, "before I began with your “")
		if story.again == nil {
			r.t.Fatalf("lin sees\n%s", shown)
		}
		story.again(r)
		pass(time.Minute)
	}
	posts := r.requests("POST")
	r.slack.Redeliver(d.EnvelopeID)
	pass(10 * time.Second)
	shown = r.sees(lin, deploys)
	if posts != story.deploys && !unclear || r.requests("POST") != posts || story.tells != "" && strings.Count(shown, story.tells) != 1 {
		r.t.Errorf("%d redeploys were sent, then %d; lin was told %q and sees\n%s", posts, r.requests("POST"), told, shown)
	}
}
