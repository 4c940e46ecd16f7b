package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

// tells waits until a person was told what holds the words.
func (r *rig) tells(user, channel string, words ...string) {
	r.t.Helper()
	r.until(user+" is told "+strings.Join(words, " … "), func() bool {
		for _, m := range r.ephemerals(user, channel) {
			if holdsAll(m.Plain(), words) {
				return true
			}
		}
		return false
	})
}

func TestALockRefusesFromACommandAButtonAndAFormAndAnAdminOverridesIt(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam view,redeploy *")
		r.allow("allow @gus view,lock *")
		r.command(sam, deploys, "/c66 redeploy web") // the form is open before the lock is made
		r.until("the form is filled in", func() bool {
			v, open := r.slack.Person(sam).View()
			return open && v.Submit != ""
		})
		r.command(guest, deploys, "/c66 lock web@production the migration runs")
		r.says(sam, deploys, "🔒 @gus locked web@production", "the migration runs")
		if _, err := r.slack.Person(sam).Submit(); err != nil {
			t.Fatal(err)
		}
		r.tells(sam, deploys, "⛔ web", "is locked", "By @gus", "the migration runs", "[Ask to unlock]")
		lack(t, "what who is no admin is offered", r.ask(sam, deploys, "/c66 redeploy web --now").Plain(), "[Override]")
		refused := r.ask(lin, deploys, "/c66 redeploy web --now")
		r.click(lin, refused, "Override")
		r.until("the window is open", func() bool {
			_, open := r.slack.Person(lin).View()
			return open
		})
		if err := r.slack.Person(lin).Fill("Reason", "hotfix of the outage"); err != nil {
			t.Fatal(err)
		}
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d redeploys were sent", n)
		}
		if _, err := r.slack.Person(lin).Submit(); err != nil {
			t.Fatal(err)
		}
		r.card("hotfix of the outage")
		r.until("it is sent", func() bool { return r.requests("POST") > 0 })
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d redeploys were sent", n)
		}
	})
}

func TestTheCardOfAnOverrideSaysSoAndTheChannelOfTheLockHearsOfIt(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, support, "/c66 allow @sam view,lock *")
		r.says(lin, support, "@lin made a rule")
		r.command(sam, support, "/c66 lock web@production migration")
		r.says(lin, support, "🔒 @sam locked web@production")
		refused := r.ask(lin, deploys, "/c66 redeploy web --now")
		hold(t, "the refusal", refused.Plain(), "is locked", "[Override]")
		r.click(lin, r.ask(lin, deploys, "/c66 rollback web --override --reason outage"), "Yes, roll back")
		hold(t, "the card", r.card("went live").Plain(), "overrides lock", "of @sam", "outage")
		r.says(lin, support, "🔒 @lin changes web@production in spite of lock", "of @sam: “outage”")
		pass(time.Minute)
		for _, m := range r.cards(deploys) {
			lack(t, "the channel of the card", m.Plain(), "in spite of")
		}
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d redeploys were sent", n)
		}
	})
}

func TestTheHolderUnlocksByTheButtonOfADirectMessageAndWhoAskedIsTold(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam view,redeploy *")
		r.allow("allow @gus view,lock *")
		r.command(guest, deploys, "/c66 lock web@production the migration runs")
		r.says(sam, deploys, "🔒 @gus locked web@production")
		r.stop()
		r.start()
		r.click(sam, r.ask(sam, deploys, "/c66 redeploy web --now"), "Ask to unlock")
		asked := r.says(guest, direct(guest), "@sam wants to change web", "[Unlock]")
		r.click(guest, asked, "Unlock")
		r.says(sam, direct(sam), "🔓 @gus locked web@production", "@gus unlocked it")
		r.says(sam, deploys, "🔓 @gus unlocked web@production")
		time.Sleep(time.Minute)
		for _, m := range r.cards(deploys) {
			lack(t, "what is over", m.Plain(), "[Unlock]")
		}
		r.command(sam, deploys, "/c66 redeploy web --now")
		hold(t, "the card of what is unlocked", r.card("went live").Plain(), "@sam")
	})
}

func TestARequestForApprovalSurvivesAKillAndIsOneDeployment(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam view,redeploy,approve *")
		r.allow("allow @gus view,approve *")
		r.allow("protect web")
		r.command(sam, deploys, "/c66 redeploy web --reason login")
		asked := r.says(guest, deploys, "🔐 web@production redeploy by @sam waits for approval", "[Approve]", "[Reject]", "[Withdraw]")
		r.stop()
		r.start()
		r.click(sam, asked, "Approve")
		r.tells(sam, deploys, "Nobody approves their own request")
		r.click(guest, asked, "Approve")
		r.click(lin, asked, "Approve")
		r.says(sam, deploys, "✅ web@production redeploy by @sam was approved by @")
		time.Sleep(time.Minute)
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d redeploys were sent", n)
		}
		r.card("login")
	})
}

func TestARequestThatNobodyAnswersExpiresAndARejectionSaysWhy(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam view,redeploy *")
		r.allow("allow @gus view,approve *")
		r.allow("protect web")
		r.command(sam, deploys, "/c66 redeploy web --reason login")
		asked := r.says(guest, deploys, "🔐 web@production redeploy by @sam waits for approval", "login")
		r.click(guest, asked, "Reject")
		r.until("the window is open", func() bool {
			_, open := r.slack.Person(guest).View()
			return open
		})
		if err := r.slack.Person(guest).Fill("Reason", "not on a Friday"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.slack.Person(guest).Submit(); err != nil {
			t.Fatal(err)
		}
		r.says(sam, deploys, "⛔ web@production redeploy by @sam was rejected by @gus", "not on a Friday")
		r.command(sam, deploys, "/c66 redeploy web --reason again")
		r.says(guest, deploys, "🔐 web@production redeploy by @sam waits for approval", "again")
		r.stop()
		time.Sleep(2 * time.Hour)
		r.start()
		over := r.says(sam, deploys, "⌛ web@production redeploy by @sam expired")
		lack(t, "what is over", over.Plain(), "[Approve]")
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d redeploys were sent", n)
		}
	})
}

func TestTheHolderOfALockWithoutAnEndIsRemindedEachMorningOfTheirOwn(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{fewPast: true, poll: time.Minute}, func(t *testing.T, r *rig) { // it is midnight in London, where everybody is
		r.command(lin, deploys, "/c66 lock web@production the migration runs")
		r.command(lin, deploys, "/c66 lock web@production --for 30h the release")
		r.says(lin, deploys, "🔒 @lin locked web@production until")
		reminders := func() int { return strings.Count(r.sees(lin, direct(lin)), "You hold the lock on web@production") }
		for _, c := range []struct {
			at   time.Duration
			want int
		}{
			{8*time.Hour + 59*time.Minute, 0}, {9*time.Hour + time.Minute, 1},
			{32*time.Hour + 59*time.Minute, 1}, {33*time.Hour + time.Minute, 2},
		} {
			time.Sleep(time.Until(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(c.at)))
			if n := reminders(); n != c.want {
				t.Errorf("after %s lin is reminded %d times, not %d", c.at, n, c.want)
			}
		}
		r.says(lin, deploys, "🔓 @lin locked web@production until", "Its time is over.")
	})
}

func TestWhatBeginsOnALockedStackFromElsewhereIsToldWhereTheLockWasMade(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @gus view,lock web")
		r.cloud.AddStack(cloud66sim.Stack{Name: "api", History: 2})
		r.command(guest, deploys, "/c66 lock '*' the migration runs")
		r.says(sam, deploys, "🔒 @gus locked every stack")
		time.Sleep(2 * time.Minute)
		r.cloud.Deploy(r.web, cloud66sim.Start{Via: "hook"})
		told := r.says(sam, deploys, "🔒 web@production #", "began although @gus locked it", "the migration runs")
		if !slices.Contains(told.Pings(), guest) {
			t.Errorf("it mentions %v", told.Pings())
		}
		hold(t, "the card", r.card("deploying").Plain(), "[Cancel]")
		asked := r.requests("GET")
		time.Sleep(10 * time.Minute)
		if n := r.requests("GET") - asked; n > 10*60/5+60 { // a page each poll.min, and some looks
			t.Errorf("Cloud 66 was asked %d times in ten minutes", n)
		}
		r.command(guest, deploys, "/c66 unlock '*'")
		r.says(sam, deploys, "🔓 @gus unlocked")
		time.Sleep(2 * time.Minute)
		before := len(r.cards(deploys))
		r.cloud.Deploy(r.web, cloud66sim.Start{Via: "hook"})
		time.Sleep(5 * time.Minute)
		if n := len(r.cards(deploys)); n != before {
			t.Errorf("%d messages tell of what begins on a stack that is not locked", n-before)
		}
	})
}

func TestAReminderCountsAnewWhereTheClockWasPutBack(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{fewPast: true, poll: time.Minute}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 lock web@production the migration runs")
		r.says(lin, deploys, "🔒 @lin locked web@production")
		r.stop()
		r.stores(func(tx storage.Tx) error { // the clock was a year ahead
			return storage.Locks.Scan(tx, "", func(id string, l storage.Lock) error {
				l.At, l.Reminded = l.At.AddDate(1, 0, 0), l.At.AddDate(1, 0, 1)
				return storage.Locks.Put(tx, id, l)
			})
		})
		r.start()
		pass(10 * time.Hour)
		if n := strings.Count(r.sees(lin, direct(lin)), "You hold the lock on web@production"); n != 1 {
			t.Errorf("there are %d reminders", n)
		}
	})
}
