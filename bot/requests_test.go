package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/commands"
	"c66bot/storage"
)

// asks has somebody ask for access to a stack by its name, and gives what they are told.
func (r *rig) asks(user, channel, stack string) string {
	r.t.Helper()
	refused := r.ask(user, channel, "/c66 redeploy "+stack+" --now")
	before := len(r.slack.Log())
	r.click(user, refused, "Ask for access")
	pass(2 * time.Second)
	return r.heard(user, before)
}

func TestAPersonHasOneRequestInAChannelThatGrows(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddStack(cloud66sim.Stack{Name: "api", History: 2})
		told := map[string]bool{}
		for i := range 60 {
			name := fmt.Sprintf("made-up-%d", i)
			if i == 3 {
				name = "api" // which exists, and of which nothing else is said
			}
			told[r.asks(sam, deploys, name)] = true
		}
		pass(time.Minute)
		cards := r.cards(deploys)
		if len(cards) != 1 || len(told) != 2 {
			t.Fatalf("%d messages, and the answers %v", len(cards), told)
		}
		if n := len(r.slack.Calls("chat.postMessage")); n != 1 {
			t.Errorf("%d posts", n)
		}
		hold(t, "the request", cards[0].Plain(), "@sam asks for access", "made-up-0", "api", "made-up-9", "@lin")
		lack(t, "the request", cards[0].Plain(), "made-up-10")
		for says := range told {
			if !strings.Contains(says, "I have asked the admins") && !strings.Contains(says, "They were not asked for this") {
				t.Errorf("%q", says)
			}
		}
		pass(time.Hour)
		hold(t, "an hour later", r.asks(sam, deploys, "web"), "I have asked the admins")
		if n := len(r.cards(deploys)); n != 2 {
			t.Errorf("%d messages", n)
		}
	})
}

func TestAPersonMakesAFewRequestsAnHourAndAChannelSeesSomeMore(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		var people []string
		for i := range 25 {
			id := fmt.Sprintf("U0P%d", i)
			people = append(people, id)
			r.slack.AddUser(slacksim.User{ID: id, Name: strings.ToLower(id), RealName: id})
		}
		for i := range 7 {
			id := fmt.Sprintf("C0MANY%d", i)
			r.slack.AddChannel(slacksim.Channel{ID: id, Name: fmt.Sprintf("many%d", i), Members: append([]string{lin, sam}, people...),
				BotIsMember: true})
			if said := r.asks(sam, id, "web"); strings.Contains(said, "I have asked") != (i < 5) {
				t.Errorf("request %d: %s", i, said)
			}
		}
		made := 0
		for _, id := range people {
			if strings.Contains(r.asks(id, "C0MANY6", "web"), "I have asked") {
				made++
			}
		}
		if made != 20 {
			t.Errorf("%d requests in one channel", made)
		}
	})
}

func TestEachRightOfARequestIsGrantedByItself(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.asks(sam, deploys, "web")
		r.asks(sam, deploys, "api")
		request := r.says(lin, deploys, "asks for access", "web", "api")
		r.click(lin, request, "Grant 1 h")
		r.says(lin, deploys, "redeploy web: @lin granted it until", "[Grant 1 h]")
		r.command(sam, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		r.again(lin, request, "Grant 1 h")
		r.says(lin, deploys, "not done twice")
	})
}

func TestWhatPeopleDoGoesBeforeRequests(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.SlowCall("chat.postMessage", 3*time.Second, 1)
		var people []string
		for i := range 18 {
			id := fmt.Sprintf("U0P%d", i)
			people = append(people, id)
			r.slack.AddUser(slacksim.User{ID: id, Name: strings.ToLower(id), RealName: id})
		}
		r.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: append([]string{lin, sam}, people...), BotIsMember: true})
		for _, id := range people {
			r.press(
				id,
				deploys,
				value(
					t,
					commands.Invocation{Verb: commands.Ask, Options: commands.Options{commands.Actions: "redeploy", commands.Glob: "web"}, Nonce: "n",
						AskedAt: time.Now().Unix()},
				),
			)
		}
		pass(time.Second)
		r.command(lin, deploys, "/c66 redeploy web --now")
		began := time.Now()
		r.until("it was sent", func() bool { return r.requests("POST") == 1 })
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("it waited %s behind requests", took)
		}
	})
}

func TestOnlyWhoMayUsesUpAButton(t *testing.T) {
	t.Parallel()
	forged := func(t *testing.T, grant commands.Invocation, change func(*commands.Invocation)) string {
		change(&grant)
		return value(t, grant)
	}
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, support, "/c66 allow <@"+robot+"> admin *") // an admin of another channel
		r.asks(sam, deploys, "web")
		request := r.says(lin, deploys, "@sam asks to redeploy web", "[Grant 1 h]")
		nonce := fieldOf(request, `"k":"`)
		grant := commands.Invocation{
			Verb:    commands.Grant,
			Options: commands.Options{commands.Who: sam, commands.Actions: "redeploy", commands.Glob: "web@*"},
			Nonce:   nonce,
			AskedAt: time.Now().Unix(),
		}
		if glob := fieldOf(request, `"c":"`); glob != "" {
			grant.Options[commands.Glob] = glob
		}
		same := func(*commands.Invocation) {}
		for _, press := range []func(){
			func() { r.press(robot, support, forged(t, grant, same)) },
			func() { r.press(lin, support, forged(t, grant, same)) },
			func() { r.press(lin, direct(lin), forged(t, grant, same)) },
			func() { r.press(guest, deploys, forged(t, grant, same)) },
			func() { r.press(robot, deploys, forged(t, grant, same)) },
			func() {
				r.press(lin, deploys, forged(t, grant, func(i *commands.Invocation) { i.Options[commands.Who] = guest }))
			},
			func() {
				r.press(lin, deploys, forged(t, grant, func(i *commands.Invocation) { i.Options[commands.Glob] = "*" }))
			},
			func() {
				r.press(lin, deploys, forged(t, grant, func(i *commands.Invocation) { i.Options[commands.Actions] = "cancel" }))
			},
			func() { r.press(lin, deploys, forged(t, grant, func(i *commands.Invocation) { i.Nonce = "n" })) },
		} {
			press()
			pass(20 * time.Second)
		}
		for _, verb := range []commands.Verb{commands.Dismiss, commands.Ask, commands.Cancel, commands.Redeploy, commands.Subscribe,
			commands.Allow} {
			for _, user := range []string{guest, sam, robot, outsider, lin} {
				for _, channel := range []string{deploys, support} {
					if user == lin && verb != commands.Dismiss {
						continue // who may do all that
					}
					r.press(user, channel, value(t, commands.Invocation{
						Verb: verb, UID: r.web, Options: commands.Options{commands.Who: sam, commands.Actions: "redeploy", commands.Glob: "web"},
						Nonce: nonce, Deployment: 1035, Yes: true,
						AskedAt: time.Now().Unix(),
					}))
				}
			}
		}
		pass(time.Minute)
		lack(t, "the channel", r.sees(sam, deploys), "granted it until")
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs", n)
		}
		r.click(lin, request, "Grant 1 h")
		r.says(sam, deploys, "granted it until")
		r.command(sam, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		r.terminate()
		r.stores(func(tx storage.Tx) error {
			return storage.Rules.Scan(tx, "", func(_ string, rule storage.Rule) error {
				if rule.Channel == support && rule.Who != robot || rule.Channel == deploys && rule.Who != sam {
					t.Errorf("%+v", rule)
				}
				return nil
			})
		})
	})
}

func TestNobodyElseAnswersAQuestion(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam cancel,view web")
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		question := r.ask(lin, deploys, "/c66 cancel web")
		nonce := fieldOf(question, `"k":"`)
		for _, user := range []string{guest, sam} {
			for _, channel := range []string{deploys, support} {
				r.press(user, channel, value(t, commands.Invocation{Verb: commands.Dismiss, Nonce: nonce}))
			}
		}
		r.press(lin, support, value(t, commands.Invocation{Verb: commands.Dismiss, Nonce: nonce}))
		pass(5 * time.Second)
		r.click(lin, question, "Yes, cancel it")
		r.card("cancelled")
	})
}
