package progress_test

import (
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

func TestTheAuthorHearsOfASuspensionAlsoWhereTheSubscriptionsCannotBeReadBehindIt(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "web")
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		r.refuseCommit(2)
		if err := r.progress.Suspend(r.ctx, deploys, "is_archived"); err == nil {
			r.Error("the subscriptions were read")
		}
		time.Sleep(time.Minute)
		if direct := r.direct(); len(direct) != 1 {
			r.Errorf("told directly was %q", direct)
		}
	})
}
