package bot_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

func TestADenyThatLapsesIsToldOnceInItsChannel(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("deny everyone redeploy,cancel web@production")
		r.allow("deny @sam redeploy '*@production'")
		time.Sleep(2 * time.Minute) // nobody subscribes to anything, and nobody asks
		r.stop()
		r.start()
		r.cloud.UpdateStack(r.web, func(s *cloud66sim.Stack) { s.Name = "shop" })
		time.Sleep(3 * time.Minute)
		const told = "web@production is called shop@production now, so that rule"
		r.says(lin, deploys, told, "a deny on web@production, does not hold for it any more.",
			"To deny it anew: /c66 deny everyone redeploy,cancel shop@production")
		r.stop()
		r.start()
		time.Sleep(10 * time.Minute)
		if n := strings.Count(r.sees(lin, deploys), "does not hold for it any more"); n != 1 {
			t.Errorf("it is told %d times", n)
		}
		r.allow("deny everyone redeploy,cancel shop@production")
		time.Sleep(2 * time.Minute)
		r.cloud.RemoveStack(r.web)
		time.Sleep(15 * time.Minute)
		r.says(
			lin,
			deploys,
			"shop@production is not among the stacks any more",
			"matches no stack now.",
			"/c66 deny everyone redeploy,cancel NAME",
		)
		before := r.cloud.Count()
		time.Sleep(time.Hour)
		if asked := r.cloud.Count() - before; asked > 130 {
			t.Errorf("the list was read %d times in an hour", asked)
		}
	})
}
