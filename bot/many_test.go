package bot_test

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// follows is how many deployments are followed at once.
//
//	go test -run ManyFollowedDeployments -v ./bot -follows 1000
var follows = flag.Int("follows", 20, "how many deployments are followed at once")

// heap gives what is in use after a collection, in MiB.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

func TestManyFollowedDeploymentsKeepTheBudgetInBoundedGoroutinesAndMemory(t *testing.T) {
	const channels = 50
	perHour := 400 + 26*(*follows)/10 // fewer than they would take
	inBubble(t, settings{perHour: perHour, cloud: cloud66sim.Options{RateLimit: 1 << 30}}, func(t *testing.T, r *rig) {
		var stacks []string
		for i := range *follows {
			uid := r.cloud.AddStack(cloud66sim.Stack{Name: fmt.Sprintf("app%d", i), UsualDuration: 3 * time.Hour, History: 1})
			r.cloud.Deploy(uid, cloud66sim.Start{})
			stacks = append(stacks, uid)
		}
		for i := range channels {
			id := fmt.Sprintf("C0TEAM%d", i)
			r.slack.AddChannel(slacksim.Channel{ID: id, Name: id, Members: []string{lin}, BotIsMember: true})
		}
		goroutines, before := runtime.NumGoroutine(), heap()
		start := time.Now()
		for i, uid := range stacks {
			r.command(lin, fmt.Sprintf("C0TEAM%d", i%channels), "/c66 follow "+uid)
			pass(4 * time.Second) // people are people: their requests come out of the same budget
		}
		most := 0
		for time.Since(start) < 70*time.Minute {
			pass(time.Minute)
			most = max(most, runtime.NumGoroutine())
		}
		worst := busiestHour(r.cloud.Requests())
		grown := heap() - before
		t.Logf(
			"%d follows: at most %d Cloud 66 requests in any hour, %d goroutines more than before, heap %.1f MiB more (both simulators' records "+
				"included)",
			*follows,
			worst,
			most-goroutines,
			grown,
		)
		if worst > perHour {
			t.Errorf("%d requests in one hour", worst)
		}
		if more := most - goroutines; more > 100 {
			t.Errorf("%d goroutines more than before", more)
		}
	})
}

// busiestHour gives the most requests that fall into any 60 minutes.
func busiestHour(requests []cloud66sim.Request) int {
	most, first := 0, 0
	for i, q := range requests {
		for q.Time.Sub(requests[first].Time) >= time.Hour {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}
