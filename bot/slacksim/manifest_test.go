package slacksim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const wholeManifest = `
_metadata:
  major_version: 2
  minor_version: 1
display_information:
  name: Deploys
  description: Deploys stacks
  background_color: "#0a0a0a"
features:
  app_home:
    home_tab_enabled: true
    messages_tab_enabled: true
    messages_tab_read_only_enabled: false
  bot_user:
    display_name: deploybot
    always_online: true
  slash_commands:
    - command: /deploy
      description: Deploys a stack
      usage_hint: "[stack]"
      should_escape: true
    - command: /raw
      description: Takes what is typed
  shortcuts:
    - name: Redeploy a stack
      type: global
      callback_id: redeploy
      description: Opens the form
    - name: Show it
      type: message
      callback_id: show
      description: Shows the deployment of a message
oauth_config:
  scopes:
    bot: [commands, "chat:write", "app_mentions:read", "usergroups:read"]
settings:
  event_subscriptions:
    bot_events: [app_mention, subteam_members_changed]
  interactivity:
    is_enabled: true
  org_deploy_enabled: false
  socket_mode_enabled: true
  token_rotation_enabled: false
`

func TestAManifestIsRead(t *testing.T) {
	got, err := ParseManifest([]byte(wholeManifest))
	want := Manifest{
		BotName: "deploybot", Commands: map[string]bool{"/deploy": true, "/raw": false},
		Shortcuts: []Shortcut{
			{Name: "Redeploy a stack", Type: "global", CallbackID: "redeploy"}, {Name: "Show it", Type: "message", CallbackID: "show"},
		},
		BotEvents: []string{
			"app_mention",
			"subteam_members_changed",
		}, BotScopes: []string{"commands", "chat:write", "app_mentions:read", "usergroups:read"},
		Interactivity: true, SocketMode: true, HomeTab: true, MessagesTab: true,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	got, err = ParseManifest([]byte(`{"display_information":{"name":"x"},"settings":{"socket_mode_enabled":true}}`))
	if diff := cmp.Diff(Manifest{SocketMode: true, Commands: map[string]bool{}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestManifestsAreHeldToTheirSchema(t *testing.T) {
	with := func(more string) string { return `{"display_information":{"name":"x"},` + more + `}` }
	display := func(fields string) string { return `{"display_information":{` + fields + `}}` }
	bot := func(features, rest string) string {
		return with(
			`"features":{"bot_user":{"display_name":"b"}` + features + `},"oauth_config":{"scopes":{"bot":["commands","channels:read"]}},` +
				`"settings":{"interactivity":{"is_enabled":true}` + rest + `}`,
		)
	}
	command := func(name, fields string) string {
		return bot(`,"slash_commands":[{"command":"`+name+`"`+fields+`}]`, "")
	}
	const described = `,"description":"d"`
	shortcut := func(fields string) string { return bot(`,"shortcuts":[{`+fields+`}]`, "") }
	events := func(list string) string { return bot("", `,"event_subscriptions":{"bot_events":[`+list+`]}`) }
	tests := map[string]struct {
		manifest string
		want     string // part of the error, "" for none
	}{
		"the least":              {display(`"name":"x"`), ""},
		"nothing":                {"", "read the app manifest: EOF"},
		"what is no YAML":        {"a: [", "read the app manifest: yaml"},
		"a key twice":            {"display_information: {name: x}\ndisplay_information: {name: y}", "already defined"},
		"two documents":          {"display_information: {name: x}\n---\na: b", "more than one document"},
		"a list":                 {"[]", "must be an object"},
		"a key that is no text":  {"1: 2", "must be an object"},
		"no display information": {`{}`, "missing required field: display_information"},
		"an unknown key":         {with(`"colour":"red"`), "invalid additional property: colour"},
		"an unknown key further in": {
			with(`"settings":{"socket_mode":true}`),
			"invalid additional property: socket_mode [json-pointer:/settings]",
		},
		"a misplaced key": {
			with(`"features":{"interactivity":{"is_enabled":true}}`),
			"invalid additional property: interactivity [json-pointer:/features]",
		},
		"a name of 35": {display(`"name":"` + long(35) + `"`), ""},
		"a name of 36": {
			display(`"name":"` + long(36) + `"`),
			"must be less than 36 characters [json-pointer:/display_information/name]",
		},
		"a description of 141":      {display(`"name":"x","description":"` + long(141) + `"`), "must be less than 141 characters"},
		"a long description of 175": {display(`"name":"x","long_description":"` + long(175) + `"`), ""},
		"a long description of 174": {display(`"name":"x","long_description":"` + long(174) + `"`), "must be more than 174 characters"},
		"a long description of 4001": {
			display(`"name":"x","long_description":"` + long(4001) + `"`),
			"must be less than 4001 characters",
		},
		"a colour by its name": {display(`"name":"x","background_color":"red"`), "does not match the pattern"},
		"version 3": {
			with(`"_metadata":{"major_version":3}`),
			"must be from 1 to 2 [json-pointer:/_metadata/major_version]",
		},
		"a bot without a name": {with(`"features":{"bot_user":{}}`), "missing required field: display_name"},
		"a bot's name of 81": {
			with(`"features":{"bot_user":{"display_name":"` + long(81) + `"}}`),
			"must be less than 81 characters",
		},
		"a command":                 {command("/c66", described), ""},
		"a command without a slash": {command("c66", described), "does not match the pattern ^/"},
		"a command of two words":    {command("/c66 list", described), "does not match the pattern ^/"},
		"a command of 32":           {command("/"+long(31), described), ""},
		"a command of 33": {
			command("/"+long(32), described),
			"must be less than 33 characters [json-pointer:/features/slash_commands/0/command]",
		},
		"a command without a description": {
			command("/c66", ""),
			"missing required field: description [json-pointer:/features/slash_commands/0]",
		},
		"a command's description of 2000": {command("/c66", `,"description":"`+long(2000)+`"`), ""},
		"a command's description of 2001": {command("/c66", `,"description":"`+long(2001)+`"`), "must be less than 2001 characters"},
		"a usage hint of 1000":            {command("/c66", described+`,"usage_hint":"`+long(1000)+`"`), ""},
		"a usage hint of 1001":            {command("/c66", described+`,"usage_hint":"`+long(1001)+`"`), "must be less than 1001 characters"},
		"should_escape as text":           {command("/c66", described+`,"should_escape":"yes"`), "must be a boolean"},
		"a command twice": {
			bot(`,"slash_commands":[{"command":"/a","description":"d"},{"command":"/a","description":"e"}]`, ""),
			"duplicate entry: /a",
		},
		"no commands at all": {bot(`,"slash_commands":[]`, ""), "no less than 1 items required"},
		"51 commands": {
			bot(`,"slash_commands":`+repeat(51, `{"command":"/a%d","description":"d"}`), ""),
			"no more than 50 items allowed",
		},
		"a shortcut": {
			shortcut(`"name":"` + long(24) + `","type":"global","callback_id":"` + long(255) + `","description":"` + long(150) + `"`),
			"",
		},
		"a shortcut's name of 25": {
			shortcut(`"name":"` + long(25) + `","type":"global","callback_id":"c","description":"d"`),
			"must be less than 25 characters",
		},
		"a shortcut's callback_id of 256": {
			shortcut(`"name":"n","type":"global","callback_id":"` + long(256) + `","description":"d"`),
			"must be less than 256 characters",
		},
		"a shortcut's description of 151": {
			shortcut(`"name":"n","type":"global","callback_id":"c","description":"` + long(151) + `"`),
			"must be less than 151 characters",
		},
		"a shortcut of another kind": {
			shortcut(`"name":"n","type":"local","callback_id":"c","description":"d"`),
			"must be one of [global message]",
		},
		"a shortcut without a kind": {shortcut(`"name":"n","callback_id":"c","description":"d"`), "missing required field: type"},
		"11 shortcuts": {
			bot(`,"shortcuts":`+repeat(11, `{"name":"n","type":"global","callback_id":"c%d","description":"d"}`), ""),
			"no more than 10 items allowed",
		},
		"a shortcut's callback_id twice": {
			bot(`,"shortcuts":`+repeat(2, `{"name":"n","type":"global","callback_id":"c","description":"d"}`), ""),
			"duplicate entry: c",
		},
		"interactivity that says nothing": {with(`"settings":{"interactivity":{}}`), "missing required field: is_enabled"},
		"an address that is none": {
			with(`"settings":{"interactivity":{"is_enabled":true,"request_url":"here"}}`),
			"does not match the pattern",
		},
		"101 events":                        {events(strings.Trim(repeat(101, `"e%d"`), "[]")), "no more than 100 items allowed"},
		"an event twice":                    {events(`"channel_rename","channel_rename"`), "duplicate entry: channel_rename"},
		"an event with its scope":           {events(`"channel_rename","member_joined_channel","app_home_opened"`), ""},
		"an event without its scope":        {events(`"app_mention"`), "the event app_mention needs the scope app_mentions:read"},
		"an event that Slack does not know": {events(`"app_mentioned"`), "unknown event: app_mentioned"},
		"a message event by its short name": {events(`"message"`), "unknown event: message"},
		"256 scopes": {
			with(`"oauth_config":{"scopes":{"bot":` + repeat(256, `"s%d"`) + `}}`),
			"no more than 255 items allowed",
		},
		"a scope of 51":            {with(`"oauth_config":{"scopes":{"bot":["` + long(51) + `"]}}`), "must be less than 51 characters"},
		"a scope twice":            {with(`"oauth_config":{"scopes":{"bot":["a","a"]}}`), "duplicate entry: a"},
		"bot scopes without a bot": {with(`"oauth_config":{"scopes":{"bot":["chat:write"]}}`), "bot scopes need a bot user"},
		"commands without their scope": {
			with(`"features":{"slash_commands":[{"command":"/a","description":"d"}]}`),
			"need the scope commands",
		},
		"shortcuts without interactivity": {
			with(
				`"features":{"bot_user":{"display_name":"b"},"shortcuts":[{"name":"n","type":"global","callback_id":"c","description":"d"}]},` +
					`"oauth_config":{"scopes":{"bot":["commands"]}}`,
			),
			"shortcuts need interactivity",
		},
		"several faults are named all":      {with(`"a":1,"b":2`), "property: a [json-pointer:]\n[ERROR] invalid additional property: b"},
		"functions, which belong elsewhere": {with(`"functions":{}`), "invalid additional property: functions"},
		"a wrong type where a text belongs": {display(`"name":66`), "must be a string [json-pointer:/display_information/name]"},
		"a runtime that is none":            {with(`"settings":{"function_runtime":"here"}`), "must be one of [remote slack]"},
		"6 domains": {
			with(`"features":{"unfurl_domains":` + repeat(6, `"x%d.test"`) + `}`),
			"no more than 5 items allowed",
		},
		"a bot with every setting turned on": {wholeManifest, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := ParseManifest([]byte(tt.manifest))
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if diff := cmp.Diff(Manifest{}, m); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheWorkspaceKeepsToTheManifest(t *testing.T) {
	inBubble(t, Options{Manifest: []byte(wholeManifest)}, func(r *rig) {
		t := r.t
		l := r.connect()
		p := r.w.Person(lin)
		for text, want := range map[string]string{"/deploy @sam <x>": "<@U0SAM|sam> &lt;x&gt;", "/raw @sam <x>": "@sam <x>"} {
			if got := p.Command(general, text).Payload["text"]; got != want {
				t.Errorf("%s arrives as %q", text, got)
			}
			l.ack(l.read(), "")
		}
		if p.Shortcut("redeploy").Err() != nil {
			t.Error("the shortcut is refused")
		}
		l.ack(l.read(), "")
		_, d, err := p.Mention(general, "", "@deploybot list")
		if r.must(d, err); d.Err() != nil {
			t.Errorf("the mention: %v", d.Err())
		}
		l.ack(l.read(), "")
		for name, tt := range map[string]struct {
			d    *Delivery
			code string
		}{
			"a command":               {p.Command(general, "/c66 list"), "unknown_command"},
			"a shortcut":              {p.Shortcut("reboot"), "unknown_shortcut"},
			"a shortcut for messages": {p.Shortcut("show"), "unknown_shortcut"},
			"an event":                {r.w.Emit(map[string]any{"type": "user_change"}), "not_subscribed"},
		} {
			if got := failureOf(t, tt.d.Err()); got != tt.code {
				t.Errorf("%s failed with %q", name, got)
			}
		}
		if a := r.refused("missing_scope", "users.info", "user", lin); a.str("needed") != "users:read" {
			t.Errorf("needed %q", a.str("needed"))
		}
		if got := r.ok("auth.test").str("user"); got != "deploybot" {
			t.Errorf("the bot is called %q", got)
		}
		r.noViolations()
	})
}

func TestAnAppWithoutFeaturesGetsNothing(t *testing.T) {
	inBubble(t, Options{Manifest: []byte(`{"display_information":{"name":"x"},"settings":{"socket_mode_enabled":true}}`)}, func(r *rig) {
		t := r.t
		r.connect()
		p := r.w.Person(lin)
		for name, d := range map[string]*Delivery{"unknown_command": p.Command(general, "/c66"), "unknown_shortcut": p.Shortcut("redeploy")} {
			if got := failureOf(t, d.Err()); got != name {
				t.Errorf("failed with %q, want %q", got, name)
			}
		}
		r.refused("missing_scope", "chat.postMessage", "channel", general, "text", "x")
	})
}

func TestWithoutSocketModeThereIsNoConnection(t *testing.T) {
	inBubble(
		t,
		Options{Manifest: []byte(strings.Replace(wholeManifest, "socket_mode_enabled: true", "socket_mode_enabled: false", 1))},
		func(r *rig) {
			if a := r.callAs(r.w.opts.AppToken, "apps.connections.open"); a.code() != "socket_mode_not_enabled" {
				r.t.Errorf("answered %s", a.body)
			}
		},
	)
}

func TestTheScopesOfTheOptionsWinOverTheManifest(t *testing.T) {
	inBubble(t, Options{Manifest: []byte(wholeManifest), BotScopes: []string{"commands", "users:read"}}, func(r *rig) {
		r.ok("users.info", "user", lin)
		r.refused("missing_scope", "chat.postMessage", "channel", general, "text", "x")
	})
}

func TestABadManifestIsNotHidden(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "invalid additional property: colour") {
			t.Errorf("recovered %s", got)
		}
	}()
	New(Options{Manifest: []byte("display_information: {name: x}\ncolour: red")})
	t.Error("it was taken")
}

func FuzzManifestsAreReadOrRefused(f *testing.F) {
	f.Add([]byte(wholeManifest))
	f.Add([]byte(`{"display_information":{"name":"x"}}`))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err == nil && m.Commands == nil || err != nil && m.Commands != nil {
			t.Errorf("%+v, %v", m, err)
		}
	})
}
