package bot_test

import (
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

func TestARepairedLineRunsByItsButton(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		wrong := r.ask(lin, deploys, "/c66 redeploy web --reason fix the login")
		hold(t, "the answer", wrong.Plain(), `/c66 redeploy web --reason "fix the login"`, "[Run it]")
		r.click(lin, wrong, "Run it")
		hold(t, "the card", r.card("deploying #1036").Plain(), "fix the login")
		r.again(lin, wrong, "Run it")
		pass(1e9)
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made", n)
		}
		refused := r.ask(sam, deploys, "/c66 redeploy web prod --now")
		r.click(sam, refused, "Run it")
		r.says(sam, deploys, "You may not redeploy")
	})
}

func TestAMentionThatCannotBeReadIsAnsweredWithAMention(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		card := r.card("deploying #1036")
		r.mention(lin, deploys, card.TS, "@c66bot shwo")
		wrong := r.inThread(lin, card, "I don't know the command", "@c66bot show", "[Run it]")
		lack(t, "the answer in the thread", wrong.Plain(), "/c66")
		r.click(lin, wrong, "Run it")
		r.inThread(lin, card, "#1036", "Started")
		r.mention(lin, deploys, card.TS, "@c66bot cancel web prod")
		r.inThread(lin, card, "@c66bot cancel web@prod", "[Run it]")
	})
}

func TestTheExampleOfAListStaysAMentionWhileItsPagesAreTurned(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		card := r.card("deploying #1036")
		r.mention(lin, deploys, card.TS, "@c66bot list web")
		for _, step := range []struct{ shows, next string }{{"1–10 of 36", "Older"}, {"11–20 of 36", "Newer"}, {"1–10 of 36", "Refresh"}} {
			page := r.inThread(lin, card, step.shows, "@c66bot show web@production")
			lack(t, "the list in the thread", page.Plain(), "/c66")
			r.click(lin, page, step.next)
		}
		hold(t, "the refreshed list", r.inThread(lin, card, "1–10 of 36").Plain(), "@c66bot show")
	})
}

func TestARedeployOfNothingOpensTheFormWithItsSearch(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.mention(lin, deploys, "", "@c66bot redeploy --ref feature/x")
		offer := r.says(lin, deploys, "with a search for the stack", "[Redeploy]")
		r.click(lin, offer, "Redeploy")
		r.form(lin, "Redeploy a stack")
		r.search(lin, "Stack", "web")
		r.choose(lin, "Stack", "web@production")
		hold(t, "the form of the stack", r.form(lin, "Redeploy web@production").Plain(), "feature/x")
		r.submit(lin)
		hold(t, "the card", r.card("deploying #1036").Plain(), "feature/x")
	})
}

// goesOn waits for the message in the thread of a request that a right is granted, with the button that goes on.
func (r *rig) goesOn(request slacksim.Message) slacksim.Message {
	r.t.Helper()
	var found slacksim.Message
	r.until("the thread goes on", func() bool {
		for _, m := range r.slack.Person(lin).Thread(request.Channel, request.TS) {
			if !m.Ephemeral && holdsAll(m.Plain(), []string{"that is granted until", "[Redeploy]"}) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// tries has somebody click a button of a message, whatever it is by now, and gives what they alone are told.
func (r *rig) tries(user string, m slacksim.Message, label string) string {
	r.t.Helper()
	before := len(r.slack.Log())
	r.again(user, m, label)
	pass(2 * time.Second)
	return r.heard(user, before)
}

func TestANewcomerInAFreshChannelIsGivenWhatTheyAskedForAndGoesOn(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		refused := r.ask(sam, support, "/c66 redeploy web@prod --now")
		hold(t, "the refusal", refused.Plain(), "You may not redeploy", "[Ask for access]")
		lack(t, "the refusal", refused.Plain(), "/c66 allow", "web@production")
		r.click(sam, refused, "Ask for access")
		request := r.says(lin, support, "@sam asks to redeploy web@prod", "This channel has no rules yet", "/c66 allow U0SAM redeploy",
			"[Grant 1 h]")
		r.click(lin, request, "Grant 1 h")
		granted := r.goesOn(request)
		hold(t, "the thread", granted.Plain(), "@sam, that is granted until")
		pass(40 * time.Minute)
		hold(t, "a guest's click", r.tries(guest, granted, "Redeploy"), "You may not")
		r.again(sam, granted, "Redeploy")
		r.deploymentCard(support, "web@production deploying #1036")
		hold(t, "a second click", r.tries(sam, granted, "Redeploy"), "not done twice")
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs", n)
		}
		pass(time.Hour)
		hold(t, "once the grant is over", r.ask(sam, support, "/c66 redeploy web@prod --now").Plain(), "You may not redeploy")
	})
}

func TestTheAdminChoosesWhichNamesakeIsGranted(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		twin := r.cloud.AddStack(cloud66sim.Stack{Name: "web", Environment: "production", AccountName: "other", History: 3})
		pass(2 * time.Minute)
		r.click(sam, r.ask(sam, support, "/c66 redeploy web --now"), "Ask for access")
		r.click(lin, r.says(lin, support, "@sam asks to redeploy web", "[Grant 1 h]"), "Grant 1 h")
		choice := r.says(lin, support, "matches 2 stacks. For which one?", "[web@production · other]")
		lack(t, "what the channel sees", r.sees(sam, support), "other")
		r.click(lin, choice, "web@production · other")
		r.says(lin, support, "@lin granted it until")
		hold(t, "the other", r.ask(sam, support, "/c66 redeploy "+r.web+" --now").Plain(), "stack")
		r.command(sam, support, "/c66 redeploy "+twin+" --now")
		r.deploymentCard(support, "web@production")
		if n := len(r.cloud.Deployments(r.web)); n != 35 {
			t.Errorf("%d deployments of the other", n)
		}
	})
}

func TestANewcomerInADirectMessageIsSentToAChannel(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		for _, text := range []string{"redeploy web --now", "stacks", "show web", "cancel web", "help redeploy"} {
			said := r.types(sam, direct(sam), text)
			hold(t, text, said, "channel")
			lack(t, text, said, "web@production", "[Ask for access]", "/c66 allow")
		}
		hold(t, "help", r.types(sam, direct(sam), "help"), "ask in a channel")
	})
}

func TestAGuestGoesOnOnlyByARuleThatNamesThem(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow everyone all *")
		refused := r.ask(guest, deploys, "/c66 redeploy web --now")
		hold(t, "the refusal", refused.Plain(), "You may not redeploy here", "[Ask for access]")
		lack(t, "the refusal", refused.Plain(), "web@production")
		r.click(guest, refused, "Ask for access")
		request := r.says(lin, deploys, "@gus asks to redeploy web", "[Grant 1 h]")
		r.click(lin, request, "Grant 1 h")
		r.again(guest, r.goesOn(request), "Redeploy")
		hold(t, "the card", r.card("#1036").Plain(), "web@production")
		hold(t, "another right", r.ask(guest, deploys, "/c66 subscribe web").Plain(), "You may not")
	})
}

func TestASearchOfTheFormThatFindsNothingAsksForAccess(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddStack(cloud66sim.Stack{Name: "api", Environment: "production", History: 3})
		pass(2 * time.Minute)
		r.allow("allow @sam redeploy web")
		r.opens(sam, deploys, "/c66 redeploy", "Redeploy a stack")
		for _, name := range []string{"nosuch", "api"} {
			if got, want := r.search(sam, "Stack", name), "Ask for access to “"+name+"”"; len(got) != 1 || got[0] != want {
				t.Fatalf("the search offers %q", got)
			}
			r.choose(sam, "Stack", "Ask for access to “"+name+"”")
			hold(t, "the form", r.form(sam, "I know no stack “"+name+"”", "[Ask for access]").Plain(), "Stack")
		}
		if _, err := r.slack.Person(sam).ClickView("Ask for access"); err != nil {
			t.Fatal(err)
		}
		r.says(lin, deploys, "@sam asks to redeploy api", "[Grant 1 h]")
	})
}

func TestANumberAloneShowsTheDeployment(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		hold(t, "what is shown", r.ask(lin, deploys, "/c66 show 1036").Plain(), "web@production", "#1036", "Started")
		hold(t, "of the only stack", r.ask(lin, deploys, "/c66 show 1020").Plain(), "web@production #1020")
		r.cloud.AddStack(cloud66sim.Stack{Name: "api", Environment: "production", History: 3})
		pass(2 * time.Minute)
		which := r.ask(lin, deploys, "/c66 show 1003")
		hold(t, "the question", which.Plain(), "Which stack is #1003 of?", "[api@production]", "[web@production]")
		r.click(lin, which, "web@production")
		r.says(lin, deploys, "web@production #1003")
	})
}
