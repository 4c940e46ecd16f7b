package progress_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// said returns the first lines of what was posted, in the order of the posts.
func (r *rig) said() (lines []string) {
	for _, e := range r.slack.Log() {
		if e.Kind == slacksim.KindPosted && e.Channel == deploys {
			line, _, _ := strings.Cut(e.Message.Plain(), "\n")
			lines = append(lines, aside.ReplaceAllString(line, ""))
		}
	}
	return lines
}

// reverts makes Cloud 66 tell that a deployment was rolled back, at a time.
func (r *rig) reverts(id int64, at time.Time) {
	r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/deployments", Edit: cloud66sim.Each(func(d cloud66sim.Object) {
		if fmt.Sprint(d["id"]) == fmt.Sprint(id) {
			d["reverted"], d["reverted_by"], d["reverted_at"] = true, "kim@example.com", at.UTC().Format(time.RFC3339)
		}
	})})
}

// What one look shows is told in the order in which it happened.
func TestWhatOneLookShowsIsToldInItsOrder(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "*")
		r.positioned(r.stack.UID)
		r.elsewhere(cloud66sim.Next{Fail: true})
		r.until("it runs", func() bool { return len(r.said()) == 2 })
		time.Sleep(45 * time.Second)
		lift := r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/deployments", Status: 500})
		r.elsewhere(cloud66sim.Next{Duration: 10 * time.Minute})
		r.reverts(1003, time.Now())
		time.Sleep(30 * time.Second)
		lift()
		time.Sleep(time.Minute)
		want := []string{
			"web@production deploying #1004", "#1004 started", "#1003 was rolled back", "#1004 failed after 1 min",
			"web@production deploying #1005", "#1005 started",
		}
		got := r.said()
		if !slices.EqualFunc(got, want, strings.Contains) {
			r.Errorf("the channel was told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// A roll-back is told at once, and once, while another deployment waits because it may be a wish's.
func TestARollBackDoesNotWaitForAWish(t *testing.T) {
	inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
		r.subscribe(deploys, "*")
		r.positioned(r.stack.UID)
		r.cloud.AddFault(cloud66sim.Fault{PathPart: "/actions", Edit: cloud66sim.Each(func(a cloud66sim.Object) { a["started_at"] = nil })})
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: 20 * time.Minute})
		w := r.wish(deploys)
		var reverted atomic.Bool
		r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/deployments/1004", Status: 404})
		r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/deployments", Edit: func(answer cloud66sim.Object) {
			records, _ := answer["response"].([]any)
			answer["response"] = slices.DeleteFunc(records, func(x any) bool {
				d, _ := x.(cloud66sim.Object)
				if d["id"] == 1003.0 && reverted.Load() {
					d["reverted"], d["reverted_at"] = true, "2000-01-01T00:01:30Z"
				}
				return d["id"] == 1004.0
			})
		}})
		if err := r.progress.Redeploy(r.ctx, begins("op", w)); err != nil {
			r.Fatal(err)
		}
		r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "api"}) // #1005, which waits
		time.Sleep(time.Minute)
		reverted.Store(true)
		time.Sleep(time.Minute)
		if shown := r.said(); strings.Contains(strings.Join(shown, "\n"), "1005") {
			r.Errorf("the channel was told %q", shown)
		}
		for range 2 {
			told := slices.DeleteFunc(r.said(), func(s string) bool { return !strings.Contains(s, "#1003 was rolled back") })
			if len(told) != 1 {
				r.Errorf("the channel was told %q of %q", told, r.said())
			}
			time.Sleep(30 * time.Minute)
		}
	})
}
