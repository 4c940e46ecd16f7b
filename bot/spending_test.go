package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// Somebody who may view one stack of a thousand types names that do not exist, turns pages and asks who may do what, by hand and without a
// pause.
func TestNobodySpendsEverybodysBudget(t *testing.T) {
	t.Parallel()
	for _, watched := range []bool{false, true} {
		t.Run(fmt.Sprintf("watched %t", watched), func(t *testing.T) {
			inBubble(t, settings{perHour: 1000, cloud: cloud66sim.Options{RateLimit: 1000}}, func(t *testing.T, r *rig) {
				for i := range 999 {
					stack := cloud66sim.Stack{Name: fmt.Sprintf("app%d", i), History: 2}
					if i < 10 {
						stack.History = 40
					}
					r.cloud.AddStack(stack)
				}
				if watched {
					r.command(lin, deploys, "/c66 subscribe *")
				}
				r.allow("allow @sam view app7")
				pass(10 * time.Minute)
				before := r.cloud.Count()
				for i := range 30 {
					hold(t, "a name that nothing has", r.ask(sam, deploys, fmt.Sprintf("/c66 list none%d", i)).Plain(), "I know no stack")
					pass(5 * time.Second)
				}
				cost := r.cloud.Count() - before
				t.Logf("30 names that do not exist cost %d requests, with what the watch reads", cost)
				if cost > 100 {
					t.Errorf("they cost %d requests", cost)
				}
				refused := 0
				lines := []string{"list app7 --page 2", "show app7", "stacks", "access why view app7", "list app7 --outcome failed", "subscriptions"}
				for i := range 300 { // every way that reads
					if says := r.ask(sam, deploys, "/c66 "+lines[i%len(lines)]).Plain(); strings.Contains(says, "used up") {
						refused++
						hold(t, "the refusal", says, "Your share of the hourly number of Cloud 66 requests is used up", "Nothing was done.", "Try again in")
					}
				}
				if refused == 0 {
					t.Error("nobody was told that a share is used up")
				}
				hold(t, "somebody else's list", r.ask(lin, deploys, "/c66 list app9").Plain(), "app9", "1–10 of 40")
				r.command(lin, deploys, "/c66 redeploy app8 --now")
				r.until("it deploys", func() bool { return strings.Contains(r.sees(lin, deploys), "deploying #") })
			})
		})
	}
}
