package bot_test

import (
	"fmt"
	"testing"
)

// The rig looks for secrets in all that has left the process, here with the stack of a panic in a command that has a response_url.
func TestAPanicsStackHasNoSecret(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam view web")
		r.ask(sam, deploys, "/c66 list web")
		r.allow("allow everyone view api") // so that the rules are read anew
		mistake := func() { panic(fmt.Sprintf("a mistake in the program, with %+v", r.config)) }
		r.reading.Store(&mistake)
		answer := r.ask(sam, deploys, "/c66 list web")
		r.reading.Store(nil)
		hold(t, "the answer", answer.Plain(), "I made a mistake of my own")
		hold(t, "the log", r.log.String(), "a task panicked", "goroutine ", "bot.(*Bot).carryOut", "AppToken:***")
	})
}
