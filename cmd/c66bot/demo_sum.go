package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// sumUp tells what the two simulators saw. A bot that broke Slack's protocol has failed.
func (s *scene) sumUp() {
	s.out.title("What the simulators saw")
	states := map[cloud66sim.State]int{}
	deployments := 0
	for _, uid := range s.uids {
		for _, d := range s.cloud.Deployments(uid) {
			if !d.CreatedAt.Before(s.began) {
				deployments++
				states[d.State]++
			}
		}
	}
	kinds := map[string]int{}
	for _, e := range s.slack.Log() {
		kinds[e.Kind]++
	}
	s.out.say(fmt.Sprintf("Deployments: %d (%d succeeded, %d failed, %d cancelled).",
		deployments, states[cloud66sim.Success], states[cloud66sim.Failed], states[cloud66sim.Cancelled]))
	s.out.say(fmt.Sprintf("Slack: %d messages in channels and threads, %d edits of messages, %d answers that one person alone saw.",
		kinds[slacksim.KindPosted], kinds[slacksim.KindUpdated], kinds[slacksim.KindEphemeral]))
	s.out.say(fmt.Sprintf("Acknowledgements: %d, p50 %v, p99 %v, max %v. Slack waits 3 s.",
		len(s.acks), quantile(s.acks, 50), quantile(s.acks, 99), quantile(s.acks, 100)))
	s.out.say(fmt.Sprintf("Cloud 66: %d requests in %.0f s.", s.cloud.Count()-s.asked, time.Since(s.began).Seconds()))
	if broken := s.slack.Violations(); len(broken) > 0 {
		s.err = fmt.Errorf("the bot broke Slack's protocol: %s", strings.Join(broken, "; "))
	}
}

// quantile is the time that percent of all took at most.
func quantile(times []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*percent+99)/100-1)].Round(10 * time.Microsecond)
}
