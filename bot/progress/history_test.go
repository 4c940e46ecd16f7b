package progress_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/commands"
	"c66bot/storage"
)

func (r *rig) history() map[int64]storage.Deployed {
	r.Helper()
	all := map[int64]storage.Deployed{}
	r.view(func(tx storage.Tx) error {
		return storage.History.Scan(tx, "", func(_ string, d storage.Deployed) error { all[d.Number] = d; return nil })
	})
	return all
}

func TestEachDeploymentThatEndsIsKeptInTheHistory(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		began := time.Now()
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.settle()
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true})
		if err := r.follow("other", deploys, r.began()); err != nil {
			r.Fatal(err)
		}
		r.settle()
		all := r.history()
		if len(all) != 5 {
			r.Errorf("the history is %+v", all)
		}
		for id, want := range map[int64]storage.Deployed{
			1003: {Outcome: "success", Via: "web"}, 1004: {Outcome: "success", Via: "api", Asker: lin}, 1005: {Outcome: "failed", Via: "hook"},
		} {
			got := all[id]
			if got.Stack != r.stack.UID || got.Outcome != want.Outcome || got.Via != want.Via || got.Asker != want.Asker || got.Type == "" ||
				got.Commit == "" || got.EndedAt.IsZero() || got.SeenAt.IsZero() {
				r.Errorf("of #%d is kept %+v", id, got)
			}
			took := got.EndedAt.Sub(got.StartedAt)
			if id > 1003 && (got.StartedAt.Before(began.Truncate(time.Second)) || took.Round(time.Minute) != time.Minute) {
				r.Errorf("of #%d is kept %s from %s", id, took, got.StartedAt)
			}
		}
		time.Sleep(399 * 24 * time.Hour)
		r.forget()
		if n := len(r.history()); n < 2 {
			r.Errorf("after 399 days %d are kept", n)
		}
		time.Sleep(2 * 24 * time.Hour)
		r.forget()
		if n := len(r.history()); n != 0 {
			r.Errorf("after 401 days %d are kept", n)
		}
	})
}

func TestALookThatChangesNothingCostsNoCommit(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: time.Hour})
		r.subscribe(builds, "web")
		r.positioned(r.stack.UID)
		if err := r.follow("op", deploys, r.began()); err != nil {
			r.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		requests := r.cloud.Count()
		r.refuseCommit(1)
		time.Sleep(4 * time.Minute)
		if n := r.cloud.Count() - requests; n < 10 {
			r.Errorf("there were %d requests", n)
		}
		if err := r.redeploy("other"); err == nil {
			r.Error("a commit came between")
		}
	})
}

func TestALookThatShowsTheSameHeedsWhatTheDatabaseHoldsSince(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: time.Hour})
		id := r.began()
		if err := r.follow("op", deploys, id); err != nil {
			r.Fatal(err)
		}
		time.Sleep(4 * time.Minute)
		if err := r.follow("later", builds, id); err != nil {
			r.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if first, second := r.shown(deploys), r.shown(builds); len(second) != 3 || !slices.Equal(first[:2], second[:2]) {
			r.Errorf("the channels show\n%q and\n%q", first, second)
		}
	})
}

func TestTwoWhoAskAtOnceGetOneCardAlsoWhereAnEarlierOneHasEnded(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		id := r.began()
		err := r.records.Update(r.ctx, func(tx storage.Tx) error {
			return errors.Join(
				storage.PutFollow(tx, storage.Follow{ID: "early", Stack: r.stack, Deployment: id, Channel: deploys, Phase: storage.PhaseEnded,
					State: storage.Unposted, EndedAt: time.Now()}),
				storage.Heard.Put(tx, storage.HeardKey(r.stack.UID, id, deploys), storage.WishOf{Follow: "early", At: time.Now()}))
		})
		if err != nil {
			r.Fatal(err)
		}
		var group sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			group.Go(func() { errs[i] = r.follow(string(rune('a'+i)), deploys, id) })
		}
		group.Wait()
		if errors.Is(errs[0], commands.ErrFollowed) == errors.Is(errs[1], commands.ErrFollowed) {
			r.Errorf("the two got %v", errs)
		}
		r.settle()
		r.shows(deploys, live(id)...)
	})
}
