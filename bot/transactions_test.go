package bot_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// counted returns the commits, each by what it writes first, and the number of read transactions while f runs.
func (r *rig) counted(f func()) (commits []string, reads int64) {
	var n atomic.Int64
	reading := func() { n.Add(1) }
	r.reading.Store(&reading)
	r.steps.set(func(step string, after bool) bool {
		if after && step != http.MethodGet && step != http.MethodPost {
			commits = append(commits, step) // steps.dies is called by one commit at a time
		}
		return false
	}, nil)
	f()
	r.steps.set(nil, nil)
	r.reading.Store(nil)
	return commits, n.Load()
}

func (r *rig) few(what string, commits []string, most int) {
	r.t.Helper()
	r.t.Logf("%s costs %d commits: %s", what, len(commits), strings.Join(commits, ", "))
	if len(commits) > most {
		r.t.Errorf("that is more than %d", most)
	}
}

func TestARedeployOfFiveMinutesCostsFewTransactions(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		pass(time.Minute)
		commits, reads := r.counted(func() {
			r.command(lin, deploys, "/c66 redeploy web@prod --now")
			card := r.card("went live after 5 min")
			r.until("the thread is complete", func() bool { return len(r.thread(card)) == 2 })
			pass(10 * time.Second)
		})
		r.few("a redeploy", commits, 16)
		if t.Logf("and %d reads", reads); reads > 30 { // some are of what guards and waits, once a minute
			t.Error("that is more than 30")
		}
	})
}

func TestADeploymentThatTheWatchFindsCostsFewCommits(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 subscribe web")
		pass(3 * time.Minute)
		commits, _ := r.counted(func() {
			r.cloud.Deploy(r.web, cloud66sim.Start{Via: "web"})
			card := r.card("went live after 5 min")
			r.until("the thread is complete", func() bool { return len(r.thread(card)) == 2 })
			pass(10 * time.Second)
		})
		if !slices.Contains(commits, "positions") && !slices.Contains(commits, "history") {
			t.Errorf("the commits are %q", commits)
		}
		r.few("a deployment from its start to its end", commits, 6)
	})
}

func TestTheFirstSightOfIdleStacksCostsOneCommitAPage(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		for range 70 {
			r.cloud.AddStack(cloud66sim.Stack{Name: "app"})
		}
		pass(time.Minute)
		commits, _ := r.counted(func() {
			r.command(lin, deploys, "/c66 subscribe *")
			pass(time.Minute)
		})
		positions := 0
		for _, first := range commits {
			if first == "positions" {
				positions++
			}
		}
		if positions < 3 || positions > 4 { // three pages, and a look at the oldest stack
			t.Errorf("%d commits of positions among %q", positions, commits)
		}
	})
}
