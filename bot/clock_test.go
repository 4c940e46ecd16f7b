package bot_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"c66bot/storage"
)

// jump restarts the bot with a clock that was put on, or back: the requests were made as much longer or shorter ago.
func (r *rig) jump(by time.Duration) {
	r.t.Helper()
	r.stop()
	r.stores(func(tx storage.Tx) error {
		var approvals []storage.Approval
		err := storage.Approvals.Scan(tx, "", func(_ string, a storage.Approval) error { approvals = append(approvals, a); return nil })
		for _, a := range approvals {
			a.At, a.Until = a.At.Add(-by), a.Until.Add(-by)
			err = errors.Join(err, storage.Approvals.Put(tx, a.ID, a))
		}
		return err
	})
	r.start()
}

func TestARequestForApprovalExpiresOnceHoweverTheClockJumps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		jumps   []time.Duration // the first one 50 minutes after the request was made
		expired bool
	}{
		"an hour on and back":                {[]time.Duration{time.Hour, -time.Hour}, true},
		"two days on and back":               {[]time.Duration{48 * time.Hour, -48 * time.Hour}, true},
		"an hour back and on":                {[]time.Duration{-time.Hour, time.Hour}, false},
		"an hour back and, later, two hours": {[]time.Duration{-time.Hour, 2 * time.Hour}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.allow("allow @sam view,redeploy *")
				r.waits(sam)
				asked := r.request()
				pass(50 * time.Minute)
				for _, by := range c.jumps {
					r.jump(by)
					pass(2 * time.Minute)
				}
				if n := strings.Count(r.sees(lin, deploys), "redeploy by @sam expired"); n == 1 != c.expired || n > 1 {
					t.Errorf("it is said %d times that it expired", n)
				}
				r.again(lin, asked, "Approve")
				pass(time.Minute)
				if n := r.requests("POST"); n == 1 == c.expired || n > 1 {
					t.Errorf("%d redeploys were sent", n)
				}
			})
		})
	}
}
