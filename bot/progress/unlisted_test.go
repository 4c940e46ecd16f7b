package progress_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

func TestADeploymentThatVanishedAndIsShownAgainIsFollowedToItsEnd(t *testing.T) {
	for name, tt := range map[string]struct{ subscribed, restart bool }{
		"of a redeploy": {}, "of a subscription": {subscribed: true}, "of a redeploy, while the bot was away": {restart: true},
	} {
		t.Run(name, func(t *testing.T) {
			unhurried(t, cloud66sim.Options{}, func(r *rig) {
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: 20 * time.Minute, Fail: true})
				if tt.subscribed {
					r.subscribe(deploys, "*")
					r.positioned(r.stack.UID)
					r.began()
				} else if err := r.redeploy("op"); err != nil {
					r.Fatal(err)
				}
				r.until("it runs", func() bool { return len(r.shown(deploys)) > 1 })
				show := r.hides(1004)
				r.until("it is told as deleted", func() bool { return strings.Contains(r.shown(deploys)[0], "not there any more") })
				show()
				if tt.restart {
					r.restart(time.Minute)
				}
				time.Sleep(2 * time.Hour)
				shown := strings.Join(r.shown(deploys), "\n")
				if !strings.HasPrefix(shown, "❌ web@production #1004 failed after 20 min") ||
					strings.Count(shown, "\n  ❌ web@production #1004 failed") != 1 ||
					strings.Count(shown, "started") != 1 {
					r.Errorf("the channel shows\n%s", shown)
				}
			})
		})
	}
}

// A deployment whose end was told by its stack action alone is shown by the card once Cloud 66 lists it, and is no news.
func TestAnEndThatTheActionToldIsNotToldAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		answer  cloud66sim.AnswerStyle
		restart bool
	}{
		"without a number": {answer: cloud66sim.AnswerBare}, "with a number": {answer: cloud66sim.AnswerS0},
		"without a number, after a restart": {answer: cloud66sim.AnswerBare, restart: true},
	} {
		t.Run(name, func(t *testing.T) {
			unhurried(t, cloud66sim.Options{Answer: tt.answer}, func(r *rig) {
				r.subscribe(deploys, "*")
				r.positioned(r.stack.UID)
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true})
				show := r.hides(1004)
				if err := r.redeploy("op"); err != nil {
					r.Fatal(err)
				}
				r.settle()
				if shown := r.shown(deploys); !strings.Contains(shown[0], "Cloud 66 says that") || !strings.Contains(shown[0], " failed") {
					r.Errorf("at first the channel shows %q", shown)
				}
				if tt.restart {
					r.restart(time.Minute)
				}
				show()
				time.Sleep(5 * time.Hour)
				r.settle()
				shown := r.shown(deploys)
				if len(shown) != 3 || shown[0] != "❌ web@production #1004 failed after 1 min; #1003 is still live" {
					r.Errorf("the channel shows\n%s", strings.Join(shown, "\n"))
				}
			})
		})
	}
}

// A redeploy that Cloud 66 took long after its answer was lost is followed after all.
func TestAWishThatWasGivenUpIsFollowedIfItShowsUp(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		lift := r.cloud.AddFault(cloud66sim.Fault{Method: "POST", CutBefore: true})
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.settle()
		if shown := r.shown(deploys); !strings.Contains(shown[0], "it was probably not started") {
			r.Errorf("at first the channel shows %q", shown)
		}
		lift()
		r.calls("POST", "", `{"user_reference":"`+r.reference()+`"}`)
		time.Sleep(2 * time.Hour)
		r.settle()
		if shown := r.shown(deploys); !strings.Contains(shown[0], "#1004 went live") {
			r.Errorf("the channel shows\n%s", strings.Join(shown, "\n"))
		}
	})
}

// calls sends Cloud 66 a request about deployments that is not the bot's.
func (r *rig) calls(method, path, body string) {
	r.Helper()
	url := "http://cloud66.test/api/3/stacks/" + r.stack.UID + "/deployments" + path
	req, err := http.NewRequestWithContext(r.ctx, method, url, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+cloud66sim.DemoToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := r.cloud.RoundTripper().RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode > 299 {
		r.Fatalf("Cloud 66 answers %s, %v", res.Status, err)
	}
}

// reference is that of the only wish.
func (r *rig) reference() (reference string) {
	r.view(func(tx storage.Tx) error {
		return storage.Follows.Scan(tx, "", func(_ string, f storage.Follow) error { reference = f.Wish.Reference; return nil })
	})
	return reference
}

// A cancel is no failure where only the stack action tells of it.
func TestACancelThatOnlyTheActionTellsIsNoFailure(t *testing.T) {
	for name, message := range map[string]string{
		"in its message": "Deployment cancelled", "after a cancel that was asked for here": "Stopped",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/actions", Edit: cloud66sim.Each(func(a cloud66sim.Object) {
					if a["finished_message"] != nil {
						a["finished_message"] = message
					}
				})})
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: 10 * time.Minute})
				r.hides(1004)
				if err := r.redeploy("op"); err != nil {
					r.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				if message == "Stopped" {
					if err := r.cancel("stop", sam, 1004); err != nil {
						r.Fatal(err)
					}
				} else {
					r.calls("DELETE", "/1004", "")
				}
				r.settle()
				shown := r.shown(deploys)
				if len(shown) != 2 || !strings.HasPrefix(shown[0], "🚫 web@production ") || !strings.Contains(shown[0], "#1004 was cancelled") {
					r.Errorf("the channel shows\n%s", strings.Join(shown, "\n"))
				}
			})
		})
	}
}
