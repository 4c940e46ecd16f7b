package cloud66sim

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// play makes the same calls on a fresh Sim and returns what it says at the end.
func play(t *testing.T) []any {
	t.Helper()
	s := New(Options{Codes: Strings, Speed: 60})
	SeedDemo(s)
	uid := s.AddStack(Stack{Name: "extra", Git: "git@github.com:acme/extra.git", History: 3})
	s.Deploy(uid, Start{})
	s.NextOutcome(uid, Next{Fail: true})
	send(t, s, http.MethodPost, "/stacks/"+uid+"/deployments", `{"git_ref":"fix"}`)
	pass(time.Minute)
	return []any{get(t, s, "/stacks").body, get(t, s, "/stacks/"+uid+"/deployments").body, get(t, s, "/stacks/"+uid+"/actions").body}
}

func TestTheSameCallsGiveTheSameAnswers(t *testing.T) {
	var first, second []any
	synctest.Test(t, func(t *testing.T) { first = play(t) })
	synctest.Test(t, func(t *testing.T) { second = play(t) })
	expect(t, "second run", first, second)
}

func TestTheDemoLooksReal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		SeedDemo(s)
		seen, states := map[string]bool{}, map[State]int{}
		people, vias := map[string]bool{}, map[string]bool{}
		for _, st := range get(t, s, "/stacks").items() {
			name := as[string](st["name"]) + "@" + as[string](st["environment"])
			if seen[name] || st["status"] != 1.0 || st["health"] != 3.0 || st["is_busy"] != false {
				t.Errorf("%s occurs twice or is not well: %v", name, st)
			}
			seen[name] = true
			views := s.Deployments(as[string](st["uid"]))
			if len(views) < 40 || len(views) > 95 || views[0].Type != "first_build" || !views[len(views)-1].Live {
				t.Errorf("%s has %d deployments, the first a %s", name, len(views), views[0].Type)
			}
			for _, v := range views {
				states[v.State]++
				people[v.By], vias[v.Via] = true, true
			}
		}
		for _, name := range []string{"web@production", "web@staging", "awesome app@production", "docs@production", "worker@production"} {
			if !seen[name] {
				t.Errorf("no %s", name)
			}
		}
		if len(seen) != 12 || len(people) < 4 || len(vias) != 3 || states[Failed] < 30 || states[Success] < 10*states[Failed]/3 {
			t.Errorf("%d stacks, %d people, %d vias, states %v", len(seen), len(people), len(vias), states)
		}
	})
}

func TestManyMayUseASimAtOnce(t *testing.T) {
	s := New(Options{Speed: 1e6, RateLimit: 1e6})
	SeedDemo(s)
	s.AddStack(railsStack())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				send(t, s, http.MethodPost, "/stacks/rails/deployments", "")
				get(t, s, "/stacks/rails/deployments")
				s.UpdateStack("rails", func(st *Stack) { st.Name += "x" })
				s.Requests()
				s.SetSpeed(1e6)
			}
		})
	}
	wg.Wait()
	if got := len(s.Deployments("rails")); got != 160 || s.Count() != 320 {
		t.Errorf("%d deployments after %d requests", got, s.Count())
	}
}
