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
	// again does by hand what was told not to have been done; nil where nothing may be deployed.
	again func(r *rig)
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
		again: func(r *rig) { r.command(lin, deploys, "/c66 redeploy web --override --reason outage") },
	},
	"a request for approval": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.allow("protect web")
			return func() *slacksim.Delivery { return r.slack.Person(sam).Command(deploys, "/c66 redeploy web --now") }
		},
	},
	"an approval": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.allow("protect web")
			r.command(sam, deploys, "/c66 redeploy web --now")
			return r.approving()
		},
		again: func(r *rig) { r.approving()() },
	},
	"an approval of a rollback": {
		prepare: func(r *rig) func() *slacksim.Delivery {
			r.allow("protect web")
			r.click(sam, r.ask(sam, deploys, "/c66 rollback web"), "Yes, roll back")
			return r.approving()
		},
		again: func(r *rig) { r.approving()() },
	},
}

// approving returns the click of an admin on the Approve of the request that waits.
func (r *rig) approving() func() *slacksim.Delivery {
	r.t.Helper()
	asked := r.says(lin, deploys, "🔐 web@production redeploy of", "waits for approval", "[Approve]")
	return func() *slacksim.Delivery { return r.sentBy(r.slack.Person(lin).ClickOld(deploys, asked, "Approve")) }
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
		*died = step
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
					inBubble(t, settings{}, func(t *testing.T, r *rig) { r.guardedKill(story, n, after, &died) })
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
	posts, told := r.requests("POST"), strings.Join(r.directly(), "\n")
	if story.again == nil {
		if posts != 0 {
			r.t.Errorf("%d redeploys were sent", posts)
		}
		return
	}
	unclear := strings.Contains(r.sees(lin, deploys), "did not tell what became of the redeploy")
	if posts == 0 && !unclear {
		hold(r.t, "what lin is told directly", told, "before I began with your “")
		story.again(r)
		pass(time.Minute)
		posts = r.requests("POST")
	}
	r.slack.Redeliver(d.EnvelopeID)
	pass(10 * time.Second)
	if posts != 1 && !unclear || r.requests("POST") != posts {
		r.t.Errorf("%d redeploys were sent, then %d; lin was told %q and sees\n%s", posts, r.requests("POST"), told, r.sees(lin, deploys))
	}
}
