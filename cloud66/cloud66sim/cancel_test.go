package cloud66sim

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func cancelRequest(t *testing.T, s *Sim, target string) int {
	t.Helper()
	return send(t, s, http.MethodDelete, target, "").status
}

func TestCancellingTakesAFewSimulatedSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{Speed: 5})
		s.Deploy("rails", Start{})
		s.Deploy("rails", Start{})
		pass(time.Minute)
		asked := time.Now()
		if status := cancelRequest(t, s, "/stacks/rails/deployments/1001"); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
		pass(999 * time.Millisecond)
		expect(t, "still pending", []any{"pending", true, false, false, false}, flags(t, s, "1001"))
		cancelRequest(t, s, "/stacks/rails/deployments/1001")
		pass(time.Millisecond)
		expect(t, "then failed", []any{"failed", false, true, false, true}, flags(t, s, "1001"))
		expect(t, "states", []State{Cancelled, Running}, states(s, "rails"))
		if v := mustView(t, s, "rails", 1001); !v.CancelRequestedAt.Equal(asked) || !v.FinishedAt.Equal(asked.Add(time.Second)) {
			t.Errorf("asked at %v, ended at %v", v.CancelRequestedAt, v.FinishedAt)
		}
		action := get(t, s, "/stacks/rails/actions").items()[1]
		expect(t, "action", []any{false, "Deployment cancelled"}, []any{action["finished_success"], action["finished_message"]})
	})
}

func TestACancelledDeploymentMayStillSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		s.Deploy("rails", Start{})
		pass(10*time.Minute - time.Second)
		cancelRequest(t, s, "/stacks/rails/deployments/1001")
		pass(time.Second)
		expect(t, "states", []State{Success}, states(s, "rails"))
	})
}

func TestACancellationCanBeInstantAndHaveAnOutcomeOfItsOwn(t *testing.T) {
	s := withStack(Options{CancelInstant: true, CancelledOutcome: true})
	s.Deploy("rails", Start{})
	cancelRequest(t, s, "/stacks/rails/deployments/1001")
	got := get(t, s, "/stacks/rails/deployments/1001").response()["outcome"]
	expect(t, "outcome", any(object{"code": 3.0, "meaning": "cancelled"}), got)
}

func TestAQueuedDeploymentLeavesTheQueueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		for range 3 {
			s.Deploy("rails", Start{})
		}
		cancelRequest(t, s, "/stacks/rails/deployments/1002")
		expect(t, "at once", []State{Running, Cancelled, Queued}, states(s, "rails"))
		pass(20 * time.Minute)
		expect(t, "later", []State{Success, Cancelled, Success}, states(s, "rails"))
	})
}

func TestWhatCannotBeCancelledIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		s.AddStack(dockerStack())
		s.Deploy("rails", Start{})
		pass(10 * time.Minute)
		for target, want := range map[string]int{
			"/stacks/rails/deployments/1001":  http.StatusConflict,
			"/stacks/rails/deployments/9999":  http.StatusNotFound,
			"/stacks/rails/deployments/last":  http.StatusNotFound,
			"/stacks/docker/deployments/1001": http.StatusNotFound,
			"/stacks/nobody/deployments/1001": http.StatusNotFound,
		} {
			if got := cancelRequest(t, s, target); got != want {
				t.Errorf("DELETE %s: status %d, want %d", target, got, want)
			}
		}
	})
}
