package progress_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// A card says within 10 s that Cloud 66 did not answer, or took the redeploy without listing it yet, however that came about.
func TestACardSaysSoonThatItsDeploymentIsNotKnown(t *testing.T) {
	const requested, silent = "redeploy requested", "Cloud 66 did not answer; checking whether it started"
	const unlisted = "Cloud 66 took the redeploy; it is not in its list yet"
	for name, tt := range map[string]struct {
		posts  cloud66sim.Fault // of the POST
		reads  cloud66sim.Fault // of all else, unless it is zero
		killed bool             // after 3 s, and back 2 s later
		hidden bool
		want   string // after 10 s
		later  string // after 70 s
		then   string // when Cloud 66 shows all
	}{
		"the POST hangs": {
			posts: cloud66sim.Fault{Delay: 30 * time.Second}, want: silent, later: "#1004 went live", then: "#1004 went live",
		},
		"the POST hangs and was carried out": {
			posts: cloud66sim.Fault{Delay: time.Minute, After: true}, want: "deploying #1004", later: "#1004 went live", then: "#1004 went live",
		},
		"the answer is an error": {
			posts: cloud66sim.Fault{Status: 502, After: true}, hidden: true, want: unlisted, later: unlisted, then: "#1004 went live",
		},
		"the answer is lost": {
			posts: cloud66sim.Fault{CutAfter: true}, hidden: true, want: unlisted, later: unlisted, then: "#1004 went live",
		},
		"it never arrived": {
			posts: cloud66sim.Fault{CutBefore: true}, want: silent, later: silent, then: "it was probably not started",
		},
		"the deployment is hidden": {hidden: true, want: unlisted, later: unlisted, then: "#1004 went live"},
		"nothing can be read after the answer": {
			reads: cloud66sim.Fault{Status: 500}, want: unlisted, later: unlisted, then: "#1004 went live",
		},
		"the bot dies while the POST hangs": {
			posts: cloud66sim.Fault{Delay: time.Minute, CutBefore: true}, killed: true, want: silent, later: silent,
			then: "it was probably not started",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
				tt.posts.Method, tt.posts.Times = "POST", 1
				r.cloud.AddFault(tt.posts)
				show := func() {}
				if tt.hidden {
					show = r.hides(1004)
				}
				if tt.reads.Status != 0 {
					tt.reads.Method = "GET"
					show = r.cloud.AddFault(tt.reads)
				}
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: 30 * time.Second})
				w, asked := r.wish(deploys), time.Now()
				var asking sync.WaitGroup
				asking.Go(func() { _ = r.progress.Redeploy(r.ctx, begins("op", w)) })
				says := func(want string) {
					t.Helper()
					if shown := r.shown(deploys); len(shown) == 0 || !strings.HasPrefix(shown[0], "⏳ web@production "+want) &&
						!strings.Contains(shown[0], want) {
						t.Errorf("after %s the channel shows %q, want %q", time.Since(asked), shown, want)
					}
				}
				time.Sleep(3 * time.Second)
				if tt.killed {
					says(requested)
					r.restart(2 * time.Second)
				}
				time.Sleep(time.Until(asked.Add(10 * time.Second)))
				says(tt.want)
				time.Sleep(time.Until(asked.Add(70 * time.Second)))
				says(tt.later)
				show()
				asking.Wait()
				r.settle()
				says(tt.then)
				if n := len(r.slack.Person(lin).Sees(deploys)); n > 1 && strings.Contains(tt.then, "live") {
					t.Errorf("the channel shows %q", r.shown(deploys))
				}
			})
		})
	}
}

// A quick answer and a list that shows the deployment cost no edit.
func TestACardOfWhatIsFoundAtOnceNeverSaysThatItIsNotKnown(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			if shown := r.shown(deploys); strings.Contains(shown[0], "Cloud 66") {
				t.Fatalf("the channel shows %q", shown)
			}
		}
		r.settle()
	})
}

// An answer that comes late outweighs the guess that was made meanwhile.
func TestALateAnswerOutweighsAGuess(t *testing.T) {
	for name, tt := range map[string]struct {
		posts      cloud66sim.Fault
		want, line string
	}{
		"with a number": {cloud66sim.Fault{After: true, Delay: 50 * time.Second}, "#1004 went live", "not #1005 after all"},
		"a refusal": {cloud66sim.Fault{Delay: 50 * time.Second, Status: 422, Body: `{"error":"no"}`}, "not redeployed: ",
			"not #1004 after all: that is somebody else's"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.cloud.AddFault(cloud66sim.Fault{PathPart: "/actions", Status: 500})
				tt.posts.Method = "POST"
				r.cloud.AddFault(tt.posts)
				show := func() {}
				if tt.posts.After {
					show = r.hides(1004)
				}
				w := r.wish(deploys)
				var asking sync.WaitGroup
				asking.Go(func() { _ = r.progress.Redeploy(r.ctx, begins("op", w)) })
				time.Sleep(time.Second)
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: 10 * time.Minute})
				r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "api"}) // by somebody else
				time.Sleep(45 * time.Second)
				asking.Wait()
				show()
				r.settle()
				if shown := r.shown(deploys); !strings.Contains(shown[0], tt.want) || !strings.Contains(strings.Join(shown, "\n"), tt.line) {
					t.Errorf("the channel shows\n%s\nwant %q", strings.Join(shown, "\n"), tt.want)
				}
			})
		})
	}
}
