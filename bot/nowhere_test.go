package bot_test

import (
	"errors"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/storage"
)

// types has somebody give a command in a channel, whether or not Slack would let them.
func (r *rig) types(user, channel, text string) string {
	r.t.Helper()
	before := len(r.slack.Log())
	r.acked(r.slack.Deliver("slash_commands", map[string]any{
		"command": "/c66", "text": text, "user_id": user, "channel_id": channel, "trigger_id": r.trigger(),
	}, true))
	pass(15 * time.Second)
	return r.heard(user, before)
}

func TestNothingIsSavedForAConversationInWhichNothingCanBeSaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		channel slacksim.Channel
		says    string
	}{
		"a direct message of two people": {slacksim.Channel{ID: "D0OTHERS", IM: true, Members: []string{lin, sam}},
			"cannot post in this kind of conversation"},
		"one that Slack does not know": {slacksim.Channel{ID: "D0NEVER"}, "cannot post in this kind of conversation"},
		"a group direct message": {slacksim.Channel{ID: "G0GROUP", MPIM: true, Members: []string{lin, sam}, BotIsMember: true},
			"cannot post in this kind of conversation"},
		"one without the bot": {slacksim.Channel{ID: "C0GROUP", MPIM: true, Members: []string{lin, sam}},
			"not a member of the channel"},
		"an unknown channel":        {slacksim.Channel{ID: "C0NEVER"}, "not a member of the channel"},
		"a channel without the bot": {slacksim.Channel{ID: "C0OPEN", Members: []string{lin}}, "not a member of the channel"},
		"an archived channel": {slacksim.Channel{ID: "C0OLD", Members: []string{lin}, BotIsMember: true, Archived: true},
			"The channel is archived"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				if test.channel.Members != nil {
					test.channel.Name = "there"
					r.slack.AddChannel(test.channel)
				}
				r.command(lin, deploys, "/c66 redeploy web --now")
				r.card("deploying #1036")
				for _, command := range []string{"subscribe web", "allow <@" + sam + "> view web", "deny everyone redeploy web", "follow web",
					"redeploy web --now", "redeploy web --ref v2"} {
					said := r.types(lin, test.channel.ID, command)
					if command[0] == 'a' || command[:2] == "de" {
						if test.channel.ID[0] == 'D' {
							hold(t, command, said, "Rules belong to a channel")
							continue
						}
					}
					hold(t, command, said, test.says, "Nothing was done", "in")
				}
				if n := r.requests("POST"); n != 1 {
					t.Errorf("%d POSTs", n)
				}
				r.terminate()
				r.stores(func(tx storage.Tx) error {
					return errors.Join(
						storage.Rules.Scan(tx, "", func(key string, _ storage.Rule) error { t.Errorf("rule %s", key); return nil }),
						storage.Subscriptions.Scan(tx, "", func(key string, _ storage.Subscription) error { t.Errorf("subscription %s", key); return nil }),
						storage.Follows.Scan(tx, "", func(_ string, f storage.Follow) error {
							if f.Channel != deploys {
								t.Errorf("card %+v", f)
							}
							return nil
						}),
					)
				})
				r.start()
			})
		})
	}
}

func TestAnAdminSubscribesInTheirOwnDirectMessageWithTheBot(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, direct(lin), "/c66 subscribe web")
		r.says(lin, direct(lin), "subscribe")
		lack(t, "the answer", r.types(lin, direct(sam), "subscribe web"), "would have told")
	})
}
