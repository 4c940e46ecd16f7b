package bot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/commands"
)

// attempt is one way of asking for something: how it is asked, and what somebody is told who may not.
type attempt struct {
	name string
	// as has somebody ask in a channel.
	as func(r *rig, user, channel string)
	// open says that anyone may.
	open bool
}

// words are what a command is tried with: its first example, on a stack that exists and on one that does not, and its last one. The tests
// of commands try all of them.
func words(spec commands.Spec) []string {
	if spec.Button {
		return nil
	}
	names := strings.NewReplacer("@lin", "<@U0LIN>", "@deployers", "<!subteam^S0DEPLOY>", "1042", "1036")
	on := func(example, stack string) string {
		return strings.NewReplacer(
			"mystack@production",
			stack,
			"mystack@staging",
			stack,
			"my stack@staging",
			stack,
		).Replace(
			names.Replace(example),
		)
	}
	first, last := spec.Examples[0], spec.Examples[len(spec.Examples)-1]
	all := []string{on(first, "web"), on(first, "nosuch"), on(last, "web")}
	slices.Sort(all)
	return slices.Compact(all)
}

// attempts are all ways of asking that there are: each command, typed and as a mention, each button, the form and the shortcut.
func attempts(t *testing.T, card, request, lock slacksim.Message) []attempt {
	t.Helper()
	var all []attempt
	// The buttons come first: the request for approval expires.
	for verb, buttons := range buttons(card, request, lock) {
		for name, inv := range buttons {
			value, err := inv.Value()
			if err != nil {
				t.Fatal(err)
			}
			all = append(
				all,
				attempt{"the button " + name, func(r *rig, user, channel string) { r.press(user, channel, value) }, verb == commands.Dismiss},
			)
		}
	}
	for _, spec := range commands.Specs {
		for _, text := range words(spec) {
			all = append(all,
				attempt{"/c66 " + text, func(r *rig, user, channel string) { r.slack.Person(user).Command(channel, "/c66 "+text) }, spec.Right == ""},
				attempt{"@c66bot " + text, func(r *rig, user, channel string) {
					r.emit(map[string]any{"type": "app_mention", "user": user, "channel": channel, "ts": r.ts(), "text": "<@U0C66BOT> " + text})
				}, spec.Right == ""})
		}
	}
	return append(
		all,
		attempt{
			"the form of the command",
			func(r *rig, user, channel string) { r.slack.Person(user).Command(channel, "/c66 redeploy web") },
			false,
		},
		attempt{"the shortcut, with the channel chosen", func(r *rig, user, channel string) { r.shortcut(user, channel) }, false},
		attempt{"a form that was sent", func(r *rig, user, channel string) { r.send(user, channel, uidOf(card)) }, false},
		attempt{"a search in the form", func(r *rig, user, channel string) { r.suggest(user, channel) }, true},
	)
}

// buttons are what the buttons of each verb are tried with; the test of commands tries those of every verb. Asking is for all of the
// workspace: a row with a right that nobody asks for stands for it.
func buttons(card, request, lock slacksim.Message) map[commands.Verb]map[string]commands.Invocation {
	uid, now := uidOf(card), time.Now().Unix()
	held := commands.Options{commands.Rule: fieldOf(lock, `"e":"`)}
	answer := func(verb commands.Verb, reason string) commands.Invocation {
		options := commands.Options{commands.Rule: fieldOf(request, `"e":"`), commands.Reason: reason}
		return commands.Invocation{Verb: verb, UID: uid, Options: options, Sight: fieldOf(request, `"sn":"`)}
	}
	return map[commands.Verb]map[string]commands.Invocation{
		commands.Show: {"Show": {Verb: commands.Show, UID: uid, Deployment: 1036}},
		commands.Refresh: {
			"Refresh":                  {Verb: commands.Refresh, UID: uid, Deployment: 1036, Follow: followOf(card)},
			"Refresh of a forged card": {Verb: commands.Refresh, UID: "forged", Deployment: 1, Follow: "forged"},
		},
		commands.Cancel: {"Cancel": {Verb: commands.Cancel, UID: uid, Deployment: 1036, Yes: true}},
		commands.Redeploy: {
			"Redeploy":          {Verb: commands.Redeploy, UID: uid},
			"Yes to a redeploy": {Verb: commands.Redeploy, UID: uid, Options: commands.Options{commands.Now: "true"}, AskedAt: now, Nonce: "n1"},
		},
		commands.Promote: {
			"Promote": {Verb: commands.Promote, UID: uid, Options: commands.Options{commands.Environment: "staging"}},
			"Yes to a promotion": {
				Verb: commands.Promote, UID: uid, Onto: uid, Options: commands.Options{commands.Environment: "production"}, Yes: true, Sight: "a",
				AskedAt: now, Nonce: "n6",
			},
		},
		commands.Rollback: {
			"Roll back": {Verb: commands.Rollback, UID: uid, Deployment: 1035},
			"Yes to a rollback": {
				Verb: commands.Rollback, UID: uid, Options: commands.Options{commands.To: "1034"}, Yes: true, Sight: "a", AskedAt: now, Nonce: "n5",
			},
		},
		commands.Approve:   {"Approve": answer(commands.Approve, "")},
		commands.Reject:    {"Reject": answer(commands.Reject, ""), "Reject with its reason": answer(commands.Reject, "no")},
		commands.Withdraw:  {"Withdraw": answer(commands.Withdraw, "")},
		commands.Unlock:    {"Unlock": {Verb: commands.Unlock, Options: held}},
		commands.AskUnlock: {"Ask to unlock": {Verb: commands.AskUnlock, UID: uid, Options: held, AskedAt: now, Nonce: "n7"}},
		commands.Follow:    {"Follow": {Verb: commands.Follow, UID: uid, Deployment: 1036}},
		commands.List:      {"Older": {Verb: commands.List, UID: uid, Options: commands.Options{commands.Page: "2"}}},
		commands.Stacks:    {"Next of the stacks": {Verb: commands.Stacks, Options: commands.Options{commands.Page: "2"}}},
		commands.Access:    {"Next of the rules": {Verb: commands.Access, Options: commands.Options{commands.Page: "2"}}},
		commands.Grant: {
			"Grant": {
				Verb:    commands.Grant,
				Options: commands.Options{commands.Who: sam, commands.Actions: "redeploy", commands.Glob: "*"},
				Nonce:   "n2",
				AskedAt: now,
			},
		},
		commands.Unsubscribe:   {"Unsubscribe": {Verb: commands.Unsubscribe, Options: commands.Options{commands.Rule: "k3f9"}}},
		commands.Subscriptions: {"Next of the subscriptions": {Verb: commands.Subscriptions, Options: commands.Options{commands.Page: "2"}}},
		commands.Dismiss:       {"No": {Verb: commands.Dismiss, Nonce: "n3"}},
		commands.Ask: {
			"Ask of every right": {
				Verb:    commands.Ask,
				Options: commands.Options{commands.Actions: "admin", commands.Glob: "*"},
				Nonce:   "n4",
				AskedAt: now,
			},
		},
	}
}

func uidOf(card slacksim.Message) string { return fieldOf(card, `"u":"`) }
func followOf(card slacksim.Message) string {
	payload, _ := card.Metadata["event_payload"].(map[string]any)
	key, _ := payload["key"].(string)
	return strings.TrimPrefix(key, "card/")
}

// fieldOf gives what stands behind a word in the value of one of the card's buttons.
func fieldOf(card slacksim.Message, word string) string {
	text := fmt.Sprint(card.Blocks)
	_, rest, _ := strings.Cut(text, word)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// ts is a timestamp of now that no message has.
func (r *rig) ts() string {
	r.stamps++
	return fmt.Sprintf("%d.%06d", time.Now().Unix(), 900000+r.stamps)
}

func (r *rig) emit(event map[string]any) { r.slack.Emit(event) }

func (r *rig) trigger() string { return "1.2." + r.ts() }

func (r *rig) press(user, channel, value string) {
	r.slack.Deliver("interactive", map[string]any{
		"type": "block_actions", "user": map[string]any{"id": user}, "channel": map[string]any{"id": channel}, "trigger_id": r.trigger(),
		"container": map[string]any{"type": "message", "channel_id": channel, "is_ephemeral": false},
		"actions":   []any{map[string]any{"action_id": "button", "value": value, "type": "button"}},
	}, false)
}

// shortcut has somebody open the form by the shortcut and choose a channel in it.
func (r *rig) shortcut(user, channel string) {
	r.slack.Person(user).Shortcut("redeploy")
	pass(time.Second)
	v, _ := r.slack.Person(user).View()
	r.slack.Deliver("interactive", map[string]any{
		"type": "block_actions", "user": map[string]any{"id": user}, "trigger_id": r.trigger(), "container": map[string]any{"type": "view"},
		"view":    map[string]any{"id": v.ID, "private_metadata": v.PrivateMetadata},
		"actions": []any{map[string]any{"action_id": "channel", "selected_conversation": channel, "type": "conversations_select"}},
	}, false)
}

func (r *rig) send(user, channel, uid string) {
	metadata := fmt.Sprintf(`{"c":%q,"u":%q,"l":1036,"m":%d,"a":"r"}`, channel, uid, time.Now().Unix())
	text := map[string]any{"field": map[string]any{"type": "plain_text_input", "value": "main"}}
	values := map[string]any{
		"stack/" + uid: map[string]any{"stack": map[string]any{"selected_option": nil}},
		"ref/" + uid:   text,
		"reason":       text,
	}
	r.sent = r.slack.Deliver("interactive", map[string]any{
		"type": "view_submission", "user": map[string]any{"id": user}, "trigger_id": r.trigger(),
		"view": map[string]any{"id": "V" + r.ts(), "private_metadata": metadata, "state": map[string]any{"values": values}},
	}, true)
}

func (r *rig) suggest(user, channel string) {
	r.slack.Deliver("interactive", map[string]any{
		"type": "block_suggestion", "user": map[string]any{"id": user}, "value": "web",
		"view": map[string]any{"id": "V" + r.ts(), "private_metadata": fmt.Sprintf(`{"c":%q}`, channel)},
	}, true)
}

// heard is all that somebody alone was told since a moment: answers, direct messages, windows and what acknowledgements said. What the
// whole channel hears of the deployment that runs is not of them.
func (r *rig) heard(user string, events int) string {
	var b strings.Builder
	for _, e := range r.slack.Log()[events:] {
		if e.Message != nil && (e.Message.Ephemeral || strings.HasPrefix(e.Channel, "D")) {
			b.WriteString(e.Message.Plain() + "\n")
		}
	}
	if r.sent != nil {
		fmt.Fprintln(&b, r.acked(r.sent).Payload)
		r.sent = nil
	}
	if v, open := r.slack.Person(user).View(); open {
		b.WriteString(v.Plain() + "\n")
	}
	return b.String()
}

// TestNobodyGetsAnywhereWithoutTheRight has everybody who may not try everything everywhere.
func TestNobodyGetsAnywhereWithoutTheRight(t *testing.T) {
	t.Parallel()
	people := map[string]string{
		"somebody without the right": sam, "a guest": guest, "somebody of another organisation": outsider, "a bot": robot,
	}
	places := map[string]func(user string) string{
		"where lin's rules are for others": func(string) string { return deploys },
		"in a channel without rules":       func(string) string { return support },
		"where the bot is no member":       func(string) string { return random }, "in a direct message": direct,
	}
	inBubble(t, settings{slack: slacksim.Options{NoRateLimits: true}}, func(t *testing.T, r *rig) {
		r.allow("allow @lin all *")
		r.allow("allow everyone view elsewhere*")
		r.command(lin, deploys, "/c66 redeploy web --now")
		card := r.card("deploying #1036")
		r.allow("protect web")
		r.command(lin, deploys, "/c66 redeploy web --wait")
		request, lock := r.request(), r.allow("lock web migration")
		cards, posts := len(r.cards(deploys)), r.requests("POST")
		n := 0
		for _, a := range attempts(t, card, request, lock) {
			for who, user := range people {
				for where, place := range places {
					if n++; n%sparse != 0 {
						continue
					}
					name := fmt.Sprintf("%s by %s %s", a.name, who, where)
					events := len(r.slack.Log())
					a.as(r, user, place(user))
					pass(2 * time.Second)
					heard := r.heard(user, events)
					toNobody := user == robot && heard == "" // no message reaches a bot where neither is a member
					if !a.open && !saysNo(heard) && !toNobody {
						t.Errorf("%s is not told no:\n%s", name, heard)
					}
					for _, secret := range []string{"web@production", "web@production", "1035", "commit ", "SECRET"} {
						if strings.Contains(heard, secret) {
							t.Errorf("%s tells of %s:\n%s", name, secret, heard)
						}
					}
					r.slack.Person(user).CloseView()
				}
			}
		}
		if n := r.requests("POST") - posts + r.requests("DELETE"); n != 0 {
			t.Errorf("something was changed %d times", n)
		}
		if n := len(r.cards(deploys)); n != cards {
			t.Errorf("%d messages were left in the channel", n-cards)
		}
		lack(t, "the channel", r.sees(lin, deploys), "was approved", "was rejected", "was withdrawn", "🔓")
		if fieldOf(request, `"e":"`) == "" || fieldOf(lock, `"e":"`) == "" {
			t.Error("the buttons of a request or of a lock are about nothing")
		}
	})
}

// saysNo reports whether somebody was told that they may not, or that there is nothing for them. The rules are shown to those who may look
// at some stack, be there such a one or not.
func saysNo(heard string) bool {
	nos := []string{
		"You may not",
		"That button is of another version",
		"I know no stack",
		"none that you may see",
		"that you may see here",
		"not followed any more",
		"Who may do what in this channel",
		"no subscription that you can see",
		"Nothing is locked that you can see",
	}
	return slices.ContainsFunc(nos, func(no string) bool {
		return strings.Contains(heard, no)
	})
}

func value(t *testing.T, inv commands.Invocation) string {
	t.Helper()
	v, err := inv.Value()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
