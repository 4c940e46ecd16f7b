package bot_test

import (
	"strings"
	"testing"
	"time"
)

func TestWhatWaitedForACutConnectionIsShownOnceSlackSaysHello(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]time.Duration{"a short one": 2 * time.Minute, "a long one": 20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.command(lin, deploys, "/c66 redeploy web --now")
				card := r.card("deploying #1036")
				pass(4 * time.Minute)
				r.wire.cut()
				pass(outage)
				r.wire.mend()
				for r.bot.Ready() != nil {
					time.Sleep(100 * time.Millisecond)
				}
				hello := time.Now()
				r.until("the end is shown", func() bool {
					return strings.Contains(r.sees(lin, deploys), "#1036 went live") && len(r.thread(card)) == 2
				})
				if took := time.Since(hello); took > 8*time.Second {
					t.Errorf("it was shown %s after the hello", took)
				}
			})
		})
	}
}
