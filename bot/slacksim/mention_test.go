package slacksim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var mentions = appWith("app_mention")

func TestAMentionsEvent(t *testing.T) {
	inBubble(t, mentions, func(r *rig) {
		t := r.t
		l := r.connect()
		first, err := r.w.Person(sam).Say(general, "", "a thread")
		if err != nil {
			t.Fatal(err)
		}
		m, d, err := r.w.Person(lin).Mention(general, first.TS, "@c66bot ask @sam & #general")
		r.must(d, err)
		e := l.read()
		payload := object(e["payload"])
		if e["type"] != "events_api" || payload["is_ext_shared_channel"] != false || payload["type"] != "event_callback" {
			t.Errorf("the envelope is %v", e)
		}
		got := object(payload["event"])
		want := map[string]any{
			"type": "app_mention", "user": lin, "team": "T0HOME", "channel": general, "ts": m.TS, "event_ts": m.TS,
			"thread_ts": first.TS, "parent_user_id": sam, "text": "<@U0C66BOT> ask <@U0SAM> &amp; <#C0GENERAL|general>",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if m.Plain() != "@c66bot ask @sam & #general" || m.ThreadTS != first.TS {
			t.Errorf("people read %q", m.Plain())
		}
		l.ack(e, "")
		r.noViolations()
	})
}

func TestWhatPeopleTypeArrivesAsSlackWritesIt(t *testing.T) {
	tests := map[string]struct{ typed, want string }{
		"a person":               {"@c66bot allow @lin", "<@U0C66BOT> allow <@U0LIN>"},
		"a person by id":         {"<@U0C66BOT|c66bot> allow <@U0LIN>", "<@U0C66BOT> allow <@U0LIN>"},
		"a group":                {"@c66bot allow @ops", "<@U0C66BOT> allow <!subteam^S0OPS>"},
		"everybody":              {"@c66bot tell @here", "<@U0C66BOT> tell <!here>"},
		"a name before a comma":  {"hey @c66bot, list", "hey <@U0C66BOT>, list"},
		"a name before a stop":   {"list, @c66bot.", "list, <@U0C66BOT>."},
		"another way to write":   {"@C66BOT list", "<@U0C66BOT> list"},
		"a line of its own":      {"hello\n@c66bot list", "hello\n<@U0C66BOT> list"},
		"an address":             {"@c66bot see https://x.test/?a=1&b=2", "<@U0C66BOT> see <https://x.test/?a=1&amp;b=2>"},
		"a bare address":         {"@c66bot list web.com", "<@U0C66BOT> list <http://web.com|web.com>"},
		"a mail address":         {"@c66bot by lin@home.org", "<@U0C66BOT> by <mailto:lin@home.org|lin@home.org>"},
		"signs of markup":        {"@c66bot <b> & more", "<@U0C66BOT> &lt;b&gt; &amp; more"},
		"names and signs inside": {"@c66bot run `@lin <x>`", "<@U0C66BOT> run `@lin &lt;x&gt;`"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mentions, func(r *rig) {
				r.w.AddGroup(Group{ID: "S0OPS", Handle: "ops"})
				l := r.connect()
				m, d, err := r.w.Person(lin).Mention(general, "", tt.typed)
				r.must(d, err)
				if got := object(object(l.read()["payload"])["event"])["text"]; got != tt.want || m.Text != tt.want {
					r.t.Errorf("got %q, the message holds %q", got, m.Text)
				}
			})
		})
	}
}

func TestWhereAMentionDoesNotReachTheApp(t *testing.T) {
	tests := map[string]struct {
		o       Options
		channel string
		code    string
	}{
		"where the bot is no member": {mentions, random, "not_in_channel"},
		"in a direct message":        {mentions, "D0LIN", "direct_message"},
		"where nobody subscribes":    {Options{}, general, "not_subscribed"},
		"where the app has no scope": {
			Options{Manifest: appWith("app_mention").Manifest, BotScopes: []string{"chat:write"}},
			general,
			"missing_scope",
		},
		"where it is nothing to Slack": {mentions, general, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, tt.o, func(r *rig) {
				t := r.t
				l := r.connect()
				r.w.AddChannel(Channel{ID: "D0LIN", IM: true, Members: []string{lin}, BotIsMember: true})
				p := r.w.Person(lin)
				if tt.code == "" {
					for _, text := range []string{"hello", "run `@c66bot list`", "mail x@c66bot now"} {
						if m, d, err := p.Mention(tt.channel, "", text); err == nil || d != nil || m.TS != "" {
							t.Errorf("%q is a mention", text)
						}
					}
				} else {
					m, d, err := p.Mention(tt.channel, "", "@c66bot list")
					if err != nil || m.TS == "" || failureOf(t, d.Err()) != tt.code {
						t.Errorf("%v, %v", d, err)
					}
				}
				if _, err := p.Say(tt.channel, "", "no mention"); err != nil {
					t.Error(err)
				}
				r.w.Drop()
				if last, err := l.ended(); err == nil || last != nil {
					t.Errorf("the app got %v", last)
				}
			})
		})
	}
}

func TestWhatIsSaidMentionsToo(t *testing.T) {
	inBubble(t, mentions, func(r *rig) {
		l := r.connect()
		m, err := r.w.Person(lin).Say(general, "", "hey @c66bot")
		if event := object(object(l.read()["payload"])["event"]); err != nil || event["ts"] != m.TS {
			r.t.Errorf("got %v, %v", event, err)
		}
		r.ok("chat.postMessage", "channel", general, "text", "I am <@U0C66BOT>")
		r.w.Drop()
		if last, err := l.ended(); err == nil || last != nil {
			r.t.Errorf("its own message came back: %v", last)
		}
	})
}

func TestAMentionOfAnotherBotAndOfAPersonFromElsewhere(t *testing.T) {
	inBubble(t, mentions, func(r *rig) {
		t := r.t
		l := r.connect()
		r.w.AddUser(User{ID: "U0CI", Name: "ci", IsBot: true})
		r.w.AddUser(User{ID: "U0EVE", Name: "eve", TeamID: "T0OTHER"})
		r.w.AddChannel(Channel{ID: "C0SHARED", Name: "shared", Shared: true, Members: []string{"U0CI", "U0EVE", lin}, BotIsMember: true})
		for user, want := range map[string]map[string]any{
			"U0CI":  {"bot_id": "B0CI", "app_id": "A0CI", "team": "T0HOME", "user_team": "T0HOME", "source_team": "T0HOME"},
			"U0EVE": {"bot_id": nil, "app_id": nil, "team": "T0OTHER", "user_team": "T0OTHER", "source_team": "T0OTHER"},
			lin:     {"bot_id": nil, "app_id": nil, "team": "T0HOME", "user_team": "T0HOME", "source_team": "T0HOME"},
		} {
			m, d, err := r.w.Person(user).Mention("C0SHARED", "", "@c66bot list")
			r.must(d, err)
			e := l.read()
			payload := object(e["payload"])
			event := object(payload["event"])
			got := map[string]any{}
			for name := range want {
				got[name] = event[name]
			}
			if diff := cmp.Diff(want, got); diff != "" || payload["is_ext_shared_channel"] != true || payload["team_id"] != "T0HOME" ||
				event["user"] != user {
				t.Errorf("%s: %s %v", user, diff, payload)
			}
			if (m.BotID != "") != (user == "U0CI") {
				t.Errorf("%s posts as %q", user, m.BotID)
			}
			l.ack(e, "")
		}
		if said := r.w.logged(KindSaid); len(said) != 3 {
			t.Errorf("%d messages were said", len(said))
		}
	})
}

func TestAnEditMentionsOnceMore(t *testing.T) {
	inBubble(t, mentions, func(r *rig) {
		t := r.t
		l := r.connect()
		p := r.w.Person(lin)
		m, err := p.Say(general, "", "list")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Edit(general, m.TS, "list web"); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"@c66bot list web", "@c66bot list api"} {
			time.Sleep(time.Second)
			if err := p.Edit(general, m.TS, text); err != nil {
				t.Fatal(err)
			}
			e := l.read()
			event := object(object(e["payload"])["event"])
			edited := object(event["edited"])
			if event["ts"] != m.TS || event["type"] != "app_mention" || edited["user"] != lin || edited["ts"] != event["event_ts"] ||
				edited["ts"] == m.TS {
				t.Errorf("the event is %v", event)
			}
			if want := strings.ReplaceAll(text, "@c66bot", "<@U0C66BOT>"); event["text"] != want || r.last(sam, general).Text != want {
				t.Errorf("the text is %q", event["text"])
			}
			l.ack(e, "")
		}
		ts := r.ok("chat.postMessage", "channel", general, "text", "x").str("ts")
		for name, err := range map[string]error{
			"another's message": r.w.Person(sam).Edit(general, m.TS, "x"), "the bot's": p.Edit(general, ts, "x"),
			"none": p.Edit(general, "1.000001", "x"), "one elsewhere": r.w.Person(sam).Edit(secret, m.TS, "x"),
		} {
			if err == nil {
				t.Errorf("%s was edited", name)
			}
		}
		r.noViolations()
	})
}

func TestARedeliveredEventKeepsItsIDAndCountsUp(t *testing.T) {
	inBubble(t, mentions, func(r *rig) {
		t := r.t
		l := r.connect()
		_, d, err := r.w.Person(lin).Mention(general, "", "@c66bot list")
		r.must(d, err)
		first := l.read()
		l.ack(first, "")
		for n := range 2 {
			if !r.w.Redeliver(d.EnvelopeID) {
				t.Fatal("not delivered again")
			}
			again := l.read()
			if again["retry_attempt"] != float64(n+1) || again["retry_reason"] != "timeout" {
				t.Errorf("attempt %v, reason %v", again["retry_attempt"], again["retry_reason"])
			}
			if diff := cmp.Diff(first["payload"], again["payload"]); diff != "" {
				t.Error(diff)
			}
			l.ack(again, "")
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		r.noViolations()
	})
}

func TestPeoplesMessagesAreReadBack(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		if _, err := r.w.Person(lin).Say(general, "", "hello @here"); err != nil {
			r.t.Fatal(err)
		}
		m := object(list(r.ok("conversations.history", "channel", general).json["messages"])[0])
		if m["text"] != "hello <!here>" {
			r.t.Errorf("read back as %v", m)
		}
		if diff := cmp.Diff([]string{"here"}, r.last(sam, general).Pings()); diff != "" {
			r.t.Error(diff)
		}
	})
}
