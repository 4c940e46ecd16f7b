package bot_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

func TestBadInputGetsAWordOnWhatWasWrongAndChangesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddStack(cloud66sim.Stack{Name: "api", Framework: "docker", History: 2, Services: []cloud66sim.Service{{Name: "api"}}})
		r.cloud.AddStack(cloud66sim.Stack{Name: "twin", Environment: "production", AccountID: 1, AccountName: "Acme", History: 1})
		r.cloud.AddStack(cloud66sim.Stack{Name: "twin", Environment: "production", AccountID: 2, AccountName: "Bolt", History: 1})
		for _, c := range []struct {
			name, command string
			says          []string
		}{
			{"an unknown command is repaired", "redploy web", []string{"I don't know the command", "“redploy”", "/c66 redeploy web", "[Run it]"}},
			{"an unknown option is repaired", "redeploy web --brnch main", []string{"--brnch", "/c66 redeploy web --ref main", "[Run it]"}},
			{"an option that is none", "redeploy web --forever", []string{"I don't know the option", "--forever"}},
			{"an option without its value", "redeploy web --ref", []string{"--ref needs a value"}},
			{"an option in the place of a value", "redeploy web --ref --now", []string{"--ref needs a value"}},
			{"a text of 8,000 characters", "redeploy web --reason " + strings.Repeat("x", 8000), []string{"characters", "at most"}},
			{"an id that is no number", "show web abc", []string{"is no deployment", "/c66 show web [ID|latest|live|head]"}},
			{"an id that is not of this stack", "show web 999999", []string{"no deployment #999999 of this stack", "latest is #1035"}},
			{"a stack that nobody knows", "redeploy wbe --now", []string{"no stack", "web@production"}},
			{"two stacks of one name", "redeploy twin --now", []string{"matches 2 stacks", "Acme", "Bolt"}},
			{"a ref with spaces", `redeploy web --ref "ma in"`, []string{"is no branch"}},
			{"a ref with control characters", "redeploy web --ref ma\x07in", []string{"control characters"}},
			{"services on a stack without docker", "redeploy web --services api:1", []string{"for docker stacks"}},
			{"a ref on a stack with docker", "redeploy api --ref main", []string{"docker stack takes no --ref"}},
			{"a service that the stack has not", "redeploy api --services apj:1", []string{"no service", "api"}},
			{"a cancel of what has ended", "cancel web 1035", []string{"has ended already: succeeded"}},
			{"a cancel of nothing", "cancel web", []string{"nothing is deploying"}},
			{"a quote that never closes", `redeploy web --reason "oh`, []string{"quote is opened and never closed"}},
			{"no stack at all", "list", []string{"Which stack?", "[api@production]", "[twin@production · Acme]", "[web@production]"}},
			{"too many words", "list awesome app", []string{"/c66 list awesome --by app", "[Run it]"}},
			{"a page beyond the end", "list web --page 99", []string{"no page 99", "4 pages"}},
		} {
			answer := r.ask(lin, deploys, "/c66 "+c.command)
			hold(t, c.name, answer.Plain(), c.says...)
			if links := answer.Links(); len(links) > 0 {
				t.Errorf("%s: it makes links %v", c.name, links)
			}
		}
		if n := r.requests("POST") + r.requests("DELETE"); n != 0 {
			t.Errorf("bad input changed something %d times", n)
		}
		if n := len(r.cards(deploys)); n != 0 {
			t.Errorf("bad input left %d messages in the channel", n)
		}
	})
}

func TestWhatPeopleAndCloud66WriteIsShownAsText(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		uid := r.cloud.AddStack(cloud66sim.Stack{
			Name: "<!channel> *x* http://evil.example", Environment: "a_b`c", Git: "https://github.com/acme/x.git", History: 2,
		})
		r.command(lin, deploys, "/c66 redeploy "+uid+` --reason "<!here> @everyone <https://evil.example|click> & *bold*"`)
		card := r.card("went live")
		for _, m := range r.slack.Person(sam).Thread(deploys, card.TS) {
			for _, ping := range m.Pings() {
				if ping != lin {
					t.Errorf("%q pings %s", m.Plain(), ping)
				}
			}
			for _, link := range m.Links() {
				if !strings.HasPrefix(link, "https://github.com/acme/x/") {
					t.Errorf("%q links to %s", m.Plain(), link)
				}
			}
		}
		hold(t, "the card", card.Plain(), "http://evil.example")
	})
}

func TestAButtonOfLastMonthSaysWhatHasChanged(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		running := r.card("deploying #1036")
		r.card("went live")
		pass(time.Hour)
		r.stop()
		pass(31 * 24 * time.Hour)
		r.start()
		d, err := r.slack.Person(lin).ClickOld(deploys, running, "Cancel")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.until("it is told", func() bool { return strings.Contains(r.sees(lin, deploys), "#1036 has ended already: succeeded") })
		if _, err := r.slack.Person(lin).ClickOld(deploys, running, "Show"); err != nil {
			t.Fatal(err)
		}
		r.until("Show shows the deployment as it is", func() bool { return strings.Contains(r.sees(lin, deploys), "#1036 is live, took 5 min") })
		if n := r.requests("DELETE"); n != 0 {
			t.Errorf("%d DELETEs were made", n)
		}
	})
}

func TestAForgedButtonIsRefused(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		click := func(value string) {
			d := r.slack.Deliver("interactive", map[string]any{
				"type": "block_actions", "user": map[string]any{"id": lin}, "channel": map[string]any{"id": deploys}, "trigger_id": "1.2." + value,
				"container": map[string]any{"type": "message", "channel_id": deploys, "is_ephemeral": false},
				"actions":   []any{map[string]any{"action_id": "redeploy", "value": value, "type": "button"}},
			}, false)
			if _, err := d.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		for _, value := range []string{
			"", "x", "{}", `{"v":"drop"}`, `{"v":"redeploy","u":"` + r.web + `","r":"a b","n":true}`, `{"v":"cancel","u":"` + r.web +
				`","d":-1,"a":true}`,
			`{"v":"redeploy","u":"../../stacks","n":true}`, `{"v":"show","u":"` + strings.Repeat("u", 5000) + `"}`, `[1]`,
		} {
			click(value)
		}
		if n := r.requests("POST") + r.requests("DELETE"); n != 0 {
			t.Errorf("forged buttons changed something %d times", n)
		}
		hold(t, "what lin sees", r.sees(lin, deploys), "button is of another version", "That stack is not there any more")
		if r.bot.Ready() != nil {
			t.Errorf("the bot is not ready any more: %v", r.bot.Ready())
		}
	})
}

func TestStrangeEnvelopesAreAcknowledgedAndHurtNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		for _, payload := range []map[string]any{
			nil, {}, {"type": "view_closed"}, {"type": "block_actions"}, {"type": 7}, {"user_id": []int{1}},
			{"type": "block_actions", "actions": "none"},
		} {
			for _, kind := range []string{"interactive", "slash_commands", "events_api", "something_new"} {
				if _, err := r.slack.Deliver(kind, payload, false).Wait(t.Context()); err != nil {
					t.Errorf("%s with %v was not acknowledged: %v", kind, payload, err)
				}
			}
		}
		r.slack.SendFrame("Ping from applink-7")
		r.slack.SendFrame("[1,2")
		r.slack.SendFrame(`{"type":"hello again"}`)
		hold(t, "help", r.ask(lin, deploys, "/c66 help").Plain(), "What you can do here")
	})
}

func TestASecondClickLeavesTheQuestionToWhichTheFirstOneLed(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddStack(cloud66sim.Stack{Name: "web", Environment: "staging", History: 1})
		r.cloud.Deploy(r.web, cloud66sim.Start{})
		choice := r.ask(lin, deploys, "/c66 redeploy web --now")
		r.click(lin, choice, "web@production")
		if _, err := r.slack.Person(lin).ClickOld(deploys, choice, "web@production"); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		hold(t, "what lin sees of the second click", r.sees(lin, deploys), "answered already")
		hold(t, "what lin sees", r.sees(lin, deploys), "web@production is busy", "[Yes, queue it]")
	})
}
