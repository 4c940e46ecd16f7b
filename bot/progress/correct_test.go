package progress_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// ends makes Cloud 66 tell another outcome of a deployment.
func (r *rig) ends(id int64, code int, meaning string) (lift func()) {
	return r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/deployments", Edit: cloud66sim.Each(func(d cloud66sim.Object) {
		if n, _ := d["id"].(float64); int64(n) == id {
			d["outcome"] = cloud66sim.Object{"code": code, "meaning": meaning}
		}
	})})
}

func TestAnEndThatCloud66ChangesIsCorrectedOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		fail       bool
		code       int
		meaning    string
		card, line string
		restart    bool
	}{
		"a failure that succeeded after all": {
			true, 1, "success", "#1004 succeeded", "#1004 succeeded", false, // what follows the duration is left out by shown
		},
		"a success that failed": {false, 2, "failed", "#1004 failed", "Cloud 66 said before that it succeeded", false},
		"a success that failed while the bot was away": {
			false, 2, "failed", "#1004 failed", "Cloud 66 said before that it succeeded", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: tt.fail})
				if err := r.redeploy("op"); err != nil {
					r.Fatal(err)
				}
				r.settle()
				time.Sleep(time.Hour)
				r.ends(1004, tt.code, tt.meaning)
				if tt.restart {
					r.restart(time.Hour)
				}
				time.Sleep(3 * time.Hour)
				r.settle()
				shown := r.shown(deploys)
				lines := slices.DeleteFunc(slices.Clone(shown[1:]), func(s string) bool { return !strings.Contains(s, tt.line) })
				if !strings.Contains(shown[0], tt.card) || len(lines) != 2 || !strings.HasPrefix(lines[1], "(in the channel too) ") {
					r.Errorf("the channel shows\n%s", strings.Join(shown, "\n"))
				}
			})
		})
	}
}

func TestAnEndIsNotCorrectedAfterADay(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.settle()
		time.Sleep(30 * time.Hour)
		r.ends(1004, 2, "failed")
		requests := len(r.cloud.Requests())
		time.Sleep(10 * time.Hour)
		r.shows(deploys, live(1004)...)
		if n := len(r.cloud.Requests()) - requests; n > 0 {
			r.Errorf("%d requests more than a day after the end", n)
		}
	})
}

func TestAnEndThatWasToldWithOthersIsCorrected(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "*")
		r.positioned(r.stack.UID)
		r.end()
		for range 7 {
			r.elsewhere(cloud66sim.Next{})
		}
		time.Sleep(3 * time.Hour)
		r.start(newProcess())
		r.over()
		time.Sleep(10 * time.Minute)
		before := r.shown(deploys)
		r.ends(1004, 2, "failed")
		time.Sleep(5 * time.Hour)
		for _, m := range r.slack.Person(lin).Sees(deploys)[len(before):] {
			if strings.Contains(m.Plain(), "#1004 failed") && strings.Contains(m.Plain(), "Cloud 66 said before that it succeeded") {
				return
			}
		}
		r.Errorf("before\n%s\nafter\n%s", strings.Join(before, "\n"), strings.Join(r.shown(deploys), "\n"))
	})
}
