package cloud66sim

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// flags are what a client sees of where a deployment and its stack stand.
func flags(t *testing.T, s *Sim, id string) []any {
	t.Helper()
	d := get(t, s, "/stacks/rails/deployments/"+id).response()
	return []any{as[object](d["outcome"])["meaning"], d["is_deploying"], d["is_head"], d["is_live"], d["finished_at"] != nil}
}

func stackState(t *testing.T, s *Sim) []any {
	t.Helper()
	st := get(t, s, "/stacks/rails").response()
	return []any{st["status"], st["health"], st["is_busy"], st["last_activity_iso"]}
}

func expect(t *testing.T, when string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func TestADeploymentRunsForTheUsualDurationAndMovesItsStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		expect(t, "stack never deployed", []any{4.0, 0.0, false, "2000-01-01T00:00:00Z"}, stackState(t, s))
		pass(time.Minute)
		s.Deploy("rails", Start{})
		pass(10*time.Minute - time.Second)
		expect(t, "a second before the end", []any{"pending", true, false, false, false}, flags(t, s, "1001"))
		expect(t, "stack a second before the end", []any{6.0, 1.0, true, "2000-01-01T00:01:00Z"}, stackState(t, s))
		pass(time.Second)
		expect(t, "at the end", []any{"success", false, true, true, true}, flags(t, s, "1001"))
		expect(t, "stack at the end", []any{1.0, 3.0, false, "2000-01-01T00:11:00Z"}, stackState(t, s))
	})
}

func TestAFailureLeavesTheFormerDeploymentLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		s.Deploy("rails", Start{})
		pass(10 * time.Minute)
		s.NextOutcome("rails", Next{Fail: true, Duration: time.Minute})
		s.Deploy("rails", Start{})
		pass(time.Minute)
		expect(t, "the former", []any{"success", false, false, true, true}, flags(t, s, "1001"))
		expect(t, "the failed", []any{"failed", false, true, false, true}, flags(t, s, "1002"))
		expect(t, "the stack", []any{2.0, 2.0, false, "2000-01-01T00:11:00Z"}, stackState(t, s))
	})
}

func TestAStackFallsIllAfterADeploymentAndIsWellWithTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		health := func() any {
			health := stackState(t, s)[1]
			expect(t, "ill", health == 4.0, s.Ill("rails"))
			return health
		}
		s.NextOutcome("rails", Next{Duration: time.Minute, IllAfter: 4 * time.Minute})
		s.Deploy("rails", Start{})
		pass(5*time.Minute - time.Second)
		expect(t, "a second before", 3.0, health())
		pass(time.Second)
		expect(t, "four minutes after it went live", 4.0, health())
		s.Deploy("rails", Start{})
		pass(10 * time.Minute)
		expect(t, "after the next deployment", 3.0, health())
		for described, want := range map[string]float64{"impaired": 2, "healthy": 3, "failed": 4, "": 3} {
			s.UpdateStack("rails", func(st *Stack) { st.Health = described })
			expect(t, "described as "+described, want, health())
		}
	})
}

func TestAFirstFailureLeavesNothingLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		s.NextOutcome("rails", Next{Fail: true})
		s.Deploy("rails", Start{})
		pass(10 * time.Minute)
		expect(t, "the stack", []any{2.0, 4.0, false, "2000-01-01T00:10:00Z"}, stackState(t, s))
		expect(t, "ill", false, s.Ill("rails"))
	})
}

func TestDeploymentsOfAStackRunOneAfterTheOtherThoughNobodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		s.AddStack(Stack{UID: "other", UsualDuration: time.Minute})
		begin := time.Now()
		first, second := s.Deploy("rails", Start{}), s.Deploy("rails", Start{})
		s.Deploy("other", Start{})
		expect(t, "queued", []any{"pending", false, false, false, false}, flags(t, s, "1002"))
		pass(time.Hour)
		if got := mustView(t, s, "rails", second); !got.StartedAt.Equal(mustView(t, s, "rails", first).FinishedAt) ||
			!got.FinishedAt.Equal(begin.Add(20*time.Minute)) {
			t.Errorf("the second ran from %v to %v", got.StartedAt, got.FinishedAt)
		}
		if got := mustView(t, s, "other", 1003); !got.FinishedAt.Equal(begin.Add(time.Minute)) {
			t.Errorf("another stack's deployment ended at %v", got.FinishedAt)
		}
	})
}

func TestAnotherOperationHoldsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		s.UpdateStack("rails", func(st *Stack) { st.Busy = true })
		if queued := send(t, s, http.MethodPost, "/stacks/rails/deployments", "").response()["queued"]; queued != true {
			t.Errorf("queued is %v", queued)
		}
		expect(t, "while held", []any{5.0, 0.0, true, "2000-01-01T00:00:00Z"}, stackState(t, s))
		pass(time.Hour)
		s.UpdateStack("rails", func(st *Stack) { st.Busy = false })
		expect(t, "released", []any{6.0, 1.0, true, "2000-01-01T01:00:00Z"}, stackState(t, s))
		pass(10 * time.Minute)
		expect(t, "done", []any{"success", false, true, true, true}, flags(t, s, "1001"))
	})
}

func TestARevertBringsTheFormerCommitBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		for _, start := range []Start{{}, {}, {Type: "revert", By: "eva@acme.example"}} {
			s.Deploy("rails", start)
			pass(10 * time.Minute)
		}
		reverted := get(t, s, "/stacks/rails/deployments/1002").response()
		expect(
			t,
			"the reverted",
			[]any{true, "eva@acme.example", "2000-01-01T00:30:00Z"},
			[]any{reverted["reverted"], reverted["reverted_by"], reverted["reverted_at"]},
		)
		former, now := mustView(t, s, "rails", 1001), mustView(t, s, "rails", 1003)
		if former.Hash != now.Hash || !now.Live || former.Live {
			t.Errorf("former %+v, now %+v", former, now)
		}
	})
}

func TestSeveralNextOutcomesConcernAsManyDeployments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		s.NextOutcome("rails", Next{Fail: true})
		s.NextOutcome("rails", Next{Duration: time.Second})
		for range 3 {
			s.Deploy("rails", Start{})
		}
		pass(10*time.Minute + time.Second)
		expect(t, "states", []State{Failed, Success, Running}, states(s, "rails"))
	})
}

func TestSpeedShortensDeploymentsAlsoWhileTheyRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{Speed: 60})
		begin := time.Now()
		s.Deploy("rails", Start{})
		s.Deploy("rails", Start{})
		pass(15 * time.Second)
		s.SetSpeed(120)
		pass(time.Hour)
		var took []time.Duration
		for _, v := range s.Deployments("rails") {
			took = append(took, v.FinishedAt.Sub(begin))
		}
		expect(t, "ended after", []time.Duration{10 * time.Second, 10*time.Second + 7500*time.Millisecond}, took)
	})
}

func TestHistoryIsShortenedButEndsSomeHoursAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Speed: 60})
		st := railsStack()
		st.History = 40
		s.AddStack(st)
		views := s.Deployments("rails")
		last := views[len(views)-1]
		if ago := time.Since(last.FinishedAt); len(views) != 40 || ago < 3*time.Hour || ago > 5*time.Hour || !last.Live || !last.Head {
			t.Errorf("%d deployments, the last %v ago: %+v", len(views), ago, last)
		}
		for i, v := range views {
			if took := v.FinishedAt.Sub(v.StartedAt); v.State != Success || took < 8*time.Second || took > 12*time.Second {
				t.Errorf("%d took %v and is %s", v.ID, took, v.State)
			}
			if i > 0 && v.StartedAt.Before(views[i-1].FinishedAt) {
				t.Errorf("%d began before its predecessor ended", v.ID)
			}
		}
	})
}

func TestUnknownStacksAreToldApart(t *testing.T) {
	s := withStack(Options{})
	if s.Deploy("no", Start{}) != 0 || s.UpdateStack("no", func(*Stack) {}) || s.RemoveStack("no") || s.Deployments("no") != nil {
		t.Error("an unknown stack was taken for a known one")
	}
	if !s.RemoveStack("rails") || get(t, s, "/stacks/rails").status != http.StatusNotFound {
		t.Error("a removed stack is still there")
	}
}
