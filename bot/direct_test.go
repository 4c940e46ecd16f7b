package bot_test

import (
	"strings"
	"testing"
	"time"
)

func TestADirectMessageThatASettingRefusesIsATroubleThatIsNamed(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		hold(t, "the status", r.ask(sam, deploys, "/c66 status").Plain(), "Connected to Slack")
		r.slack.MessagesTab(false)
		r.slack.Archive(deploys)
		pass(20 * time.Minute)
		said := r.ask(sam, support, "/c66 status").Plain()
		hold(t, "the status", said, "direct messages to me are turned off", "App Home", "not all of my work succeeds")
		if n := strings.Count(r.log.String(), "not everything reaches people"); n != 1 {
			t.Errorf("the log says so %d times", n)
		}
		r.slack.MessagesTab(true)
		pass(20 * time.Minute)
		hold(t, "the status", r.ask(sam, support, "/c66 status").Plain(), "Connected to Slack")
	})
}

func TestAScopeThatTheAppLacksStandsInTheStatus(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{"im:write", "channels:read", "groups:read", "usergroups:read", "users:read", "im:history",
		"app_mentions:read", "commands"} {
		t.Run(scope, func(t *testing.T) {
			var set settings
			for _, s := range []string{
				"commands", "chat:write", "users:read", "usergroups:read", "channels:read", "groups:read", "channels:history", "groups:history",
				"im:history",
				"im:write", "app_mentions:read",
			} {
				if s != scope {
					set.slack.BotScopes = append(set.slack.BotScopes, s)
				}
			}
			inBubble(t, set, func(t *testing.T, r *rig) {
				hold(t, "the status", r.types(lin, deploys, "status"), "lacks the scope "+scope, "install the app again")
			})
		})
	}
}
