package notify

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"c66bot/cloud66"
	"c66bot/storage"
)

// anySight draws a look of any kind, at most half an hour after the one before.
func anySight(t *rapid.T, at *time.Duration) Sight {
	*at += time.Duration(rapid.IntRange(1, 1800).Draw(t, "seconds")) * time.Second
	var s Sight
	switch rapid.SampledFrom([]string{"seen", "seen", "seen", "missing", "silent", "gone"}).Draw(t, "kind") {
	case "missing":
		return missing(*at)
	case "silent":
		return silent(*at, *at/2)
	case "gone":
		return Sight{At: after(*at), Err: errors.Join(cloud66.ErrNotFound)}
	default:
		kinds := []func(*cloud66.Deployment){queued, running, succeeded, failed, cancelled, unknown, unstated}
		s = sight(*at, rapid.SampledFrom(kinds).Draw(t, "deployment"))
	}
	s.Usual = time.Duration(rapid.IntRange(0, 600).Draw(t, "usual")) * time.Second
	if rapid.Bool().Draw(t, "cancel asked") {
		s.Cancelled = &storage.Cancel{User: "U1", At: s.At}
	}
	return s
}

func TestOverAnySightsNoStateIsToldTwiceAndNothingAfterAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, at := follow(), time.Duration(0)
		var all []storage.State
		for range rapid.IntRange(1, 40).Draw(t, "looks") {
			s := anySight(t, &at)
			var notices []Notice
			before := f
			f, notices = Advance(f, s)
			for _, n := range notices {
				if len(all) > 0 && all[len(all)-1].End() {
					t.Fatalf("%s is told after %v", n.State, all)
				}
				if n.State != storage.Lost && slices.Contains(all, n.State) {
					t.Fatalf("%s is told twice, after %v", n.State, all)
				}
				if n.State == storage.Queued && slices.Contains(all, storage.Started) {
					t.Fatalf("the queue is told after %v", all)
				}
				if n.State == storage.Succeeded && s.Deployment.Outcome.Kind != cloud66.OutcomeSuccess {
					t.Fatalf("the outcome %q is told as a success", s.Deployment.Outcome.Raw)
				}
				all = append(all, n.State)
			}
			ended := len(all) > 0 && all[len(all)-1].End()
			if ended != f.State.End() || ended != (f.Phase == storage.PhaseEnded) {
				t.Fatalf("told %v, but the state is %s and the phase %s", all, f.State, f.Phase)
			}
			if before.State.End() && !cmp.Equal(before, f) {
				t.Fatalf("a follow that has ended was changed: %s", cmp.Diff(before, f))
			}
		}
	})
}

func TestAdvanceChangesNothingOfTheFollowItIsGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, at := follow(storage.Queued, storage.Lost), time.Duration(0)
		f.Wish, f.SilentSince = &storage.Wish{Reference: "r"}, began
		// Room behind the slice is where an append would write unseen.
		f.Told = append(make([]storage.State, 0, 8), f.Told...)
		for range rapid.IntRange(1, 10).Draw(t, "looks") {
			s := anySight(t, &at)
			copied := f
			copied.Told = slices.Clone(f.Told)
			behind := slices.Clone(f.Told[:cap(f.Told)])
			next, first := Advance(f, s)
			if diff := cmp.Diff(copied, f); diff != "" {
				t.Fatalf("the follow was changed: %s", diff)
			}
			if diff := cmp.Diff(behind, f.Told[:cap(f.Told)]); diff != "" {
				t.Fatalf("the follow's memory was written to: %s", diff)
			}
			again, second := Advance(f, s)
			if diff := cmp.Diff(next, again) + cmp.Diff(first, second); diff != "" {
				t.Fatalf("the same sight gave something else: %s", diff)
			}
			f = next
		}
	})
}
