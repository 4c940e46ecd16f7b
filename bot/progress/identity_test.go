package progress_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// hides keeps a deployment out of Cloud 66's list, and from being found by its number, until show is called.
func (r *rig) hides(id int64) (show func()) {
	one := r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: fmt.Sprint("/deployments/", id), Status: 404})
	listed := r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/deployments", Edit: func(answer cloud66sim.Object) {
		records, _ := answer["response"].([]any)
		answer["response"] = slices.DeleteFunc(records, func(x any) bool {
			d, _ := x.(cloud66sim.Object)
			return fmt.Sprint(d["id"]) == fmt.Sprint(id)
		})
	}})
	return func() { listed(); one() }
}

func TestACardWaitsForItsOwnDeploymentAndTellsNoOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer cloud66sim.AnswerStyle
		hidden time.Duration
		says   string // of 1004, which fails
	}{
		"whose number was told, hidden for seconds":         {cloud66sim.AnswerS0, 8 * time.Second, "#1004 failed"},
		"whose number was told, hidden until after its end": {cloud66sim.AnswerS0, 20 * time.Minute, "Cloud 66 says that #1004 failed: "},
		"hidden for seconds":                                {cloud66sim.AnswerBare, 8 * time.Second, "#1004 failed"},
		"hidden for minutes":                                {cloud66sim.AnswerD, 3 * time.Minute, "#1004 failed"},
		"hidden until after its end": {
			cloud66sim.AnswerBare, 20 * time.Minute, "Cloud 66 says that the deployment failed: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{Answer: tt.answer}, func(r *rig) {
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true})
				show := r.hides(1004)
				if err := r.redeploy("op"); err != nil {
					r.Fatal(err)
				}
				time.Sleep(3 * time.Second)
				r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "api"}) // by somebody else
				time.Sleep(tt.hidden)
				show()
				r.settle()
				shown := r.shown(deploys)
				if len(shown) == 0 || !strings.Contains(shown[0], tt.says) || slices.ContainsFunc(shown, func(s string) bool {
					return strings.Contains(s, "1005") && !strings.Contains(s, "1004")
				}) {
					r.Errorf("the channel shows\n%s\nwant of the card: %s", strings.Join(shown, "\n"), tt.says)
				}
			})
		})
	}
}

func TestAClockThatIsMinutesOffHidesNoDeployment(t *testing.T) {
	for _, off := range []time.Duration{-7 * time.Minute, 7 * time.Minute, -3 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
				r.net.shift.Store(int64(off))
				if err := r.redeploy("op"); err != nil {
					r.Fatal(err)
				}
				r.settle()
				if shown := r.shown(deploys); !strings.Contains(shown[0], "#1004 went live") {
					r.Errorf("the channel shows %q", shown)
				}
			})
		})
	}
}

func TestARefIsComparedAsGitMeansIt(t *testing.T) {
	inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true})
		r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/deployments", Edit: cloud66sim.Each(func(d cloud66sim.Object) {
			d["git_ref"] = "main"
			d["triggered_via"] = cloud66sim.Object{"code": 2, "meaning": "api"}
		})})
		w := r.wish(deploys)
		w.Wish.Ref = "refs/heads/main"
		if err := r.progress.Redeploy(r.ctx, begins("op", w)); err != nil {
			r.Fatal(err)
		}
		r.settle()
		if shown := r.shown(deploys); !strings.Contains(shown[0], "#1004 failed") {
			r.Errorf("the channel shows %q", shown)
		}
	})
}

// A deployment that cannot be told from a wish's own is shown as a guess.
func TestAGuessIsShownAsSuch(t *testing.T) {
	inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{PathPart: "/actions", Body: `{"response":[]}`})
		show := r.hides(1004)
		defer show()
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "api"})
		time.Sleep(time.Minute)
		if card := r.slack.Person(lin).Sees(deploys)[0].Plain(); !strings.Contains(
			card,
			"probably this one: Cloud 66 does not tell which deployment the redeploy became",
		) {
			r.Errorf("the card says %q", card)
		}
	})
}

// The end that the stack action tells reaches the card although the deployment cannot be read.
func TestAnEndIsToldOfADeploymentThatCannotBeRead(t *testing.T) {
	inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerS0}, func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true})
		r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/deployments/1004", Status: 500})
		r.hides(1004)
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.settle()
		if shown := r.shown(deploys); !strings.Contains(shown[0], "Cloud 66 says that #1004 failed") || len(shown) < 2 {
			r.Errorf("the channel shows %q", shown)
		}
	})
}

// tells makes Cloud 66 answer redeploys with a number.
func (r *rig) tells(id int64) {
	r.cloud.AddFault(cloud66sim.Fault{Method: "POST", PathPart: "/deployments", Edit: func(answer cloud66sim.Object) {
		said, _ := answer["response"].(cloud66sim.Object)
		said["id"] = id
	}})
}

func TestANumberOfSomethingElseIsNotLookedAtForEver(t *testing.T) {
	inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerS0}, func(r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{PathPart: "/actions", Body: `{"response":[]}`})
		r.hides(1004)
		r.tells(1002)
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		before := len(r.cloud.Requests())
		time.Sleep(5 * time.Hour)
		if n := len(r.cloud.Requests()) - before; n > 300 {
			r.Errorf("%d requests within 5 hours", n)
		}
	})
}

// Without a look at the stack action, nothing but its number could tell whether it is the deployment's.
func TestANumberOfTheStackActionNamesNoDeployment(t *testing.T) {
	inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerS0}, func(r *rig) {
		r.subscribe(deploys, "*")
		r.positioned(r.stack.UID)
		const number = 7001
		r.tells(number)
		r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/actions", Edit: cloud66sim.Each(func(a cloud66sim.Object) {
			a["id"] = number
		})})
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.until("the card names the deployment", func() bool {
			return strings.Contains(r.shown(deploys)[0], "deploying #1004")
		})
		r.settle()
		r.shows(deploys, live(1004)...)
	})
}

// Somebody else's deployment comes between the look at the stack and the POST, while the wish's own is hidden.
func TestTheNextNumberMayBeSomebodyElses(t *testing.T) {
	for name, tt := range map[string]struct {
		startedAt any // of the wish's action, as Cloud 66 tells it; nil for its time
		actions   string
		probably  bool
	}{
		"the action has not begun": {startedAt: ""},
		"the action began before":  {startedAt: "1999-12-31T23:59:00Z", probably: true},
		"no action is listed":      {actions: `{"response":[]}`, probably: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
				r.cloud.AddFault(cloud66sim.Fault{PathPart: "/actions", Body: tt.actions, Edit: cloud66sim.Each(func(a cloud66sim.Object) {
					a["started_at"] = tt.startedAt
				})})
				w := r.wish(deploys)
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: 10 * time.Minute})
				r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "api"})
				time.Sleep(3 * time.Second)
				show := r.hides(1005)
				if err := r.progress.Redeploy(r.ctx, begins("op", w)); err != nil {
					r.Fatal(err)
				}
				time.Sleep(5 * time.Minute)
				card := r.slack.Person(lin).Sees(deploys)[0].Plain()
				if strings.Contains(card, "1004") != tt.probably || strings.Contains(card, "robably") != tt.probably {
					r.Errorf("the card says %q", card)
				}
				show()
				r.settle()
				shown := r.shown(deploys)
				if tt.actions == "" && !strings.Contains(shown[0], "#1005 went live") {
					r.Errorf("the channel shows\n%s", strings.Join(shown, "\n"))
				}
			})
		})
	}
}

// A guess that was followed is given up for the deployment that ended as the wish's action did, and is news to the channel then.
func TestAGuessThatWasWrongIsTakenBack(t *testing.T) {
	inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
		r.subscribe(deploys, "*")
		r.positioned(r.stack.UID)
		r.cloud.AddFault(cloud66sim.Fault{PathPart: "/actions", Edit: cloud66sim.Each(func(a cloud66sim.Object) {
			a["started_at"] = "1999-12-31T23:59:00Z"
		})})
		w := r.wish(deploys)
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: 10 * time.Minute})
		r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "api"}) // #1004, of somebody else
		r.hides(1005)
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: time.Minute, Fail: true})
		if err := r.progress.Redeploy(r.ctx, begins("op", w)); err != nil {
			r.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if shown := r.shown(deploys); !strings.Contains(shown[0], "#1004 is still deploying") || len(shown) != 3 {
			r.Errorf("at first the channel shows\n%s", strings.Join(shown, "\n"))
		}
		r.settle()
		const failed = "❌ web@production Cloud 66 says that the deployment failed: Deployment failed"
		r.shows(deploys, failed, "  🔄 #1004 started", "  ⚠️ #1004 is still deploying after 2 min",
			"  ❓ not #1004 after all: Cloud 66 tells now that the redeploy is another deployment", "  "+failed,
			"✅ web@production #1004 went live", "(in the channel too) "+failed)
	})
}
