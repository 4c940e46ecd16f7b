package bot_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
)

// directs returns what the bot told a user directly, oldest first.
func (r *rig) directs(user string) (said []string) {
	for _, m := range r.slack.Person(user).Sees(direct(user)) {
		if !m.Ephemeral {
			said = append(said, m.Plain())
		}
	}
	return said
}

// told waits and checks what an admin was told directly so far: each message has the words.
func (r *rig) told(user string, words ...string) {
	r.t.Helper()
	r.until("the admin is told", func() bool { return len(r.directs(user)) >= len(words) })
	got := r.directs(user)
	if len(got) != len(words) {
		r.t.Fatalf("%s was told %q", user, got)
	}
	for i, w := range words {
		if !strings.Contains(got[i], w) {
			r.t.Errorf("%s was told %q, want %q", user, got[i], w)
		}
	}
}

func TestAnAdminIsToldOnceThatCloud66RefusesTheTokenAndOnceThatItIsOver(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.Revoke(cloud66sim.DemoToken)
		const begun = "⚠️ I cannot work with Cloud 66: the Cloud 66 token (C66BOT_CLOUD66_TOKEN) is refused"
		const over = "✅ Cloud 66 accepts my token again."
		r.told(lin, begun)
		r.stop()
		r.begin() // a restart tells nothing twice
		time.Sleep(20 * time.Minute)
		r.told(lin, begun)
		r.cloud.SetScopes(cloud66sim.DemoToken, []string{"public", "redeploy"})
		r.told(lin, begun, over)
		r.cloud.Revoke(cloud66sim.DemoToken) // again at once: it is told if it lasts
		time.Sleep(12 * time.Minute)
		r.told(lin, begun, over)
		r.told(lin, begun, over, begun)
		if said := r.directs(sam); len(said) > 0 {
			t.Errorf("sam is no admin and was told %q", said)
		}
	})
}

func TestAShortOutageOfCloud66IsToldNobody(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		mend := r.cloud.AddFault(cloud66sim.Fault{CutBefore: true})
		time.Sleep(6 * time.Minute) // the token is looked at every five minutes
		mend()
		time.Sleep(time.Hour)
		r.told(lin)
		mend = r.cloud.AddFault(cloud66sim.Fault{CutBefore: true})
		r.told(lin, "⚠️ Cloud 66 does not answer me: I can neither deploy nor follow.")
		time.Sleep(2 * time.Hour)
		mend()
		r.told(lin, "⚠️ Cloud 66 does not answer me", "✅ Cloud 66 answers again. It lasted 2 h")
	})
}

func TestAnAdminWhoIsNobodyIsToldToTheOthersAndInTheStatus(t *testing.T) {
	inBubble(t, settings{admins: []string{lin, "U0NOBODY", "S0NOBODY"}}, func(t *testing.T, r *rig) {
		r.told(lin, "S0NOBODY is among my admins, and Slack knows no such group.", "U0NOBODY is among my admins, and Slack knows no such person.")
		status := r.ask(lin, deploys, "/c66 status").Plain()
		for _, want := range []string{
			illSaid, "U0NOBODY is among my admins, and Slack knows no such person", "Correct C66BOT_ADMINS",
		} {
			if !strings.Contains(status, want) {
				t.Errorf("the status is %q, want %q", status, want)
			}
		}
		if !strings.Contains(r.log.String(), "an admin of the configuration is nobody's") {
			t.Error("the log does not say so")
		}
		time.Sleep(3 * time.Hour)
		if n := len(r.directs(lin)); n != 2 {
			t.Errorf("lin was told %d times", n)
		}
	})
}

func TestAMissingScopeIsToldAfterItsFirstRefusal(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.SetScopes(cloud66sim.DemoToken, []string{"public"})
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.told(lin, "⚠️ Cloud 66 refused the last redeploy or cancel, since my token lacks the scope redeploy")
		status := r.ask(lin, deploys, "/c66 status").Plain()
		if !strings.HasPrefix(status, illSaid) || !strings.Contains(status, "lacks the scope redeploy") {
			t.Errorf("the status is %q", status)
		}
		r.cloud.SetScopes(cloud66sim.DemoToken, []string{"public", "redeploy"})
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.told(lin, "⚠️ Cloud 66 refused", "✅ Cloud 66 carries my changes out again.")
	})
}

// statusSays checks the first line of the status, and that it holds words.
func (r *rig) statusSays(first string, words ...string) {
	r.t.Helper()
	status := r.ask(lin, deploys, "/c66 status").Plain()
	if !strings.HasPrefix(status, first) {
		r.t.Errorf("the status begins with %q, not %q", status, first)
	}
	hold(r.t, "the status", status, words...)
}

const (
	wellSaid = "✅ Connected to Slack, and Cloud 66 accepts the token"
	illSaid  = "⚠️ Connected, but not all of my work succeeds"
)

func TestAMissingScopeIsInTheStatusUntilItIsThere(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		const begun = "⚠️ Cloud 66 refused the last redeploy or cancel, since my token lacks the scope redeploy"
		r.cloud.SetScopes(cloud66sim.DemoToken, []string{"public"})
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.told(lin, begun)
		r.stop()
		r.begin() // before it sends a change again the bot does not know whether that is over
		time.Sleep(20 * time.Minute)
		r.told(lin, begun)
		r.cloud.SetScopes(cloud66sim.DemoToken, []string{"public", "redeploy"})
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.told(lin, begun, "✅ Cloud 66 carries my changes out again.")
		r.statusSays(wellSaid)
	})
}

func TestAListOfStacksThatIsRefusedIsToldAndInTheStatus(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		const begun, over = "⚠️ Cloud 66 refuses me its list of stacks, since my token lacks the scope public.",
			"✅ I can use Cloud 66's list of stacks again. It lasted"
		r.cloud.SetScopes(cloud66sim.DemoToken, []string{"redeploy"})
		hold(t, "the answer", r.ask(lin, deploys, "/c66 stacks").Plain(), "⚠️ The bot's Cloud 66 token lacks a scope for this")
		r.told(lin, begun)
		r.statusSays(illSaid, "my token lacks the scope public")
		mend := r.cloud.AddFault(cloud66sim.Fault{CutBefore: true}) // which says nothing of the scope
		r.ask(lin, deploys, "/c66 stacks")
		time.Sleep(3 * time.Minute)
		r.told(lin, begun)
		mend()
		r.cloud.SetScopes(cloud66sim.DemoToken, []string{"public", "redeploy"})
		time.Sleep(time.Minute)
		r.ask(lin, deploys, "/c66 stacks")
		r.told(lin, begun, over)
		r.statusSays(wellSaid)
	})
}

func TestAListOfTooManyStacksIsToldAndInTheStatus(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		const begun = "⚠️ Cloud 66 lists more than I can work with, which is 30,000 stacks."
		stacks := make([]string, cloud66.MostStacks+1)
		for i := range stacks {
			stacks[i] = fmt.Sprintf(`{"uid":"u%d","name":"web%d"}`, i, i)
		}
		many := `{"response":[` + strings.Join(stacks, ",") + `],"count":30001,"pagination":{"next":null}}`
		mend := r.cloud.AddFault(cloud66sim.Fault{PathPart: "/stacks", Status: 200, Body: many, ContentType: "application/json"})
		r.ask(lin, deploys, "/c66 stacks")
		r.told(lin, begun)
		r.statusSays(illSaid, "which is 30,000 stacks")
		mend()
		time.Sleep(5 * time.Minute)
		r.ask(lin, deploys, "/c66 stacks")
		r.told(lin, begun, "✅ I can use Cloud 66's list of stacks again.")
		r.statusSays(wellSaid)
	})
}

func TestAScopeThatTheAppLacksIsToldUntilItIsThere(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		all := r.slack.BotScopes()
		r.slack.SetBotScopes(slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "groups:read" })...)
		const begun, over = "⚠️ The app lacks the scope groups:read, and without it rules for groups", "✅ The app has the scopes that it lacked."
		r.told(lin, begun)
		r.statusSays(illSaid, "lacks the scope groups:read")
		time.Sleep(time.Hour)
		r.told(lin, begun)
		r.slack.SetBotScopes(all...)
		r.told(lin, begun, over)
		r.statusSays(wellSaid)
		r.slack.SetBotScopes(slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "chat:write" })...)
		r.until("the bot is not ready", func() bool { return r.bot.Ready() != nil })
		if err := r.bot.Ready(); !strings.Contains(err.Error(), "lacks the scope chat:write") {
			t.Errorf("it is not ready because of %v", err)
		}
	})
}

func TestAScopeThatOnlyASubscriptionsMentionNeedsIsTroubleToldOnce(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		const lack = "The app lacks the scope users:read.email, and without it a failure mentions nobody by --mention author"
		r.slack.SetBotScopes(slices.DeleteFunc(r.slack.BotScopes(), func(s string) bool { return s == "users:read.email" })...)
		r.told(lin, "⚠️ "+lack)
		r.statusSays(illSaid, lack)
		r.stop()
		r.begin()
		time.Sleep(2 * time.Hour)
		r.told(lin, "⚠️ "+lack)
	})
}

func TestMessagesThatAreGivenUpAreToldAndInTheStatus(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		const begun, over = "⚠️ Slack did not take messages and edits of mine (1) for so long that I gave them up.",
			"✅ No message was given up for half an hour."
		const apology = "I could not post this in #support"
		r.slack.FailIn(support, "chat.postMessage", "restricted_action", 1_000_000)
		r.command(lin, support, "/c66 allow @sam view *")
		time.Sleep(24*time.Hour + 20*time.Minute)
		r.told(lin, apology, begun)
		r.statusSays(illSaid, "for so long that I gave them up")
		r.stop()
		r.start() // which is not its end
		time.Sleep(20 * time.Minute)
		r.told(lin, apology, begun)
		r.told(lin, apology, begun, over)
		r.statusSays(wellSaid)
	})
}

func TestAFullDiskIsToldAllTheSame(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		full := errors.New("no space left on device")
		r.full.Store(&full)
		const begun, over = "⚠️ My database cannot be written: no space left on device.", "✅ My database can be written again."
		r.told(lin, begun)
		time.Sleep(time.Hour)
		r.told(lin, begun)
		r.full.Store(nil)
		r.told(lin, begun, over)
		time.Sleep(time.Hour)
		r.told(lin, begun, over)
	})
}

func TestWhatSlackItselfRefusesIsToldWhenItCanBe(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		for _, method := range []string{"auth.test", "chat.postMessage", "conversations.open"} {
			r.slack.FailCall(method, "token_revoked", 1_000_000, false)
		}
		time.Sleep(30 * time.Minute)
		r.told(lin)
		r.slack.ClearFaults()
		r.until("both are told", func() bool { return len(r.directs(lin)) == 2 })
		said := r.directs(lin)
		for _, want := range []string{"⚠️ Slack refuses the bot token (C66BOT_SLACK_BOT_TOKEN)", "✅ Slack accepts my bot token again."} {
			if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("lin was told %q, want %q", said, want)
			}
		}
	})
}

func TestTheLogSaysOnceThatTheBotIsReady(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		time.Sleep(time.Hour)
		if n := strings.Count(r.log.String(), "msg=ready "); n != 1 {
			t.Errorf("it says so %d times", n)
		}
	})
}
