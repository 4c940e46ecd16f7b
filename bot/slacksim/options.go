package slacksim

import (
	"cmp"
	"fmt"
	"time"
)

// Options configure the workspace and its app. The zero value is a demo workspace with rate limits and all scopes that the bot needs.
type Options struct {
	// Manifest is the app manifest in YAML or JSON. Undeclared commands, shortcuts, events, scopes, interactivity and Socket Mode are refused.
	// By default the app has the command /c66, no shortcuts and no events.
	Manifest []byte

	AppToken  string   // default "xapp-1-A0C66-demo"
	BotToken  string   // default "xoxb-c66-demo"
	AppScopes []string // granted to the app token; nil means connections:write
	BotScopes []string // granted to the bot token; nil means those of the manifest

	TeamName   string // default "Home"
	TeamDomain string // default "home"

	NoRateLimits      bool
	NoPongs           bool          // do not answer the client's pings
	Lifetime          time.Duration // of a socket before Slack announces its end; default 1 h
	GroupsNeedUpgrade bool          // refuse the usergroups methods with plan_upgrade_required
}

const usualManifest = `
display_information: {name: c66bot}
features:
  app_home: {messages_tab_enabled: true}
  bot_user: {display_name: c66bot}
  slash_commands: [{command: /c66, description: Deploys, should_escape: true}]
oauth_config:
  scopes:
    bot:
      [commands, chat:write, users:read, users:read.email, usergroups:read, channels:read, groups:read, channels:history, groups:history,
       im:history, im:write, app_mentions:read]
settings: {interactivity: {is_enabled: true}, socket_mode_enabled: true}
`

func (o Options) withDefaults() (Options, Manifest) {
	if o.Manifest == nil {
		o.Manifest = []byte(usualManifest)
	}
	app, err := ParseManifest(o.Manifest)
	if err != nil {
		panic(fmt.Sprintf("slacksim: Options.Manifest: %v", err))
	}
	if o.BotScopes == nil {
		o.BotScopes = app.BotScopes
	}
	if o.AppScopes == nil {
		o.AppScopes = []string{"connections:write"}
	}
	o.AppToken = cmp.Or(o.AppToken, "xapp-1-A0C66-demo")
	o.BotToken = cmp.Or(o.BotToken, "xoxb-c66-demo")
	o.TeamName = cmp.Or(o.TeamName, "Home")
	o.TeamDomain = cmp.Or(o.TeamDomain, "home")
	o.Lifetime = cmp.Or(o.Lifetime, time.Hour)
	return o, app
}
