package bot_test

import (
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestATaskGoesOnAfterAPanic has tasks panic once, which takes the bot down no more than a command's does.
func TestATaskGoesOnAfterAPanic(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		panicked := map[string]*atomic.Bool{"sealOnce": {}, "checkAll": {}, "checkHinted": {}, "checkCloud": {}, "Outbox).Run(": {}}
		step := func() {
			stack := string(debug.Stack())
			for task, done := range panicked {
				if strings.Contains(stack, task) && done.CompareAndSwap(false, true) {
					panic("out of cheese")
				}
			}
		}
		r.reading.Store(&step)
		r.steps.set(func(string, bool) bool { step(); return false }, nil) // requests, too
		r.ask(sam, deploys, "/c66 redeploy web --now")                     // refused
		r.slack.Kick(deploys)
		r.until("the digest is logged", func() bool { return strings.Contains(r.log.String(), "the audit so far") })
		time.Sleep(2 * time.Hour)
		r.reading.Store(nil)
		r.steps.set(nil, nil)
		for task, done := range panicked {
			if !done.Load() {
				t.Errorf("%s did not read", task)
			}
		}
		for _, line := range []string{
			`task="seal the audit"`, `task="check all channels that have something"`, `task="check channels of which an event came"`,
			`task="check the Cloud 66 token"`, `msg="messages that are too many could not be given up; it is tried again"`,
		} {
			if !strings.Contains(r.log.String(), line) {
				t.Errorf("the log does not have %s", line)
			}
		}
	})
}
