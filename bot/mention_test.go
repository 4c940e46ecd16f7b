package bot_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

// mention has a person write to the bot and waits for the acknowledgement.
func (r *rig) mention(user, channel, thread, text string) *slacksim.Delivery {
	r.t.Helper()
	_, d, err := r.slack.Person(user).Mention(channel, thread, text)
	if err != nil {
		r.t.Fatal(err)
	}
	r.acked(d)
	return d
}

// inThread waits until a person is answered in a thread with all the words.
func (r *rig) inThread(user string, card slacksim.Message, words ...string) slacksim.Message {
	r.t.Helper()
	var found slacksim.Message
	r.until(user+" is told in the thread "+strings.Join(words, " … "), func() bool {
		for _, m := range r.slack.Person(user).Thread(card.Channel, card.TS) {
			if m.Ephemeral && holdsAll(m.Plain(), words) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// answers counts the messages that a person sees in the channel and that hold a text.
func (r *rig) answers(user, text string) int {
	n := 0
	for _, m := range r.slack.Person(user).Sees(deploys) {
		if strings.Contains(m.Plain(), text) {
			n++
		}
	}
	return n
}

func TestAMentionDoesWhatACommandDoes(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.mention(lin, deploys, "", "@c66bot list web")
		r.says(lin, deploys, "deployments 1–10 of 35")
		r.mention(lin, deploys, "", "@c66bot allow @sam view web")
		r.says(sam, deploys, "allow @sam view on web")
		r.mention(sam, deploys, "", "@c66bot: redeploy web --now")
		r.says(sam, deploys, "You may not redeploy web@production here")
		r.mention(lin, deploys, "", "@c66bot redeploy web")
		offer := r.says(lin, deploys, "the button opens the form", "[Redeploy]")
		r.click(lin, offer, "Redeploy")
		r.form(lin, "Redeploy web@production")
		r.mention(lin, deploys, "", "@c66bot redeploy web --now --reason \"a & b\"")
		hold(t, "the card", r.card("deploying #1036").Plain(), "a & b")
		r.mention(lin, deploys, "", "thanks to @c66bot redeploy web --now")
		r.says(lin, deploys, "begin the message with my name")
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestInACardsThreadTheStackMayBeLeftOut(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		card := r.card("deploying #1036")
		r.mention(lin, deploys, card.TS, "@c66bot show")
		r.inThread(lin, card, "deploying #1036")
		r.mention(lin, deploys, card.TS, "@c66bot show 1030")
		r.inThread(lin, card, "#1030")
		r.mention(lin, deploys, card.TS, "@c66bot cancel")
		question := r.inThread(lin, card, "cancel #1036?", "[Yes, cancel it]")
		r.click(lin, question, "Yes, cancel it")
		r.card("#1036 was cancelled by @lin")
		r.mention(sam, deploys, card.TS, "@c66bot cancel")
		r.inThread(sam, card, "You may not")
		other, err := r.slack.Person(lin).Say(deploys, "", "a message of mine")
		if err != nil {
			t.Fatal(err)
		}
		r.mention(lin, deploys, other.TS, "@c66bot cancel")
		r.inThread(lin, other, "Which stack?")
	})
}

func TestAnEditThatAddsTheMentionGetsAWordOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		const word = "nothing was done of the edit"
		m, err := r.slack.Person(lin).Say(deploys, "", "redeploy web --now")
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"@c66bot redeploy web --now", "@c66bot redeploy web --now please", "thanks", "@c66bot redeploy web"} {
			if err := r.slack.Person(lin).Edit(deploys, m.TS, text); err != nil {
				t.Fatal(err)
			}
			pass(time.Minute)
		}
		hold(t, "the word", r.says(lin, deploys, word).Plain(), "You edited your message.", "send it as a new message")
		if n := r.answers(lin, word); n != 1 {
			t.Errorf("lin is told %d times", n)
		}
		if n := r.answers(sam, word); n != 0 {
			t.Errorf("sam is told %d times", n)
		}
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAChangeThatComesAsAMentionGetsAWordOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		const word = "nothing was done of the edit"
		changed := func(event, ts, before, now string, more map[string]any) {
			message := map[string]any{"type": "message", "user": lin, "text": now, "ts": ts,
				"edited": map[string]any{"user": lin, "ts": "1772625700.000100"}}
			maps.Copy(message, more)
			d := r.slack.Deliver("events_api", map[string]any{"type": "event_callback", "event_id": event, "event": map[string]any{
				"type": "app_mention", "subtype": "message_changed", "channel": deploys, "ts": "1772625700.000200", "event_ts": "1772625700.000200",
				"message": message, "previous_message": map[string]any{"type": "message", "user": lin, "text": before, "ts": ts},
			}}, false)
			if _, err := d.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		const mention = "<@U0C66BOT> redeploy web --now"
		changed("Ev1", "1772625600.000100", mention, mention, nil) // a preview of a link was added
		changed("Ev2", "1772625600.000100", "x", mention, map[string]any{"bot_id": "B0OTHER"})
		if n := r.answers(lin, word); n != 0 {
			t.Errorf("lin is told %d times of what is no edit of hers", n)
		}
		changed("Ev3", "1772625600.000100", "redeploy web --now", mention, nil)
		changed("Ev4", "1772625600.000100", mention, mention+" please", nil)
		if n := r.answers(lin, word); n != 1 {
			t.Errorf("lin is told %d times", n)
		}
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAMentionThatComesAgainIsDoneOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		m, d, err := r.slack.Person(lin).Mention(deploys, "", "@c66bot redeploy web --now")
		if err != nil {
			t.Fatal(err)
		}
		r.acked(d)
		r.card("deploying #1036")
		r.slack.Redeliver(d.EnvelopeID)
		pass(time.Second)
		r.kill()
		r.start()
		r.slack.Redeliver(d.EnvelopeID)
		pass(time.Second)
		if err := r.slack.Person(lin).Edit(deploys, m.TS, "@c66bot redeploy web --now please"); err != nil {
			t.Fatal(err)
		}
		r.card("went live")
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAMentionThatSlackBringsLateChangesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.stop()
		_, _, err := r.slack.Person(lin).Mention(deploys, "", "@c66bot redeploy web --now")
		if err != nil {
			t.Fatal(err)
		}
		pass(20 * time.Minute)
		r.start()
		r.says(lin, deploys, "after you wrote it", "Nothing was done")
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAnEditOfAMessageDoesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		m, d, err := r.slack.Person(lin).Mention(deploys, "", "@c66bot list web")
		if err != nil {
			t.Fatal(err)
		}
		r.acked(d)
		r.says(lin, deploys, "deployments 1–10 of 35")
		if err := r.slack.Person(lin).Edit(deploys, m.TS, "@c66bot redeploy web --now"); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if n := r.requests("POST") + r.answers(lin, "You edited"); n != 0 { // what it said first was answered
			t.Errorf("%d POSTs and answers were made", n)
		}
	})
}

func TestATextIsReadHoweverItIsFormattedAndQuoted(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		for _, text := range []string{
			"@c66bot /c66 list web", "@c66bot `/c66 list web`", "@c66bot /C66 /c66 list web", "@c66bot /c66\u00a0list web", "\u200b@c66bot list web",
			"> @c66bot list web",
			"*@c66bot list web*", "@c66bot list *web*", "@c66bot _list_ ~web~", "@c66bot ```\n/c66 list web\n```",
			"@c66bot ```sh\n/c66 list web\n```", "@c66bot > list web",
			"@c66bot “list web”", "@c66bot @c66bot list \u00adweb\u200e",
		} {
			before := r.answers(lin, "deployments 1–10 of 35")
			r.mention(lin, deploys, "", strings.ReplaceAll(text, "@c66bot", "<@U0C66BOT>"))
			r.until(text+" is answered", func() bool { return r.answers(lin, "deployments 1–10 of 35") == before+1 })
		}
		for _, text := range []string{"`/c66 list web`", "/c66 list web", "“list web”", "*list* web", "```\nlist web\n```", "> list web",
			"\ufefflist\u3000web"} {
			hold(t, text, r.ask(lin, deploys, "/c66 "+text).Plain(), "deployments 1–10 of 35")
		}
		r.command(lin, deploys, "/c66 `/c66 allow @sam view web*`")
		r.says(sam, deploys, "allow @sam view on web*")
	})
}

func TestAStackIsFoundHoweverItsNameIsWritten(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddStack(cloud66sim.Stack{Name: "🚀-café", Environment: "production", History: 2})
		r.cloud.AddStack(cloud66sim.Stack{Name: ":tada: ｐａｒｔｙ", Environment: "production", History: 3})
		for _, typed := range []string{"🚀-café", ":rocket:-cafe\u0301", "🚀‑CAFÉ＠prod", "‹🚀–café›"} {
			hold(t, typed, r.ask(lin, deploys, "/c66 list "+typed).Plain(), "🚀-café", "deployments 1–2 of 2")
		}
		for _, typed := range []string{"'🎉 party'", "«:tada: party»", "「🎉　ｐａｒｔｙ」", "“:tada:\u2003party”"} {
			hold(t, typed, r.ask(lin, deploys, "/c66 list "+typed).Plain(), "🎉 ｐａｒｔｙ", "deployments 1–3 of 3")
		}
		r.command(lin, deploys, "/c66 allow @sam view,redeploy :rocket:*")
		r.says(sam, deploys, "allow @sam")
		hold(t, "what sam may see", r.ask(sam, deploys, "/c66 list :rocket:-café").Plain(), "deployments 1–2 of 2")
		r.command(sam, deploys, "/c66 redeploy :rocket:-café −−now −−reason 「go :tada:」")
		hold(t, "the card", r.card("🚀-café").Plain(), "“go 🎉”")
	})
}

func TestAPersonInAReasonIsShownByName(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.mention(lin, deploys, "", `@c66bot redeploy web --now --reason "@sam asked"`)
		card := r.card("“@sam asked”")
		for _, m := range r.slack.Person(sam).Thread(deploys, card.TS) {
			if strings.Contains(fmt.Sprint(m.Text, m.Plain(), m.Pings()), sam) {
				t.Errorf("sam is shown by id, or pinged: %q %v", m.Text, m.Pings())
			}
		}
		r.card("went live")
		r.slack.FailCall("users.info", "fatal_error", 100, false)
		pass(time.Hour)
		r.mention(lin, deploys, "", "@c66bot list <@U0NOBODY>")
		r.says(lin, deploys, "“@someone”")
		r.slack.ClearFaults()
		r.opens(lin, deploys, "/c66 redeploy web", "Redeploy web@production")
		r.fill(lin, "Reason", "<@"+sam+"> said so")
		r.submit(lin)
		r.card("“@sam said so”")
		r.mention(lin, deploys, "", "@c66bot list @sam")
		r.says(lin, deploys, "I know no stack “@sam”")
		var audit []string
		r.stop()
		r.stores(func(tx storage.Tx) error {
			return storage.Audit.Scan(tx, "", func(_ string, e storage.AuditEntry) error { audit = append(audit, e.Asked); return nil })
		})
		if all := strings.Join(audit, "\n"); !strings.Contains(all, "@sam asked") || !strings.Contains(all, "@sam said so") ||
			strings.Contains(all, sam) {
			t.Errorf("the audit holds\n%s", all)
		}
	})
}
