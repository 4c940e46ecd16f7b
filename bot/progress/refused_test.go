package progress_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// failed has a deployment fail that a channel subscribes to.
func (r *rig) failed() int64 {
	r.Helper()
	r.subscribe(deploys, "web", events("failed"))
	r.positioned(r.stack.UID)
	time.Sleep(time.Minute)
	return r.elsewhere(cloud66sim.Next{Outcome: "failed"})
}

func TestAFailureIsToldWhateverSlackAnswersOnce(t *testing.T) {
	for _, code := range []string{
		"channel_not_found", "server_error", "external_channel_migrating", "restricted_action", "is_archived", "flux_drained",
	} {
		t.Run(code, func(t *testing.T) {
			unhurried(t, cloud66sim.Options{}, func(r *rig) {
				r.slack.FailIn(deploys, "chat.postMessage", code, 1)
				r.failed()
				r.over()
				time.Sleep(time.Minute)
				if shown := strings.Join(r.shown(deploys), "\n"); !strings.Contains(shown, "failed") {
					r.Errorf("the channel shows %q", shown)
				}
				if told := r.direct(); len(told) > 0 {
					r.Errorf("lin was told %q", told)
				}
			})
		})
	}
}

func TestASubscribersFailuresThatTheirChannelDoesNotTakeReachThemInOneMessage(t *testing.T) {
	unhurried(t, cloud66sim.Options{}, func(r *rig) {
		r.slack.FailIn(deploys, "chat.postMessage", "restricted_action", 100_000)
		r.failed()
		time.Sleep(10 * time.Minute)
		time.Sleep(time.Minute)
		r.elsewhere(cloud66sim.Next{Outcome: "failed"})
		time.Sleep(10 * time.Minute)
		r.unsubscribe(deploys) // a day of looks costs much and shows nothing
		time.Sleep(30 * time.Hour)
		told := r.direct()
		all := strings.Join(told, "\n")
		if len(told) != 1 || !strings.Contains(all, "not everyone may post in the channel") || strings.Count(all, "failed") < 2 {
			r.Errorf("lin was told %q", told)
		}
	})
}

func TestARefreshMendsACardWhoseLastEditWasLost(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		id := r.began()
		if err := r.follow("op", deploys, id); err != nil {
			r.Fatal(err)
		}
		r.slack.FailCall("chat.update", "update_failed", 5000, false)
		time.Sleep(10 * time.Minute)
		time.Sleep(26 * time.Hour)
		if shown := r.shown(deploys); strings.Contains(shown[0], "went live") {
			r.Fatalf("the channel shows %q", shown)
		}
		r.slack.ClearFaults()
		if followed, err := r.progress.Refresh(r.ctx, r.follows()[0].ID); followed || err != nil {
			r.Errorf("Refresh gave %v, %v", followed, err)
		}
		time.Sleep(10 * time.Second)
		if shown := r.shown(deploys); !strings.Contains(shown[0], "went live") {
			r.Errorf("after a refresh the channel shows %q", shown)
		}
	})
}
