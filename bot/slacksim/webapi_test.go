package slacksim

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTokensAreTakenForWhatTheyAre(t *testing.T) {
	o, _ := Options{}.withDefaults()
	app, bot := o.AppToken, o.BotToken
	tests := map[string]struct{ token, method, want string }{
		"no token at all":                    {"", "auth.test", "not_authed"},
		"an unknown token":                   {"xoxb-other", "auth.test", "invalid_auth"},
		"the app token for a bot's method":   {app, "auth.test", "not_allowed_token_type"},
		"the bot token for the connection":   {bot, "apps.connections.open", "not_allowed_token_type"},
		"an unknown token for the socket":    {"xapp-other", "apps.connections.open", "invalid_auth"},
		"a method that Slack does not have":  {bot, "chat.shout", "unknown_method"},
		"the bot token for a bot's method":   {bot, "auth.test", ""},
		"the app token for the connection":   {app, "apps.connections.open", ""},
		"a token with a space in front":      {" " + bot, "auth.test", "invalid_auth"},
		"a method that the bot does not use": {bot, "reactions.add", "unknown_method"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				if got := r.callAs(tt.token, tt.method); got.code() != tt.want || got.status != http.StatusOK {
					t.Errorf("answered %s, want %q", got.body, tt.want)
				}
			})
		})
	}
}

func TestAMissingScopeIsNamed(t *testing.T) {
	inBubble(t, Options{BotScopes: []string{"chat:write", "channels:read"}, AppScopes: []string{}}, func(r *rig) {
		t := r.t
		got := r.refused("missing_scope", "users.info", "user", lin)
		if got.str("needed") != "users:read" || got.str("provided") != "chat:write,channels:read" {
			t.Errorf("answered %s", got.body)
		}
		if h := got.header.Get("X-OAuth-Scopes"); h != "chat:write,channels:read" {
			t.Errorf("X-OAuth-Scopes is %q", h)
		}
		if h := got.header.Get("X-Accepted-OAuth-Scopes"); h != "users:read" {
			t.Errorf("X-Accepted-OAuth-Scopes is %q", h)
		}
		if got := r.callAs(r.w.opts.AppToken, "apps.connections.open"); got.code() != "missing_scope" ||
			got.str("needed") != "connections:write" {
			t.Errorf("apps.connections.open answered %s", got.body)
		}
		r.w.Invite(secret)
		if got := r.refused("missing_scope", "conversations.info", "channel", secret); got.str("needed") != "groups:read" {
			t.Errorf("a private channel answered %s", got.body)
		}
	})
}

func TestBodiesMayBeFormJSONOrMultipart(t *testing.T) {
	o, _ := Options{}.withDefaults()
	bot := o.BotToken
	var parts bytes.Buffer
	m := multipart.NewWriter(&parts)
	for k, v := range map[string]string{"channel": general, "text": "hello", "token": bot} {
		if err := m.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ kind, token, body, want string }{
		"a form with the token in it": {
			"application/x-www-form-urlencoded",
			"",
			"token=" + bot + "&channel=" + general + "&text=hello",
			"",
		},
		"JSON with the token in the header": {"application/json; charset=utf-8", bot, `{"channel":"` + general + `","text":"hello"}`, ""},
		"JSON with blocks as an array": {
			"application/json",
			bot,
			`{"channel":"` + general + `","text":"hello","blocks":[{"type":"divider"}]}`,
			"",
		},
		"a multipart form":                      {m.FormDataContentType(), "", parts.String(), ""},
		"JSON with the token in the body":       {"application/json", "", `{"token":"` + bot + `","channel":"` + general + `"}`, "not_authed"},
		"JSON that is broken":                   {"application/json", bot, `{"channel":`, "invalid_json"},
		"JSON that is no object":                {"application/json", bot, `["x"]`, "json_not_object"},
		"a body of a kind that Slack knows not": {"text/plain", bot, "hello", "invalid_post_type"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				got, err := r.post("/api/chat.postMessage", tt.kind, tt.token, tt.body)
				if err != nil || got.code() != tt.want {
					t.Fatalf("answered %s (%v), want %q", got.body, err, tt.want)
				}
				if tt.want == "" && r.last(lin, general).Text != "hello" {
					t.Error("the message is not there")
				}
			})
		})
	}
}

func TestATokenInTheURLIsABreach(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		got, err := r.post("/api/auth.test?token="+r.w.opts.BotToken, "application/x-www-form-urlencoded", "", "")
		if err != nil || got.code() != "not_authed" {
			t.Errorf("answered %s (%v)", got.body, err)
		}
		if len(r.w.Violations()) != 1 {
			t.Errorf("violations: %q", r.w.Violations())
		}
	})
}

func TestCallsAreRecordedWithoutTheirToken(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		r.callAs("", "chat.postMessage", "token", r.w.opts.BotToken, "channel", general, "text", "a")
		r.refused("channel_not_found", "chat.postMessage", "channel", "C0NONE", "text", "b")
		calls := r.w.Calls("chat.postMessage")
		if len(calls) != 2 || len(r.w.Calls("")) != 2 || len(r.w.Calls("chat.update")) != 0 {
			t.Fatalf("calls: %v", calls)
		}
		want := map[string]string{"channel": general, "text": "a"}
		if diff := cmp.Diff(want, calls[0].Args); diff != "" {
			t.Error(diff)
		}
		if calls[0].Error != "" || calls[1].Error != "channel_not_found" || calls[1].Status != http.StatusOK {
			t.Errorf("calls: %v", calls)
		}
	})
}

func TestAChannelTakesAboutOnePostASecond(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		post := func(channel string) reply { return r.call("chat.postMessage", "channel", channel, "text", "x") }
		for range channelBurst {
			if got := post(general); got.code() != "" {
				t.Fatalf("within the burst: %s", got.body)
			}
		}
		got := post(general)
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "1" || got.code() != "ratelimited" {
			t.Errorf("beyond the burst: %d %s %v", got.status, got.body, got.header)
		}
		r.w.Invite(random)
		if got := post(random); got.code() != "" {
			t.Errorf("another channel: %s", got.body)
		}
		time.Sleep(time.Second)
		if got := post(general); got.code() != "" {
			t.Errorf("a second later: %s", got.body)
		}
	})
}

func TestEditsAreFiftyAMinute(t *testing.T) {
	tests := map[string]struct {
		off    bool
		passes int
	}{
		"as Slack has it": {false, 50},
		"switched off":    {true, 80},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{NoRateLimits: tt.off}, func(r *rig) {
				t := r.t
				ts := r.ok("chat.postMessage", "channel", general, "text", "x").str("ts")
				passed := 0
				var wait string
				for range 80 {
					got := r.call("chat.update", "channel", general, "ts", ts, "text", "y")
					if got.status == http.StatusOK {
						passed++
					} else {
						wait = got.header.Get("Retry-After")
					}
				}
				if passed != tt.passes || (passed < 80 && wait != "60") {
					t.Errorf("%d passed, Retry-After %q", passed, wait)
				}
				time.Sleep(time.Minute)
				r.ok("chat.update", "channel", general, "ts", ts, "text", "y")
			})
		})
	}
}

func TestFaultsOfCalls(t *testing.T) {
	t.Run("a throttled method says how long to wait, as often as asked", func(t *testing.T) {
		inBubble(t, Options{}, func(r *rig) {
			t := r.t
			r.w.Throttle("auth.test", 17*time.Second, 2)
			for range 2 {
				if got := r.call("auth.test"); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "17" {
					t.Errorf("answered %d %v", got.status, got.header)
				}
			}
			r.ok("auth.test")
		})
	})
	t.Run("a failing call does nothing", func(t *testing.T) {
		inBubble(t, Options{}, func(r *rig) {
			t := r.t
			r.w.FailCall("chat.postMessage", "internal_error", 1, false)
			r.refused("internal_error", "chat.postMessage", "channel", general, "text", "x")
			if n := len(r.w.Person(lin).Sees(general)); n != 0 {
				t.Errorf("%d messages", n)
			}
		})
	})
	t.Run("a lost answer leaves its effect", func(t *testing.T) {
		inBubble(t, Options{}, func(r *rig) {
			t := r.t
			r.w.FailCall("chat.postMessage", "", 1, true)
			_, err := r.post("/api/chat.postMessage", "application/x-www-form-urlencoded", r.w.opts.BotToken, "text=x&channel="+general)
			if err == nil {
				t.Error("the answer arrived")
			}
			if r.last(lin, general).Text != "x" || r.w.Calls("chat.postMessage")[0].Status != 0 {
				t.Error("the effect or its record is missing")
			}
		})
	})
	t.Run("a broken proxy answers HTML", func(t *testing.T) {
		inBubble(t, Options{}, func(r *rig) {
			t := r.t
			r.w.BreakCall("auth.test", http.StatusBadGateway, 5)
			got := r.call("auth.test")
			if got.status != http.StatusBadGateway || !strings.HasPrefix(got.body, "<html>") {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			r.w.ClearFaults()
			r.ok("auth.test")
		})
	})
	t.Run("a slow call takes its time", func(t *testing.T) {
		inBubble(t, Options{}, func(r *rig) {
			t := r.t
			r.w.SlowCall("auth.test", 40*time.Second, 1)
			start := time.Now()
			r.ok("auth.test")
			if d := time.Since(start); d != 40*time.Second {
				t.Errorf("took %v", d)
			}
		})
	})
}
