package progress_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
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
	unhurried(t, cloud66sim.Options{}, func(r *rig) {
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

// An end that changes while it waits to be told with others is told as it is then.
func TestAnEndThatIsNotToldYetIsToldAsItIsNow(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.until("it runs", func() bool { return len(r.shown(deploys)) == 2 })
		r.end()
		time.Sleep(time.Hour)
		r.start(newProcess())
		r.until("the end is found", func() bool { return r.phase() == storage.PhaseUntold })
		r.ends(1004, 2, "failed")
		if _, err := r.progress.Refresh(r.ctx, r.keys("follows")[0]); err != nil {
			r.Fatal(err)
		}
		r.settle()
		time.Sleep(5 * time.Hour)
		const failed = "❌ web@production #1004 failed after 1 min"
		r.shows(deploys, failed, "  🔄 #1004 started", "  "+failed, "(in the channel too) "+failed)
	})
}

// phase is the phase of the only follow.
func (r *rig) phase() (phase storage.Phase) {
	r.view(func(tx storage.Tx) error {
		return storage.Follows.Scan(tx, "", func(_ string, f storage.Follow) error { phase = f.Phase; return nil })
	})
	return phase
}

func TestACorrectionThatCannotBeToldIsNotTakenForTold(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.settle()
		id := r.keys("follows")[0]
		damage := func(f *storage.Follow) { f.Phase, f.Untold = storage.PhaseUntold, json.RawMessage(`[]`) }
		change := func(change func(f *storage.Follow)) {
			err := r.records.Update(r.ctx, func(tx storage.Tx) error {
				f, err := storage.Follows.Get(tx, id)
				change(&f)
				return errors.Join(err, storage.PutFollow(tx, f))
			})
			if err != nil {
				r.Fatal(err)
			}
		}
		change(damage)
		r.ends(1004, 2, "failed")
		time.Sleep(time.Hour)
		if kept := r.history()[1004].Outcome; kept != "success" {
			r.Errorf("the history has %q though the channel was not told", kept)
		}
		change(func(f *storage.Follow) { f.Phase, f.Untold = storage.PhaseEnded, nil })
		time.Sleep(3 * time.Hour)
		if shown := r.shown(deploys); !strings.Contains(shown[0], "#1004 failed") || r.history()[1004].Outcome != "failed" {
			r.Errorf("the channel shows %q, the history has %+v", shown, r.history()[1004])
		}
	})
}

func TestEachChangeOfAnEndIsTold(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true})
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.settle()
		for _, now := range []struct {
			code int
			word string
		}{{1, "success"}, {2, "failed"}} {
			time.Sleep(time.Hour)
			lift := r.ends(1004, now.code, now.word)
			time.Sleep(5 * time.Hour)
			lift()
		}
		const failed, turned = "❌ web@production #1004 failed after 1 min; #1003 is still live", "; Cloud 66 said before that it succeeded"
		r.shows(deploys, failed, "  🔄 #1004 started", "  "+failed, "  ✅ web@production #1004 succeeded", "  "+failed+turned,
			"(in the channel too) "+failed, "(in the channel too) ✅ web@production #1004 succeeded", "(in the channel too) "+failed+turned)
	})
}

func TestAChannelThatWantsOneEndHearsOfATurnToIt(t *testing.T) {
	unhurried(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "*", events("failed"))
		r.subscribe(builds, "*", events("succeeded"))
		r.subscribe(ops, "*", events("cancelled"))
		r.positioned(r.stack.UID)
		r.elsewhere(cloud66sim.Next{})
		r.over()
		r.shows(deploys)
		r.ends(1004, 2, "failed")
		time.Sleep(5 * time.Hour)
		r.shows(deploys, "❌ web@production #1004 failed after 1 min")
		r.shows(ops)
		if shown := r.shown(builds); len(shown) == 0 || !strings.Contains(shown[0], "#1004 failed") {
			r.Errorf("the channel that heard of the success shows %q", shown)
		}
		if card := r.slack.Person(lin).Sees(deploys)[0].Plain(); !strings.Contains(card, "Cloud 66 said before that it succeeded") {
			r.Errorf("the card says %q", card)
		}
	})
}
