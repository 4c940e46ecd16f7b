package bot_test

import (
	"testing"
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
