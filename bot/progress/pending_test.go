package progress_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

func TestANewNameThatMayNotBeToldYetCostsNoRequests(t *testing.T) {
	unhurried(t, cloud66sim.Options{}, func(r *rig) {
		var silent atomic.Bool
		r.judges(func(string, string, storage.StackRef) (bool, error) {
			if silent.Load() {
				return false, errors.New("Slack does not answer")
			}
			return true, nil
		})
		r.subscribe(deploys, "web*")
		r.positioned(r.stack.UID)
		time.Sleep(time.Hour)
		before := r.cloud.Count()
		time.Sleep(time.Hour)
		usual := r.cloud.Count() - before
		silent.Store(true)
		r.cloud.UpdateStack(r.stack.UID, func(s *cloud66sim.Stack) { s.Name = "website" })
		before = r.cloud.Count()
		time.Sleep(time.Hour)
		if n := r.cloud.Count() - before; n > usual+20 {
			r.Errorf("%d requests in an hour, %d in the one before", n, usual)
		}
		silent.Store(false)
		time.Sleep(time.Minute)
		r.shows(deploys, "web@production is called website@production now. This channel still subscribes to it.")
	})
}
