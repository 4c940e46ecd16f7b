package commands

import (
	"errors"
	"strings"
	"testing"

	"c66bot/authz"
	"c66bot/storage"
)

// TestInAChannelWithoutTheBotTheFirstSentenceSaysThat checks answers of every kind, before any right.
func TestInAChannelWithoutTheBotTheFirstSentenceSaysThat(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const first = "I am not a member of this channel."
		r.cloud.has("web1", 3)
		r.cloud.runs("web1", true)
		r.listed()
		check := func(what string, reply Reply) {
			t.Helper()
			d := reply.Document()
			if !strings.Contains(d.Fallback().String(), "Invite me with /invite @c66bot") {
				t.Errorf("%s does not say how to invite it", what)
			}
			for _, line := range []string{d.Fallback().String(), d.Blocks[0].Lines[0].String()} {
				_, text, _ := strings.Cut(line, "I am")
				if sign := strings.TrimSuffix(line, "I am"+text); !strings.HasPrefix("I am"+text, first) || len(sign) > len("⚠️ ") {
					t.Errorf("%s is answered %q", what, line)
				}
			}
		}
		for _, user := range []string{lin, sam} {
			for _, text := range []string{
				"help", "help redeploy", "stacks", "list web@production", "list nosuch", "list web", "show web@production", "status", "access",
				"access why redeploy web", "show 2", "audit", "subscriptions", "locks", "redeploy web@production --now", "redeploy web@production",
				"rollback web@production", "promote web@staging production", "cancel web@production", "follow web@production", "subscribe web",
				"unsubscribe web", "allow <@U0SAM> view web", "revoke k3f9", "lock web a test", "unlock web", "protect web", "unprotect web",
			} {
				check(user+": "+text, r.sayIn(secret, user, text))
			}
			for _, text := range []string{"redploy web", "list", "show web prod", "list web --brnch x"} {
				_, err := Parse(text)
				usage, ok := err.(*UsageError) //nolint:errorlint // the parser's own
				if !ok {
					t.Fatalf("%s is read", text)
				}
				check(user+": "+text, r.Unread(t.Context(), request(Invocation{}, user, secret), text, Here{}, usage))
			}
			for _, inv := range []Invocation{
				{Verb: Cancel, UID: "web1", Deployment: 3, Yes: true}, {Verb: Redeploy, UID: "web1", Options: Options{Now: given}},
				{Verb: List, UID: "web1", Options: Options{Page: "1"}}, {Verb: Dismiss},
			} {
				check(user+" clicks "+string(inv.Verb), r.clickIn(secret, user, inv))
			}
			check(user+"'s form", r.Form(t.Context(), request(Invocation{Verb: Redeploy, UID: "web1"}, user, secret)))
		}
	})
}

// TestARefusalOffersToAskWhicheverWayOneCame checks commands, the buttons of a card, and forms, with and without view.
func TestARefusalOffersToAskWhicheverWayOneCame(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		r.cloud.runs("web1", true)
		r.put(allow(kim, "web@production", authz.View))
		r.stores(func(tx storage.Tx) error {
			card := storage.Follow{ID: "card", Channel: here, Stack: RefOf(r.stacks.stacks[0]), Deployment: 3, Asker: lin}
			return errors.Join(storage.Follows.Put(tx, "card", card),
				storage.Heard.Put(tx, storage.HeardKey("web1", 3, here), storage.WishOf{Follow: "card"}))
		})
		check := func(what string, reply Reply) {
			t.Helper()
			refusal := as[RefusalReply](t, reply)
			if refusal.Ask == nil {
				t.Errorf("%s offers nothing", what)
			}
			if said := refusal.Document().Fallback().String(); strings.HasPrefix(what, sam+": a click") && strings.Contains(said, "web") {
				t.Errorf("%s is answered %s", what, said)
			}
		}
		buttons := []Invocation{
			{Verb: Cancel, UID: "web1", Deployment: 3, Yes: true}, {Verb: Redeploy, UID: "web1", Follow: "card"},
			{Verb: Rollback, UID: "web1", Deployment: 3}, {Verb: Show, UID: "web1", Deployment: 3}, {Verb: Follow, UID: "web1", Deployment: 3},
		}
		for _, user := range []string{sam, kim} {
			for _, text := range []string{"redeploy web@production --now", "cancel web@production", "rollback web@production",
				"lock web@production a test", "subscribe web@production"} {
				check(user+": "+text, r.say(user, text))
			}
			for _, inv := range buttons {
				if user == sam || inv.right() != authz.View {
					check(user+": a click on "+string(inv.Verb), r.click(user, inv))
				}
			}
			check(user+": the form by a click", r.form(user, buttons[1]))
		}
		r.click(sam, *as[RefusalReply](t, r.click(sam, buttons[0])).Ask)
		if got := told[RequestReply](r).Wishes; len(got) != 1 || got[0].UID != "web1" || got[0].Action != "cancel" {
			t.Errorf("asked for is %+v", got)
		}
		hidden := func(what string, reply Reply) {
			t.Helper()
			if refusal := as[RefusalReply](t, reply); refusal.Stack != nil || refusal.Ask != nil {
				t.Errorf("%s is answered %+v", what, refusal)
			}
		}
		for _, inv := range buttons {
			hidden("a click elsewhere on "+string(inv.Verb), r.clickIn(there, sam, inv))
			inv.UID = "api1"
			hidden("a click about another stack on "+string(inv.Verb), r.click(sam, inv))
		}
		r.put(deny(sam, "web@production", authz.View))
		hidden("what is denied", r.click(sam, buttons[0]))
	})
}

// TestWhereTheBotsOwnDeploymentIsListedItsAskerIsNamed checks the lists and the preview of a subscription.
func TestWhereTheBotsOwnDeploymentIsListedItsAskerIsNamed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		for i := range r.cloud.deployments["web1"] {
			r.cloud.deployments["web1"][i].TriggeredBy = "token@example.com"
		}
		r.stores(func(tx storage.Tx) error {
			return errors.Join(storage.Follows.Put(tx, "asked", storage.Follow{ID: "asked", Asker: kim}),
				storage.Wishes.Put(tx, storage.DeploymentKey("web1", 3), storage.WishOf{Follow: "asked"}))
		})
		for _, text := range []string{"list web@production", "list web@production --by <@" + kim + ">", "show web@production"} {
			said := r.say(lin, text).Document().Fallback().String()
			if !strings.Contains(said, "<@"+kim+">") {
				t.Errorf("%s does not name who asked: %s", text, said)
			}
		}
		silent(t, r.say(lin, "subscribe web@production"))
		said := r.channels.amended[0].Reply.Document().Fallback().String()
		if !strings.Contains(said, "#3") || !strings.Contains(said, "by @Kim") || strings.Contains(said, "token@example.com") {
			t.Errorf("the preview does not name who asked: %s", said)
		}
	})
}

// TestNoAnswerNamesAStackThatDoesNotExist gives every command alone, and with a word too many or unknown, and clicks on what is gone.
func TestNoAnswerNamesAStackThatDoesNotExist(t *testing.T) {
	for _, listed := range []bool{false, true} {
		inBubble(t, func(t *testing.T, r *rig) {
			if listed {
				r.listed()
			}
			r.put(allow(kim, "web@staging", authz.View, authz.Subscribe))
			check := func(what string, reply Reply) {
				t.Helper()
				if reply == nil {
					return
				}
				if said := reply.Document().Fallback().String(); strings.Contains(said, "mystack") || strings.Contains(said, "my stack") {
					t.Errorf("%s is answered %s", what, said)
				}
			}
			for _, user := range []string{lin, kim, sam} {
				for _, s := range Specs {
					for _, rest := range []string{"", " nosuch", " nosuch neither", " web@production --nosuch", " ''", " ' '", " @", " nosuch --page x"} {
						if !s.Button {
							text := string(s.Verb) + rest
							check(user+": "+text, r.asked(user, here, text))
						}
					}
				}
				check(user+"'s refresh", r.click(user, Invocation{Verb: Refresh, Follow: "gone"}))
				check(user+"'s unsubscribe", r.click(user, Invocation{Verb: Unsubscribe, Options: Options{Rule: "k3f9", Glob: "web"}}))
			}
		})
	}
}
