package slacksim

import (
	"cmp"
	"slices"
	"time"
)

// Options describe the workspace and the app installed in it. The zero value
// gives a demo workspace with limits on and all scopes that a bot of this kind needs.
type Options struct {
	AppToken string // default "xapp-1-A0C66-demo"
	BotToken string // default "xoxb-c66-demo"

	BotScopes []string // granted to the bot token; nil means the default set
	AppScopes []string // granted to the app token; nil means connections:write

	// Manifest is an app manifest in YAML or JSON. What the fields below and
	// BotScopes and BotName leave unset is then taken from it, and what it does
	// not declare is refused: commands, shortcuts, events, scopes, interactivity
	// and Socket Mode. New panics where ParseManifest refuses it.
	Manifest []byte

	Commands  []string // declared slash commands; nil means "/c66"
	Shortcuts []string // callback_ids of declared global shortcuts
	Events    []string // declared bot events; others are never sent

	// NoEscape is the manifest's should_escape turned off: command texts arrive as typed.
	NoEscape bool

	AppID      string // default "A0C66"
	BotName    string // default "c66bot"
	BotID      string // default "B0C66"
	BotUserID  string // default "U0C66BOT"
	TeamID     string // default "T0HOME"
	TeamName   string // default "Home"
	TeamDomain string // default "home"

	RateLimits RateLimits

	// PingEvery is the time between two pings of the server, default 10 s.
	PingEvery time.Duration
	// NoPongs leaves the client's pings without an answer.
	NoPongs bool
	// Pings says in which style the server pings, by default in both by turns.
	Pings PingStyle
	// Lifetime is how long a socket lives before Slack asks for a new one,
	// default 1 h; below zero it lives for ever.
	Lifetime time.Duration

	// GroupsNeedUpgrade makes the usergroups methods answer plan_upgrade_required.
	GroupsNeedUpgrade bool
}

// PingStyle is how the server pings; clients in the wild meet both kinds.
type PingStyle int

// The styles of pings.
const (
	PingBoth    PingStyle = iota // text frames and control frames by turns
	PingControl                  // websocket control frames only
	PingText                     // text frames only
)

func defaultScopes() []string {
	return []string{
		"commands", "chat:write", "users:read", "usergroups:read", "channels:read", "groups:read",
		"channels:history", "groups:history", "im:history", "im:write", "app_mentions:read", "files:write",
	}
}

func (o Options) withDefaults() Options {
	o.AppToken = cmp.Or(o.AppToken, "xapp-1-A0C66-demo")
	o.BotToken = cmp.Or(o.BotToken, "xoxb-c66-demo")
	o.AppID = cmp.Or(o.AppID, "A0C66")
	o.BotName = cmp.Or(o.BotName, "c66bot")
	o.BotID = cmp.Or(o.BotID, "B0C66")
	o.BotUserID = cmp.Or(o.BotUserID, "U0C66BOT")
	o.TeamID = cmp.Or(o.TeamID, "T0HOME")
	o.TeamName = cmp.Or(o.TeamName, "Home")
	o.TeamDomain = cmp.Or(o.TeamDomain, "home")
	o.PingEvery = cmp.Or(o.PingEvery, 10*time.Second)
	o.Lifetime = cmp.Or(o.Lifetime, time.Hour)
	o.RateLimits.Scale = cmp.Or(o.RateLimits.Scale, 1)
	o.BotScopes = orDefault(o.BotScopes, defaultScopes()...)
	o.AppScopes = orDefault(o.AppScopes, "connections:write")
	o.Commands = orDefault(o.Commands, "/c66")
	return o
}

func orDefault(given []string, fallback ...string) []string {
	if given == nil {
		return fallback
	}
	return slices.Clone(given)
}
