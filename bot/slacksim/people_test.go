package slacksim

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestASlashCommandsPayload(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		d := r.w.Person(lin).Command(general, "  /c66 list web ")
		got := object(l.read()["payload"])
		want := map[string]any{
			"token": verificationToken, "team_id": "T0HOME", "team_domain": "home", "channel_id": general, "channel_name": "general",
			"user_id": lin, "user_name": "lin", "command": "/c66", "text": "list web", "api_app_id": "A0C66",
			"response_url": d.ResponseURL, "trigger_id": d.TriggerID, "is_enterprise_install": "false",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		r.w.Person(lin).Command(secret, "/c66")
		got = object(l.read()["payload"])
		if _, given := got["is_enterprise_install"]; given || got["channel_name"] != "privategroup" || got["text"] != "" {
			t.Errorf("the second payload is %v", got)
		}
		r.w.AddChannel(Channel{ID: "D0LIN", IM: true, Members: []string{lin}, BotIsMember: true})
		r.w.Person(lin).Command("D0LIN", "/c66")
		if got = object(l.read()["payload"]); got["channel_name"] != "directmessage" || got["is_enterprise_install"] != "false" {
			t.Errorf("the third payload is %v", got)
		}
	})
}

func TestCommandsThatSlackItselfRefuses(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		r.w.AddChannel(Channel{ID: "C0OLD", Name: "old", Members: []string{lin}, Archived: true})
		p := r.w.Person(lin)
		tests := map[string]struct {
			d    *Delivery
			code string
		}{
			"one that the app does not declare": {p.Command(general, "/deploy web"), "unknown_command"},
			"a mere word":                       {p.Command(general, "c66"), "unknown_command"},
			"one in an unknown channel":         {p.Command("C0NONE", "/c66"), "not_in_channel"},
			"one in an archived channel":        {p.Command("C0OLD", "/c66"), "is_archived"},
			"one of a person elsewhere":         {r.w.Person(sam).Command(secret, "/c66"), "not_in_channel"},
			"one of a stranger":                 {r.w.Person("U0NONE").Command(general, "/c66"), "not_in_channel"},
		}
		for name, tt := range tests {
			if got := failureOf(t, tt.d.Err()); got != tt.code || tt.d.Err().Error() == "" {
				t.Errorf("%s failed with %q: %v", name, got, tt.d.Err())
			}
		}
		r.w.Drop()
		if last, err := l.ended(); err == nil || last != nil {
			t.Errorf("the app got %v", last)
		}
	})
}

func TestCommandTextsAreEscapedAsTheManifestAsks(t *testing.T) {
	tests := map[string]struct{ typed, want string }{
		"a person":                     {"allow @lin view", "allow <@U0LIN|lin> view"},
		"a group":                      {"allow @ops view", "allow <!subteam^S0OPS|@ops> view"},
		"a channel":                    {"see #general", "see <#C0GENERAL|general>"},
		"everybody here":               {"tell @here", "tell <!here>"},
		"everybody in the channel":     {"tell @channel, now", "tell <!channel>, now"},
		"everybody":                    {"tell @everyone", "tell <!everyone>"},
		"everybody, resolved already":  {"tell <!here>", "tell <!here>"},
		"a person before a full stop":  {"allow @lin.", "allow <@U0LIN|lin>."},
		"somebody whom nobody knows":   {"allow @nobody view", "allow @nobody view"},
		"a stack with its environment": {"list web@lin", "list web@lin"},
		"signs of markup":              {`redeploy web --reason "a < b & c > d"`, `redeploy web --reason "a &lt; b &amp; c &gt; d"`},
		"an address":                   {"see https://x.test/a?b=1&c=2", "see <https://x.test/a?b=1&amp;c=2>"},
		"a bare address":               {"list web.com", "list <http://web.com|web.com>"},
		"a mail address":               {"by lin@home.org", "by <mailto:lin@home.org|lin@home.org>"},
		"what is resolved already":     {"allow <@U0LIN> all", "allow <@U0LIN> all"},
		"a glob":                       {"subscribe web*@production", "subscribe web*@production"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				r.w.AddGroup(Group{ID: "S0OPS", Handle: "ops", Users: []string{lin}})
				r.connect()
				if got := r.w.Person(lin).Command(general, "/c66 "+tt.typed).Payload["text"]; got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		})
	}
	inBubble(t, Options{Manifest: []byte(strings.Replace(usualManifest, ", should_escape: true", "", 1))}, func(r *rig) {
		t := r.t
		r.connect()
		if got := r.w.Person(lin).Command(general, "/c66 @lin & <x>").Payload["text"]; got != "@lin & <x>" {
			t.Errorf("unescaped: %q", got)
		}
	})
}

func TestAClicksPayload(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		parent := r.ok("chat.postMessage", "channel", general, "text", "card").str("ts")
		ts := r.ok("chat.postMessage", "channel", general, "text", "x", "blocks", twoButtons, "thread_ts", parent).str("ts")
		thread := r.w.Person(lin).Thread(general, parent)
		d, err := r.w.Person(lin).Click(general, thread[1], "Cancel")
		if err != nil {
			t.Fatal(err)
		}
		e := l.read()
		if e["type"] != "interactive" || e["accepts_response_payload"] != false {
			t.Errorf("the envelope is %v", e)
		}
		got := object(e["payload"])
		message := object(got["message"])
		if message["ts"] != ts || message["thread_ts"] != parent || len(list(message["blocks"])) != 2 {
			t.Errorf("the message is %v", message)
		}
		action := object(list(got["actions"])[0])
		if _, ok := parseTS(word(action["action_ts"])); !ok {
			t.Errorf("action_ts %v", action["action_ts"])
		}
		delete(got, "message")
		delete(action, "action_ts")
		want := map[string]any{
			"type": "block_actions", "api_app_id": "A0C66", "token": verificationToken, "enterprise": nil, "is_enterprise_install": false,
			"user": map[string]any{"id": lin, "username": "lin", "name": "lin", "team_id": "T0HOME"},
			"team": map[string]any{"id": "T0HOME", "domain": "home"}, "channel": map[string]any{"id": general, "name": "general"},
			"container":  map[string]any{"type": "message", "message_ts": ts, "channel_id": general, "is_ephemeral": false, "thread_ts": parent},
			"trigger_id": d.TriggerID, "response_url": d.ResponseURL, "state": map[string]any{"values": map[string]any{}},
			"actions": []any{map[string]any{
				"type": "button", "block_id": "row", "action_id": "cancel:1", "value": "v2",
				"text": map[string]any{"type": "plain_text", "text": "Cancel"},
			}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(&Confirm{Title: "Sure?", Text: "web goes", Confirm: "Yes", Deny: "No"}, d.Confirm); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnEphemeralMessageDoesNotComeWithItsClick(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		r.ok("chat.postEphemeral", "channel", general, "user", lin, "text", "x", "blocks", twoButtons)
		r.must(r.w.Person(lin).Click(general, r.last(lin, general), "Docs"))
		got := object(l.read()["payload"])
		if _, given := got["message"]; given || object(got["container"])["is_ephemeral"] != true {
			t.Errorf("the payload is %v", got)
		}
	})
}

func TestOnlyTheButtonsThatOneSeesCanBeClicked(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		ts := r.ok("chat.postMessage", "channel", general, "text", "x", "blocks", twoButtons).str("ts")
		old := r.last(lin, general)
		if diff := cmp.Diff([]string{"Show", "Docs", "Cancel"}, old.Buttons()); diff != "" {
			t.Error(diff)
		}
		r.ok("chat.postEphemeral", "channel", general, "user", lin, "text", "x", "blocks", twoButtons)
		alone := r.last(lin, general)
		r.ok("chat.update", "channel", general, "ts", ts, "text", "done")
		for name, click := range map[string]func() (*Delivery, error){
			"a label that is not there":     func() (*Delivery, error) { return r.w.Person(lin).Click(general, alone, "Reboot") },
			"one that an edit took away":    func() (*Delivery, error) { return r.w.Person(lin).Click(general, old, "Show") },
			"one of another's ephemeral":    func() (*Delivery, error) { return r.w.Person(sam).Click(general, alone, "Show") },
			"one in a channel without them": func() (*Delivery, error) { return r.w.Person(sam).Click(secret, old, "Show") },
			"one of a message that is gone": func() (*Delivery,
				error) {
				return r.w.Person(lin).ClickOld(general, Message{TS: "1.000001"}, "Show")
			},
			"one that the old state had not": func() (*Delivery, error) { return r.w.Person(lin).ClickOld(general, old, "Reboot") },
		} {
			if d, err := click(); err == nil || d != nil {
				t.Errorf("%s was clicked", name)
			}
		}
		d, err := r.w.Person(lin).ClickOld(general, old, "Show")
		if err != nil {
			t.Fatal(err)
		}
		payload := object(l.read()["payload"])
		if object(list(payload["actions"])[0])["value"] != "v1" || object(payload["message"])["text"] != "done" {
			t.Errorf("the old click sent %v", payload)
		}
		if _, err := d.Wait(soon(t)); failureOf(t, err) != "operation_timeout" {
			t.Errorf("it ended with %v", err)
		}
	})
}

func TestPeopleSeeTheirChannels(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		r.w.Invite(secret)
		r.ok("chat.postMessage", "channel", secret, "text", "x")
		if len(r.w.Person(lin).Sees(secret)) != 1 || r.w.Person(sam).Sees(secret) != nil || r.w.Person(lin).Sees("C0NONE") != nil {
			t.Error("somebody sees too much or too little")
		}
		if _, err := r.w.Person(sam).Say(secret, "", "x"); err == nil {
			t.Error("a stranger posts")
		}
		if _, err := r.w.Person(lin).Say(secret, "1.000001", "x"); err == nil {
			t.Error("a reply to nothing")
		}
	})
}

func TestWaitForWakesOnChange(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		there := func() bool { return len(r.w.Person(lin).Sees(general)) > 0 }
		time.AfterFunc(time.Hour, func() { _, _ = r.w.Person(sam).Say(general, "", "late") })
		start := time.Now()
		if err := r.w.WaitFor(t.Context(), there); err != nil || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.w.WaitFor(ctx, func() bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		synctest.Wait()
	})
}
